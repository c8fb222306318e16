"""What the command line says beside its answers: errors in the words of the shell, and the log.

Errors of the library speak of Python's arguments, ``overwrite=True`` and `` `abstain` ``; here they become flags.
"""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from leafwood.errors import BadConfig, FileProblem

if TYPE_CHECKING:
    import argparse

__all__ = ["in_flags", "one_line", "open_log", "say"]

_LOG = logging.getLogger("leafwood")
_FLAGS = {
    name: f"--{name.replace('_', '-')}"
    for name in (
        *("abstain", "classify", "crs", "force", "grid", "height", "k", "labels", "model", "overwrite", "profile"),
        *("bounds", "part", "resume", "scheduler", "threads", "upgrade", "workers"),
    )
} | {"output": "-o"}
_ARGUMENT = re.compile(r"`(\w+)`|\b(\w+)=True\b")


def one_line(text: object) -> str:
    """The text without line breaks."""
    return " ".join(str(text).split())


def in_flags(text: str) -> str:
    """A message of the library in the words of the shell: ``overwrite=True`` is ``--overwrite``."""
    return _ARGUMENT.sub(lambda found: _FLAGS.get(found[1] or found[2], found[0]), text)


def say(text: object) -> None:
    """One line on stderr, and in the log if there is one."""
    line = one_line(in_flags(str(text)))
    print(f"leafwood: {line}", file=sys.stderr)
    _LOG.debug("%s", line)


def open_log(args: argparse.Namespace) -> None:
    """Send what leafwood logs where ``--verbose`` and ``--log`` want it.

    Raises:
        BadConfig: ``--quiet`` and ``--verbose`` at the same time.
        FileProblem: the log cannot be written.
    """
    if args.quiet and args.verbose:
        raise BadConfig("--quiet and --verbose do not go together")
    for handler in list(_LOG.handlers):
        _LOG.removeHandler(handler)
        handler.close()
    _LOG.setLevel(logging.WARNING)
    _LOG.propagate = False
    if args.verbose:
        shown = logging.StreamHandler(sys.stderr)
        shown.setFormatter(logging.Formatter("leafwood: %(message)s"))
        shown.setLevel(logging.INFO)
        _LOG.addHandler(shown)
        _LOG.setLevel(logging.INFO)
    if args.log is not None:
        path: Path = args.log
        try:
            kept = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise FileProblem(f"{path}: the log cannot be written: {error.strerror or error}") from error
        kept.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        _LOG.addHandler(kept)
        _LOG.setLevel(logging.DEBUG)
    if not _LOG.handlers:
        _LOG.addHandler(logging.NullHandler())
