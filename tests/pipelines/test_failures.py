"""The pictures of what goes wrong."""

from PIL import Image


def test_a_scan_is_drawn_and_scored_and_one_that_is_not_there_is_a_line(pipeline, tmp_path, capsys):
    words = [str(tmp_path), "--data", str(tmp_path / "nowhere"), "--only", "fallen", "airborne"]
    pipeline("failures").main(words)
    said, warned = capsys.readouterr()
    assert "scans/ALS_Clip.laz is not in" in warned
    (row,) = [[cell.strip() for cell in line.strip("|").split("|")] for line in said.splitlines()[2:]]
    assert row[0] == "fallen"
    assert 100 < float(row[1]) < 1000  # points per m², of a thousand those that are low
    assert all(0 < float(score) < 1 for score in row[3:])
    assert float(row[7]) < 0.5, "fallen trunks are missed; if that is mended, show something else"
    assert [path.name for path in tmp_path.glob("*.png")] == ["failure_fallen.png"]
    assert Image.open(tmp_path / "failure_fallen.png").width == 1200


def test_what_nobody_told_is_not_in_the_scan(pipeline, samples):
    from leafwood.io.loaders import read

    blank = pipeline("failures").nothing_known(read(samples / "single_tree.laz"))
    assert not (blank.columns["classification"] == 2).any()
    assert (blank.columns["number_of_returns"] == 1).all()
