"""A survey from its files to its labelled files, tile by tile, by whoever does the work."""

from __future__ import annotations

import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.batch.one_file import Labelled, LabelOptions, outputs, segmenter
from leafwood.batch.survey.catalogue import catalogue_path, write_catalogue
from leafwood.batch.survey.facts import Sample, SurveyFacts, find_facts
from leafwood.batch.survey.finish import Columns, label_points, write_output
from leafwood.batch.survey.first_pass import Part, index_part, parts_of
from leafwood.batch.survey.index import FileIndex, Grain
from leafwood.batch.survey.large import add_extras
from leafwood.batch.survey.opinion import doubts_of_survey, refusal
from leafwood.batch.survey.spill import RECORD
from leafwood.batch.survey.tile import BYTES_OF_POINT, TileSums, descriptor_of, look_at_tile, rings_of
from leafwood.batch.workers import Ended, Workers
from leafwood.errors import BadCloud, FileProblem, FileWarning, LeafwoodError
from leafwood.inference.labelling import Progress, remarks
from leafwood.inference.segmenter import Segmenter
from leafwood.inference.trust import Doubt, of_likeness, spoils
from leafwood.io.las.layout import read_layout
from leafwood.io.las.stream import LasStream, open_las
from leafwood.io.target import check_target, scratch_name, why_not_written
from leafwood.memory import in_words, points_of_tile
from leafwood.postprocess.likeness import unlike
from leafwood.spatial.tiles import Box, cut_plan

__all__ = ["label_survey", "space_needed"]

Outcome = Labelled | Exception

_HALVINGS = 3  # of a tile that fails


class _Writing(NamedTuple):
    """An output to be written."""

    source: Path
    target: Path
    columns: Columns


def label_survey(
    jobs: Mapping[Path, Path],
    options: LabelOptions,
    workers: Workers,
    progress: Progress | None = None,
    *,
    beside: Sequence[Path] = (),
) -> Iterator[tuple[Path, Outcome]]:
    """Label files that touch as one survey.

    Whatever is fitted to a scan is fitted to all of them, and no label depends on where one ends and the next begins. A
    file that cannot be read has failed, and the others are labelled without it.

    Args:
        jobs: scan -> labelled file, in a folder that is there.
        options: how.
        workers: who does the work.
        progress: called with the points done and the points to do.
        beside: more scans of the survey, which are seen but not written.

    Yields:
        A scan of `jobs` and what came of it.
    """
    ready: dict[Path, Path] = {}
    for source, target in jobs.items():
        try:
            for file in outputs(target, options):
                check_target(file, source, options.overwrite)
        except FileProblem as error:
            yield source, error
        else:
            ready[source] = target
    if not ready:
        return
    folder = next(iter(ready.values())).absolute().parent
    said: set[Path] = set()
    try:
        _require_space([*ready, *beside], folder)
        with tempfile.TemporaryDirectory(prefix=f"{scratch_name()}-", dir=folder) as scratch:
            run = _Run(ready, options, workers, progress, Path(scratch))
            for source, outcome in run.outcomes([*ready, *beside]):
                said.add(source)
                yield source, outcome
    except Exception as error:  # of what befalls the survey, every scan of it is told
        failure = error
        if isinstance(error, OSError) and not isinstance(error, LeafwoodError):
            failure = FileProblem(why_not_written(error, folder) or str(error))
        yield from ((source, failure) for source in ready if source not in said)


def space_needed(points: int) -> int:
    """Bytes of disk that a survey takes at most while it is labelled, its outputs apart."""
    results = 1 + 4 + 4 + 1  # see :mod:`leafwood.batch.survey.finish`
    return points * (RECORD.itemsize + BYTES_OF_POINT + results)


def _require_space(sources: Sequence[Path], folder: Path) -> None:
    """Refuse what the disk cannot hold, before the work.

    Raises:
        FileProblem: too little is left.
    """
    needed, written = 0, 0
    for source in sources:
        try:
            layout = read_layout(source)
        except FileProblem:
            continue  # whoever reads it says why
        needed, written = needed + space_needed(layout.count), written + layout.size
    free = shutil.disk_usage(folder).free
    if needed + written > free:
        text = f"labelling takes {in_words(needed)} of disk besides its outputs of about {in_words(written)}"
        raise FileProblem(f"{folder}: {text}, and {in_words(free)} are left")


class _Run:
    """One survey under way.

    Args:
        jobs: scan -> labelled file.
        options: how.
        workers: who does the work.
        progress: called with the points done and the points to do.
        scratch: folder for what is kept on disk meanwhile.
    """

    def __init__(
        self,
        jobs: Mapping[Path, Path],
        options: LabelOptions,
        workers: Workers,
        progress: Progress | None,
        scratch: Path,
    ) -> None:
        self._jobs, self._options, self._workers, self._progress = jobs, options, workers, progress
        self._scratch = scratch
        found = segmenter(options)
        assert isinstance(found, Segmenter)
        self._segmenter = found
        self._began = time.perf_counter()

    def outcomes(self, sources: Sequence[Path]) -> Iterator[tuple[Path, Outcome]]:
        """Label the scans that are to be labelled, among all that are seen."""
        files = []
        for path, outcome in self._indexed(sources):
            if isinstance(outcome, FileIndex):
                files.append(outcome)
            elif path in self._jobs:
                yield path, outcome
        if not any(file.path in self._jobs for file in files):
            return
        facts, sample = find_facts(files, self._segmenter.model.graph)
        found = self._opinion(facts, sample)
        tiles, lost = self._seen(facts)
        far = unlike(descriptor_of(tiles), self._segmenter.model.descriptors)
        found += tuple(of_likeness(far))
        counts = label_points(self._segmenter, facts, tiles, self._scratch, self._options)
        writing = []
        for number, file in enumerate(files):
            if file.path in lost:
                yield file.path, lost[file.path]
            elif file.path in self._jobs:
                columns = Columns(self._scratch, number, file.count)
                writing.append(_Writing(file.path, self._jobs[file.path], columns))
        for task, failure in self._workers.each(_write, writing, self._options):
            if failure is not None:
                yield task.source, failure
                continue
            took = self._seconds(facts, task.columns.count)
            made = Labelled(counts[task.columns.number], doubts=found, seconds=took, unlike=far)
            said = files[task.columns.number].remarks
            yield task.source, add_extras(made, task.source, task.target, self._options, said)
        index = catalogue_path(next(iter(self._jobs.values())))
        write_catalogue(index, facts, tiles, counts, {task.source: task.target for task in writing})

    def _indexed(self, sources: Sequence[Path]) -> Iterator[tuple[Path, FileIndex | Exception]]:
        """The files as the first pass finds them, in their order."""
        headers, parts, failed = self._opened(sources)
        grain = Grain.of(headers)
        found: dict[Path, dict[int, FileIndex]] = {path: {} for path in sources}
        for part, outcome in self._workers.each(_index, parts, self._options, grain):
            if isinstance(outcome, FileIndex):
                found[part.path][part.first] = outcome
            else:
                failed.setdefault(part.path, outcome)
        for path in sources:
            if path in failed:
                why = failed[path]
                yield path, FileProblem(f"{path}: {why}") if isinstance(why, Ended) else why
                continue
            index = FileIndex.of_parts([found[path][first] for first in sorted(found[path])], grain)
            for line in index.remarks:
                warnings.warn(line, FileWarning, stacklevel=2)
            yield path, index if index.count else FileProblem(f"{path}: has no points")

    def _opened(self, sources: Sequence[Path]) -> tuple[list[LasStream], list[Part], dict[Path, Exception]]:
        """Headers of the files, the parts to read them in, and why some cannot be read.

        What is odd about a header is said by whoever reads the points.
        """
        headers: list[LasStream] = []
        parts: list[Part] = []
        failed: dict[Path, Exception] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for number, path in enumerate(sources):
                try:
                    header = open_las(path, self._options.crs)
                    parts += parts_of(path, header.layout, self._scratch, number)
                except LeafwoodError as error:
                    failed[path] = error
                else:
                    headers.append(header)
        return headers, parts, failed

    def _opinion(self, facts: SurveyFacts, sample: Sample) -> tuple[Doubt, ...]:
        """What is to be said of the survey before it is labelled.

        Raises:
            BadCloud: it is far too sparse, and that is not to be ignored.
        """
        name = ", ".join(file.path.name for file in facts.place.files[:3]) + ", ..." * (len(facts.place.files) > 3)
        if not self._options.force and (doubt := refusal(facts, sample)):
            raise BadCloud(f"{name}: {doubt.detail}; {doubt.advice}; force=True labels it all the same")
        count = sum(file.count for file in facts.place.files)
        foreign = np.sum([file.foreign for file in facts.place.files], axis=0)
        for line in remarks(count, facts.place.strays, foreign, facts.surface.choice):
            warnings.warn(f"{name}: {line}", FileWarning, stacklevel=2)
        self._segmenter.warn()
        found = doubts_of_survey(facts, sample)
        for doubt in spoils(found, "labels"):
            text = f"{name}: do not trust the labels: {doubt.detail}; {doubt.advice}"
            warnings.warn(text, FileWarning, stacklevel=2)
        return found

    def _seen(self, facts: SurveyFacts) -> tuple[list[TileSums], dict[Path, Exception]]:
        """All tiles, and the files that lie in tiles which could not be seen, with why.

        A tile whose worker ended, or whose memory was too little, is tried again in halves.
        """
        most = self._segmenter.tile_points or points_of_tile(self._segmenter.memory)
        counts, ring = facts.place.counts, rings_of(self._segmenter, facts.scale)[0]
        waiting = [(box, 0) for box in cut_plan(counts, most, ring)]
        shared = [self._workers.share(value) for value in (self._segmenter, facts)]
        tiles: list[TileSums] = []
        lost: dict[Path, Exception] = {}
        while waiting:
            halvings, again = dict(waiting), []
            for box, outcome in self._workers.each(look_at_tile, list(halvings), *shared, self._scratch):
                if isinstance(outcome, TileSums):
                    tiles.append(outcome)
                    if self._progress:
                        self._progress(sum(tile.points for tile in tiles), facts.place.points)
                elif not isinstance(outcome, (MemoryError, Ended)):
                    raise outcome
                elif halvings[box] < _HALVINGS and len(halves := box.halves(_inside(counts, box))) > 1:
                    again += [(half, halvings[box] + 1) for half in halves]
                else:
                    lost |= {path: FileProblem(f"{path}: a tile of it {outcome}") for path in _paths_in(facts, box)}
            waiting = again
        return tiles, lost

    def _seconds(self, facts: SurveyFacts, count: int) -> float:
        """A file's part of the time."""
        return (time.perf_counter() - self._began) * count / max(sum(file.count for file in facts.place.files), 1)


def _index(options: LabelOptions, grain: Grain, part: Part) -> FileIndex:
    return index_part(part, options.crs, options.labels, grain)


def _write(options: LabelOptions, task: _Writing) -> None:
    write_output(task.source, task.target, task.columns, options)


def _inside(counts: NDArray[np.int64], box: Box) -> NDArray[np.int64]:
    return counts[box.x0 : box.x1, box.y0 : box.y1]


def _paths_in(facts: SurveyFacts, box: Box) -> list[Path]:
    return [facts.place.files[number].path for number in facts.place.files_in(box)]
