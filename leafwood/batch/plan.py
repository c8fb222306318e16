"""Many scans with one command: which of them are to be labelled, and where each one's labels go."""

from __future__ import annotations

import heapq
import os
import re
import warnings
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from leafwood.errors import BadConfig, FileWarning
from leafwood.io.bounds import Bounds
from leafwood.io.files import list_files
from leafwood.io.loaders import default_output
from leafwood.io.remote import Remote, file_name, shown, url_of
from leafwood.io.target import writing
from leafwood.io.vpc import is_vpc

__all__ = ["FAILED", "Part", "failures_below", "is_made", "note_failed", "plan", "run_folder", "share"]

FAILED = "leafwood_failed.lst"  # not the suffix of a point cloud: it may lie among them


class Part(NamedTuple):
    """One of several parts of a list, for as many tasks that know nothing of each other.

    Attributes:
        number: which, from 1 on.
        of: how many there are.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Part:
        """The part that ``I/N`` stands for.

        Raises:
            BadConfig: it is not two whole numbers, or there is no such part.
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise BadConfig(f"`part` is I/N, the I-th of N parts, counted from 1; not {text!r}")
        return cls(int(found[1]), int(found[2]))


def plan(paths: Iterable[Path], output: Path | None = None, bounds: Bounds | None = None) -> dict[Path, Path]:
    """What to label, and where to.

    A folder's scans keep their places below it. Files that leafwood has labelled are no scans, wherever they lie, so a
    folder that was labelled before can be labelled again; one that is given by name alone is labelled.

    Args:
        paths: files, folders (searched below, too) and glob patterns.
        output: folder to write to, beside each scan by default; for one file also the file to write. Scans that lie
            on a server or in an object store need one.
        bounds: what is to be labelled of them; files that lie elsewhere by a list that they come from are left out.

    Returns:
        Scan -> labelled file, in the order of :func:`~leafwood.io.files.list_files`.

    Raises:
        FileProblem: something that is not there, or a folder without a point cloud.
        BadConfig: two scans with one output, or one file given as the output of several.
    """
    paths = list(paths)
    files = list_files(paths, products=False, bounds=bounds)
    folders = [path.parent if is_vpc(path) else path for path in paths if is_vpc(path) or path.is_dir() or url_of(path)]
    if output is not None and output.suffix and not output.is_dir():
        if len(files) > 1 or any(path.is_dir() or is_vpc(path) for path in paths):
            raise BadConfig(f"{output}: one file cannot hold the labels of several scans; give a folder as `output`")
        return {files[0]: output}
    from leafwood.canopy.profile import CanopyConfig
    from leafwood.report.canopy import canopy_files

    targets = {file: _target(file, folders, output) for file in files}
    made = {target.resolve() for target in targets.values()}
    made |= {file for target in made for file in canopy_files(target.parent, target.stem, CanopyConfig())}
    jobs = {source: target for source, target in targets.items() if source.resolve() not in made}
    if left_out := len(files) - len(jobs):
        warnings.warn(f"left out, as labels of other files: {left_out}", FileWarning, stacklevel=2)
    _check_apart(jobs)
    return jobs


def _target(file: Path, folders: list[Path], output: Path | None) -> Path:
    """A scan's usual output, below `output` as deep as it lies below the folder it was found in."""
    if output is None:
        if url_of(file) is not None:
            raise BadConfig(f"{shown(file)}: labels cannot be written beside it: give a folder as `output`")
        return default_output(file)
    root = next((folder for folder in folders if file.parent.is_relative_to(folder)), file.parent)
    return default_output(Path(file_name(file)) if url_of(file) else file, output / file.parent.relative_to(root))


def _check_apart(jobs: dict[Path, Path]) -> None:
    """Refuse two scans with one output."""
    sources: dict[Path, Path] = {}
    for source, target in jobs.items():
        other = sources.setdefault(target.resolve(), source)
        if other != source:
            raise BadConfig(f"{other} and {source} would both be written to {target}")


def is_made(source: Path, files: Iterable[Path]) -> bool:
    """Whether what is made of a scan is there, all of it, and no older than the scan.

    Files get their names only once they are whole, so one that is there is complete.

    Args:
        source: the scan.
        files: what is made of it.
    """
    made = 0.0 if url_of(source) else source.stat().st_mtime
    return all(file.exists() and file.stat().st_mtime >= made for file in files)


def share(jobs: dict[Path, Path], part: Part) -> dict[Path, Path]:
    """One part of the scans. Every scan is in exactly one, and each part has about the same number of bytes.

    The largest scan goes first to the part that has least so far, so that the parts of any two tasks that see the same
    files fit together.

    Args:
        jobs: scan -> labelled file.
        part: which.

    Returns:
        Those of the part, in their order.
    """
    sizes = {source: _size(source) for source in jobs}
    parts = [(0, number) for number in range(1, part.of + 1)]
    ours: set[Path] = set()
    for source in sorted(jobs, key=lambda source: (-sizes[source], str(source))):
        held, number = heapq.heappop(parts)
        if number == part.number:
            ours.add(source)
        heapq.heappush(parts, (held + sizes[source] + 1, number))  # 1: scans whose size nobody says are spread, too
    return {source: target for source, target in jobs.items() if source in ours}


def _size(source: Path) -> int:
    """Bytes of a scan; none where nobody says, as for one that is gone, which fails in the part that has it."""
    try:
        return int((Remote(source).state()["size"] or 0) if url_of(source) else source.stat().st_size)
    except OSError:
        return 0


def run_folder(jobs: Collection[Path], output: Path | None = None) -> Path:
    """The folder of a run's own files: the one that is written to, else the lowest that holds all scans.

    Args:
        jobs: all scans.
        output: where outputs go, a folder or the only output.
    """
    if output is None:
        return Path(os.path.commonpath([job.parent.absolute() for job in jobs]))
    return output.parent if output.suffix and not output.is_dir() else output


def note_failed(
    failed: Collection[Path], jobs: Collection[Path], output: Path | None = None, part: Part | None = None
) -> None:
    """Leave a list of the scans that failed, a line each, or take away the last time's if there are none.

    Args:
        failed: those that failed.
        jobs: all scans.
        output: folder that was written to; the list goes there, else to the lowest folder that holds all scans.
        part: which part of a list was labelled; each has a list of its own.
    """
    name = f"{Path(FAILED).stem}.{part.number}of{part.of}.lst" if part else FAILED
    path = run_folder(jobs, output) / name
    if not failed:
        path.unlink(missing_ok=True)
        return
    with writing(path, None, overwrite=True) as stream:
        stream.writelines(os.fsencode(shown(job)) + b"\n" for job in failed)


def failures_below(paths: Iterable[Path]) -> dict[Path, str]:
    """Scans that could not be labelled, as :func:`note_failed` left word of them in folders, with what to do."""
    found = {}
    for folder in (path for path in paths if path.is_dir()):
        for note in folder.rglob(f"{Path(FAILED).stem}*.lst"):
            for line in note.read_bytes().splitlines():
                found[Path(os.fsdecode(line))] = "could not be labelled; `leafwood segment` says why"
    return found
