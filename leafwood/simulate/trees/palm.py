"""Palms: one stem without branches and a head of fronds. A frond is one leaf, so rachis and leaflets are leaf."""

from __future__ import annotations

import numpy as np

from leafwood.simulate.trees.branching import stem_radius
from leafwood.simulate.trees.foliage import LeafForm, Leaves
from leafwood.simulate.trees.skeleton import Skeleton
from leafwood.simulate.trees.species import StemForm

__all__ = ["clothe_palm", "palm_stem"]

Rng = np.random.Generator


def palm_stem(height: float, dbh: float, form: StemForm, rng: Rng) -> Skeleton:
    """The stem: slightly bent, ringed by leaf scars, `height` m to the top of its crownshaft."""
    z = np.linspace(0, height, max(12, int(height / 0.15)))
    t = z / height
    direction, bow = rng.uniform(0, 2 * np.pi, 2)
    lean = np.tan(np.radians(rng.uniform(*form.lean))) * height
    size = rng.uniform(*form.curve) * height
    x = lean * t**1.6 * np.cos(direction) + size * np.sin(np.pi * t) * np.cos(bow)
    y = lean * t**1.6 * np.sin(direction) + size * np.sin(np.pi * t) * np.sin(bow)
    radius = stem_radius(z, height, dbh, form).clip(0.6 * dbh / 2) * (1 + 0.03 * (np.arange(len(z)) % 2))
    return Skeleton.from_grid(np.stack([x, y, z], axis=1)[None], radius[None], order=0)


def clothe_palm(stem: Skeleton, crown_radius: float, form: LeafForm, rng: Rng) -> Leaves:
    """Fronds: arching rachises (as narrow kites) with two rows of leaflets."""
    fronds, m = int(rng.integers(14, 26)), 12
    top = stem.xyz[-1]
    azimuth = np.arange(fronds) * np.radians(137.5) + rng.normal(0, 0.15, fronds)
    rise = np.radians(np.linspace(80, -35, fronds) + rng.normal(0, 6, fronds))
    length = crown_radius * 1.25 * rng.uniform(0.8, 1.15, fronds)
    s = np.linspace(0, 1, m)
    pitch = rise[:, None] - np.radians(70) * s[None] ** 1.3
    step = length[:, None] / (m - 1)
    out, up = np.cumsum(np.cos(pitch) * step, axis=1), np.cumsum(np.sin(pitch) * step, axis=1)
    nodes = top + np.stack([out * np.cos(azimuth)[:, None], out * np.sin(azimuth)[:, None], up], axis=2)
    along = np.diff(nodes, axis=1)
    rachis_length = np.linalg.norm(along, axis=2)
    side = np.stack([-np.sin(azimuth), np.cos(azimuth), np.zeros(fronds)], axis=1)
    per = max(6, int(0.9 * float(length.mean()) / 0.05 / (m - 1)))
    number = fronds * (m - 1) * per * 2
    which = np.repeat(np.arange(fronds * (m - 1)), per * 2)
    f, k = which // (m - 1), which % (m - 1)
    t = rng.random(number)[:, None]
    base = nodes[f, k] * (1 - t) + nodes[f, k + 1] * t
    forward = along[f, k] / rachis_length[f, k, None]
    sign = np.where(np.arange(number) % 2 == 0, 1.0, -1.0)[:, None]
    axis = 0.75 * sign * side[f] + 0.5 * forward + np.array([0, 0, -1.0]) * rng.uniform(0.1, 0.7, (number, 1))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    across = np.cross(axis, np.cross(forward, axis) + 0.3 * rng.standard_normal((number, 3)))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    envelope = np.sin(np.pi * (0.12 + 0.8 * (k + t[:, 0]) / (m - 1)))
    leaflet = rng.uniform(*form.length, number) * envelope
    rachis_axis = (along / rachis_length[..., None]).reshape(-1, 3)
    return Leaves(
        base=np.concatenate([base, nodes[:, :-1].reshape(-1, 3)]),
        axis=np.concatenate([axis, rachis_axis]),
        side=np.concatenate([across, np.repeat(side, m - 1, axis=0)]),
        length=np.concatenate([leaflet, rachis_length.reshape(-1)]),
        width=np.concatenate([leaflet * form.aspect, np.full(fronds * (m - 1), 0.04)]),
    )
