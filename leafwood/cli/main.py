"""`leafwood`: finds the command, imports only that, and turns errors into one line.

Nothing heavy is imported here, so that ``leafwood --help`` answers at once.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module

from leafwood._version import __version__
from leafwood.errors import BadConfig, LeafwoodError

__all__ = ["main"]

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
    "render": "draw a labelled scan as a picture",
}


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    """The parser; only the chosen command's arguments are filled in."""
    parser = argparse.ArgumentParser(prog="leafwood", description="Leaf/wood segmentation of forest lidar.")
    parser.add_argument("--version", action="version", version=f"leafwood {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in _COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        sub.add_argument("--debug", action="store_true", help="show a traceback when something fails")
        if name == chosen:
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
    arguments = _parser(chosen).parse_args(words)
    warnings.showwarning = _show_warning
    try:
        return int(import_module(f"leafwood.cli.{arguments.command}").run(arguments))
    except LeafwoodError as error:
        if arguments.debug:
            raise
        print(f"leafwood: {' '.join(str(error).split())}", file=sys.stderr)
        return 2 if isinstance(error, BadConfig) else 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("leafwood: stopped", file=sys.stderr)
        return 130
    except (MemoryError, OSError) as error:
        if arguments.debug:
            raise
        text = str(error) or "out of memory"
        print(f"leafwood: {' '.join(text.split())}", file=sys.stderr)
        return 1


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    """Warnings as one line without the source they came from."""
    print(f"leafwood: warning: {' '.join(str(message).split())}", file=sys.stderr)
