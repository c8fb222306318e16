"""Where labels are wrong: pictures and scores of scans that are hard for known reasons.

    python pipelines/failures.py docs/img [--data ../shared/data]

The samples have exact truth; the real scans are drawn where they are there, and left out, with a line, where not.
Nothing of what is scored here was learnt from.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from leafwood.classes import GROUND, OUT_WOOD
from leafwood.cloud import PointCloud
from leafwood.errors import FileWarning
from leafwood.evaluate.echoes import clear_echoes, without_returns
from leafwood.evaluate.evaluation import evaluate, truth_of
from leafwood.evaluate.tables import head, line
from leafwood.evaluate.thinning import thin_downward
from leafwood.io.labels import codes_of
from leafwood.io.loaders import read
from leafwood.models import load_segmenter
from leafwood.report.compare import compare
from leafwood.report.palette import LABELS
from leafwood.report.picture import draw_labels

SAMPLES = Path(__file__).resolve().parents[1] / "data_samples"
WIDTH, COLOURS = 1200, 128  # of a picture, pixels, and of its palette
TRUTH = "gt_wood"


def as_it_is(cloud: PointCloud) -> PointCloud:
    """The scan unchanged."""
    return cloud


def a_third(cloud: PointCloud) -> PointCloud:
    """A third of the points, fewer below."""
    return thin_downward(cloud, 1 / 3)


def nothing_known(cloud: PointCloud) -> PointCloud:
    """The scan without its ground class and its returns, as many tools write files."""
    blank = np.where(cloud.columns["classification"] == GROUND, 1, cloud.columns["classification"]).astype(np.uint8)
    return without_returns(cloud).with_columns(classification=blank)


@dataclass(frozen=True)
class Failure:
    """A scan that is hard.

    Attributes:
        scan: below `data_samples`, or below the folder of real scans.
        change: what is done to it before it is labelled.
        section: thickness of the slab that is drawn, m; all of it when None.
        below: only what stands lower than this above the ground is drawn and scored, m.
    """

    scan: str
    change: Callable[[PointCloud], PointCloud] = as_it_is
    section: float | None = None
    below: float = np.inf


FAILURES = {
    "twigs": Failure("drone_plot.laz", section=4),
    "fallen": Failure("drone_plot.laz", below=1.5),
    "undergrowth": Failure("uav_plot.laz", nothing_known, below=3),
    "thinned": Failure("labelled/tropical_tls_62889.laz", a_third),
    "airborne": Failure("scans/ALS_Clip.laz"),
}


def of_truth(result: PointCloud, truth: NDArray[np.int8]) -> list[str]:
    """AUROC, wood recall and leaf recall against true labels (n,)."""
    scores = evaluate(result, truth).overall.as_dict()
    return [f"{scores[name]:.3f}" for name in ("auroc", "wood_recall", "leaf_recall")]


def show(name: str, path: Path, out: Path, segment: Callable[[PointCloud], PointCloud]) -> str:
    """Label a scan and draw it, its mistakes where the truth is known, else its labels; gives its line of the table."""
    failure = FAILURES[name]
    result = segment(failure.change(read(path)))
    result = result.select(~(result.columns["height_ag"] >= failure.below))
    cells = len(np.unique(np.floor(result.xyz[:, :2]).astype(np.int64), axis=0))
    codes, coding, scores = codes_of(result.columns).astype(np.int64), LABELS, [""] * 6
    wood = float((codes == OUT_WOOD).mean())
    if TRUTH in result.columns:
        found = compare(result, result, TRUTH)
        codes, coding = found.code, found.coding
        scores[:3] = of_truth(result, truth_of(result, TRUTH))
    if "gt_wood_share" in result.columns:
        scores[3:] = of_truth(result, clear_echoes(result))
    pixels = draw_labels(result.xyz, codes, width=WIDTH, section=failure.section, coding=coding)
    target = out / f"failure_{name}.png"
    Image.fromarray(pixels).quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
    return line(name, f"{len(result) / cells:.0f}", f"{wood:.3f}", *scores)


def main(argv: Sequence[str] | None = None) -> None:
    """Draw all of them, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of real scans")
    parser.add_argument("--only", nargs="+", choices=sorted(FAILURES), default=list(FAILURES), help="these alone")
    args = parser.parse_args(argv)
    warnings.simplefilter("ignore", FileWarning)  # single trees have no CRS
    args.out.mkdir(parents=True, exist_ok=True)
    segment = load_segmenter("uav").segment
    scores = ("AUROC", "wood recall", "leaf recall")
    print(head("picture", "points/m²", "called wood", *scores, *(f"{name}, clear echoes" for name in scores)))
    for name in args.only:
        places = [folder / FAILURES[name].scan for folder in (SAMPLES, args.data)]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            print(f"{name}: {FAILURES[name].scan} is not in {args.data}; left out", file=sys.stderr)
            continue
        print(show(name, path, args.out, segment), flush=True)


if __name__ == "__main__":
    main()
