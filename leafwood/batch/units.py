"""Which scans of a run belong together: files that touch are one survey, and all others are labelled by themselves."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.batch.one_file import Labelled, LabelOptions, label_file, segmenter
from leafwood.batch.survey.large import is_large
from leafwood.batch.workers import InTurn, Workers
from leafwood.errors import LeafwoodError
from leafwood.inference.labelling import Progress
from leafwood.inference.segmenter import Segmenter
from leafwood.io.las.stream import LasStream, open_las
from leafwood.io.loaders import is_las
from leafwood.io.remote import url_of

__all__ = ["Unit", "label_unit", "surveys_of", "units_of"]

_REACH = 10.0  # m: files further apart know nothing of each other
_WIDEST = 50_000.0  # m: a file that is wider has strays, and where it lies is not known before it is read
_SAME = 0.5  # of the plan of the smaller of two files: what overlaps more is the same place scanned again

Outcome = Labelled | Exception


class Unit(NamedTuple):
    """Scans that are labelled together.

    Attributes:
        jobs: scan -> labelled file.
        beside: scans of the same survey that are seen but not written.
        tiled: whether they are labelled tile by tile from disk; a scan that fits into memory is not.
    """

    jobs: Mapping[Path, Path]
    beside: tuple[Path, ...] = ()
    tiled: bool = False


def units_of(jobs: Mapping[Path, Path], options: LabelOptions, known: Collection[Path] = ()) -> list[Unit]:
    """Put together the scans that belong together.

    LAS files of one coordinate system whose plans touch or overlap are one survey. Files without a coordinate system
    may lie anywhere, and those that overlap by more than half are the same place scanned again: they are labelled by
    themselves, and so is whatever has to be fetched first or is no LAS.

    Args:
        jobs: scan -> labelled file.
        options: how they are labelled.
        known: all scans of the run, those that are labelled already among them.

    Returns:
        Each of `jobs` in one unit, in their order.
    """
    if options.resume or not isinstance(segmenter(options), Segmenter):
        return [Unit({source: target}) for source, target in jobs.items()]
    opened = _all_opened([*jobs, *known], options)
    found: list[Unit] = []
    taken: set[Path] = set()
    group_of = _groups(opened)
    for source, target in jobs.items():
        if source in taken:
            continue
        group = group_of.get(source, [source])
        mine = {path: jobs[path] for path in group if path in jobs and jobs[path].suffix.lower() in (".las", ".laz")}
        if len(group) > 1 and source in mine:
            found.append(Unit(mine, tuple(path for path in group if path not in mine), tiled=True))
            taken |= mine.keys()
        else:
            found.append(Unit({source: target}, tiled=source in opened and is_large(source, target, options)))
    return found


def surveys_of(scans: Iterable[Path], options: LabelOptions) -> dict[Path, list[Path]]:
    """All scans of its survey, itself among them, for each scan that is not labelled by itself."""
    scans = list(dict.fromkeys(scans))
    if len(scans) < 2 or not isinstance(segmenter(options), Segmenter):
        return {}  # one scan touches no other, and its header need not be read for that
    return _groups(_all_opened(scans, options))


def label_unit(
    unit: Unit, options: LabelOptions, progress: Progress | None = None, workers: Workers | None = None
) -> Iterator[tuple[Path, Outcome]]:
    """Label the scans of a unit.

    Args:
        unit: what belongs together.
        options: how.
        progress: called with the points done and the points to do.
        workers: who does the work of a survey; this process when None.

    Yields:
        Each scan to be written, and what came of it.
    """
    if unit.tiled:
        from leafwood.batch.survey.engine import label_survey

        yield from label_survey(unit.jobs, options, workers or InTurn(), progress, beside=unit.beside)
        return
    for source, target in unit.jobs.items():
        try:
            yield source, label_file(source, target, options, progress)
        except Exception as error:
            yield source, error


def _all_opened(paths: Iterable[Path], options: LabelOptions) -> dict[Path, LasStream]:
    """The headers that can be read, each file once."""
    return {path: stream for path in dict.fromkeys(paths) if (stream := _opened(path, options)) is not None}


def _opened(path: Path, options: LabelOptions) -> LasStream | None:
    """The header of a LAS file of this machine that is wanted whole; None of others, and where it cannot be read."""
    if url_of(path) is not None or options.bounds is not None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return open_las(path, options.crs) if path.is_file() and is_las(path) else None
        except (LeafwoodError, OSError):
            return None  # whoever labels it says why


def _groups(opened: Mapping[Path, LasStream]) -> dict[Path, list[Path]]:
    """The files that belong together, by each of them; those that belong to no others are left out."""
    placed = {path: stream for path, stream in opened.items() if stream.crs is not None and _is_placed(stream)}
    paths = list(placed)
    kinds = [(stream.crs, stream.meaning.ground) for stream in placed.values()]
    plans = np.array([stream.bounds[:, :2] for stream in placed.values()]).reshape(-1, 2, 2)
    root = list(range(len(paths)))

    def top(number: int) -> int:
        while root[number] != number:
            number = root[number] = root[root[number]]
        return number

    for number in range(len(paths)):
        for other in np.flatnonzero(_touch(plans[number], plans[:number])):
            if kinds[number] == kinds[other]:
                root[top(number)] = top(int(other))
    members: dict[int, list[Path]] = {}
    for number, path in enumerate(paths):
        members.setdefault(top(number), []).append(path)
    return {path: group for group in members.values() if len(group) > 1 for path in group}


def _is_placed(stream: LasStream) -> bool:
    """Whether the header tells where the points lie."""
    wide = stream.bounds[1, :2] - stream.bounds[0, :2]
    return bool(stream.layout.count and np.isfinite(wide).all() and (wide >= 0).all() and (wide < _WIDEST).all())


def _touch(plan: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of some plans (n, 2, 2) touch or overlap one (2, 2), without being the same place."""
    common = np.minimum(plan[1], others[:, 1]) - np.maximum(plan[0], others[:, 0])
    areas = np.prod(np.maximum(others[:, 1] - others[:, 0], 1e-6), axis=1)
    smaller = np.minimum(areas, np.prod(np.maximum(plan[1] - plan[0], 1e-6)))
    same = np.prod(np.maximum(common, 0.0), axis=1) > _SAME * smaller
    return np.asarray((common >= -_REACH).all(axis=1) & ~same)
