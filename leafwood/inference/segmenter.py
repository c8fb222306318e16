"""The segmenter: a cloud in, P(wood) and a label for every point out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.graph.build import build_graph
from leafwood.graph.scale import scale_normalisation
from leafwood.inference.labelling import Progress, label_cloud
from leafwood.inference.model_file import DEFAULT_MODEL, Model, load_model
from leafwood.postprocess.calibration import covariates
from leafwood.postprocess.regularize import smooth
from leafwood.spatial.tiles import iter_tiles
from leafwood.threads import cpu_count

__all__ = ["ForwardPass", "Segmenter"]


class ForwardPass(NamedTuple):
    """What the network says of n points.

    Attributes:
        margin: (n,) wood logit less leaf logit.
        covariates: (n, 4), for :class:`~leafwood.postprocess.calibration.Calibration`.
        descriptor: (1 + t,) the scan descriptor, means over the points of the margin, of the features of their
            voxels and of the channels that the logits are read from.
    """

    margin: NDArray[np.float32]
    covariates: NDArray[np.float64]
    descriptor: NDArray[np.float64]


class Segmenter:
    """Labels clouds with one model; make it once and use it for many.

    Args:
        model: what to predict with.
        threads: processors to use; all that the process may use when None.
        tile_points: points a tile owns at most. Memory is about 1.3 kB a point of a tile.
        buffer: covariates that a tile reads beyond its own points, metres.
        smoothing: let neighbours agree; see :mod:`leafwood.postprocess.regularize`.

    Raises:
        BadConfig: from :meth:`from_pretrained`, when there is no such model.
    """

    def __init__(
        self,
        model: Model,
        *,
        threads: int | None = None,
        tile_points: int = 400_000,
        buffer: float = 5.0,
        smoothing: bool = True,
    ) -> None:
        self.model = model
        self.threads = threads or cpu_count()
        self.tile_points = tile_points
        self.buffer = buffer
        self.smoothing = smoothing

    @classmethod
    def from_pretrained(cls, name: str | Path = DEFAULT_MODEL, **options: Any) -> Segmenter:
        """A segmenter with a shipped model (``"uav"``) or a ``.safetensors`` file; options as for the class."""
        return cls(load_model(name), **options)

    def predict_proba(self, xyz: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """P(wood) of bare coordinates.

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
            0 where not processed) and ``height_ag`` (float32 metres above ground, NaN where unknown).

        Raises:
            BadCloud: coordinates in degrees, or spread over more than a scan can be.
        """
        return label_cloud(cloud, lambda xyz, height, returns: self.wood_probability(xyz, height, returns, progress))

    def wood_probability(
        self,
        xyz: NDArray[np.float32],
        height: NDArray[np.float32],
        returns: NDArray[np.uint8],
        progress: Progress | None = None,
    ) -> NDArray[np.float32]:
        """P(wood) of vegetation, tile by tile.

        Args:
            xyz: (n, 3) local metres, non-negative, without ground.
            height: (n,) metres above ground, NaN where unknown.
            returns: (n, 2) return number and number of returns, 0 where unknown.
            progress: called with the points done and the points to do after each tile.

        Returns:
            (n,) float32.
        """
        scale = scale_normalisation(xyz, self.model.graph)
        xyz, height = xyz * np.float32(scale), height * np.float32(scale)
        logit, descriptor = np.zeros(len(xyz), dtype=np.float32), np.zeros(1)
        done = 0
        for tile in iter_tiles(xyz[:, :2], self.tile_points, self.buffer):
            view = self.forward(xyz[tile.index], height[tile.index], returns[tile.index], scale, tile.owned)
            owned = tile.index[tile.owned]
            logit[owned] = self.model.calibration.logit(view.margin, view.covariates)[tile.owned]
            descriptor = descriptor + view.descriptor * (len(owned) / len(xyz))
            done += len(owned)
            if progress:
                progress(done, len(xyz))
        return self.model.calibration.probability(logit, descriptor)

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
            xyz: (n, 3) metres, already shrunk, non-negative.
            height: (n,) metres above ground, already shrunk, NaN where unknown.
            returns: (n, 2) return number and number of returns, 0 where unknown.
            scale: the factor, from :func:`leafwood.graph.scale.scale_normalisation`.
            owned: those of the points that the descriptor are of.
        """
        graph, node = build_graph(xyz, height, self.model.graph, returns)
        logits, hidden = self.model.network(graph, self.threads)
        margin = logits[:, 1] - logits[:, 0]
        if self.smoothing:
            margin = smooth(margin, graph["pos0"], graph["neighbours0"], self.threads)
        known = covariates(graph["x0"][:, self.model.graph.columns("height")], scale)
        counts = np.bincount(node[owned], minlength=len(margin))
        seen = (margin[:, None], graph["x0"], hidden)
        descriptor = np.concatenate([np.einsum("i,ij->j", counts, x, dtype=np.float64) for x in seen])
        return ForwardPass(margin[node], known[node], descriptor / max(counts.sum(), 1))
