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


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n"])
def test_an_empty_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadConfig, match=r"c\.yaml: is empty"):
        load(write(tmp_path, text), Outer)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join(['*' + before] * 9)}]}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "aliases stand for"),
        (MERGES, "aliases stand for"),
        ("inner: &i [*i]", "nested"),
        ("inner: " + "[" * 50_000, "nested"),
        ("inner: " + "{a: " * 40 + "1" + "}" * 40, "nested"),
        ("mode: " + "9" * 4500, "not YAML"),
        ("mode: 2020-99-99", "not YAML"),
        ("? [1, 2]\n: 3", "a key is no word"),
        ("\x00", "not YAML"),
        ("mode: up #" + "x" * 1_000_000, "larger than"),
    ],
)
def test_what_would_take_for_ever_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadConfig, match=said) as caught:
        load(write(tmp_path, text), Outer)
    assert len(str(caught.value)) < 500


def test_words_override_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "inner: {width: 3}\nmode: up\n")
    words = ["mode=down", "inner.width=4.5", "maybe.span=[5, 6]", "file=a=b.txt"]
    wanted = Outer(Inner(4.5), Inner(span=(5.0, 6.0)), mode="down", file=Path("a=b.txt"))
    assert load(path, Outer, words) == wanted


@pytest.mark.parametrize("word", ["mode", "=3", "inner.=3", "colour=red", "inner.width=wide", "mode=[1"])
def test_a_word_that_sets_nothing_is_refused(tmp_path: Path, word: str) -> None:
    with pytest.raises(BadConfig):
        load(write(tmp_path, "mode: up"), Outer, [word])


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


@pytest.mark.parametrize("word", ["0x" + "f" * 5000, "x" * 5000, "'" + "ab " * 2000 + "'"])
def test_a_message_about_a_long_value_is_short(tmp_path: Path, word: str) -> None:
    path = write(tmp_path, f"mode: {word}\n")
    with pytest.raises(BadConfig) as refused:
        load(path, Outer)
    assert str(refused.value).startswith(f"{path}: ")
    assert len(str(refused.value)) < 700
