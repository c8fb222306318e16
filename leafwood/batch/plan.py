"""Many scans with one command: which of them are to be labelled, and where each one's labels go."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Iterable
from pathlib import Path

from leafwood.canopy.profile import CanopyConfig
from leafwood.errors import BadConfig, FileWarning
from leafwood.io.files import list_files
from leafwood.io.loaders import default_output
from leafwood.io.target import writing
from leafwood.report.canopy import canopy_files

__all__ = ["FAILED", "failures_below", "is_made", "note_failed", "plan"]

FAILED = "leafwood_failed.lst"  # not the suffix of a point cloud: it may lie among them


def plan(paths: Iterable[Path], output: Path | None = None) -> dict[Path, Path]:
    """What to label, and where to.

    A folder's scans keep their places below it. Files that leafwood has labelled are no scans, wherever they lie, so a
    folder that was labelled before can be labelled again; one that is given by name alone is labelled.

    Args:
        paths: files, folders (searched below, too) and glob patterns.
        output: folder to write to, beside each scan by default; for one file also the file to write.

    Returns:
        Scan -> labelled file, in the order of :func:`~leafwood.io.files.list_files`.

    Raises:
        FileProblem: something that is not there, or a folder without a point cloud.
        BadConfig: two scans with one output, or one file given as the output of several.
    """
    paths = list(paths)
    files = list_files(paths, products=False)
    folders = [path for path in paths if path.is_dir()]
    if output is not None and output.suffix and not output.is_dir():
        if len(files) > 1 or folders:
            raise BadConfig(f"{output}: one file cannot hold the labels of several scans; give a folder as `output`")
        return {files[0]: output}
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
        return default_output(file)
    root = next((folder for folder in folders if file.is_relative_to(folder)), file.parent)
    return default_output(file, output / file.parent.relative_to(root))


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
    made = source.stat().st_mtime
    return all(file.exists() and file.stat().st_mtime >= made for file in files)


def note_failed(failed: Collection[Path], jobs: Collection[Path], output: Path | None = None) -> None:
    """Leave a list of the scans that failed, a line each, or take away the last time's if there are none.

    Args:
        failed: those that failed.
        jobs: all scans.
        output: folder that was written to; the list goes there, else to the lowest folder that holds all scans.
    """
    path = (output or Path(os.path.commonpath([job.parent.absolute() for job in jobs]))) / FAILED
    if not failed:
        path.unlink(missing_ok=True)
        return
    with writing(path, None, overwrite=True) as stream:
        stream.writelines(os.fsencode(job) + b"\n" for job in failed)


def failures_below(paths: Iterable[Path]) -> dict[Path, str]:
    """Scans that could not be labelled, as :func:`note_failed` left word of them in folders, with what to do."""
    found = {}
    for folder in (path for path in paths if path.is_dir()):
        for note in folder.rglob(FAILED):
            for line in note.read_bytes().splitlines():
                found[Path(os.fsdecode(line))] = "could not be labelled; `leafwood segment` says why"
    return found
