"""A file is done when the manifest, the scan, the settings and the output say so, and for no other reason."""

import errno
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.batch import prints
from leafwood.batch.manifest import MANIFEST, open_manifest
from leafwood.batch.plan import Part
from leafwood.batch.prints import _WHOLE, file_print, same_file
from leafwood.errors import BadFile, FileProblem, FileWarning

ASKED = {"model": "abc", "rule": "overlap"}


@pytest.fixture
def made(tmp_path):
    """A scan, its output, and a manifest that says that it is done."""
    source, target = tmp_path / "a.laz", tmp_path / "out" / "sub" / "a_leafwood.laz"
    target.parent.mkdir(parents=True)
    source.write_bytes(b"scan")
    target.write_bytes(b"labels")
    with open_manifest(tmp_path / "out") as manifest:
        prints = {"input_print": file_print(source), "output_print": file_print(target)}
        manifest.note(source, target, ASKED, "done", seconds=1.5, **prints)
    return source, target, tmp_path / "out"


def confirmed(made, settings=ASKED):
    source, target, folder = made
    with open_manifest(folder) as manifest:
        return manifest.confirms(source, target, settings)


def test_what_was_noted_is_confirmed(made):
    assert confirmed(made)


def test_a_line_has_all_that_a_program_wants(made):
    source, _, folder = made
    run, line, *_ = map(json.loads, (folder / MANIFEST).read_text().splitlines())
    assert run["run"] == os.getpid()
    assert line["input"] == str(source)
    assert line["output"] == "sub/a_leafwood.laz"  # the folder may be moved
    assert {"state", "settings", "version", "at", "seconds", "input_print", "output_print"} <= line.keys()


@pytest.mark.parametrize("change", ["source", "target", "no source", "no target", "settings", "model", "version"])
def test_what_changed_since_is_not_done(made, change, monkeypatch):
    source, target, _ = made
    asked = ASKED
    if change == "source":
        source.write_bytes(b"nacs")
    elif change == "target":
        target.write_bytes(b"label")
    elif change.startswith("no"):
        (source if "source" in change else target).unlink()
    elif change == "version":
        monkeypatch.setattr("leafwood.batch.manifest.__version__", "99")
    else:
        asked = {**ASKED, "rule": "balanced"} if change == "settings" else {**ASKED, "model": "abd"}
    assert not confirmed(made, asked)


def test_times_alone_change_nothing_for_small_files(made):
    source, target, _ = made
    os.utime(source, (1, 1))
    os.utime(target, (1, 1))
    assert confirmed(made)


def test_a_failure_is_not_done_and_what_was_done_before_it_still_is(made):
    source, target, folder = made
    with open_manifest(folder) as manifest:
        manifest.note(source, target, {**ASKED, "rule": "balanced"}, "failed", error="no")
        manifest.note(source, folder / "b_leafwood.laz", ASKED, "failed", error="no")
    assert confirmed(made)
    with open_manifest(folder) as manifest:
        assert not manifest.confirms(source, folder / "b_leafwood.laz", ASKED)
        assert manifest.wrote(target)
        assert not manifest.wrote(folder / "b_leafwood.laz")


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 1))
def test_cut_anywhere_it_confirms_what_was_written_whole_and_goes_on(tmp_path_factory, share):
    folder = tmp_path_factory.mktemp("cut")
    scans = [folder / f"{n}.laz" for n in range(3)]
    for scan in scans:
        scan.write_bytes(scan.name.encode())
    with open_manifest(folder) as manifest:
        for scan in scans:
            of = file_print(scan)
            manifest.note(scan, scan, ASKED, "done", input_print=of, output_print=of)
    path = folder / MANIFEST
    whole = path.read_bytes()
    at = round(share * len(whole))
    path.write_bytes(whole[:at])
    lines = [whole.index(name) for name in (b'"0.laz"', b'"1.laz"', b'"2.laz"')]
    ends = [whole.index(b"\n", start) for start in lines]
    with open_manifest(folder) as manifest:
        assert [manifest.confirms(scan, scan, ASKED) for scan in scans] == [end <= at for end in ends]
        for scan in scans:
            of = file_print(scan)
            manifest.note(scan, scan, ASKED, "done", input_print=of, output_print=of)
    with open_manifest(folder) as manifest:
        assert all(manifest.confirms(scan, scan, ASKED) for scan in scans)


ODD = [
    b"\xff\xfe\n",
    b"[1]\n",
    b"3\n",
    b'{"state": "done"}\n',
    b"[" * 100_000 + b"\n",
    b"\n\n",
    b'{"run": [], "at": {}}\n',
]


@pytest.mark.parametrize("odd", ODD)
def test_odd_lines_are_passed_over(made, odd):
    with (made[2] / MANIFEST).open("ab") as stream:
        stream.write(odd)
    assert confirmed(made)


def test_a_full_disk_ends_the_notes_and_not_the_run(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with open_manifest(tmp_path) as manifest:
        monkeypatch.setattr(os, "fsync", full)
        with pytest.warns(FileWarning, match=r"leafwood_manifest\.jsonl: cannot be kept .*is full"):
            manifest.note(tmp_path / "a", tmp_path / "b", ASKED, "done")
        manifest.note(tmp_path / "a", tmp_path / "b", ASKED, "done")


HOLD = """
import sys
from pathlib import Path
from leafwood.batch.manifest import open_manifest
from leafwood.batch.plan import Part
part = Part.parse(sys.argv[2]) if sys.argv[2] else None
with open_manifest(Path(sys.argv[1]), part, alone=sys.argv[3] == "alone"):
    print("here", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holding(tmp_path):
    """Starts processes that have the folder."""
    started = []

    def hold(part="", how="alone"):
        command = [sys.executable, "-c", HOLD, tmp_path, part, how]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "here\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def test_a_second_run_is_refused_by_name_until_the_first_is_dead(tmp_path, holding):
    first = holding()
    with pytest.raises(FileProblem, match=rf"process {first.pid} on .* is labelling into this folder"):
        open_manifest(tmp_path).__enter__()
    first.kill()
    first.wait()
    with open_manifest(tmp_path) as manifest:
        assert not manifest.wrote(tmp_path / "a")


def test_parts_and_single_files_share_a_folder_and_a_whole_list_does_not(tmp_path, holding):
    second = holding("2/3")
    with open_manifest(tmp_path, Part(1, 3)), open_manifest(tmp_path, alone=False):
        pass
    with pytest.raises(FileProblem, match=rf"process {second.pid} "):
        open_manifest(tmp_path).__enter__()
    with pytest.raises(FileProblem, match="is labelling"):
        open_manifest(tmp_path, Part(2, 3)).__enter__()


def test_what_one_part_has_noted_all_know(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    of = file_print(tmp_path / "a")
    with open_manifest(tmp_path, Part(1, 3)) as manifest:
        manifest.note(tmp_path / "a", tmp_path / "a", ASKED, "done", input_print=of, output_print=of)
    for part in (None, Part(1, 2), Part(3, 3)):
        with open_manifest(tmp_path, part) as manifest:
            assert manifest.confirms(tmp_path / "a", tmp_path / "a", ASKED)


def test_large_files_are_known_by_size_time_and_both_ends(tmp_path):
    path = tmp_path / "large.las"
    path.write_bytes(bytes(_WHOLE + 100))
    os.utime(path, ns=(1, 10**18))
    known = file_print(path)
    assert same_file(path, known)

    def change(at, byte=b"x", time=10**18):
        with path.open("r+b") as stream:
            stream.seek(at)
            stream.write(byte)
        os.utime(path, ns=(1, time))

    for at in (100, _WHOLE + 50):
        change(at)
        assert not same_file(path, known)
        change(at, b"\0")
        assert same_file(path, known)
    change(100, b"\0", 10**18 + 1)
    assert not same_file(path, known)


def test_what_is_not_there_has_no_print(tmp_path):
    with pytest.raises(BadFile):
        file_print(tmp_path / "none")
    assert not same_file(tmp_path / "none", None)


def test_a_server_tells_what_its_file_is(served):
    (served.folder / "a.laz").write_bytes(b"one")
    url = Path(served.url("a.laz"))
    known = json.loads(json.dumps(file_print(url)))
    assert same_file(url, known)
    (served.folder / "a.laz").write_bytes(b"two")
    assert not same_file(url, known)


def test_servers_are_asked_for_several_files_at_once(served, tmp_path, monkeypatch):
    urls = [Path(served.url(f"{number}.laz")) for number in range(4)]
    for number in (0, 1, 3):
        (served.folder / f"{number}.laz").write_bytes(bytes([number]))
    here = tmp_path / "here.laz"
    here.write_bytes(b"here")
    alone = [file_print(url) if number != 2 else None for number, url in enumerate(urls)]
    together = threading.Barrier(len(urls))

    def asked(path):
        if path != here:
            together.wait(timeout=30)  # raises unless all four are asked for at the same time
        return file_print(path)

    monkeypatch.setattr(prints, "file_print", asked)
    assert prints.prints_of([urls[0], here, *urls[1:]]) == dict(zip(urls, alone, strict=True)) | {
        here: file_print(here)
    }
