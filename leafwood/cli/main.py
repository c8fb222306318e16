"""`leafwood`: finds the command, imports only that, and turns errors into one line.

Nothing heavy is imported here, so that ``leafwood --help`` answers at once.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path

from leafwood._version import __version__
from leafwood.errors import BadConfig, LeafwoodError, missing_extra

__all__ = ["build_parser", "main"]

_COMMANDS = {
    "segment": "label every point of a scan leaf or wood",
    "profile": "leaf and wood area of labelled scans by height",
    "info": "what a file is and what segment would do with it",
    "evaluate": "score labels against a known truth",
    "train": "learn from labelled stands",
    "adapt": "teach a model a few labelled scans of your own",
    "calibrate": "fit a model's probabilities to labelled scans it has not learnt from",
    "diagnose": "how hard labelled stands are to learn from, and what a model has made of them",
    "simulate": "fly a virtual UAV survey with exact labels",
    "report": "a page to look at and send: labelled scans in 3D, and what to distrust",
    "render": "draw a labelled scan as a picture",
    "models": "the models inside the package, and what is known of each",
    "labels": "how data sets write leaf and wood",
    "samples": "write the sample scans to a folder",
    "completion": "print what makes your shell complete leafwood's words",
}


def build_parser(chosen: str | None, *, everything: bool = False) -> argparse.ArgumentParser:
    """The parser; only the chosen command's arguments are filled in, unless all are wanted."""
    parser = argparse.ArgumentParser(prog="leafwood", description="Leaf/wood segmentation of forest lidar.")
    parser.add_argument(
        "--version", action="store_true", help="show the version; with --verbose, what it computes with"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in _COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        sub.add_argument("--debug", action="store_true", help="show a traceback when something fails")
        sub.add_argument("--quiet", action="store_true", help="say nothing but errors")
        sub.add_argument("--verbose", action="store_true", help="say what is done, and how long it takes")
        sub.add_argument("--log", type=Path, metavar="FILE", help="also write what is said to FILE, with the time")
        if everything or name == chosen:
            import_module(f"leafwood.cli.{name}").add_arguments(sub)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments, `sys.argv` without the program when None.

    Returns:
        0 all done, 1 a file failed, 2 bad usage.
    """
    atexit.register(gc.freeze)  # or the interpreter's last collections walk through all of torch, for half a second
    words = list(sys.argv[1:] if argv is None else argv)
    chosen = next((w for w in words if not w.startswith("-")), None)
    if chosen is None and "--version" in words:
        print(_version(verbose="--verbose" in words))
        return 0
    arguments = build_parser(chosen).parse_args(words)
    from leafwood.cli.messages import say

    try:
        with _asked_to_end(), _silence(arguments.quiet):
            return _run(arguments)
    except LeafwoodError as error:
        if arguments.debug:
            raise
        say(error)
        return 2 if isinstance(error, BadConfig) else 1
    except ImportError as error:
        missing = missing_extra(error)
        if missing is None or arguments.debug:
            raise
        say(missing)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 130
    except (MemoryError, OSError) as error:
        if arguments.debug:
            raise
        say(_system(error))
        return 1


def _version(*, verbose: bool) -> str:
    """The version, and what labelling computes with here."""
    if not verbose:
        return f"leafwood {__version__}"
    from leafwood.kernels import in_use

    return f"leafwood {__version__}\n{in_use()}"


def _run(arguments: argparse.Namespace) -> int:
    """The command itself, with warnings and the log where the user wants them."""
    from leafwood.cli.messages import open_log

    warnings.showwarning = _ignore_warning if arguments.quiet else _show_warning
    open_log(arguments)
    return int(import_module(f"leafwood.cli.{arguments.command}").run(arguments))


def _system(error: MemoryError | OSError) -> str:
    """What the system refused, in a line that names the file and the disk."""
    if not isinstance(error, OSError):
        return str(error) or "out of memory"
    from leafwood.io.target import why_not_written

    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{why_not_written(error, Path(error.filename or '.').parent) or error}"


@contextmanager
def _asked_to_end() -> Iterator[None]:
    """Turn the signals that ask a process to end into an exit that cleans up first."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in names):
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _silence(quiet: bool) -> Iterator[None]:
    """Swallow what is printed to stdout."""
    if not quiet:
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    """Warnings as one line without the source they came from."""
    from leafwood.cli.messages import say

    say(f"warning: {message}")


def _ignore_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Warnings in the log alone."""
    import logging

    logging.getLogger("leafwood").debug("warning: %s", " ".join(str(message).split()))
