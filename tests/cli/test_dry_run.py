"""`segment --dry-run` says what a run would take, and does nothing."""

import laspy
import numpy as np

from leafwood.cli.main import main


def test_tiles_memory_disk_and_time_are_printed_and_nothing_is_written(shared_data, tmp_path, capsys):
    las = laspy.read(shared_data / "scans" / "UAS_Clip.laz")
    x = np.asarray(las.x)
    (tmp_path / "scans").mkdir()
    for name, inside in (("west", x < np.median(x)), ("east", x >= np.median(x))):
        laspy.LasData(las.header, las.points[inside]).write(tmp_path / "scans" / f"{name}.laz")
    command = ["segment", str(tmp_path / "scans"), "-o", str(tmp_path / "out"), "--dry-run", "--memory", "500MB"]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "east.laz and 1 that touch it" in said
    assert "390,877 points in" in said
    assert "memory 500 MB for each of 1 processes" in said
    assert " MB at most besides the outputs" in said
    assert not (tmp_path / "out").exists()


def test_a_scan_whose_points_nobody_has_counted_is_a_question_mark(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("x y z\n1 2 3\n" * 100)
    assert main(["segment", str(tmp_path / "a.txt"), "--dry-run"]) == 0
    assert "?" in capsys.readouterr().out
