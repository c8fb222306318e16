"""The third pass: what is fitted to the whole survey, and each output written once, in the order of its input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.batch.one_file import LabelOptions
from leafwood.batch.survey.facts import SurveyFacts
from leafwood.batch.survey.tile import GROUND, SEEN, TO_LABEL, TileSums, descriptor_of, tile_file
from leafwood.classes import OUT_LEAF, OUT_NONE, OUT_WOOD
from leafwood.inference.scan import ScanFit, Seen
from leafwood.inference.segmenter import Segmenter
from leafwood.io.labels import HEIGHT
from leafwood.io.las.relabel import relabel
from leafwood.postprocess.abstain import undecided
from leafwood.postprocess.rule import ScanRule

__all__ = ["Columns", "label_points", "write_output"]


@dataclass(frozen=True)
class Columns:
    """Where the results of one file are until they are written, by the places of its points.

    Attributes:
        folder: that holds them.
        number: of the file.
        count: of its points.
    """

    folder: Path
    number: int
    count: int

    def create(self, options: LabelOptions) -> None:
        """Make room for what the options ask for."""
        for name in ("leafwood", "wood_prob", *self._more(options)):
            np.memmap(self._path(name), _TYPES[name], "w+", shape=(self.count,)).flush()

    def column(self, name: str, mode: str = "r") -> NDArray[Any]:
        """One of them (n,), on disk."""
        if not self.count:
            return np.zeros(0, dtype=_TYPES[name])
        return np.memmap(self._path(name), _TYPES[name], "r+" if mode == "w" else "r", shape=(self.count,))

    def put(self, index: NDArray[np.uint32], values: dict[str, NDArray[Any]]) -> None:
        """Write values at the places (m,) of some points, as far as they are asked for."""
        for name, column in values.items():
            if self._path(name).exists():
                self.column(name, "w")[index] = column

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}_{self.number}.bin"

    def _more(self, options: LabelOptions) -> list[str]:
        return [HEIGHT] * options.height + ["ground"] * options.classify


_TYPES: dict[str, np.dtype[Any]] = {
    "leafwood": np.dtype(np.uint8),
    "wood_prob": np.dtype("<f4"),
    HEIGHT: np.dtype("<f4"),
    "ground": np.dtype(bool),
}


@dataclass(frozen=True, eq=False)
class _Part:
    """What is known of the points that a tile owns, see :mod:`leafwood.batch.survey.tile`."""

    owned: NDArray[np.void]
    seen: Seen


def label_points(
    segmenter: Segmenter, facts: SurveyFacts, tiles: Sequence[TileSums], folder: Path, options: LabelOptions
) -> NDArray[np.int64]:
    """Decide the label of every point, and put it by its place in its file.

    Args:
        segmenter: that has seen the tiles.
        facts: of the survey.
        tiles: all that were seen.
        folder: that holds what is known of their points.
        options: what is to be written.

    Returns:
        (files, 3) points not processed, leaf and wood.
    """
    files = [Columns(folder, number, file.count) for number, file in enumerate(facts.place.files)]
    for file in files:
        file.create(options)
    counts = np.zeros((len(files), 3), dtype=np.int64)
    tiles = sorted(tiles, key=lambda tile: tile.box)
    boxes = [tile for tile in tiles if tile.seen]

    def parts() -> Iterator[_Part]:
        for tile in boxes:
            yield _load(tile_file(folder, tile.box))

    width = max((tile.shares for tile in tiles), default=0)
    fit = ScanFit.of_parts(
        lambda: (_with_shares(part.seen, width) for part in parts()),
        descriptor_of(tiles),
        segmenter.model.calibration,
        segmenter.evidence if width else 0.0,
    )

    def equal(part: _Part) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        state = part.owned["state"]
        todo = (state[(state & SEEN) > 0] & TO_LABEL) > 0
        return fit.equal(_with_shares(part.seen, width))[todo], part.owned["stratum"][(state & TO_LABEL) > 0]

    rule = ScanRule.of_parts(lambda: (equal(part) for part in parts()), segmenter.rule)
    for tile in tiles:
        part = _load(tile_file(folder, tile.box))
        todo = (part.owned["state"] & TO_LABEL) > 0
        label, prob = np.full(len(todo), OUT_NONE, dtype=np.uint8), np.zeros(len(todo), dtype=np.float32)
        if todo.any():
            said = rule.say(*equal(part))
            prob[todo], label[todo] = said.prob, np.where(said.wood, OUT_WOOD, OUT_LEAF)
            if options.abstain is not None:
                label[todo] = undecided(label[todo], said.prob, options.abstain)
        values: dict[str, NDArray[Any]] = {"leafwood": label, "wood_prob": prob, HEIGHT: part.owned["height"]}
        values["ground"] = (part.owned["state"] & GROUND) > 0
        for number in np.unique(part.owned["file"]):
            mine = part.owned["file"] == number
            files[number].put(part.owned["index"][mine], {name: column[mine] for name, column in values.items()})
            counts[number] += np.bincount(label[mine], minlength=3)
    counts[:, OUT_NONE] += [file.count for file in facts.place.files] - counts.sum(axis=1)  # strays are in no tile
    return counts


def _load(path: Path) -> _Part:
    with np.load(path) as kept:
        if "logit" not in kept:
            none = np.zeros(0, dtype=np.uint8)
            return _Part(kept["owned"], Seen(none.astype(np.float32), None, none, none.astype(np.uint32)))
        shares = kept.get("shares")
        return _Part(kept["owned"], Seen(kept["logit"], shares, kept["fold"], kept["lots"]))


def _with_shares(seen: Seen, width: int) -> Seen:
    """The same with shares of returns, 0 where a tile knows of none but others do."""
    if width and seen.shares is None:
        return seen._replace(shares=np.zeros((len(seen.logit), width), dtype=np.float16))
    return seen


def write_output(source: Path, target: Path, columns: Columns, options: LabelOptions) -> None:
    """Write a file of a survey again with its labels; see :func:`leafwood.io.las.relabel.relabel`."""
    relabel(
        source,
        target,
        columns.column("leafwood"),
        columns.column("wood_prob"),
        extra={HEIGHT: columns.column(HEIGHT)} if options.height else {},
        classify=options.classify,
        ground=columns.column("ground") if options.classify else None,
        upgrade=options.upgrade,
        overwrite=options.overwrite,
        crs=options.crs,
    )
