"""`leafwood render`: a PNG beside the scan, one clear line when it cannot be."""

import laspy
import matplotlib.image
import numpy as np
import pytest

from leafwood.cli.main import main


@pytest.fixture
def labelled(tmp_path):
    """A LAS file of 4,000 labelled points."""
    rng = np.random.default_rng(0)
    header = laspy.LasHeader(point_format=6, version="1.4")
    header.scales = [0.001] * 3
    header.add_extra_dim(laspy.ExtraBytesParams("leafwood", np.uint16))
    las = laspy.LasData(header)
    las.xyz = rng.random((4_000, 3)) * [8, 8, 12]
    las.leafwood = rng.integers(0, 3, 4_000).astype(np.uint16)
    path = tmp_path / "scan_leafwood.las"
    las.write(path)
    return path


@pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")
class TestRender:
    def test_writes_a_picture_beside_the_scan(self, labelled, capsys):
        assert main(["render", str(labelled), "--width", "640"]) == 0
        picture = matplotlib.image.imread(labelled.with_suffix(".png"))
        assert picture.shape[1] == 640
        assert picture[..., :3].std() > 0.02
        assert capsys.readouterr().out.strip() == str(labelled.with_suffix(".png"))

    def test_replaces_only_when_told(self, labelled, capsys):
        target = labelled.parent / "p.png"
        target.write_bytes(b"mine")
        assert main(["render", str(labelled), "-o", str(target)]) == 1
        assert target.read_bytes() == b"mine"
        assert "--overwrite" in capsys.readouterr().err
        assert main(["render", str(labelled), "-o", str(target), "--overwrite", "--theme", "light"]) == 0
        assert target.read_bytes().startswith(b"\x89PNG")

    @pytest.mark.parametrize(("suffix", "first"), [(".svg", b"<?xml"), (".pdf", b"%PDF")])
    def test_vector_files_hold_their_words_as_text(self, labelled, suffix, first):
        target = labelled.with_suffix(suffix)
        assert main(["render", str(labelled), "-o", str(target), "--width", "640"]) == 0
        content = target.read_bytes()
        assert content.startswith(first)
        if suffix == ".svg":
            text = content.decode()
            assert "From above" in text
            assert text.count(" m</text>") == 3  # a scale bar in metres under every view
        again = target.with_name(f"again{suffix}")
        assert main(["render", str(labelled), "-o", str(again), "--width", "640"]) == 0
        assert again.read_bytes() == content

    def test_against_another_labelling_draws_the_differences(self, labelled, tmp_path):
        las = laspy.read(labelled)
        las.leafwood = np.where(las.leafwood == 2, 1, las.leafwood)
        other = tmp_path / "other.las"
        las.write(other)
        pink = {}
        for name, against in (("different", other), ("same", labelled)):
            target = tmp_path / f"{name}.png"
            assert main(["render", str(labelled), "--against", str(against), "-o", str(target), "--width", "640"]) == 0
            away = np.abs(matplotlib.image.imread(target)[..., :3] - [1.0, 0.365, 0.694]).max(axis=-1)
            pink[name] = int((away < 0.1).sum())
        assert pink["different"] > 2 * pink["same"] > 0  # the legend has the colour too

    def test_a_scan_without_labels_says_what_to_do(self, tmp_path, capsys):
        bare = tmp_path / "bare.xyz"
        np.savetxt(bare, np.random.default_rng(0).random((50, 3)))
        assert main(["render", str(bare)]) == 1
        error = capsys.readouterr().err
        assert "leafwood segment" in error
        assert not bare.with_suffix(".png").exists()

    @pytest.mark.parametrize("wrong", [["--width", "10"], ["--section", "0"], ["-o", "p.jpg"], ["--labels", "gt_wood"]])
    def test_bad_usage_is_exit_2(self, labelled, wrong, capsys):
        assert main(["render", str(labelled), *wrong]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
