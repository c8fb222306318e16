"""Which files a user meant."""

from pathlib import Path

import pytest

from leafwood.errors import FileProblem
from leafwood.io.files import list_files


@pytest.fixture
def folder(tmp_path):
    for name in ("b.laz", "a.las", "sub/c.copc.laz", "notes.md", "d.LAZ"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(paths):
    return [p.name for p in list_files(paths)]


def test_folders_are_searched_below_for_what_can_be_read(folder):
    assert names([folder]) == ["a.las", "b.laz", "d.LAZ", "c.copc.laz"]


def test_files_patterns_and_folders_mix_without_repeats(folder):
    assert names([folder / "b.laz", folder / "*.la*", folder / "b.laz"]) == ["b.laz", "a.las"]


@pytest.mark.parametrize("missing", ["nosuch.laz", "*.ply"])
def test_what_is_not_there_is_named(folder, missing):
    with pytest.raises(FileProblem, match=r"no such file"):
        list_files([folder / missing])


def test_a_folder_without_scans_is_named(tmp_path):
    with pytest.raises(FileProblem, match="no point cloud"):
        list_files([Path(tmp_path)])
