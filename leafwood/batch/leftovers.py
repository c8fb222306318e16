"""What a killed run has left behind: files and folders that nobody will ever finish.

While a file is written it has a name that says which process of which machine writes it. A process that is killed
cannot take it away; the next run on the folder does.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from leafwood.io.target import SCRATCH, machine

__all__ = ["clear_leftovers", "runs"]

_NAME = re.compile(re.escape(SCRATCH) + r"(?:(?P<machine>[0-9a-f]{8})-)?(?P<process>\d+)-[0-9a-z_]+[-.].*")
_FORGOTTEN = 86_400.0  # seconds without a change, after which a file of another machine is taken for left behind


def clear_leftovers(folders: Iterable[Path], *, of: int | None = None) -> list[Path]:
    """Remove unfinished files and folders of processes that have ended.

    Those of a process that runs are left alone. Whether a process of another machine runs cannot be known; what it
    writes is removed when it has not changed for a day.

    Args:
        folders: where to look, not below.
        of: a process that has ended, to clear away only what it has left.

    Returns:
        What was removed.
    """
    removed: list[Path] = []
    for folder in dict.fromkeys(folders):
        try:
            inside = [path for path in folder.iterdir() if path.name.startswith(SCRATCH)]
        except OSError:
            continue
        for path in inside:
            found = _NAME.fullmatch(path.name)
            if found and _is_left(path, found["machine"], int(found["process"]), of) and _remove(path):
                removed.append(path)
    return removed


def _is_left(path: Path, where: str | None, process: int, of: int | None) -> bool:
    if where not in (None, machine()):
        try:
            return of is None and time.time() - path.stat().st_mtime > _FORGOTTEN
        except OSError:
            return False
    return process == of if of is not None else process != os.getpid() and not runs(process)


def runs(process: int) -> bool:
    """Whether a process of this machine runs; doubtful ones do.

    Args:
        process: its number.
    """
    if sys.platform == "win32":
        return _runs_on_windows(process)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return not _is_dead(process)


def _is_dead(process: int) -> bool:
    """Whether a process has ended, and stays listed until somebody asks how; in a container nobody may."""
    try:
        return Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[0] == b"Z"
    except (OSError, IndexError):
        return False


def _runs_on_windows(process: int) -> bool:
    """The same where asking with a signal would end the process."""
    import subprocess

    command = ["tasklist", "/FI", f"PID eq {process}", "/NH", "/FO", "CSV"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode != 0 or f'"{process}"' in done.stdout


def _remove(path: Path) -> bool:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:
        return False
    return True
