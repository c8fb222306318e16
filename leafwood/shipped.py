"""Configurations and sample scans that come with leafwood: where they are, and how a command finds one by its name.

In a checkout they lie beside the package, in ``configs`` and ``data_samples``; ``setup.py`` puts them into a wheel.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from leafwood.errors import BadConfig

__all__ = ["config_file", "config_names", "samples_folder"]

_PACKAGE = Path(__file__).parent


def samples_folder() -> Path:
    """The folder of the sample scans, each with the configuration that made it."""
    return _folder("data_samples")


def config_names(command: Literal["train", "simulate"]) -> list[str]:
    """Names of the shipped configurations of a command, such as ``uav`` and ``imbalance/sam``, sorted."""
    folder = _folder("configs") / command
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def config_file(word: str | Path, command: Literal["train", "simulate"]) -> Path:
    """The configuration that a user means.

    Args:
        word: a YAML file, or a name of :func:`config_names`; a file of that name comes first.
        command: whose configurations are looked through.

    Returns:
        Its file. Whether a file with a YAML suffix can be read is for whoever reads it to say.

    Raises:
        BadConfig: neither a YAML file nor a name.
    """
    path = Path(word)
    if path.suffix.lower() in (".yaml", ".yml") or path.is_file():
        return path
    names = config_names(command)
    if (name := path.as_posix()) in names:
        return _folder("configs") / command / f"{name}.yaml"
    near = get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]}" if near else f"there are {', '.join(names)}"
    raise BadConfig(f"no configuration {name!r}: give a .yaml file, or a name; {hint}")


def _folder(name: str) -> Path:
    """Inside the package where it was installed from a wheel, beside it in a checkout."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name
