"""Score real trees by weights that never saw them: a row a tree and species, whole and thinned as from a drone.

    python pipelines/real_trees.py [--folds pipelines/folds] [--data ../shared/data/labelled] [--json FILE]
    python pipelines/real_trees.py --model virtual          # all trees by one model, for comparison

The seven labelled trees of Weiser et al. (2024, doi:10.11588/data/UUMEDI) are all in the training of the shipped
weights. Each is therefore scored by the weights of that one of three folds whose training left its species out; the
card beside the weights says what they were trained on, and a fold that saw the tree is refused. Thinned means
:func:`leafwood.evaluate.evaluation.thin_downward` to about 10,000 points, more at the bottom than at the top.
"""

from __future__ import annotations

import argparse
import json
import warnings
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from leafwood.errors import BadConfig, FileWarning
from leafwood.evaluate.evaluation import evaluate, thin_downward, truth_of
from leafwood.io.loaders import read
from leafwood.models import load_segmenter

TREES = "weiser_*.laz"
THINNED = 10_000  # points
SPECIES = {
    "AcePse": "sycamore, Acer pseudoplatanus",
    "FagSyl": "beech, Fagus sylvatica",
    "PicAbi": "spruce, Picea abies",
    "PinSyl": "Scots pine, Pinus sylvestris",
    "PseMen": "Douglas fir, Pseudotsuga menziesii",
    "QuePet": "sessile oak, Quercus petraea",
    "QueRub": "red oak, Quercus rubra",
}
SHOWN = ("auroc", "balanced_accuracy", "g_mean", "wood_iou")
Row = dict[str, dict[str, float]]


def learnt_from(card: Path, tree: Path) -> bool:
    """Whether the weights with that card were trained on that tree."""
    config = json.loads(card.read_text(encoding="utf-8"))["provenance"]["config"]
    patterns = [*config["train"], *(pattern for source in config.get("sources", ()) for pattern in source["files"])]
    return any(fnmatch(tree.name, Path(pattern).name) for pattern in patterns if not pattern.startswith("runs/"))


def leaving_out(tree: Path, folder: Path) -> Path:
    """The one fold's weights that did not learn from a tree.

    Raises:
        BadConfig: no fold or more than one left it out.
    """
    found = [path for path in sorted(folder.glob("*.safetensors")) if not learnt_from(path.with_suffix(".json"), tree)]
    if len(found) != 1:
        raise BadConfig(f"{len(found)} folds in {folder} left {tree.name} out; there must be exactly one")
    return found[0]


def scored(tree: Path, model: str | Path) -> Row:
    """Scores of one tree, whole and thinned, by the name of each score."""
    segmenter = load_segmenter(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FileWarning)  # the trees have no CRS
        cloud = read(tree)
    row: Row = {}
    for name, share in (("whole", 1.0), ("thinned", min(1.0, THINNED / len(cloud)))):
        seen = thin_downward(cloud, share) if share < 1 else cloud
        values = evaluate(segmenter.segment(seen), truth_of(seen, "gt_wood")).overall.as_dict()
        row[name] = {score: values[score] for score in SHOWN}
    return row


def show(name: str, model: str, row: Row) -> None:
    """Print a line of the table."""
    cells = [f"{row[kind][score]:.3f}" for kind in ("whole", "thinned") for score in SHOWN]
    print(f"| {name} | {model} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", type=Path, default=Path("pipelines/folds"), help="folder of the folds' weights")
    parser.add_argument("--model", help="score all trees by this model instead")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/labelled"))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the scores")
    args = parser.parse_args()
    trees = sorted(args.data.glob(TREES))
    if not trees:
        raise SystemExit(f"no {TREES} in {args.data}")
    print(
        "| tree | weights | "
        + " | ".join(f"{k} {s.replace('_', ' ')}" for k in ("whole", "thinned") for s in SHOWN)
        + " |"
    )
    print("|---" * (2 + 2 * len(SHOWN)) + "|")
    rows: dict[str, Row] = {}
    for tree in trees:
        model = args.model or leaving_out(tree, args.folds)
        rows[tree.stem] = scored(tree, model)
        show(SPECIES.get(tree.stem.split("_")[1], tree.stem), Path(model).stem, rows[tree.stem])
    mean = {k: {s: float(np.mean([row[k][s] for row in rows.values()])) for s in SHOWN} for k in ("whole", "thinned")}
    show("mean", "", mean)
    if args.json:
        args.json.write_text(json.dumps(rows | {"mean": mean}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
