"""The example reports: a drone plot, a terrestrial tree, an airborne tile, a survey with a failure, a training run.

    python pipelines/example_reports.py ../shared/data out/reports

Labels the scans with the shipped model, those that are far too sparse by `--force`, and writes a page for each. The
survey is a plot in four tiles of which a drone flew three and an aeroplane the fourth, and a fifth file that is cut
short. The training run is a few steps on samples. Scans that are not there are left out, and said so; with
`data_samples` as the folder the samples stand in for the real scans.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import laspy

from leafwood.cli.main import main as leafwood

# Name of the example -> where its scan may lie below the folder of scans; the first that is there is taken.
EXAMPLES = {
    "drone_plot": ("scans/UAS_Clip.laz", "uav_plot.laz"),
    "terrestrial_tree": ("labelled/weiser_FagSyl_BR01_01_TLS-on.laz", "single_tree.laz"),
    "airborne_tile": ("scans/bcts_1.laz", "leaf_off_plot.laz"),
}
TRUTH = "terrestrial_tree"
DENSE, SPARSE = ("scans/UAS_Clip.laz", "uav_plot.laz"), ("scans/ALS_Clip.laz", "leaf_off_plot.laz")
QUARTERS = {"north_west": (0, 1), "north_east": (1, 1), "south_west": (0, 0), "south_east": (1, 0)}
SURVEY, FEW_STEPS = "plot_in_tiles", "few_steps"  # folders, whose names are in the pages
SAMPLES = Path(__file__).resolve().parents[1] / "data_samples"
RUN = {
    "train": f"[{SAMPLES / 'uav_plot.laz'}]",
    "validation": f"[{SAMPLES / 'single_tree.laz'}, {SAMPLES / 'leaf_off_plot.laz'}]",
    "sources": "[]",
    "start": "virtual",
    "learning_rate": "2e-4",
    "averaging": "0.9",
    "keep": "best",
    "steps": "40",
    "batch": "2",
    "validate_every": "8",
    "validation_crops": "16",
}


def find(folder: Path, names: tuple[str, ...]) -> Path | None:
    """The first of the names that is there."""
    return next((folder / name for name in names if (folder / name).is_file()), None)


def quarter(source: Path, target: Path, place: tuple[int, int]) -> None:
    """Write a quarter of the plan of a LAZ file: `place` is 0 or 1 from the west, and from the south."""
    las = laspy.read(source)
    middle = (las.header.mins + las.header.maxs) / 2
    las.points = las.points[((las.x >= middle[0]) == place[0]) & ((las.y >= middle[1]) == place[1])]
    las.write(target)


def cut_short(source: Path, target: Path) -> None:
    """Copy the first half of a file."""
    content = source.read_bytes()
    target.write_bytes(content[: len(content) // 2])


def single(folder: Path, out: Path) -> None:
    """Label the scans of the single examples, each with its page; the tree also against its true labels."""
    for name, places in EXAMPLES.items():
        found = find(folder, places)
        if found is None:
            print(f"{name}: none of {', '.join(places)} is in {folder}; left out", file=sys.stderr)
            continue
        labelled = out / f"{name}.laz"
        leafwood(["segment", str(found), "-o", str(labelled), "--report", "--overwrite", "--force"])
        if name == TRUTH:
            page = out / f"{name}_compared.html"
            leafwood(["report", str(labelled), "--against", str(found), "-o", str(page), "--overwrite"])


def survey(folder: Path, out: Path) -> int:
    """Label a folder of five files, one of them cut short; the exit status of `leafwood segment`, which is 1."""
    scans, labelled = out / "survey_scans", out / SURVEY
    dense, sparse = find(folder, DENSE), find(folder, SPARSE)
    if dense is None or sparse is None:
        print(f"survey: its scans are not in {folder}; left out", file=sys.stderr)
        return 0
    for place in (scans, labelled):
        shutil.rmtree(place, ignore_errors=True)
    scans.mkdir(parents=True)
    for name, place in QUARTERS.items():
        quarter(sparse if name == "south_east" else dense, scans / f"{name}.laz", place)
    cut_short(scans / "north_west.laz", scans / "north_west_again.laz")
    return leafwood(["segment", str(scans), "-o", str(labelled), "--report", "--overwrite", "--force"])


def training(out: Path) -> None:
    """Go on training for a few steps on the samples, for the page alone: nothing is gained by so few."""
    settings = [word for name, value in RUN.items() for word in ("--set", f"{name}={value}")]
    leafwood(["train", "uav", *settings, "-o", str(out / FEW_STEPS), "--overwrite"])


def main(argv: Sequence[str] | None = None) -> None:
    """Make all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path, help="folder with scans/ and labelled/, or data_samples")
    parser.add_argument("out", type=Path, help="folder for the labelled files and the pages")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    single(args.scans, args.out)
    survey(args.scans, args.out)
    training(args.out)
    for page in sorted(args.out.rglob("*.html")):
        print(f"{page}: {page.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
