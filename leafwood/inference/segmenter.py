"""The segmenter: a cloud in, P(wood) and a label for every point out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from leafwood.cloud import PointCloud, bounds
from leafwood.errors import BadConfig, ModelWarning
from leafwood.graph.build import build_graph
from leafwood.graph.scale import scale_normalisation
from leafwood.inference.labelling import Progress, label_cloud
from leafwood.inference.model_file import Model, load_model
from leafwood.inference.scan import ScanFit, Seen
from leafwood.inference.views import ForwardPass, ScanView, Segmented, TileView
from leafwood.memory import as_bytes, default_memory, points_of_tile
from leafwood.postprocess.calibration import covariates
from leafwood.postprocess.evidence import WEIGHT, draw_lots, return_shares, spatial_folds
from leafwood.postprocess.likeness import unlike
from leafwood.postprocess.regularize import smooth
from leafwood.postprocess.rule import DEFAULT_RULE, Rule, check_rule
from leafwood.samplers.voxel import VoxelSampler
from leafwood.shown import as_line
from leafwood.spatial.tiles import iter_tiles
from leafwood.threads import cpu_count
from leafwood.weights import DEFAULT_MODEL

__all__ = ["AROUND", "BUFFER", "QUALITIES", "Quality", "Segmenter"]

Quality = Literal["standard", "high"]
QUALITIES: tuple[Quality, ...] = get_args(Quality)
_PART = 500_000  # points that are worked on at a time
# What a tile reads beyond its own points: everything for 3 m, and a point of each voxel for 5 m more. That changes no
# more than 0.022 % of the labels on real scans with ground; 3 m alone change up to 0.05 %, and 5 m in full cost more
# (pipelines/choose_buffer.py).
BUFFER, AROUND = 3.0, 8.0
_THIN = 4  # edges of such a voxel, in those of the finest voxels of the graph
# The first is described. Chosen on the trees of docs/scores.md, which gain 0.003 of AUROC by three and 0.005 by five.
_SCALES: dict[Quality, tuple[float, ...]] = {"standard": (1.0,), "high": (1.0, 0.85, 1.18, 0.72, 1.4)}


class Segmenter:
    """Labels clouds with one model; make it once and use it for many.

    How a label is decided, step by step: docs/labels.md.

    Args:
        model: what to predict with.
        threads: processors to use; all that the process may use when None.
        rule: how labels are made of probabilities, see :mod:`leafwood.postprocess.rule`.
        quality: ``high`` averages the margins of the scan at five scales, at five times the cost.
        memory: bytes to keep within, by smaller tiles; half of the machine's and at most 4 GB when None.
        tile_points: points that a tile reads at most, its surroundings included; by `memory` when None.
        buffer: what a tile reads beyond its own points, metres of the cloud as the network sees it.
        around: how far beyond them it reads a thinned cloud.
        smoothing: let neighbours agree; see :mod:`leafwood.postprocess.regularize`.
        evidence: weight of what the scan's own returns say, 0 to leave it out; see
            :mod:`leafwood.postprocess.evidence`.

    Raises:
        BadConfig: no such rule or quality; from :meth:`from_pretrained`, when there is no such model.
    """

    def __init__(
        self,
        model: Model,
        *,
        threads: int | None = None,
        rule: Rule = DEFAULT_RULE,
        quality: Quality = "standard",
        memory: int | None = None,
        tile_points: int | None = None,
        buffer: float = BUFFER,
        around: float = AROUND,
        smoothing: bool = True,
        evidence: float = WEIGHT,
    ) -> None:
        check_rule(rule)
        if quality not in QUALITIES:
            raise BadConfig(f"no quality {quality!r}; there are {' and '.join(QUALITIES)}")
        self.model = model
        self.threads = threads or cpu_count()
        self.rule = rule
        self.quality = quality
        self.memory = default_memory() if memory is None else as_bytes(memory)
        self.tile_points = tile_points
        self.buffer, self.around = buffer, around
        self.smoothing = smoothing
        self.evidence = evidence

    @classmethod
    def from_pretrained(cls, name: str | Path = DEFAULT_MODEL, **options: Any) -> Segmenter:
        """A segmenter with a shipped model (``"uav"``) or a ``.safetensors`` file; options as for the class."""
        return cls(load_model(name), **options)

    def __repr__(self) -> str:
        asked = (("model", self.model.name), ("rule", self.rule), ("quality", self.quality))
        return as_line("Segmenter", asked)

    def predict_proba(self, xyz: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """P(wood) of bare coordinates, at the shares of leaf and wood that are estimated for them.

        Args:
            xyz: (n, 3) metres; float64 where coordinates are projected.

        Returns:
            (n,) float32; 0 for the points that are found to be ground.

        Raises:
            BadCloud: coordinates that are NaN, infinite, in degrees, or not of shape (n, 3).
        """
        return np.asarray(self.segment(PointCloud.from_xyz(xyz)).columns["wood_prob"])

    def segment(self, cloud: PointCloud, progress: Progress | None = None) -> PointCloud:
        """Label a cloud; see :func:`~leafwood.inference.labelling.label_cloud`.

        Args:
            cloud: n points.
            progress: called with the points done and the points to do after each tile.

        Returns:
            The cloud with columns ``leafwood`` (uint16: 0 not processed, 1 leaf, 2 wood), ``wood_prob`` (float32,
            at the shares of the scan; 0 where not processed), ``wood_prob_equal`` (float32, where leaf and wood are
            equally common) and ``height_ag`` (float32 metres above ground, NaN where unknown).

        Raises:
            BadCloud: coordinates in degrees, or spread over more than a scan can be.
        """
        return self.segment_with_account(cloud, progress).cloud

    def segment_with_account(self, cloud: PointCloud, progress: Progress | None = None) -> Segmented:
        """Label a cloud and say how: its wood shares, its threshold, and how unlike known scans it is.

        Arguments and errors are those of :meth:`segment`.
        """
        self.warn(stacklevel=4)
        views: list[ScanView] = []

        def predict(
            xyz: NDArray[np.float32], height: NDArray[np.float32], returns: NDArray[np.uint8]
        ) -> NDArray[np.float32]:
            views.append(self.look(xyz, height, returns, progress))
            return views[0].prob

        with threadpool_limits(1, user_api="blas"):  # its threads wait busily for products too small for them
            labelled, decision = label_cloud(cloud, predict, self.rule)
        view = views[0] if len(views[0].prob) else None
        if view is None:
            return Segmented(labelled, decision, None, float("nan"), float("nan"))
        leafless = float(self.model.calibration.chance_leafless(view.descriptor[None])[0])
        return Segmented(labelled, decision, view, leafless, unlike(view.descriptor, self.model.descriptors))

    def warn(self, stacklevel: int = 2) -> None:
        """Warn of what is wrong with the model, if anything is."""
        if not self.model.calibrated:
            text = f"the model {self.model.name} is not calibrated: `leafwood calibrate` fits it to labelled scans"
            warnings.warn(text, ModelWarning, stacklevel=stacklevel)

    def look(
        self,
        xyz: NDArray[np.float32],
        height: NDArray[np.float32],
        returns: NDArray[np.uint8],
        progress: Progress | None = None,
    ) -> ScanView:
        """P(wood) of vegetation where leaf and wood are equally common, tile by tile.

        Args:
            xyz: (n, 3) local metres, non-negative, without ground.
            height: (n,) metres above ground, NaN where unknown.
            returns: (n, 2) return number and number of returns, 0 where unknown.
            progress: called with the points done and the points to do after each tile.
        """
        scale = scale_normalisation(xyz, self.model.graph)
        with_returns = bool(self.evidence) and bool(returns.any())
        logit, descriptor = np.zeros(len(xyz), dtype=np.float32), np.zeros(1)
        shares: NDArray[np.float16] | None = None
        done = 0
        most = self.tile_points or points_of_tile(self.memory, len(xyz))
        for tile in iter_tiles(xyz[:, :2] * np.float32(scale), most, self.buffer, self.around):
            owned = tile.index[tile.owned]
            read = self.thinned(xyz, scale, tile.index, tile.near)
            index = tile.index[read]
            view = self.see(xyz[index], height[index], returns[index], scale, tile.owned[read])
            logit[owned] = view.logit
            descriptor = descriptor + view.descriptor * (len(owned) / len(xyz))
            if with_returns and view.return_shares is not None:
                shares = np.zeros((len(xyz), view.return_shares.shape[1]), np.float16) if shares is None else shares
                shares[owned] = view.return_shares
            done += len(owned)
            if progress:
                progress(done, len(xyz))
        fold = spatial_folds(xyz)

        def parts() -> Iterator[Seen]:
            for start in range(0, len(xyz), _PART):
                part = slice(start, start + _PART)
                known = None if shares is None else shares[part]
                yield Seen(logit[part], known, fold[part], draw_lots(xyz[part]))

        fit = ScanFit.of_parts(parts, descriptor, self.model.calibration, self.evidence)
        prob = np.concatenate([np.zeros(0, dtype=np.float32), *(fit.equal(part) for part in parts())])
        return ScanView(prob, descriptor, fit.evidence is not None)

    def thinned(
        self, xyz: NDArray[np.floating[Any]], scale: float, index: NDArray[np.int64], near: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Which of a tile's points it needs: those nearby, and one in each small voxel of those beyond.

        Args:
            xyz: (n, 3) metres, non-negative.
            scale: the scan's, from :func:`leafwood.graph.scale.scale_normalisation`.
            index: (m,) positions of the tile's points, ascending.
            near: (m,) those that are needed in any case.

        Returns:
            (k,) positions in `index`, ascending.
        """
        beyond = np.flatnonzero(~near)
        if not len(beyond):
            return np.arange(len(near))
        sampler = VoxelSampler(_THIN * self.model.graph.size / scale, keep="first")
        kept = beyond[sampler(PointCloud(xyz[index[beyond]].astype(np.float32))).index]
        return np.sort(np.concatenate([np.flatnonzero(near), kept]))

    def see(
        self,
        xyz: NDArray[np.floating[Any]],
        height: NDArray[np.float32],
        returns: NDArray[np.uint8],
        scale: float,
        owned: NDArray[np.bool_],
    ) -> TileView:
        """Everything that is to be known of the m owned points among the n of a tile, before the whole scan is.

        Args:
            xyz: (n, 3) metres, non-negative.
            height: (n,) metres above ground, NaN where unknown.
            returns: (n, 2) return number and number of returns, 0 where unknown.
            scale: the scan's, from :func:`leafwood.graph.scale.scale_normalisation`.
            owned: (n,) those of the points that are asked for; the others are their surroundings.
        """
        views = [self.forward(xyz, height, returns, scale * vote, owned) for vote in _SCALES[self.quality]]
        margin, view = np.mean([vote.margin for vote in views], axis=0), views[0]
        return TileView(self.model.calibration.logit(margin, view.covariates), view.descriptor, view.return_shares)

    def forward(
        self,
        xyz: NDArray[np.floating[Any]],
        height: NDArray[np.float32],
        returns: NDArray[np.uint8],
        scale: float,
        owned: NDArray[np.bool_] | slice = slice(None),
    ) -> ForwardPass:
        """What the network says of the points of one tile, before it is calibrated.

        Args:
            xyz: (n, 3) metres, non-negative.
            height: (n,) metres above ground, NaN where unknown.
            returns: (n, 2) return number and number of returns, 0 where unknown.
            scale: the factor by which the network sees them shrunk, from
                :func:`leafwood.graph.scale.scale_normalisation`.
            owned: those of the points that are asked for.
        """
        graph, node = build_graph(
            self._anchored(xyz, scale), height * np.float32(scale), self.model.graph, returns, self.threads
        )
        node = node[owned]
        counts = np.bincount(node, minlength=len(graph["x0"]))
        # what is wanted of the finest features is taken first: the network has no other use for their memory
        heights = graph["x0"][:, self.model.graph.columns("height")].copy()
        of_features = np.einsum("i,ij->j", counts, graph["x0"], dtype=np.float64)[self.model.graph.described()]
        logits, hidden = self.model.network(graph, self.threads)
        margin = logits[:, 1] - logits[:, 0]
        if self.smoothing:
            margin = smooth(margin, graph["pos0"], graph["neighbours0"], self.threads)
        of_margin, of_hidden = (np.einsum("i,ij->j", counts, x, dtype=np.float64) for x in (margin[:, None], hidden))
        shares = return_shares(graph, self.model.graph) if self.evidence and returns.any() else None
        return ForwardPass(
            margin[node],
            covariates(heights, scale)[node],
            np.concatenate([of_margin, of_features, of_hidden]) / max(counts.sum(), 1),
            None if shares is None else shares[node],
        )

    def _anchored(self, xyz: NDArray[np.floating[Any]], scale: float) -> NDArray[np.float32]:
        """Points (n, 3) as the network sees them, from a corner near them at which voxels of all levels begin.

        Tiles of a scan share their voxels, wherever they are, and their coordinates stay small.
        """
        coarsest = self.model.graph.size * 2 ** (self.model.graph.n_levels - 1)
        shift = np.floor(bounds(xyz)[0].astype(np.float64) * scale / coarsest) * coarsest
        small = xyz * xyz.dtype.type(scale)
        return np.asarray(small - shift if shift.any() else small, dtype=np.float32)
