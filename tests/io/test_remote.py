"""Files at addresses: what an address is as a path, what is fetched, and what is said when that fails."""

import sys
from pathlib import Path

import pytest

from leafwood import read
from leafwood.errors import BadFile, MissingExtra
from leafwood.io.files import list_files
from leafwood.io.remote import Remote, file_name, listed, shown, url_of

LAS = (".las", ".laz")


@pytest.mark.parametrize(
    "url", ["s3://bucket/a b/c.copc.laz", "https://host:8080/a/b.laz?sig=a%2Fb&x=1", "gs://b/c.las", "memory://a.laz"]
)
def test_an_address_is_found_again_in_its_path(url):
    assert url_of(Path(url)) == url
    assert url_of(url) == url


@pytest.mark.parametrize("path", ["scan.laz", "/data/scan.laz", "C:/data/scan.laz", "a/s3:/b.laz", "./s3"])
def test_a_file_of_this_machine_has_none(path):
    assert url_of(Path(path)) is None
    assert shown(Path(path)) == str(Path(path))


def test_secrets_of_an_address_are_neither_shown_nor_part_of_a_name():
    path = Path("https://me:word@host/a/b.copc.laz?X-Amz-Signature=12/34")
    assert shown(path) == "https://host/a/b.copc.laz"
    assert file_name(path) == "b.copc.laz"


def test_what_is_asked_for_is_what_is_fetched(served):
    data = bytes(range(256)) * 4000
    (served.folder / "a.laz").write_bytes(data)
    remote = Remote(Path(served.url("a.laz")))
    assert remote.pieces([(5, 300), (900_000, 900_010)]) == [data[5:300], data[900_000:900_010]]
    assert served.sent == 305
    with remote.opened() as stream:
        stream.seek(500_000)
        assert stream.read(10) == data[500_000:500_010]
    assert served.sent < 305 + 200_000
    assert b"".join(remote.blocks()) == data


def test_the_state_of_a_file_changes_with_its_content(served):
    (served.folder / "a.laz").write_bytes(b"one")
    remote = Remote(Path(served.url("a.laz")))
    before = remote.state()
    assert before["size"] == 3
    assert remote.state() == before
    (served.folder / "a.laz").write_bytes(b"two")
    assert remote.state() != before


def test_what_fails_is_one_line_that_names_the_address(served):
    path = Path(served.url("none.laz") + "?key=secret")
    with pytest.raises(BadFile, match=r"none\.laz: does not exist") as caught:
        Remote(path).state()
    assert "secret" not in str(caught.value)
    with pytest.raises(BadFile, match="cannot be read"):
        Remote(Path("http://127.0.0.1:9/a.laz")).pieces([(0, 1)])
    with pytest.raises(BadFile, match=r"nosuch://a\.laz"):
        Remote(Path("nosuch://a.laz"))


def test_a_server_that_sends_something_else_is_found_out(served):
    (served.folder / "a.laz").write_bytes(bytes(1000))
    served.ranges = False
    with pytest.raises(BadFile, match="1,000 bytes for 10"):
        Remote(Path(served.url("a.laz"))).pieces([(10, 20)])


def test_a_missing_package_is_a_line_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtra, match=r"s3://b/a\.laz: reading it needs fsspec.*leafwood\[remote\]"):
        Remote(Path("s3://b/a.laz"))


def test_a_store_without_its_package_is_a_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(MissingExtra, match="gcsfs"):
        Remote(Path("gs://b/a.laz"))


@pytest.fixture
def store():
    fsspec = pytest.importorskip("fsspec")
    fs = fsspec.filesystem("memory")
    for name in ("/b/x/1.laz", "/b/x/deep/2.LAS", "/b/x/notes.md", "/b/y.laz"):
        fs.pipe(name, b"LASF")
    yield fs
    fs.rm("/b", recursive=True)


@pytest.mark.parametrize(
    ("asked", "found"),
    [("b/x", ["b/x/1.laz", "b/x/deep/2.LAS"]), ("b/*.laz", ["b/y.laz"]), ("b/y.laz", ["b/y.laz"])],
)
def test_folders_and_patterns_of_a_store(store, asked, found):
    path = Path(f"memory://{asked}")
    assert [url_of(file) for file in listed(path, LAS)] == [f"memory://{name}" for name in found]
    assert [file.name for file in list_files([path])] == [name.rpartition("/")[2] for name in found]


def test_a_folder_without_scans_is_said(store):
    store.pipe("/b/z/readme.md", b"")
    with pytest.raises(BadFile, match="memory://b/z: no point cloud there"):
        listed(Path("memory://b/z"), LAS)


def test_other_commands_say_that_it_lies_elsewhere():
    with pytest.raises(BadFile, match=r"https://host/a\.laz: lies elsewhere"):
        read("https://host/a.laz?secret")
