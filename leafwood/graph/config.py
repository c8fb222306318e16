"""What a graph looks like, and which column of a network's input means what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from leafwood.config import in_range
from leafwood.errors import BadConfig
from leafwood.graph.features import FEATURE_GROUPS

__all__ = ["GraphConfig"]

_MOST_LEVELS, _MOST_NEIGHBOURS = 12, 128


@dataclass(frozen=True, kw_only=True)
class GraphConfig:
    """What the graph looks like; stored with the weights, for a network only reads the graphs it was trained on.

    Attributes:
        size: finest voxel edge, metres.
        n_levels: pyramid levels, each twice as coarse as the one before.
        k: neighbours of a voxel, itself included.
        scales: neighbourhood sizes (numbers of voxels) of the geometry at the finest level; other levels have `k`.
        spacing: metres to the 24th neighbour beyond which a cloud is sparse and is scaled down; see
            :func:`~leafwood.graph.scale.scale_normalisation`.
        least: the smallest factor by which it is scaled.
        features: names of the feature groups of :data:`~leafwood.graph.features.FEATURE_GROUPS` that a voxel has, in
            the order of their columns.

    Raises:
        BadConfig: a value out of range, or a group that does not exist or is named twice.
    """

    size: float = 0.06
    n_levels: int = 6
    k: int = 16
    scales: tuple[int, ...] = (10, 24)
    spacing: float = 0.3
    least: float = 0.3
    features: tuple[str, ...] = ("eigen", "spacing", "count", "height")

    def __post_init__(self) -> None:
        in_range("graph.size", self.size, 1e-3, 100)
        in_range("graph.n_levels", self.n_levels, 1, _MOST_LEVELS)
        in_range("graph.k", self.k, 2, _MOST_NEIGHBOURS)
        in_range("graph.spacing", self.spacing, 1e-3, 1000)
        in_range("graph.least", self.least, 1e-3, 1)
        if not self.scales:
            raise BadConfig("graph.scales needs at least one number of neighbours")
        for scale in self.scales:
            in_range("graph.scales", scale, 3, _MOST_NEIGHBOURS)
        _each_once("graph.scales", self.scales)
        if not self.features:
            raise BadConfig("graph.features names no group")
        _each_once("graph.features", self.features)
        for name in self.features:
            if name not in FEATURE_GROUPS:
                near = get_close_matches(str(name), FEATURE_GROUPS, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(FEATURE_GROUPS)}"
                raise BadConfig(f"graph.features: no group {name!r}; {hint}")

    def level_scales(self, level: int) -> tuple[int, ...]:
        """Numbers of neighbours over which the voxels of a level are described."""
        return (self.k,) if level else self.scales

    def groups(self, level: int) -> tuple[str, ...]:
        """Names of a level's feature groups, in the order of their columns."""
        return tuple(name for name in self.features if not (level and FEATURE_GROUPS[name].finest_only))

    def column_names(self, level: int) -> tuple[str, ...]:
        """Names of a level's input columns, in order."""
        scales = self.level_scales(level)
        return tuple(column for name in self.groups(level) for column in FEATURE_GROUPS[name].columns(scales))

    def columns(self, group: str, level: int = 0) -> slice:
        """Where the columns of a group stand among those of a level.

        Raises:
            BadConfig: the level's voxels do not have that group.
        """
        before = 0
        for name in self.groups(level):
            width = len(FEATURE_GROUPS[name].columns(self.level_scales(level)))
            if name == group:
                return slice(before, before + width)
            before += width
        raise BadConfig(f"the network does not read {group!r}; its features are {', '.join(self.features)}")

    def described(self) -> list[int]:
        """Positions of the finest level's columns whose means are part of the scan descriptor."""
        groups = [name for name in self.groups(0) if FEATURE_GROUPS[name].described]
        return [position for name in groups for position in range(*self.columns(name).indices(self.n_features(0)))]

    def n_features(self, level: int) -> int:
        """Input columns of one level."""
        return len(self.column_names(level))


def _each_once(name: str, values: Sequence[object]) -> None:
    """Refuse a setting that names something twice, and say what."""
    if len(set(values)) < len(values):
        twice = next(value for value in values if values.count(value) > 1)
        raise BadConfig(f"{name} names {str(twice)[:40]!r} twice")
