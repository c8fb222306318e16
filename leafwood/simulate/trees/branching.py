"""Wood that modular-tree lacks: radii by a rule, twigs, whorls, buttresses, lianas, dead stubs.

Everything is built for all branches at once: (branches, nodes, 3) arrays, never one branch at a time.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from leafwood.simulate.trees.skeleton import Skeleton
from leafwood.simulate.trees.species import StemForm, TwigForm, WhorlForm

__all__ = ["add_buttresses", "add_lianas", "add_stubs", "add_twigs", "set_radii", "stem_radius", "whorled"]

Floats = NDArray[np.float64]
Rng = np.random.Generator
_TIP = 0.0012  # m, the radius of a branch's end bud
_MIN = 0.0008


def _unit(v: Floats) -> Floats:
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12))


def stem_radius(z: Floats, height: float, dbh: float, form: StemForm) -> Floats:
    """Stem radius (m) at heights `z` (n,): a power of the distance from the top, flared at the foot, exact at 1.3 m."""
    breast = min(1.3, 0.3 * height)
    relative = np.clip((height - z) / max(height - breast, 0.1), 0, None) ** form.taper
    flare = 1 + form.flare * np.exp(-np.maximum(z, 0) / (0.4 * max(dbh, 0.02) + 0.05))
    return np.asarray(np.maximum(0.5 * dbh * relative * flare, _TIP))


def set_radii(skeleton: Skeleton, height: float, dbh: float, form: StemForm, rng: Rng) -> Skeleton:
    """Radii for every node: the stem by its taper, a branch by its length and never thicker than what it grows on.

    A branch of length L m has a basal radius of about 7.5 mm L^1.15 + 1 mm (a 5 m limb is 10 cm thick, a 30 cm shoot
    6 mm), which lies between measured broadleaf limbs and conifer branches, times a log-normal scatter of 20 %.
    """
    radius = np.zeros(len(skeleton.xyz))
    length, along, branch = skeleton.lengths(), skeleton.along(), skeleton.branch
    free = (0.0075 * length**1.15 + 0.001) * np.exp(0.2 * np.clip(rng.standard_normal(len(length)), -2, 2))
    relative = along / np.maximum(length[branch], 1e-9)
    for order in range(int(skeleton.order.max()) + 1):
        own = skeleton.order[branch] == order
        if order == 0:
            radius[own] = stem_radius(skeleton.xyz[own, 2], height, dbh, form)
            continue
        which = np.flatnonzero(skeleton.order == order)
        limit = _radius_at(skeleton, radius, which)
        base = np.maximum(np.minimum(free[which], 0.8 * limit), _TIP)
        of_branch = np.zeros(len(length))
        of_branch[which] = base
        b = of_branch[branch[own]]
        radius[own] = _TIP * 0.8 + (b - _TIP * 0.8) * (1 - relative[own]) ** 0.85
    return replace(skeleton, radius=np.maximum(radius, _MIN))


def _radius_at(skeleton: Skeleton, radius: Floats, which: NDArray[np.int64]) -> Floats:
    """Radius of the parent where each branch in `which` leaves it: at the parent's nearest node."""
    start, parent = skeleton.start, skeleton.parent[which]
    count = start[parent + 1] - start[parent]
    first = np.cumsum(count) - count
    child = np.repeat(np.arange(len(which)), count)
    node = start[parent][child] + np.arange(len(child)) - first[child]
    away = ((skeleton.xyz[node] - skeleton.xyz[start[which]][child]) ** 2).sum(axis=1)
    nearest = away == np.minimum.reduceat(away, first)[child]
    out = np.zeros(len(which))
    out[child[nearest]] = radius[node[nearest]]
    return out


def add_twigs(skeleton: Skeleton, form: TwigForm, rng: Rng, *, limit: int = 20_000) -> Skeleton:
    """Last shoots on the thin branches: two-segment prisms, bent, pointing outward.

    Args:
        skeleton: with radii.
        form: the species' twigs.
        rng: the tree's random numbers.
        limit: most twigs; fewer per metre where the tree would have more.
    """
    branch = skeleton.branch
    lower = np.flatnonzero((branch[1:] == branch[:-1]) & (skeleton.radius[1:] < form.on_radius))
    step = skeleton.xyz[lower + 1] - skeleton.xyz[lower]
    expected = np.linalg.norm(step, axis=1) * form.per_m * np.where(skeleton.alive[branch[lower]], 1.0, 0.35)
    expected *= min(1.0, limit / max(expected.sum(), 1e-9))
    on = np.repeat(np.arange(len(lower)), rng.poisson(expected))
    if len(on) == 0:
        return skeleton
    t = rng.random(len(on))[:, None]
    base = skeleton.xyz[lower[on]] + t * step[on]
    along = _unit(step[on])
    across = _unit(np.cross(along, _unit(rng.standard_normal((len(on), 3)))))
    angle = np.radians(rng.uniform(*form.angle, len(on)))[:, None]
    length = (rng.uniform(*form.length, len(on)) * np.exp(0.2 * rng.standard_normal(len(on))))[:, None]
    direction = np.cos(angle) * along + np.sin(angle) * across
    bend = np.array([0, 0, form.up]) + 0.08 * rng.standard_normal((len(on), 3))
    xyz = np.stack([base, base + 0.5 * length * (direction + 0.2 * bend), base + length * _unit(direction + bend)], 1)
    thick = np.minimum(rng.uniform(*form.radius, len(on)), 0.9 * skeleton.radius[lower[on]])
    radius = np.maximum(thick[:, None] * np.array([1.0, 0.75, 0.45]), _MIN)
    parent = branch[lower[on]]
    twigs = Skeleton.from_grid(xyz, radius, order=0, parent=parent)
    twigs = replace(twigs, order=skeleton.order[parent] + 1, alive=skeleton.alive[parent])
    return Skeleton.merge([skeleton, twigs])


def _on_stem(stem: Skeleton, z: Floats) -> tuple[Floats, Floats]:
    """Position (n, 3) and radius (n,) of the first stem at heights `z` (n,)."""
    nodes = slice(0, stem.start[1])
    height = np.maximum.accumulate(stem.xyz[nodes, 2])
    xyz = np.stack([np.interp(z, height, stem.xyz[nodes, k]) for k in range(3)], axis=1)
    return xyz, np.interp(z, height, stem.radius[nodes])


def add_stubs(skeleton: Skeleton, form: StemForm, z: tuple[float, float], rng: Rng, *, epicormic: bool) -> Skeleton:
    """Dead stubs (or living epicormic shoots) on the first stem between two heights, m."""
    density = form.epicormic if epicormic else form.stubs
    count = rng.poisson(density * max(z[1] - z[0], 0))
    if count == 0:
        return skeleton
    base, thick = _on_stem(skeleton, rng.uniform(*z, count))
    azimuth = rng.uniform(0, 2 * np.pi, count)
    rise = np.radians(rng.uniform(10, 55, count) if epicormic else rng.normal(-5, 18, count))
    direction = np.stack([np.cos(azimuth) * np.cos(rise), np.sin(azimuth) * np.cos(rise), np.sin(rise)], axis=1)
    length = rng.uniform(0.2, 0.7, count) if epicormic else rng.uniform(*form.stub_length, count)
    s = np.linspace(0, 1, 4)
    wobble = 0.05 * np.cumsum(rng.standard_normal((count, 4, 3)), axis=1) * s[None, :, None]
    xyz = base[:, None] + (length[:, None] * s)[..., None] * direction[:, None] + wobble * length[:, None, None]
    radius = np.minimum(0.004 + 0.009 * length, 0.4 * thick)[:, None] * (1 - 0.6 * s)
    parent = np.zeros(count, dtype=np.int64)
    stubs = Skeleton.from_grid(xyz, np.maximum(radius, _MIN), order=1, parent=parent, alive=epicormic)
    return Skeleton.merge([skeleton, stubs])


def add_lianas(skeleton: Skeleton, form: StemForm, height: float, crown_radius: float, rng: Rng) -> Skeleton:
    """Lianas: from the ground some metres off, winding up beside the stem, into the crown."""
    count = int(rng.integers(form.lianas[0], form.lianas[1] + 1))
    if count == 0:
        return skeleton
    m = 40
    s = np.linspace(0, 1, m)[None]
    top = rng.uniform(0.6, 0.95, (count, 1)) * height
    z = top * s**0.9
    stem, thick = _on_stem(skeleton, z.reshape(-1))
    turn = rng.uniform(0, 2 * np.pi, (count, 1)) + rng.normal(0, 4, (count, 1)) * s
    foot = rng.uniform(0.2, 1.5, (count, 1))
    away = foot * (1 - s) ** 2 + thick.reshape(count, m) + 0.03 + rng.uniform(0, 0.5, (count, 1)) * crown_radius * s**6
    xyz = np.stack(
        [stem[:, 0].reshape(count, m) + away * np.cos(turn), stem[:, 1].reshape(count, m) + away * np.sin(turn), z], 2
    )
    xyz[..., :2] += 0.04 * np.cumsum(rng.standard_normal((count, m, 2)), axis=1) * s[..., None]
    radius = rng.uniform(0.008, 0.035, (count, 1)) * (1 - 0.7 * s)
    vines = Skeleton.from_grid(xyz, radius, order=1, parent=np.zeros(count, dtype=np.int64))
    return Skeleton.merge([skeleton, vines])


def add_buttresses(skeleton: Skeleton, height: float, dbh: float, rng: Rng) -> Skeleton:
    """Buttress roots as fans of thick stem-like ribs from the stem down to the ground, `height` m up the stem."""
    if height < 0.3:
        return skeleton
    fins, ribs, m = int(rng.integers(4, 8)), 14, 6
    azimuth = np.repeat(np.sort(rng.uniform(0, 2 * np.pi, fins)), ribs)
    share = np.tile(np.linspace(0.12, 1, ribs), fins)
    size = np.repeat(rng.uniform(0.7, 1.15, fins), ribs)
    s = np.linspace(0, 1, m)[None]
    # Each rib is a concave line from the stem to the ground; together they fill the plate.
    reach = 0.4 * dbh + (0.45 * height * size * share)[:, None] * s**1.6
    z = (height * size * share)[:, None] * (1 - s) - 0.15 * s
    swerve = azimuth[:, None] + np.repeat(rng.normal(0, 0.15, fins), ribs)[:, None] * s
    xyz = np.stack([reach * np.cos(swerve), reach * np.sin(swerve), z], axis=2)
    radius = np.full((fins * ribs, m), 0.5 * 0.45 * height / ribs).clip(0.025, 0.06)
    plates = Skeleton.from_grid(xyz, radius, order=0, parent=np.zeros(fins * ribs, dtype=np.int64))
    return Skeleton.merge([skeleton, plates])


def whorled(
    stem: Skeleton, height: float, crown_base: float, crown_radius: float, form: WhorlForm, rng: Rng, *, limit: int
) -> Skeleton:
    """First- and second-order branches of a conifer on its stem.

    Args:
        stem: the stem with radii.
        height: m.
        crown_base: height of the lowest live branch, m.
        crown_radius: m.
        form: the species' branching.
        rng: the tree's random numbers.
        limit: most side shoots.

    Returns:
        Stem and branches, with radii.
    """
    z, azimuth = _whorl_places(height, crown_base, form, rng)
    t = np.clip((height - z) / max(height - crown_base, 0.1), 1e-3, 1 - 1e-3)
    p, q = form.profile
    peak = (p / (p + q)) ** p * (q / (p + q)) ** q if q > 0 else 1.0
    length = crown_radius * t**p * (1 - t) ** q / peak * np.exp(0.18 * np.clip(rng.standard_normal(len(z)), -2.5, 2))
    length = np.maximum(length, 0.08)
    rise_top, rise_base = rng.uniform(*form.rise_top), rng.uniform(*form.rise_base)
    rise = np.radians(rise_top + (rise_base - rise_top) * t**0.7 + rng.normal(0, 7, len(z)))
    first = _first_order(stem, z, azimuth, length, rise, form, rng)
    second = _second_order(first, form, rng, offset=1, limit=limit)
    return Skeleton.merge([stem, first, second])


def _whorl_places(height: float, crown_base: float, form: WhorlForm, rng: Rng) -> tuple[Floats, Floats]:
    spacing = rng.uniform(*form.spacing)
    whorls = np.arange(crown_base, height - 0.05, spacing)
    whorls = whorls + rng.normal(0, 0.12 * spacing, len(whorls))
    count = rng.integers(form.count[0], form.count[1] + 1, len(whorls))
    turn = rng.uniform(0, 2 * np.pi, len(whorls))
    which = np.repeat(np.arange(len(whorls)), count)
    rank = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    azimuth = turn[which] + 2 * np.pi * rank / count[which] + rng.normal(0, 0.22, len(which))
    extra = form.between * len(whorls)
    z = np.concatenate([whorls[which] + rng.normal(0, 0.03, len(which)), rng.uniform(crown_base, height - 0.1, extra)])
    return z.clip(0.02, height - 0.03), np.concatenate([azimuth, rng.uniform(0, 2 * np.pi, extra)])


def _first_order(
    stem: Skeleton, z: Floats, azimuth: Floats, length: Floats, rise: Floats, form: WhorlForm, rng: Rng
) -> Skeleton:
    base, thick = _on_stem(stem, z)
    s = np.linspace(0, 1, 8)
    outward = np.stack([np.cos(azimuth), np.sin(azimuth), np.zeros(len(z))], axis=1)
    sideways = np.stack([-np.sin(azimuth), np.cos(azimuth), np.zeros(len(z))], axis=1)
    out = np.cos(rise)[:, None] * s
    up = np.sin(rise)[:, None] * s - form.droop * s**2 + form.upturn * s**4
    sweep_ = rng.normal(0, 0.06, (len(z), 1)) * s**2
    wobble = 0.012 * np.cumsum(rng.standard_normal((len(z), 8, 3)), axis=1) * s[None, :, None]
    scaled = out[..., None] * outward[:, None] + sweep_[..., None] * sideways[:, None] + wobble
    scaled[..., 2] += up
    xyz = base[:, None] + length[:, None, None] * scaled
    xyz[..., 2] = np.maximum(xyz[..., 2], 0.03)
    root = np.minimum((0.0065 * length**1.1 + 0.002) * np.exp(0.15 * rng.standard_normal(len(z))), 0.6 * thick)
    radius = np.maximum(_TIP + (root[:, None] - _TIP) * (1 - s) ** 0.9, _MIN)
    return Skeleton.from_grid(xyz, radius, order=1, parent=np.zeros(len(z), dtype=np.int64))


def _second_order(first: Skeleton, form: WhorlForm, rng: Rng, *, offset: int, limit: int) -> Skeleton:
    length = first.lengths()
    m = int(np.diff(first.start)[0])
    expected = 0.9 * form.side_per_m * length
    expected *= min(1.0, limit / max(expected.sum(), 1e-9))
    on = np.repeat(np.arange(len(length)), rng.poisson(expected))
    s = 0.12 + 0.86 * rng.random(len(on))
    nodes = first.xyz.reshape(-1, m, 3)
    low = np.minimum((s * (m - 1)).astype(np.int64), m - 2)
    part = (s * (m - 1) - low)[:, None]
    base = nodes[on, low] * (1 - part) + nodes[on, low + 1] * part
    along = _unit(nodes[on, low + 1] - nodes[on, low])
    flat = _unit(np.cross(along, np.array([0.0, 0, 1]))) * np.where(rng.random(len(on)) < 0.5, -1, 1)[:, None]
    around = _unit(np.cross(along, _unit(rng.standard_normal((len(on), 3)))))
    across = _unit(form.planar * flat + (1 - form.planar) * around + 0.12 * rng.standard_normal((len(on), 3)))
    angle = np.radians(rng.uniform(40, 65, len(on)))[:, None]
    direction = np.cos(angle) * along + np.sin(angle) * across
    reach = (form.side_length * length[on] * (1 - s) ** 0.7 * (0.35 + 0.65 * s) + 0.06) * rng.uniform(0.6, 1.2, len(on))
    u = np.linspace(0, 1, 3)
    xyz = base[:, None] + (reach[:, None] * u)[..., None] * direction[:, None]
    xyz[..., 2] -= form.side_hang * reach[:, None] * u**1.5
    xyz += 0.02 * reach[:, None, None] * np.cumsum(rng.standard_normal(xyz.shape), axis=1) * u[None, :, None]
    parent_radius = first.radius.reshape(-1, m)[on, low]
    root = np.minimum(0.0035 * reach + 0.0013, 0.7 * parent_radius)
    radius = np.maximum(_TIP * 0.8 + (root[:, None] - _TIP * 0.8) * (1 - u), _MIN)
    return Skeleton.from_grid(xyz, radius, order=2, parent=on + offset)
