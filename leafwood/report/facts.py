"""The numbers of a report: counted from a labelled cloud, once, for page, table and file alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.canopy.profile import Canopy, measure_canopy
from leafwood.classes import OUT_LEAF, OUT_NONE, OUT_WOOD
from leafwood.cloud import PointCloud, plan_keys
from leafwood.density.returns import countable
from leafwood.errors import BadCloud
from leafwood.inference.trust import Doubt, doubts, spoils
from leafwood.io.labels import codes_of
from leafwood.report.notes import noted_warnings
from leafwood.spatial.ground import find_ground

__all__ = ["SURE", "Facts", "HeightTable", "heights_of", "in_doubt", "layer_edges", "measure"]

SURE = 0.7  # a label with less than this probability is in doubt; `segment --abstain 0.7` would not give it
_CELL = 1.0  # m, as in `leafwood info`
_BINS = 20
_MOST_LAYERS = 60
_STEPS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0)  # m
_MUCH_DOUBT, _TOO_MUCH_DOUBT = 0.3, 0.5  # share of the labelled points
_MUCH_WOOD = 0.6
_LOW, _MUCH_LOW = 0.3, 0.1  # m above ground, share of the labelled points

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class HeightTable:
    """Points by height, arrays (b,), lowest layer first.

    Attributes:
        edges: (b + 1,) borders of the layers, m.
        leaf: points labelled leaf.
        wood: points labelled wood.
        other: points that were not labelled.
        doubtful: labelled points in doubt; zeros where nobody knows.
    """

    edges: NDArray[np.float64]
    leaf: Ints
    wood: Ints
    other: Ints
    doubtful: Ints

    @property
    def labelled(self) -> Ints:
        """Points labelled leaf or wood."""
        return self.leaf + self.wood


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of a labelled scan.

    Attributes:
        points: all points.
        leaf: points labelled leaf.
        wood: points labelled wood.
        other: points that were not labelled.
        size: extent in x, y and z, m, strays apart.
        area: ground area with points, m², by cells of 1 m.
        above_ground: whether heights are above ground; above the lowest point else.
        height: (n,) m, finite.
        doubtful: (n,) labelled points in doubt, or None without ``wood_prob``.
        low_share: labelled points within 0.3 m of the ground, as a share of all labelled ones.
        layers: points by height.
        histogram: (20,) labelled points by P(wood), or None without ``wood_prob``.
        canopy: leaf and wood area, or None.
        no_canopy: why there is none.
        doubts: reasons not to rely on the labels, the severe ones first.
        warnings: what was odd on the way, a line each.
    """

    points: int
    leaf: int
    wood: int
    other: int
    size: NDArray[np.float64]
    area: float
    above_ground: bool
    height: NDArray[np.float64]
    doubtful: NDArray[np.bool_] | None
    low_share: float
    layers: HeightTable
    histogram: Ints | None
    canopy: Canopy | None
    no_canopy: str
    doubts: tuple[Doubt, ...]
    warnings: tuple[str, ...]

    @property
    def wood_share(self) -> float:
        """Wood among the labelled points; NaN where none is labelled."""
        return self.wood / (self.leaf + self.wood) if self.leaf + self.wood else float("nan")

    @property
    def density(self) -> float:
        """Points per m² of ground with points."""
        return self.points / self.area if self.area else float("nan")

    @property
    def doubt_share(self) -> float:
        """Labelled points in doubt, as a share; NaN where nobody knows."""
        labelled = self.leaf + self.wood
        return float(self.doubtful.sum()) / labelled if self.doubtful is not None and labelled else float("nan")

    @property
    def lai(self) -> tuple[float, float]:
        """Leaf area index and its standard error; NaN without a profile."""
        if self.canopy is None:
            return float("nan"), float("nan")
        value, error = self.canopy.profile.index("lad", self.canopy.config.dz)
        return float(value), float(error)


def measure(cloud: PointCloud, remarks: Collection[str] = (), unlike: float | None = None) -> Facts:
    """Count a labelled cloud.

    Args:
        cloud: n > 0 points with ``leafwood``; ``wood_prob`` and ``height_ag`` are used where present.
        remarks: what was odd when the file was read.
        unlike: how unlike the scans that its model was calibrated on it is; None where nobody knows.

    Raises:
        BadCloud: no points or no labels.
    """
    label = codes_of(cloud.columns)
    if not len(cloud):
        raise BadCloud("there are no points to report on")
    cloud, height, above_ground = heights_of(cloud)
    found = doubts(cloud, remarks, np.nan if unlike is None else unlike)
    canopy, no_canopy, said = _canopy(cloud, found)
    doubtful = in_doubt(cloud)
    use = countable(cloud, height)
    prob = cloud.columns.get("wood_prob")
    labelled = label != OUT_NONE
    counts = np.bincount(label.astype(np.int64), minlength=3)
    facts = Facts(
        points=len(cloud),
        leaf=int(counts[OUT_LEAF]),
        wood=int(counts[OUT_WOOD]),
        other=int(counts[OUT_NONE]),
        size=np.ptp(cloud.xyz[~cloud.strays()], axis=0).astype(np.float64),
        area=_area(cloud),
        above_ground=above_ground,
        height=height,
        doubtful=doubtful,
        low_share=float(np.mean(height[labelled] < _LOW)) if above_ground and labelled.any() else 0.0,
        layers=_layers(height[use], label[use], None if doubtful is None else doubtful[use]),
        histogram=None if prob is None else np.histogram(prob[labelled], _BINS, (0.0, 1.0))[0],
        canopy=canopy,
        no_canopy=no_canopy,
        doubts=(),
        warnings=said,
    )
    found += _doubts_of_labels(facts)
    return dataclasses.replace(facts, doubts=tuple(sorted(found, key=lambda doubt: not doubt.severe)))


def in_doubt(cloud: PointCloud) -> NDArray[np.bool_] | None:
    """Labelled points (n,) whose label has a probability below 0.7; None without ``wood_prob``."""
    if "wood_prob" not in cloud.columns:
        return None
    prob, label = np.asarray(cloud.columns["wood_prob"]), cloud.columns["leafwood"]
    return np.asarray((np.where(label == OUT_WOOD, prob, 1 - prob) < SURE) & (label != OUT_NONE))


def heights_of(cloud: PointCloud) -> tuple[PointCloud, NDArray[np.float64], bool]:
    """The cloud with ``height_ag``, heights (n,) that are finite, and whether they are above ground."""
    if "height_ag" not in cloud.columns:
        ground = find_ground(cloud)
        cloud = cloud.with_columns(height_ag=ground.height, ground=ground.mask)
    height = np.asarray(cloud.columns["height_ag"], dtype=np.float64)
    if np.isfinite(height).any():
        return cloud, np.nan_to_num(height), True
    usable = cloud.xyz[~cloud.strays(), 2]
    lowest = float(usable.min()) if len(usable) else 0.0
    return cloud, cloud.xyz[:, 2].astype(np.float64) - lowest, False


def _canopy(cloud: PointCloud, found: Collection[Doubt]) -> tuple[Canopy | None, str, tuple[str, ...]]:
    """Leaf and wood area, or why there is none, and the warnings on the way."""
    if wrong := spoils(found, "profile"):
        return None, f"no leaf area follows from it: {wrong[0].detail}", ()
    with noted_warnings() as lines:
        try:
            canopy, reason = measure_canopy(cloud), ""
        except BadCloud as error:
            canopy, reason = None, str(error)
    return canopy, reason, tuple(lines)


def _area(cloud: PointCloud) -> float:
    """Area of the 1 m cells, in the file's coordinates, that hold points."""
    plan = cloud.absolute()[:, :2] * cloud.unit[0]
    return len(np.unique(plan_keys(plan, _CELL))) * _CELL**2


def _layers(height: NDArray[np.float64], label: NDArray[Any], doubtful: NDArray[np.bool_] | None) -> HeightTable:
    edges = layer_edges(height)

    def count(mask: NDArray[np.bool_]) -> Ints:
        return np.histogram(height[mask], edges)[0].astype(np.int64)

    nobody = np.zeros(len(height), dtype=bool)
    return HeightTable(
        edges=edges,
        leaf=count(label == OUT_LEAF),
        wood=count(label == OUT_WOOD),
        other=count(label == OUT_NONE),
        doubtful=count(nobody if doubtful is None else doubtful),
    )


def layer_edges(height: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Borders (b + 1,) of layers for a chart, 60 of them at most between the ground and the highest point."""
    if not len(height):
        return np.array([0.0, 1.0])
    low, high = min(0.0, float(np.quantile(height, 0.001))), max(float(height.max()), 1.0)
    step = next((step for step in _STEPS if (high - low) / step <= _MOST_LAYERS), (high - low) / _MOST_LAYERS)
    return np.asarray(np.arange(np.floor(low / step), np.ceil(high / step) + 1) * step)


def _doubts_of_labels(facts: Facts) -> Iterator[Doubt]:
    """What the labels say against themselves."""
    if facts.doubt_share > _MUCH_DOUBT:
        detail = f"the label of {facts.doubt_share:.0%} of the labelled points has a probability below {SURE:g}"
        advice = f"colour by doubt to see where they are; `leafwood segment --abstain {SURE:g}` leaves them undecided"
        severe = facts.doubt_share > _TOO_MUCH_DOUBT
        yield Doubt("unsure", "the model is unsure", detail, advice, severe=severe, spoils=("labels",))
    if facts.low_share > _MUCH_LOW:
        detail = f"{facts.low_share:.0%} of the labelled points are less than {_LOW:g} m above the ground"
        advice = "grass, litter or unclassified ground: count from 1 m up, or classify the ground (class 2) again"
        yield Doubt("near_ground", "labels on the ground", detail, advice, severe=False)
    if facts.wood_share > _MUCH_WOOD:
        detail = f"{facts.wood_share:.0%} of the labelled points are wood"
        advice = "right for trees without leaves; in leaf, look at the view without leaves before using the labels"
        yield Doubt("much_wood", "much wood", detail, advice, severe=False)
    if facts.canopy is not None and (occluded := float(facts.canopy.profile.occluded.sum() * facts.canopy.config.dz)):
        detail = f"fewer than 10 pulses reach {occluded:g} m of the height in half of the area"
        advice = "leaf and wood area there is unknown, and the sums leave it out"
        yield Doubt("occluded", "hidden layers", detail, advice, severe=False, spoils=("profile",))
