"""Virtual point clouds: the files that a list names, from where it lies."""

import json
from pathlib import Path

import pytest

from leafwood.errors import BadFile, FileProblem
from leafwood.io.bounds import Bounds
from leafwood.io.files import list_files
from leafwood.io.remote import url_of
from leafwood.io.vpc import vpc_files


def vpc(*addresses, name="data", roles=("data",)):
    items = [{"type": "Feature", "id": a, "assets": {name: {"href": a, "roles": list(roles)}}} for a in addresses]
    return json.dumps({"type": "FeatureCollection", "features": items})


def test_files_are_found_from_where_the_list_lies(tmp_path):
    (tmp_path / "s.vpc").write_text(vpc("./a.laz", "deep/b.copc.laz", "../c.laz", "/data/d.laz", "https://host/e.laz"))
    found = vpc_files(tmp_path / "s.vpc")
    assert [file.as_posix() for file in found[:4]] == [
        (tmp_path / "a.laz").as_posix(),
        (tmp_path / "deep/b.copc.laz").as_posix(),
        (tmp_path / "../c.laz").as_posix(),
        "/data/d.laz",
    ]
    assert url_of(found[4]) == "https://host/e.laz"


@pytest.mark.parametrize("base", ["s3://bucket/deep", "https://host:80/deep"])
def test_a_list_at_an_address_lists_addresses(base, monkeypatch):
    monkeypatch.setattr("leafwood.io.vpc._text", lambda path: vpc("./a.laz", "x/b.laz", "../c.laz", "s3://other/d.laz"))
    root = base.removesuffix("/deep")
    assert [url_of(file) for file in vpc_files(Path(f"{base}/s.vpc"))] == [
        f"{base}/a.laz",
        f"{base}/x/b.laz",
        f"{root}/c.laz",
        "s3://other/d.laz",
    ]


def test_the_asset_may_have_another_name(tmp_path):
    (tmp_path / "s.vpc").write_text(vpc("a.laz", name="points"))
    assert vpc_files(tmp_path / "s.vpc") == [tmp_path / "a.laz"]


def test_a_list_among_paths_is_its_files(tmp_path):
    for name in ("a.laz", "b.laz", "c.laz"):
        (tmp_path / name).touch()
    (tmp_path / "s.vpc").write_text(vpc("b.laz", "a.laz"))
    assert [file.name for file in list_files([tmp_path / "s.vpc", tmp_path / "c.laz"])] == ["b.laz", "a.laz", "c.laz"]
    assert [file.name for file in list_files([tmp_path])] == ["a.laz", "b.laz", "c.laz"]


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"features": [{}]}', '{"features": [{"assets": {}}]}', '{"features": 3}', "[" * 100_000]
)
def test_what_is_no_list_is_said(tmp_path, text):
    (tmp_path / "s.vpc").write_text(text)
    with pytest.raises(BadFile, match=r"s\.vpc: is no virtual point cloud"):
        vpc_files(tmp_path / "s.vpc")


def test_files_that_lie_elsewhere_are_left_out(tmp_path):
    listed = json.loads(vpc("a.laz", "b.laz", "c.laz"))
    listed["features"][0]["properties"] = {"proj:bbox": [0, 0, 10, 10]}
    listed["features"][1]["properties"] = {"proj:bbox": [10.5, 0, -5, 20, 10, 30]}
    (tmp_path / "s.vpc").write_text(json.dumps(listed))
    for bounds, names in ((Bounds(8, 1, 9, 2), "ac"), (Bounds(8, 1, 11, 2), "abc"), (Bounds(50, 50, 51, 51), "c")):
        assert "".join(file.stem for file in vpc_files(tmp_path / "s.vpc", bounds)) == names
    del listed["features"][2]
    (tmp_path / "s.vpc").write_text(json.dumps(listed))
    with pytest.raises(BadFile, match="none of its files meets `bounds` 50,50,51,51"):
        vpc_files(tmp_path / "s.vpc", Bounds(50, 50, 51, 51))


def test_an_empty_list_and_none_at_all_are_said(tmp_path):
    (tmp_path / "s.vpc").write_text(vpc())
    with pytest.raises(BadFile, match="lists no files"):
        vpc_files(tmp_path / "s.vpc")
    with pytest.raises(FileProblem, match="no such file"):
        list_files([tmp_path / "none.vpc"])
