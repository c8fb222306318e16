"""The four example reports: a drone plot, a terrestrial tree, a sparse airborne tile, a survey with a failure.

    python pipelines/example_reports.py ../shared/data out/reports

Labels the scans with the shipped model, those that are far too sparse by `--force`, and writes a page for each. Scans
that are not there are left out, and said so; with `data_samples` as the folder the samples stand in for the real scans.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from leafwood.cli.main import main as leafwood

# Name of the example -> where its scan may lie below the folder of scans; the first that is there is taken.
EXAMPLES = {
    "drone_plot": ("scans/UAS_Clip.laz", "uav_plot.laz"),
    "terrestrial_tree": ("labelled/weiser_FagSyl_BR01_01_TLS-on.laz", "single_tree.laz"),
    "airborne_tile": ("scans/bcts_1.laz", "leaf_off_plot.laz"),
}
TRUTH = "terrestrial_tree"
SURVEY = (
    *("scans/UAS_Clip.laz", "scans/ALS_Clip.laz", "scans/als_pf8_50mx100m.las", "labelled/tropical_tls_62889.laz"),
    *("uav_plot.laz", "leaf_off_plot.laz", "single_tree.laz"),
)
SURVEY_SIZE = 4  # and one that is cut short


def find(folder: Path, names: tuple[str, ...]) -> list[Path]:
    """Those of the names that are there."""
    return [folder / name for name in names if (folder / name).is_file()]


def cut_short(source: Path, target: Path) -> None:
    """Copy the first half of a file."""
    content = source.read_bytes()
    target.write_bytes(content[: len(content) // 2])


def single(folder: Path, out: Path) -> None:
    """Label the scans of the single examples, each with its page; the tree also against its true labels."""
    for name, places in EXAMPLES.items():
        found = find(folder, places)
        if not found:
            print(f"{name}: none of {', '.join(places)} is in {folder}; left out", file=sys.stderr)
            continue
        labelled = out / f"{name}.laz"
        leafwood(["segment", str(found[0]), "-o", str(labelled), "--report", "--overwrite", "--force"])
        if name == TRUTH:
            page = out / f"{name}_compared.html"
            leafwood(["report", str(labelled), "--against", str(found[0]), "-o", str(page), "--overwrite"])


def survey(folder: Path, out: Path) -> int:
    """Label a folder of five files, one of them cut short; the exit status of `leafwood segment`, which is 1."""
    scans, labelled = out / "survey_scans", out / "survey"
    shutil.rmtree(scans, ignore_errors=True)
    scans.mkdir()
    found = find(folder, SURVEY)[:SURVEY_SIZE]
    for source in found:
        shutil.copy(source, scans)
    cut_short(found[0], scans / f"cut_short{found[0].suffix}")
    return leafwood(["segment", str(scans), "-o", str(labelled), "--report", "--overwrite", "--force"])


def main(argv: Sequence[str] | None = None) -> None:
    """Make all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path, help="folder with scans/ and labelled/, or data_samples")
    parser.add_argument("out", type=Path, help="folder for the labelled files and the pages")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    single(args.scans, args.out)
    survey(args.scans, args.out)
    for page in sorted(args.out.rglob("*.html")):
        print(f"{page}: {page.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
