"""Typed YAML: what loads, and what a mistake is told."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from leafwood.config import load, to_dict
from leafwood.errors import BadConfig


@dataclass(frozen=True)
class Inner:
    width: float = 1.0
    span: tuple[float, float] = (1.0, 2.0)

    def __post_init__(self) -> None:
        if self.width < 0:
            raise BadConfig("width must not be negative")


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    maybe: Inner | None = None
    mode: Literal["up", "down"] = "up"
    many: tuple[Inner, ...] = ()
    file: Path | None = None


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return path


def test_nested_values_and_defaults(tmp_path: Path) -> None:
    path = write(tmp_path, "inner: {width: 3}\nmaybe: {span: [5, 6]}\nmany: [{width: 2}]\nfile: a.txt\n")
    loaded = load(path, Outer)
    assert loaded == Outer(Inner(3.0), Inner(span=(5.0, 6.0)), many=(Inner(2.0),), file=Path("a.txt"))


def test_empty_file_is_all_defaults(tmp_path: Path) -> None:
    assert load(write(tmp_path, ""), Outer) == Outer()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("inner: {width: wide}", "inner.width"),
        ("inner: {depth: 2}", "inner.depth"),
        ("colour: red", "colour"),
        ("mode: sideways", "mode"),
        ("inner: {width: -1}", "width must not be negative"),
        ("- 1", "key: value"),
        ("inner: [", "not YAML"),
        ("inner: {width: 1}\nmode: up\ninner: {width: 2}", "inner is there twice"),
        ("inner: {width: 1, width: 2}", "width is there twice"),
    ],
)
def test_mistakes_name_file_and_key(tmp_path: Path, text: str, named: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(BadConfig) as caught:
        load(path, Outer)
    message = str(caught.value)
    assert str(path) in message
    assert named in message
    assert "\n" not in message


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="cannot be read"):
        load(tmp_path / "absent.yaml", Outer)


def test_round_trip(tmp_path: Path) -> None:
    import yaml

    first = Outer(Inner(4.0), Inner(), "down", (Inner(2.0), Inner(3.0)))
    assert load(write(tmp_path, yaml.safe_dump(to_dict(first))), Outer) == first
