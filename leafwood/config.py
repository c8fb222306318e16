"""YAML files to typed dataclasses, and back.

jsonargparse does the typing: values are checked against the annotations of a dataclass, and nested dataclasses nest in
the YAML. A field that can be one of several dataclasses is a tagged union: `kind` in the YAML says which one.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from leafwood.errors import BadConfig

if TYPE_CHECKING:
    from yaml import MappingNode, Node, SafeLoader, ScalarNode

__all__ = ["in_range", "load", "to_dict"]

T = TypeVar("T")
_ROOT = "config"
_LARGEST = 1_000_000  # bytes
_MOST_NODES = 20_000  # keys and values, aliases expanded; the longest of leafwood's own files has some hundred
_DIGITS = 300  # of an integer
_LONGEST = 600  # characters of a message
_DEEPEST = 30  # levels of nesting


def load(path: Path, cls: type[T], overrides: Sequence[str] = ()) -> T:
    """Read one YAML file into a dataclass.

    Args:
        path: a YAML file holding a mapping of `cls`' fields; what is left out keeps its default.
        cls: a dataclass with typed fields.
        overrides: ``key=value`` words that replace or add to what the file says; dots lead into nested mappings, and
            values are YAML.

    Returns:
        An instance of `cls`.

    Raises:
        BadConfig: the file is missing, empty or not YAML, nests or repeats itself beyond reason, or has an unknown key
            or a value of the wrong type; the message names the file and the key.
    """
    try:
        content = _content(path)
        for word in overrides:
            _override(content, word)
        return _build(content, cls, str(path))
    except BadConfig as error:
        raise BadConfig(_cut(str(error))) from error


def _content(path: Path) -> dict[str, Any]:
    """What a file says, a mapping."""
    try:
        if path.stat().st_size > _LARGEST:
            raise BadConfig(f"{path}: is larger than {_LARGEST // 1_000_000} MB, so it is no configuration")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadConfig(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise BadConfig(f"{path}: not YAML ({error})") from error
    content = _parse(text, str(path))
    if content is None:
        raise BadConfig(f"{path}: is empty; write at least one `key: value` line")
    if not isinstance(content, dict):
        raise BadConfig(f"{path}: expected `key: value` lines, found a {type(content).__name__}")
    return content


def _cut(text: str) -> str:
    """A message without its middle where that is long, such as a number of thousands of digits."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 4 :]}"


def _parse(text: str, name: str) -> Any:
    """YAML to mappings, lists and values, refusing what would take for ever."""
    import yaml

    try:
        loader = _strict_loader()(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            if (size := _expanded(node, {}, 0)) > _MOST_NODES:
                raise BadConfig(f"{name}: its aliases stand for {size:,} values; at most {_MOST_NODES:,} are read")
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except RecursionError:
        raise BadConfig(f"{name}: is nested more than {_DEEPEST} levels deep") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        if isinstance(error, BadConfig):
            raise
        raise BadConfig(f"{name}: not YAML ({' '.join(str(error).split())})") from error


def _expanded(node: Node, known: dict[int, int], depth: int) -> int:
    """Values that a node stands for, each alias counted as what it repeats.

    Raises:
        RecursionError: it is nested too deeply, or contains itself.
    """
    if depth > _DEEPEST:
        raise RecursionError
    if id(node) not in known:
        pairs = node.value if isinstance(node.value, list) else []
        parts = [part for pair in pairs for part in (pair if isinstance(pair, tuple) else (pair,))]
        known[id(node)] = 1 + sum(_expanded(part, known, depth + 1) for part in parts)
    return known[id(node)]


def _override(content: dict[str, Any], word: str) -> None:
    """Put a ``key=value`` word into the content of a file."""
    key, equals, value = word.partition("=")
    *parents, last = key.strip().split(".")
    if not equals or not all((*parents, last)):
        raise BadConfig(f"{word!r} does not set anything; write key=value, with dots into nested keys")
    place = content
    for parent in parents:
        if not isinstance(place.get(parent), dict):
            place[parent] = {}
        place = place[parent]
    place[last] = _parse(value, word)


def _strict_loader() -> type[SafeLoader]:
    """The safe loader, which besides refuses a key that is there twice; YAML itself lets the last one win."""
    import yaml

    class Strict(yaml.SafeLoader):
        def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
            keys = [key.value for key, _ in node.value]
            for key in keys:
                if not isinstance(key, str):
                    raise yaml.constructor.ConstructorError(None, None, "a key is no word", node.start_mark)
                if keys.count(key) > 1:
                    raise yaml.constructor.ConstructorError(None, None, f"{key} is there twice", node.start_mark)
            return super().construct_mapping(node, deep)

        def construct_yaml_int(self, node: ScalarNode) -> int:
            if len(node.value) > _DIGITS:  # Python cannot even print an integer of thousands of digits
                raise yaml.constructor.ConstructorError(None, None, "a number is too long", node.start_mark)
            return int(super().construct_yaml_int(node))

    Strict.add_constructor("tag:yaml.org,2002:int", Strict.construct_yaml_int)
    return Strict


def _build(content: Mapping[str, Any], cls: type[T], where: str) -> T:
    """An instance of a dataclass; its fields that are tagged unions are built by themselves."""
    from jsonargparse import ArgumentParser

    _check_keys(content, cls, where)
    tagged = {name: _build_tagged(content[name], kinds, where, name) for name, kinds in _unions(cls, content).items()}
    parser = ArgumentParser(exit_on_error=False, default_env=False)
    parser.add_argument(f"--{_ROOT}", type=cls)
    try:
        parsed = parser.parse_object({_ROOT: {key: value for key, value in content.items() if key not in tagged}})
        built = parser.instantiate(parsed)[_ROOT]
        built = replace(built, **tagged) if tagged else built
    except Exception as error:
        # jsonargparse wraps what goes wrong, a dataclass' own checks included, in types that change between releases
        raise BadConfig(f"{where}: {_readable(error)}") from error
    if not isinstance(built, cls):
        raise BadConfig(f"{where}: expected the fields of {cls.__name__}")
    return built


def _unions(cls: type, content: Mapping[str, Any]) -> dict[str, dict[str, type]]:
    """Fields of a dataclass that are given and hold one of several dataclasses, each told by its field `kind`."""
    found: dict[str, dict[str, type]] = {}
    for name, hint in get_type_hints(cls).items():
        options = [option for option in get_args(hint) if isinstance(option, type) and is_dataclass(option)]
        kinds = {get_args(get_type_hints(option).get("kind"))[:1]: option for option in options}
        if len(kinds) > 1 and name in content:
            found[name] = {str(tag): option for (tag, *_), option in kinds.items()}
    return found


def _build_tagged(content: object, kinds: Mapping[str, type], where: str, name: str) -> object:
    """One of several dataclasses, the one that `kind` names."""
    kind = content.get("kind") if isinstance(content, Mapping) else None
    if not isinstance(content, Mapping) or kind not in kinds:
        near = get_close_matches(str(kind), kinds, 1)
        raise BadConfig(
            f"{where}: {name} needs `kind`, one of {', '.join(kinds)}" + (f"; did you mean {near[0]}?" if near else "")
        )
    return _build(content, kinds[str(kind)], f"{where}: {name}")


def _check_keys(content: Mapping[str, Any], cls: type, where: str, inside: str = "") -> None:
    """Refuse a key that is no field, of the dataclass or of one in it."""
    hints = get_type_hints(cls)
    for key, value in content.items():
        if key not in hints:
            near = get_close_matches(str(key), hints, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise BadConfig(f"{where}: there is no '{inside}{key}'{hint}")
        _check_form(value, hints[key], f"{where}: {inside}{key}")
        if isinstance(value, Mapping) and isinstance(hints[key], type) and is_dataclass(hints[key]):
            _check_keys(value, hints[key], where, f"{inside}{key}.")


def _check_form(value: object, hint: Any, where: str) -> None:
    """Refuse a word that is none of those there are, and anything but a list of mappings where one is wanted."""
    origin, options = get_origin(hint), get_args(hint)
    if origin is Literal and value not in options:
        near = get_close_matches(str(value), [str(option) for option in options], 1)
        there = ", ".join(map(str, options))
        raise BadConfig(
            f"{where} must be one of {there}, got {value!r}" + (f"; did you mean {near[0]}?" if near else "")
        )
    of_mappings = origin is tuple and isinstance(options[0], type) and is_dataclass(options[0])
    if of_mappings and (not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value)):
        first = fields(options[0])[0].name
        raise BadConfig(f"{where} needs a list of mappings, such as [{{{first}: ...}}], got {value!r}")


def _readable(error: BaseException) -> str:
    """One line, without the parser's own argument prefix."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines).replace(f"Group '{_ROOT}'", "the file").replace(f"{_ROOT}.", "")


def in_range(name: str, value: float, low: float = -math.inf, high: float = math.inf) -> float:
    """A setting as a float, refused unless it is a finite number from `low` to `high`.

    Raises:
        BadConfig: otherwise; the message names the setting.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadConfig(f"{name} must be a number, got {value!r}")
    if not low <= value <= high:
        limits = f"from {low:g} to {high:g}" if math.isfinite(high) else f"at least {low:g}"
        raise BadConfig(f"{name} must be {limits}, got {value!r}")
    return float(value)


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
