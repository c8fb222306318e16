"""What runs have done in a folder: a line of JSON for each file, written as it ends and never changed.

A file counts as done when a line says so for the scan as it is now, the settings and the model that are asked for, and
the output as it lies there now. Whatever happens between those, a kill at any moment included, leaves no such line. A
line that is cut short is no line.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

from leafwood._version import __version__
from leafwood.batch.leftovers import runs
from leafwood.batch.plan import Part
from leafwood.batch.prints import same_file
from leafwood.errors import FileProblem, FileWarning
from leafwood.io.remote import shown
from leafwood.io.target import why_not_written

__all__ = ["MANIFEST", "Manifest", "open_manifest"]

MANIFEST = "leafwood_manifest.jsonl"
_FAR = 1 << 40  # a byte that no manifest reaches: Windows keeps others from reading what is locked

Settings = dict[str, Any]
Line = dict[str, Any]


class Manifest:
    """The manifest of a folder.

    Args:
        folder: where outputs go.
        stream: where lines are added; None where they cannot be kept.
        lines: what runs have noted so far.
    """

    def __init__(self, folder: Path, stream: FileIO | None, lines: list[Line]) -> None:
        self._folder = folder
        self._stream = stream
        self._done: dict[str, list[Line]] = {}
        for line in lines:
            if line.get("state") == "done":
                self._done.setdefault(str(line.get("output")), []).append(line)

    def confirms(self, source: Path, target: Path, settings: Settings) -> bool:
        """Whether an output is what these settings make of the scan as it is now.

        Args:
            source: the scan.
            target: its labelled file.
            settings: see :func:`leafwood.batch.resume.settings_of`.
        """
        return any(
            line.get("settings") == settings
            and line.get("version") == __version__
            and same_file(target, line.get("output_print"))
            and same_file(source, line.get("input_print"))
            for line in self._done.get(self._name(target), ())
        )

    def wrote(self, target: Path) -> bool:
        """Whether a run has noted an output as it lies there now, whatever it was made of."""
        lines = self._done.get(self._name(target), ())
        return any(same_file(target, line.get("output_print")) for line in lines)

    def note(self, source: Path, target: Path, settings: Settings, state: str, **more: Any) -> None:
        """Add what came of a scan.

        Args:
            source: the scan.
            target: its labelled file.
            settings: how it was to be labelled.
            state: ``done`` or ``failed``.
            more: `seconds`, `error`, `input_print`, `output_print`.
        """
        self._add(
            {"input": shown(source), "output": self._name(target), "state": state}
            | {"settings": settings, "version": __version__, "at": round(time.time(), 3)}
            | more
        )

    def note_run(self, event: str) -> None:
        """Note that this process works in the folder, or has ended: ``run`` or ``end``."""
        self._add({event: os.getpid(), "host": socket.gethostname(), "at": round(time.time(), 3)})

    def _name(self, target: Path) -> str:
        return Path(os.path.relpath(target, self._folder)).as_posix()

    def _add(self, line: Line) -> None:
        if self._stream is None:
            return
        try:
            _append(self._stream, json.dumps(line, separators=(",", ":")))
        except OSError as error:
            self._stream = None
            _warn(self._folder, error)


@contextmanager
def open_manifest(folder: Path, part: Part | None = None, *, alone: bool = True) -> Iterator[Manifest]:
    """The manifest of a folder, in which no other run may write what this one writes.

    Parts of a list run at the same time, each with a file of its own beside the others', and so do runs of single
    files. A run of a whole list has the folder to itself. The lock ends with the process that holds it, however that
    ends.

    Args:
        folder: where outputs go.
        part: which part of the list is labelled.
        alone: whether no other run may write to the folder meanwhile.

    Raises:
        FileProblem: another run writes to the folder.
    """
    with ExitStack() as opened:
        stream: FileIO | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stream = opened.enter_context((folder / MANIFEST).open("a+b", buffering=0))
            _claim(folder, stream, alone=alone and part is None)
            if part is not None:
                stream = opened.enter_context((folder / _part_name(part)).open("a+b", buffering=0))
                _claim(folder, stream, alone=True)
        except FileProblem:
            raise
        except OSError as error:
            _warn(folder, error)
        manifest = Manifest(folder, stream, _lines(folder))
        manifest.note_run("run")
        try:
            yield manifest
        finally:
            manifest.note_run("end")


def _part_name(part: Part) -> str:
    return f"{MANIFEST.removesuffix('.jsonl')}.{part.number}of{part.of}.jsonl"


def _lines(folder: Path) -> list[Line]:
    """What all manifests of a folder say; what is no line, such as one that a kill cut short, is passed over."""
    found: list[Line] = []
    for path in sorted(folder.glob(f"{MANIFEST.removesuffix('.jsonl')}*.jsonl")):
        try:
            data = path.read_bytes()
        except OSError:
            continue
        for raw in data.split(b"\n"):
            try:
                line = json.loads(raw)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict):
                found.append(line)
    return found


def _append(stream: FileIO, text: str) -> None:
    """Add a line in one write, on a line of its own whatever an earlier process left."""
    size = stream.seek(0, 2)
    stream.seek(max(size - 1, 0))
    torn = stream.read(1) not in (b"", b"\n")
    data = b"\n" * torn + text.encode("ascii") + b"\n"
    if stream.write(data) != len(data):
        raise OSError(0, "the line could not be written whole")
    os.fsync(stream.fileno())


def _warn(folder: Path, error: OSError) -> None:
    why = why_not_written(error, folder)
    text = f"{folder / MANIFEST}: cannot be kept ({why}): `resume` will not know what this run has done"
    warnings.warn(text, FileWarning, stacklevel=3)


def _claim(folder: Path, stream: FileIO, *, alone: bool) -> None:
    """Lock a manifest until its stream is closed, or refuse where another process has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            if alone:
                stream.seek(_FAR)
                msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        raise FileProblem(
            f"{folder}: {_who_runs(folder)} is labelling into this folder; wait for it, or choose another `output`"
        ) from error
    except OSError as error:
        warnings.warn(
            f"{folder}: its disk has no locks ({error.strerror}): start no second run there", FileWarning, stacklevel=3
        )


def _who_runs(folder: Path) -> str:
    """Who seems to work in a folder, by what runs have noted and not ended."""
    running: dict[tuple[int, str], None] = {}
    for line in sorted(_lines(folder), key=lambda line: str(line.get("at"))):
        process, host = line.get("run", line.get("end")), str(line.get("host"))
        if isinstance(process, int):
            running.pop((process, host), None)
            if "run" in line:
                running[process, host] = None
    alive = [(run, host) for run, host in running if host != socket.gethostname() or runs(run)]
    return "process {} on {}".format(*alive[-1]) if alive else "another process"
