"""What is known of a scan as a whole once the network has seen all of it, whether in memory or tile by tile on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.postprocess.calibration import Calibration
from leafwood.postprocess.evidence import Confident, ScanEvidence, confident_points, fit_evidence
from leafwood.postprocess.logistic import sigmoid

__all__ = ["ScanFit", "Seen"]


class Seen(NamedTuple):
    """What the network says of n points of a scan.

    Attributes:
        logit: (n,) log odds of wood as far as each point tells by itself, from
            :meth:`~leafwood.postprocess.calibration.Calibration.logit`.
        shares: (n, c) shares of single and last returns around each; None where they are not known.
        fold: (n,) kind of block that each lies in, from :func:`~leafwood.postprocess.evidence.spatial_folds`.
        lots: (n,) from :func:`~leafwood.postprocess.evidence.draw_lots`.
    """

    logit: NDArray[np.float32]
    shares: NDArray[np.float16] | None
    fold: NDArray[np.integer[Any]]
    lots: NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class ScanFit:
    """What is fitted to a scan, and moves the log odds of all its points.

    Attributes:
        calibration: of the model.
        descriptor: (1 + t,) of the scan.
        evidence: what its returns say, or None where they cannot teach anything.
        weight: of that.
    """

    calibration: Calibration
    descriptor: NDArray[np.float64]
    evidence: ScanEvidence | None
    weight: float

    @classmethod
    def of_parts(
        cls,
        parts: Callable[[], Iterable[Seen]],
        descriptor: NDArray[np.float64],
        calibration: Calibration,
        weight: float,
    ) -> ScanFit:
        """Fit to a scan that comes in parts; what follows does not depend on how it is cut into them.

        Args:
            parts: gives the parts from the beginning; all of them know their shares of returns, or none does.
            descriptor: (1 + t,) of the scan.
            calibration: of the model.
            weight: of what the returns say, 0 to leave it out.
        """
        alone = cls(calibration, descriptor, None, 0.0)
        if not weight:
            return alone
        drawn = (
            confident_points(alone.equal(part), part.shares, part.fold, part.lots)
            for part in parts()
            if part.shares is not None
        )
        sample = _joined(drawn)
        evidence = None if sample is None else fit_evidence(sample)
        return cls(calibration, descriptor, evidence, weight)

    def equal(self, seen: Seen) -> NDArray[np.float32]:
        """P(wood) (n,) where leaf and wood are equally common."""
        prob = self.calibration.probability(seen.logit, self.descriptor)
        if self.evidence is None or seen.shares is None:
            return prob
        inside = np.clip(prob.astype(np.float64), 1e-7, 1 - 1e-7)
        logit = np.log(inside / (1 - inside)) + self.weight * self.evidence.log_odds(seen.shares, seen.fold)
        return sigmoid(logit).astype(np.float32)


def _joined(samples: Iterable[Confident]) -> Confident | None:
    """The sample of all parts; None without parts."""
    found: Confident | None = None
    for sample in samples:
        found = sample if found is None else found.joined(sample)
    return found
