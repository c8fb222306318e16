"""Where training looks: vertical cylinders and single trees of labelled stands, thinned the way forests thin a scan.

No random number is used for a change of probability 0, so a run keeps its crops when new kinds of changes are added.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import IGNORE, LEAF, WOOD
from leafwood.config import in_range
from leafwood.datasets.stands import LabelledStand
from leafwood.errors import BadConfig
from leafwood.samplers.occlusion import transmission
from leafwood.samplers.voxel import PoissonDiskSampler, VoxelSampler

__all__ = ["CropConfig", "draw_crop", "with_litter_mounds"]

_OF_RETURNS = ("returns_lost", "returns_unknown")
_CHANCES = (
    *("single_tree", "height_kept", "on_wood", "ground_left", "litter_mounds", "height_unknown"),
    *("leaf_fall", "cut", "even", "occlusion", *_OF_RETURNS),
)
_EXTINCTION = (0.03, 0.3)  # of one occupied voxel; the lower crown of a broadleaf keeps 60 % or next to nothing
_LEAN = 0.6  # tangent of the widest scan angle, about 30 degrees


@dataclass(frozen=True, kw_only=True)
class CropConfig:
    """What a crop looks like. Probabilities are per crop.

    Attributes:
        radius: least and greatest radius of a cylinder, metres.
        max_points: points a crop holds at most; the radius shrinks for denser stands.
        single_tree: probability of one whole tree cut out of its stand, without ground.
        height_kept: probability that such a tree keeps its height above ground, as in its stand.
        on_wood: probability that a crop is centred on a wood point.
        centres: that point is any one (``uniform``), or likelier where the scan is sparser (``decay``).
        min_points: points a crop is thinned to at most, where it has more.
        decay: greatest attenuation of the kept share, from the top down or from the ground up, per 10 m.
        patches: greatest strength of the waves of denser and sparser regions, as a logarithm.
        ground_left: probability that some ground stays in, as when a ground filter has missed it.
        litter_mounds: probability that some ground is raised to mounds of litter, moss or rubble: no ground filter
            takes those away, and they are not wood.
        height_unknown: probability that the height above ground is withheld.
        jitter: greatest standard deviation of the position noise, metres.
        line_offset: standard deviation of the shift of each flight line, metres.
        scale: greatest relative change of size.
        wood_strength: factor on `decay`, `patches`, `jitter`, `line_offset` and `scale` in crops with more wood than
            their stand has: the rare class is the one that variety helps most (Shwartz-Ziv et al., NeurIPS 2023).
        returns_lost: probability that all returns from the second, third or fourth of a pulse on are missing.
        returns_unknown: probability that nothing is known of returns, as in many files.
        leaf_fall: probability that leaves are missing: a share of them, or all in half of these crops.
        cut: probability that a plane takes a part away: upright like the edge of a tile, or level.
        even: probability of an even sample (voxels or Poisson disk) in place of the uneven thinning, as many files are.
        occlusion: probability that the uneven thinning also loses what a drone above would not see; see
            :mod:`leafwood.samplers.occlusion`.
        even_spacing: least and greatest voxel or distance of it, metres.
    """

    radius: tuple[float, float] = (2.5, 5.0)
    max_points: int = 16_000
    single_tree: float = 0.3
    height_kept: float = 0.0
    on_wood: float = 0.5
    centres: Literal["uniform", "decay"] = "uniform"
    min_points: int = 1_500
    decay: float = 1.2
    patches: float = 1.0
    ground_left: float = 0.3
    litter_mounds: float = 0.0
    height_unknown: float = 0.15
    jitter: float = 0.015
    line_offset: float = 0.02
    scale: float = 0.3
    wood_strength: float = 1.0
    returns_lost: float = 0.0
    returns_unknown: float = 0.0
    leaf_fall: float = 0.0
    cut: float = 0.0
    even: float = 0.0
    occlusion: float = 0.0
    even_spacing: tuple[float, float] = (0.02, 0.15)

    def __post_init__(self) -> None:
        for name in _CHANCES:
            if not 0 <= getattr(self, name) <= 1:
                raise BadConfig(f"{name} is a probability from 0 to 1, not {getattr(self, name)}")
        for name in ("decay", "patches", "jitter", "line_offset", "scale", "wood_strength"):
            in_range(f"crops.{name}", getattr(self, name), 0.0)
        if not 0 < self.radius[0] <= self.radius[1] < np.inf:
            raise BadConfig(f"crops.radius must be two lengths above 0 m, not {self.radius}")
        if not 0 < self.even_spacing[0] <= self.even_spacing[1]:
            raise BadConfig(f"even_spacing must be two lengths above 0 m, not {self.even_spacing}")
        if not 0 < self.min_points <= self.max_points:
            raise BadConfig(f"min_points must be between 1 and max_points ({self.max_points}), not {self.min_points}")


def draw_crop(stand: LabelledStand, config: CropConfig, rng: np.random.Generator) -> LabelledStand:
    """Cut, thin and disturb one training example.

    Args:
        stand: what the crop is cut from.
        config: how it is cut, thinned and changed.
        rng: what decides.

    Returns:
        At least one labelled point, coordinates from 0 up.
    """
    crop = _single_tree(stand, config, rng) if rng.random() < config.single_tree else None
    crop = crop or _cylinder(stand, config, rng)
    config = _strengthened(config, crop, stand)
    crop = _lose(crop, config, rng)
    kept = _evenly(crop, config, rng) if _happens(config.even, rng) else _thinning(crop, config, rng)
    if (crop.label[kept] == IGNORE).all():
        kept = np.append(kept, rng.choice(np.flatnonzero(crop.label != IGNORE)))
    return _disturb(crop.take(kept), config, rng)


def _happens(chance: float, rng: np.random.Generator) -> bool:
    """Whether something of that probability happens; no random number is used for 0."""
    return chance > 0 and bool(rng.random() < chance)


def _strengthened(config: CropConfig, crop: LabelledStand, stand: LabelledStand) -> CropConfig:
    """How a crop is disturbed: more, or less, where it has more than its share of wood."""
    plants, wood = stand.centres
    if config.wood_strength == 1 or (crop.label == WOOD).mean() * len(plants) <= len(wood):
        return config
    names = ("decay", "patches", "jitter", "line_offset", "scale")
    return replace(config, **{name: getattr(config, name) * config.wood_strength for name in names})


def _single_tree(stand: LabelledStand, config: CropConfig, rng: np.random.Generator) -> LabelledStand | None:
    """One tree of enough points, without its surroundings and the ground; None if there is none."""
    if not len(stand.trees):
        return None
    crop = stand.take(np.flatnonzero(stand.tree == rng.choice(stand.trees)))
    if _happens(config.height_kept, rng):
        return crop
    return replace(crop, height=np.full(len(crop), np.nan, dtype=np.float32))


def _cylinder(stand: LabelledStand, config: CropConfig, rng: np.random.Generator) -> LabelledStand:
    """A vertical cylinder with all, some or none of its ground."""
    plants, wood = stand.centres
    centres = wood if len(wood) and rng.random() < config.on_wood else plants
    chance = stand.rarity[centres] if config.centres == "decay" else None
    middle = rng.choice(centres, p=None if chance is None else chance / chance.sum(dtype=np.float64))
    centre = stand.xyz[middle, :2] + rng.normal(0, 1, 2)
    near = np.hypot(*(stand.xyz[:, :2] - centre).T)
    inside = np.flatnonzero(near < rng.uniform(*config.radius))
    if len(inside) < 50:  # a centre beyond the edge of the stand
        inside = np.argsort(near)[:50]
    if len(inside) > 4 * config.max_points:  # the rest is left to the thinning
        inside = inside[np.argsort(near[inside])[: 4 * config.max_points]]
    if (stand.label[inside] == IGNORE).all():
        inside = np.append(inside, middle)
    crop = stand.take(inside)
    if _happens(config.litter_mounds, rng):
        crop = with_litter_mounds(crop, rng)
    keep = ~crop.ground
    height = crop.height
    if rng.random() < config.ground_left:
        keep |= rng.random(len(crop)) < rng.choice([0.05, 0.3, 1.0])
    if rng.random() < config.height_unknown:
        height = np.full(len(crop), np.nan, dtype=np.float32)
    if (crop.label[keep] == IGNORE).all():
        keep[:] = True
    return replace(crop, height=height).take(keep)


def with_litter_mounds(crop: LabelledStand, rng: np.random.Generator) -> LabelledStand:
    """A cloud whose ground is raised here and there by decimetres, as by litter, moss or rubble.

    What is raised by more than one is no longer `ground`; no ground filter would take it away.
    """
    ground = np.flatnonzero(crop.ground)
    if not len(ground):
        return crop
    plan = crop.xyz[ground, :2]
    rise = np.zeros(len(ground))
    for middle in plan[rng.integers(len(ground), size=rng.integers(1, 60))]:
        across = np.hypot(*((plan - middle) @ rng.normal(0, 1, (2, 2))).T) / rng.uniform(0.1, 1.0)
        rise = np.maximum(rise, rng.uniform(0.1, 0.7) * np.maximum(1 - across**2, 0))
    rise *= rng.uniform(rng.uniform(0, 1), 1, len(ground))
    xyz, height, still = crop.xyz.copy(), crop.height.copy(), crop.ground.copy()
    xyz[ground, 2] += rise
    height[ground] += rise
    still[ground] = rise <= 0.1
    return replace(crop, xyz=xyz, height=height, ground=still)


def _lose(crop: LabelledStand, config: CropConfig, rng: np.random.Generator) -> LabelledStand:
    """The crop without leaves, late returns or all beyond a plane, if a label is left; perhaps with unknown returns."""
    keep = np.ones(len(crop), dtype=bool)
    if _happens(config.leaf_fall, rng):
        left = 0.0 if rng.random() < 0.5 else rng.uniform(0, 0.5)
        keep &= (crop.label != LEAF) | crop.ground | (rng.random(len(crop)) < left)
    if _happens(config.returns_lost, rng):
        keep &= crop.return_number <= rng.integers(1, 4)
    if _happens(config.cut, rng):
        along = crop.xyz @ (rng.normal(0, 1, 3) * ((1, 1, 0), (0, 0, 1))[rng.integers(2)])
        keep &= along >= np.quantile(along, rng.uniform(0, 0.5))
    crop = crop.take(keep) if (crop.label[keep] != IGNORE).any() else crop
    return crop.without_returns() if _happens(config.returns_unknown, rng) else crop


def _evenly(crop: LabelledStand, config: CropConfig, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which points an even sample keeps (k,); it is coarser than asked where the crop would hold too many."""
    spacing = float(np.exp(rng.uniform(*np.log(config.even_spacing))))
    sampler = (VoxelSampler, PoissonDiskSampler)[rng.integers(2)]
    cloud = crop.cloud()
    while len(kept := sampler(spacing)(cloud, rng).index) > config.max_points:
        spacing *= 1.25
    return kept


def _thinning(crop: LabelledStand, config: CropConfig, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which points stay (k,): a random share that varies with height, place and class."""
    height = crop.xyz[:, 2] - crop.xyz[:, 2].max()
    keep = np.exp(rng.uniform(-config.decay, config.decay) * height / 10.0)
    wave = rng.normal(0, 1, 3) * 2 * np.pi / rng.uniform(3, 15)
    keep *= np.exp(rng.uniform(0, config.patches) * np.sin(crop.xyz @ wave + rng.uniform(0, 2 * np.pi)))
    if (
        rng.random() < 0.5
    ):  # stems are sparser than leaves from the air and denser from the ground, and a network must learn neither
        keep[(crop.label == WOOD) == (rng.random() < 0.5)] *= np.exp(rng.uniform(np.log(0.15), 0))
    if _happens(config.occlusion, rng):
        extinction = np.exp(rng.uniform(*np.log(_EXTINCTION)))
        lean = rng.uniform(-_LEAN, _LEAN, 2) * (rng.random() < 0.7)
        keep *= transmission(crop.xyz, extinction, (lean[0], lean[1]))
    keep /= max(float(keep.max()), 1e-9)
    wanted = np.exp(rng.uniform(np.log(config.min_points), np.log(config.max_points)))
    if rng.random() < 0.4:
        wanted = float(config.max_points)
    keep *= min(1.0, wanted / max(float(keep.sum()), 1.0))
    return np.flatnonzero(rng.random(len(crop)) < keep)


def _disturb(crop: LabelledStand, config: CropConfig, rng: np.random.Generator) -> LabelledStand:
    """Turn, mirror, scale, shift the flight lines, add noise, and move off the voxel grid."""
    xyz = crop.xyz.astype(np.float64) - crop.xyz.mean(axis=0)
    lines, line = np.unique(crop.line, return_inverse=True)
    xyz += rng.normal(0, config.line_offset, (len(lines), 3))[line]
    xyz += rng.normal(0, rng.uniform(0, config.jitter) + 1e-6, xyz.shape)
    angle, scale = rng.uniform(0, 2 * np.pi), np.exp(rng.uniform(-config.scale, config.scale))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    xyz[:, :2] = xyz[:, :2] @ turn * (1.0, rng.choice([-1.0, 1.0]))
    xyz *= scale
    xyz += rng.uniform(0, 4, 3) - xyz.min(axis=0)
    return replace(crop, xyz=xyz.astype(np.float32), height=(crop.height * scale).astype(np.float32))
