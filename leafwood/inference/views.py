"""What the segmenter says: of the points of a tile, of a scan, and of a cloud that it has labelled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.postprocess.rule import Decision
from leafwood.shown import as_line, as_table

__all__ = ["ForwardPass", "ScanView", "Segmented", "TileView"]


class ForwardPass(NamedTuple):
    """What the network says of the n points that it was asked for.

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


class TileView(NamedTuple):
    """What is known of the m points that a tile owns.

    Attributes:
        logit: (m,) log odds of wood, as far as each point tells by itself.
        descriptor: (1 + t,) means over these points, see :class:`ForwardPass`.
        return_shares: (m, c) or None, see :class:`ForwardPass`.
    """

    logit: NDArray[np.float32]
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

    def __repr__(self) -> str:
        return as_line("ScanView", [("points", f"{len(self.prob):,}"), ("returns used", str(self.with_evidence))])


class Segmented(NamedTuple):
    """A labelled cloud, and how it came about.

    Attributes:
        cloud: as :meth:`~leafwood.inference.segmenter.Segmenter.segment` gives it.
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

    def __repr__(self) -> str:
        return as_line("Segmented", self._summary())

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return as_table("Segmented", self._summary())

    def _summary(self) -> Iterator[tuple[str, str]]:
        """What there is, a name and a few words each."""
        yield from self.cloud.summary()
        yield "chance that it is leafless", f"{self.leafless:.2f}"
        yield "distance from the calibration scans", f"{self.unlike:.2f}"
