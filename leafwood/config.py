"""YAML files to typed dataclasses, and back.

jsonargparse does the typing: values are checked against the annotations of a dataclass, unknown keys are refused,
nested dataclasses nest in the YAML.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from leafwood.errors import BadConfig

if TYPE_CHECKING:
    from yaml import MappingNode, SafeLoader

__all__ = ["load", "to_dict"]

T = TypeVar("T")
_ROOT = "config"


def load(path: Path, cls: type[T]) -> T:
    """Read one YAML file into a dataclass.

    Args:
        path: a YAML file holding a mapping of `cls`' fields; what is left out keeps its default.
        cls: a dataclass with typed fields.

    Returns:
        An instance of `cls`.

    Raises:
        BadConfig: the file is missing, is not YAML, or has an unknown key or a value of the wrong type; the message
            names the file and the key.
    """
    import yaml

    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_strict_loader())
    except OSError as error:
        raise BadConfig(f"{path}: cannot be read ({error.strerror or error})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path}: not YAML ({' '.join(str(error).split())})") from error
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise BadConfig(f"{path}: expected `key: value` lines, found a {type(content).__name__}")
    return _build(content, cls, path)


def _strict_loader() -> type[SafeLoader]:
    """The safe loader, which besides refuses a key that is there twice; YAML itself lets the last one win."""
    import yaml

    class Strict(yaml.SafeLoader):
        def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
            keys = [key.value for key, _ in node.value]
            for key in keys:
                if keys.count(key) > 1:
                    raise yaml.constructor.ConstructorError(None, None, f"{key} is there twice", node.start_mark)
            return super().construct_mapping(node, deep)

    return Strict


def _build(content: Mapping[str, Any], cls: type[T], path: Path) -> T:
    from jsonargparse import ArgumentParser

    parser = ArgumentParser(exit_on_error=False, default_env=False)
    parser.add_argument(f"--{_ROOT}", type=cls)
    try:
        parsed = parser.parse_object({_ROOT: dict(content)})
        built = parser.instantiate(parsed)[_ROOT]
    except Exception as error:
        # jsonargparse wraps what goes wrong, a dataclass' own checks included, in types that change between releases
        raise BadConfig(f"{path}: {_readable(error)}") from error
    if not isinstance(built, cls):
        raise BadConfig(f"{path}: expected the fields of {cls.__name__}")
    return built


def _readable(error: BaseException) -> str:
    """One line, without the parser's own argument prefix."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines).replace(f"Group '{_ROOT}'", "the file").replace(f"{_ROOT}.", "")


def to_dict(config: object) -> object:
    """A dataclass as plain JSON and YAML values: nested mappings, lists, names of enumeration members, paths."""
    if is_dataclass(config) and not isinstance(config, type):
        return {field.name: to_dict(getattr(config, field.name)) for field in fields(config)}
    if isinstance(config, Mapping):
        return {str(key): to_dict(value) for key, value in config.items()}
    if isinstance(config, Enum):
        return config.name
    if isinstance(config, Path):
        return str(config)
    if isinstance(config, list | tuple):
        return [to_dict(value) for value in config]
    return config
