"""`leafwood completion`: what makes a shell complete leafwood's words."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]

_SHELLS = ("bash", "zsh", "tcsh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument("shell", choices=_SHELLS, help='put `eval "$(leafwood completion bash)"` into ~/.bashrc, say')


def run(args: argparse.Namespace) -> int:
    """Print the script.

    Returns:
        0.

    Raises:
        MissingExtra: shtab is not installed.
    """
    from leafwood.cli.main import build_parser
    from leafwood.errors import MissingExtra

    try:
        import shtab
    except ImportError as error:
        raise MissingExtra("completion needs shtab: pip install shtab") from error
    parser = build_parser(None, everything=True)
    for command in _commands(parser):
        for action in command._actions:
            if action.type is Path:
                vars(action)["complete"] = shtab.FILE
    print(shtab.complete(parser, shell=args.shell))
    return 0


def _commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """The parsers of the commands."""
    found = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return [command for action in found for command in action.choices.values()]
