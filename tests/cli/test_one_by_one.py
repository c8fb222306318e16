"""A failure among several files is a line; that of an only file is the command's."""

from pathlib import Path

import pytest

from leafwood.cli.one_by_one import one_by_one
from leafwood.errors import BadCloud

FILES = [Path("a.laz"), Path("b.laz"), Path("c.laz")]


def failing(error):
    def work(path):
        if path.name == "b.laz":
            raise error
        return path.stem

    return work


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (BadCloud("b.laz: is empty"), "leafwood: b.laz: is empty"),
        (BadCloud("coordinates\nare degrees"), "leafwood: b.laz: coordinates are degrees"),
        (MemoryError("8 GB"), "leafwood: b.laz: MemoryError: 8 GB (--debug shows where)"),
        (ZeroDivisionError("a bug"), "leafwood: b.laz: ZeroDivisionError: a bug (--debug shows where)"),
    ],
)
def test_the_others_are_done(error, line, capsys):
    assert one_by_one(FILES, failing(error), debug=False) == {FILES[0]: "a", FILES[2]: "c"}
    assert capsys.readouterr().err == f"{line}\n"


def test_with_debug_it_stops(capsys):
    with pytest.raises(BadCloud):
        one_by_one(FILES, failing(BadCloud("b.laz: is empty")), debug=True)
    assert capsys.readouterr().err == ""


def test_an_only_file_is_the_commands(capsys):
    with pytest.raises(BadCloud):
        one_by_one(FILES[1:2], failing(BadCloud("b.laz: is empty")), debug=False)
    assert capsys.readouterr().err == ""


def test_a_wish_to_stop_is_obeyed():
    with pytest.raises(KeyboardInterrupt):
        one_by_one(FILES, failing(KeyboardInterrupt()), debug=False)
