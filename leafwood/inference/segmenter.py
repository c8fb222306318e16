"""The segmenter: a cloud in, P(wood) and a label for every point out."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig, ModelWarning
from leafwood.graph.build import build_graph
from leafwood.graph.scale import scale_normalisation
from leafwood.inference.labelling import Progress, label_cloud
from leafwood.inference.model_file import Model, load_model
from leafwood.postprocess.calibration import covariates
from leafwood.postprocess.evidence import WEIGHT, confident_points, fit_evidence, return_shares, spatial_folds
from leafwood.postprocess.likeness import unlike
from leafwood.postprocess.logistic import sigmoid
from leafwood.postprocess.regularize import smooth
from leafwood.postprocess.rule import DEFAULT_RULE, Decision, Rule, check_rule
from leafwood.spatial.tiles import iter_tiles
from leafwood.threads import cpu_count
from leafwood.weights import DEFAULT_MODEL

__all__ = ["QUALITIES", "ForwardPass", "Quality", "ScanView", "Segmented", "Segmenter"]

Quality = Literal["standard", "high"]
QUALITIES: tuple[Quality, ...] = get_args(Quality)
_SCALES: dict[Quality, tuple[float, ...]] = {"standard": (1.0,), "high": (1.0, 0.85, 1.18)}  # the first is described


class ForwardPass(NamedTuple):
    """What the network says of n points.

    Attributes:
        margin: (n,) wood logit less leaf logit.
        covariates: (n, 4), for :class:`~leafwood.postprocess.calibration.Calibration`.
        descriptor: (1 + t,) the scan descriptor, means over the points of the margin, of the features of their
            voxels and of the channels that the logits are read from.
        return_shares: (n, c) shares of single and last returns around each, for
            :mod:`leafwood.postprocess.evidence`; None where the network does not read returns.
    """

    margin: NDArray[np.float32]
    covariates: NDArray[np.float64]
    descriptor: NDArray[np.float64]
    return_shares: NDArray[np.float16] | None


class ScanView(NamedTuple):
    """What is known of the n points of a scan before its wood share is.

    Attributes:
        prob: (n,) P(wood) where leaf and wood are equally common.
        descriptor: (1 + t,) the scan descriptor.
        with_evidence: whether the scan's own returns are in `prob`.
    """

    prob: NDArray[np.float32]
    descriptor: NDArray[np.float64]
    with_evidence: bool


class Segmented(NamedTuple):
    """A labelled cloud, and how it came about.

    Attributes:
        cloud: as :meth:`Segmenter.segment` gives it.
        decision: of the points that are labelled, with the wood share of each metre of height.
        view: of the points that were seen, the labelled ones and some ground; None where none were.
        leafless: chance that the scan is leafless.
        unlike: how unlike the scans that the model was calibrated on it is, see
            :func:`leafwood.postprocess.likeness.unlike`; NaN where the model's card does not say.
    """

    cloud: PointCloud
    decision: Decision
    view: ScanView | None
    leafless: float
    unlike: float


class Segmenter:
    """Labels clouds with one model; make it once and use it for many.

    How a label is decided, step by step: docs/labels.md.

    Args:
        model: what to predict with.
        threads: processors to use; all that the process may use when None.
        rule: how labels are made of probabilities, see :mod:`leafwood.postprocess.rule`.
        quality: ``high`` averages the margins of the scan at three scales, at three times the cost.
        tile_points: points a tile owns at most. Memory is about 1.3 kB a point of a tile.
        buffer: covariates that a tile reads beyond its own points, metres.
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
        tile_points: int = 400_000,
        buffer: float = 5.0,
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
        self.tile_points = tile_points
        self.buffer = buffer
        self.smoothing = smoothing
        self.evidence = evidence

    @classmethod
    def from_pretrained(cls, name: str | Path = DEFAULT_MODEL, **options: Any) -> Segmenter:
        """A segmenter with a shipped model (``"uav"``) or a ``.safetensors`` file; options as for the class."""
        return cls(load_model(name), **options)

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
        if not self.model.calibrated:
            text = f"the model {self.model.name} is not calibrated: `leafwood calibrate` fits it to labelled scans"
            warnings.warn(text, ModelWarning, stacklevel=3)
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
        known = self.model.descriptors
        far = float("nan") if known is None else unlike(view.descriptor, known)
        return Segmented(labelled, decision, view, leafless, far)

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
        scales = [scale * vote for vote in _SCALES[self.quality]]
        logit, descriptor = np.zeros(len(xyz), dtype=np.float32), np.zeros(1)
        shares: NDArray[np.float16] | None = None
        done = 0
        for tile in iter_tiles(xyz[:, :2] * np.float32(scale), self.tile_points, self.buffer):
            part = xyz[tile.index], height[tile.index], returns[tile.index]
            views = [self.forward(*part, votes, tile.owned) for votes in scales]
            owned, view = tile.index[tile.owned], views[0]
            margin = np.mean([vote.margin for vote in views], axis=0)
            logit[owned] = self.model.calibration.logit(margin, view.covariates)[tile.owned]
            descriptor = descriptor + view.descriptor * (len(owned) / len(xyz))
            if view.return_shares is not None and self.evidence and returns.any():
                shares = np.zeros((len(xyz), view.return_shares.shape[1]), np.float16) if shares is None else shares
                shares[owned] = view.return_shares[tile.owned]
            done += len(owned)
            if progress:
                progress(done, len(xyz))
        prob = self.model.calibration.probability(logit, descriptor)
        found = None if shares is None else self._with_evidence(prob, shares, xyz)
        return ScanView(prob if found is None else found, descriptor, found is not None)

    def forward(
        self,
        xyz: NDArray[np.float32],
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
            owned: those of the points that the descriptor are of.
        """
        small = np.float32(scale)
        graph, node = build_graph(xyz * small, height * small, self.model.graph, returns, self.threads)
        logits, hidden = self.model.network(graph, self.threads)
        margin = logits[:, 1] - logits[:, 0]
        if self.smoothing:
            margin = smooth(margin, graph["pos0"], graph["neighbours0"], self.threads)
        known = covariates(graph["x0"][:, self.model.graph.columns("height")], scale)
        counts = np.bincount(node[owned], minlength=len(margin))
        seen = (margin[:, None], graph["x0"], hidden)
        descriptor = np.concatenate([np.einsum("i,ij->j", counts, x, dtype=np.float64) for x in seen])
        shares = return_shares(graph, self.model.graph) if self.evidence and returns.any() else None
        return ForwardPass(
            margin[node],
            known[node],
            descriptor / max(counts.sum(), 1),
            None if shares is None else shares[node],
        )

    def _with_evidence(
        self, prob: NDArray[np.float32], shares: NDArray[np.float16], xyz: NDArray[np.float32]
    ) -> NDArray[np.float32] | None:
        """P(wood) (n,) with a part of what the returns say; None where they cannot teach anything."""
        fold = spatial_folds(xyz)
        fitted = fit_evidence(confident_points(prob, shares, xyz, fold))
        if fitted is None:
            return None
        inside = np.clip(prob.astype(np.float64), 1e-7, 1 - 1e-7)
        logit = np.log(inside / (1 - inside)) + self.evidence * fitted.log_odds(shares, fold)
        return sigmoid(logit).astype(np.float32)
