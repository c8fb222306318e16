"""The second pass: one tile of a survey, read with its surroundings, seen by the network, and kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.batch.survey.facts import Sample, SurveyFacts
from leafwood.batch.survey.spill import CELL, CLASSED, USABLE
from leafwood.inference.labelling import IN_VIEW, in_view
from leafwood.inference.segmenter import Segmenter
from leafwood.postprocess.evidence import draw_lots, spatial_folds
from leafwood.postprocess.rule import height_strata
from leafwood.spatial.tiles import Box

__all__ = ["BYTES_OF_POINT", "GROUND", "SEEN", "TO_LABEL", "TileSums", "look_at_tile", "rings_of", "tile_file"]

SEEN, TO_LABEL, GROUND = 1, 2, 4  # bits of `state`: the network saw it; it is to be labelled; it is ground
# Of each point that a tile owns.
OWNED = np.dtype([("file", "<u2"), ("index", "<u4"), ("height", "<f4"), ("state", "u1"), ("stratum", "u1")])
BYTES_OF_POINT = OWNED.itemsize + 4 + 1 + 4 + 20  # with its logit, fold, lot and shares of returns


class TileSums(NamedTuple):
    """What a tile adds to what is known of its survey.

    Attributes:
        box: the tile.
        points: how many it owns.
        seen: how many of those the network saw.
        descriptor: (1 + t,) sums over them, see :class:`~leafwood.inference.segmenter.ForwardPass`.
        shares: how many shares of returns are known of each.
    """

    box: Box
    points: int
    seen: int
    descriptor: NDArray[np.float64]
    shares: int


def descriptor_of(tiles: Sequence[TileSums]) -> NDArray[np.float64]:
    """The scan descriptor (1 + t,) of a survey, whatever the order of its tiles; NaN where the network saw nothing."""
    seen = sorted((tile for tile in tiles if tile.seen), key=lambda tile: tile.box)
    if not seen:
        return np.full(1, np.nan)
    return np.asarray(np.sum([tile.descriptor for tile in seen], axis=0) / sum(tile.seen for tile in seen))


def tile_file(folder: Path, box: Box) -> Path:
    """Where what is known of a tile's points is kept."""
    return folder / f"tile_{box.x0}_{box.x1}_{box.y0}_{box.y1}.npz"


def rings_of(segmenter: Segmenter, scale: float) -> tuple[int, int]:
    """Widths in cells of the ring that a tile reads in full, and of the one that holds all it looks at."""
    full, far = (max(wide, segmenter.buffer) / scale for wide in (segmenter.buffer, segmenter.around))
    return int(np.ceil(full / CELL)), int(np.ceil(far / CELL))


def look_at_tile(segmenter: Segmenter, facts: SurveyFacts, folder: Path, box: Box) -> TileSums:
    """See one tile, and write what is known of the points that it owns.

    Args:
        segmenter: what to see with.
        facts: of the survey.
        folder: to write to.
        box: the tile's cells.
    """
    part = gather(segmenter, facts, box)
    low, high = facts.place.corners(box)
    owned = _within(part.xyz, low, high)
    usable, classed = (part.flags & USABLE) > 0, (part.flags & CLASSED) > 0
    ground, height = facts.surface.under(part.xyz, usable, classed)
    todo = usable & ~ground
    seen = todo.copy()
    if todo.any() and facts.surface.source == "cloth":
        seen |= in_view(_from_corner(part.xyz, IN_VIEW), ground)
    width = segmenter.buffer / facts.scale
    near = _within(part.xyz, low - width, high + width)
    index = np.flatnonzero(seen)
    index = index[segmenter.thinned(part.xyz, facts.scale, index, near[index])]
    mine = index[owned[index]]
    columns: dict[str, Any] = {}
    descriptor = np.zeros(1)
    if len(mine):
        returns = part.returns[index] if facts.with_returns else np.zeros((len(index), 2), dtype=np.uint8)
        view = segmenter.see(part.xyz[index], height[index], returns, facts.scale, owned[index])
        extent = np.zeros(2), facts.place.high[:2]
        columns["logit"] = view.logit
        columns["fold"] = spatial_folds(part.xyz[mine], extent)
        columns["lots"] = draw_lots(part.xyz[mine])
        if view.return_shares is not None:
            columns["shares"] = view.return_shares
        descriptor = view.descriptor * len(mine)
    state = seen * SEEN + todo * TO_LABEL + ground * GROUND
    kept = np.flatnonzero(owned)
    table = np.empty(len(kept), dtype=OWNED)
    table["file"], table["index"] = part.file[kept], part.place[kept]
    table["height"], table["state"] = height[kept], state[kept]
    table["stratum"] = height_strata(height[kept], part.xyz[kept, 2], 0.0)
    target = tile_file(folder, box)
    with target.with_suffix(".part").open("wb") as stream:
        np.savez(stream, owned=table, **columns)
    target.with_suffix(".part").replace(target)
    shares = columns["shares"].shape[1] if "shares" in columns else 0
    return TileSums(box, len(kept), len(mine), descriptor, shares)


def gather(segmenter: Segmenter, facts: SurveyFacts, box: Box) -> Sample:
    """The points that a tile looks at."""
    _, far = rings_of(segmenter, facts.scale)
    low, high = facts.place.corners(box)
    width = max(segmenter.around, segmenter.buffer) / facts.scale
    return facts.place.read(box.widened(far), (low - width, high + width))


def _within(xyz: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Points (n,) in a rectangle of the plan, its lower edges included."""
    return np.asarray(((xyz[:, :2] >= low) & (xyz[:, :2] < high)).all(axis=1))


def _from_corner(xyz: NDArray[np.float64], edge: float) -> NDArray[np.float32]:
    """Coordinates (n, 3) from a corner near the points at which voxels of that edge begin."""
    return np.asarray(xyz - np.floor(xyz.min(axis=0) / edge) * edge, dtype=np.float32)
