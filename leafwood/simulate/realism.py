"""How far a virtual scan is from a real one: attenuation, returns, spacing and the shapes of neighbourhoods.

For shapes, points sampled evenly on the virtual surfaces (what a simulator without a lidar gives) are the yardstick:
the virtual scan must be nearer to the real one than they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.evaluate.tables import head, line

__all__ = ["RADII", "SHAPES", "Comparison", "Measure", "Scan", "attenuation", "measures", "shapes", "spacing_by_third"]

RADII = (0.3, 0.6)  # m, of the neighbourhoods
SHAPES = ("linearity", "planarity", "sphericity", "verticality")
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scan:
    """A cloud as the measures see it.

    Attributes:
        xyz: (n, 3) m.
        height: (n,) above ground, m.
        number: (n,) return number, or None where the file has none.
        total: (n,) number of returns, or None.
    """

    xyz: Floats
    height: Floats
    number: NDArray[np.int64] | None = None
    total: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, cloud: PointCloud, height: NDArray[np.floating[Any]]) -> Scan:
        """A scan with its returns, and the height (n,) of its points above ground, m."""
        returns = cloud.returns().astype(np.int64)
        number, total = returns.T if returns.any() else (None, None)
        return cls(cloud.xyz.astype(np.float64), np.asarray(height, dtype=np.float64), number, total)


def attenuation(height: Floats) -> float:
    """How fast returns are used up on the way down, per metre.

    The share of returns that are lower than a level falls with depth; this is the slope of its logarithm, fitted where
    it is between 5 and 95 %.

    Args:
        height: (n,) height of the returns, m.
    """
    top, floor = np.percentile(height, 99), 2.0
    levels = np.arange(floor, top, 0.5)
    below = np.array([(height < level).mean() for level in levels])
    fit = (below > 0.05) & (below < 0.95)
    return float(np.polyfit(top - levels[fit], np.log(below[fit]), 1)[0] * -1)


@cache  # that of the real scan is compared with every stand
def spacing_by_third(scan: Scan) -> Floats:
    """Median distance to the nearest neighbour (3,) in the lower, middle and upper third of the canopy, m."""
    from scipy.spatial import cKDTree

    distance = np.asarray(cKDTree(scan.xyz).query(scan.xyz, k=2)[0])[:, 1]
    edges = np.linspace(2.0, np.percentile(scan.height, 99.5), 4)
    return np.array([np.median(distance[(scan.height >= a) & (scan.height < b)]) for a, b in pairwise(edges)])


@cache  # the table and the figure ask for the same
def shapes(scan: Scan, radius: float, samples: int = 15_000) -> Floats:
    """``SHAPES`` (m, 4) of the neighbourhoods of points in the canopy that have five neighbours within the radius.

    Args:
        scan: the cloud.
        radius: m.
        samples: points that are looked at, at most.
    """
    from scipy.spatial import cKDTree

    rng = np.random.default_rng(0)
    canopy = np.flatnonzero(scan.height > 1.5)
    chosen = scan.xyz[rng.choice(canopy, min(samples, len(canopy)), replace=False)]
    rows = []
    for around in cKDTree(scan.xyz).query_ball_point(chosen, radius):
        if len(around) < 6:
            continue
        value, axis = np.linalg.eigh(np.cov(scan.xyz[around].T))
        low, middle, high = np.sqrt(np.maximum(value, 0))
        rows.append(((high - middle) / high, (middle - low) / high, low / high, 1 - abs(axis[2, 0])))
    return np.array(rows)


@dataclass(frozen=True)
class Measure:
    """One measure of one virtual stand.

    Attributes:
        what: its name.
        real: its value of the real scan.
        virtual: its value of the virtual one.
        limit: how far apart they may be.
    """

    what: str
    real: float
    virtual: float
    limit: float

    @property
    def met(self) -> bool:
        """Whether they are near enough."""
        return abs(self.virtual - self.real) < self.limit

    @classmethod
    def within(cls, what: str, real: float, virtual: float, share: float) -> Measure:
        """A value that should agree within a share of the real one."""
        return cls(what, real, virtual, share * abs(real))

    @classmethod
    def mean(cls, each: Sequence[Measure]) -> Measure:
        """The same measure over several stands: means of values and of limits."""
        virtual, limit = [m.virtual for m in each], [m.limit for m in each]
        return cls(each[0].what, each[0].real, float(np.mean(virtual)), float(np.mean(limit)))


def measures(real: Scan, virtual: Scan, sampled: Scan) -> list[Measure]:
    """All measures of a virtual scan.

    Args:
        real: the scan that it should be like.
        virtual: the virtual scan.
        sampled: points sampled evenly on the virtual surfaces.
    """
    from scipy.stats import wasserstein_distance

    within = Measure.within
    found = [within("attenuation, all returns [1/m]", attenuation(real.height), attenuation(virtual.height), 0.3)]
    if real.number is not None and virtual.number is not None and real.total is not None and virtual.total is not None:
        firsts = [scan.height[scan.number == 1] for scan in (real, virtual)]
        found.append(within("attenuation, first returns [1/m]", attenuation(firsts[0]), attenuation(firsts[1]), 0.3))
        kinds = {
            "share of single returns": (real.total == 1, virtual.total == 1),
            "share of first returns": (real.number == 1, virtual.number == 1),
            "share of last returns": (real.number == real.total, virtual.number == virtual.total),
        }
        found += [within(name, float(a.mean()), float(b.mean()), 0.2) for name, (a, b) in kinds.items()]
        pulses = float(real.total[real.number == 1].mean()), float(virtual.total[virtual.number == 1].mean())
        found.append(within("returns per pulse", *pulses, 0.2))
    thirds = zip(("lower", "middle", "upper"), spacing_by_third(real), spacing_by_third(virtual), strict=True)
    found += [within(f"spacing, {name} third [m]", a, b, 0.3) for name, a, b in thirds]
    for radius in RADII:
        sets = [shapes(scan, radius) for scan in (real, virtual, sampled)]
        for k, name in enumerate(SHAPES):
            far = wasserstein_distance(sets[0][:, k], sets[2][:, k])
            near = wasserstein_distance(sets[0][:, k], sets[1][:, k])
            found.append(Measure(f"Wasserstein, {name} at {radius} m", 0.0, near, far))
    return found


@dataclass(frozen=True, eq=False)
class Comparison:
    """A real scan and virtual stands like it.

    Attributes:
        name: name of the scan.
        real: the scan.
        stands: of each virtual stand its scan and the points sampled on its surfaces.
    """

    name: str
    real: Scan
    stands: Sequence[tuple[Scan, Scan]]

    def table(self) -> str:
        """The measures as a Markdown table: means over the stands, and by how many each is met."""
        count = len(self.stands)
        columns = ("measure", "real", f"virtual, mean of {count}", "lowest to highest", "may differ by", "met")
        lines = [f"### {self.name}", "", head(*columns, "by how many")]
        for each in zip(*(measures(self.real, *stand) for stand in self.stands), strict=True):
            mean, values = Measure.mean(each), [m.virtual for m in each]
            spread, met = f"{min(values):.3f} to {max(values):.3f}", sum(m.met for m in each)
            answer = "yes" if mean.met else "no"
            lines.append(line(mean.what, mean.real, mean.virtual, spread, mean.limit, answer, f"{met} of {count}"))
        return "\n".join(lines) + "\n"
