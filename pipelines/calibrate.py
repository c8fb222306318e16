"""Fit a model's calibration on virtual stands, over the range of densities, and write it into its card.

    python pipelines/calibrate.py MODEL.safetensors runs/stands/validation* --leafless-from runs/stands/late ...

Every stand is looked at as it was flown and thinned to several densities, whole and as single trees, without ground but
for what no filter would take away, half of the time without word of its returns. Which of them are leafless is learnt
from the stands of `--leafless-from`: it takes more of them than there are validation stands, so the network may have
learnt from them too. All else is fitted on the validation stands. Leaf and wood weigh the same within each of them, so
0.5 is the balanced threshold, but for bare trees: leaves below 20 % are not weighed up to half, as in training. Prints
the balanced accuracy and the calibration error before and after, by density, on stands that the fit has not seen (two
folds). Where the fit lowers the share of the weight that is labelled right there, the card keeps what it has.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import IGNORE, LEAF, WOOD
from leafwood.datasets.crops import heaped
from leafwood.datasets.stands import LabelledStand, load_stand
from leafwood.graph.scale import scale_normalisation
from leafwood.inference.model_file import Model, load_model
from leafwood.inference.segmenter import Segmenter
from leafwood.postprocess.calibration import Calibration, recognise

DENSITIES = (20, 80, 300, 1200, 5000)  # points per m²
MOST = 100_000  # points of a piece: denser pieces are narrower
SAMPLE = 10_000  # points of a piece that are kept
UNKNOWN = 0.5  # share of the pieces whose returns are withheld, as many files do
HEAPED = 0.4  # share of the pieces with heaps on the ground, as in training
LEAFLESS = 0.15  # share of leaves below which a piece is leafless
FEW = {LEAF: 0.2, WOOD: 0.002}  # shares below which a class is no longer weighed up


@dataclasses.dataclass(frozen=True, eq=False)
class Piece:
    """What the network says of a cut-out, whether it knew of returns, and the truth."""

    stand: int
    name: str
    returns: bool
    margin: NDArray[np.float32]
    covariates: NDArray[np.float64]
    descriptor: NDArray[np.float64]
    wood: NDArray[np.bool_]

    @property
    def leafless(self) -> bool:
        """Whether there is hardly any leaf."""
        return bool(1 - self.wood.mean() < LEAFLESS)

    @property
    def weight(self) -> NDArray[np.float64]:
        """Leaf and wood weigh the same unless there is hardly any leaf, and every piece as much as the next."""
        share = self.wood.mean()
        return np.where(self.wood, 0.5 / max(share, FEW[WOOD]), 0.5 / max(1 - share, FEW[LEAF])) / len(self.wood)


def cut(stand: LabelledStand, density: float, rng: np.random.Generator) -> Iterator[tuple[str, LabelledStand]]:
    """The middle of the stand thinned to a density, and its two largest trees; nothing if it is sparser."""
    share = density * float(np.prod(np.ptp(stand.xyz[:, :2], axis=0))) / len(stand)
    if share > 1:
        return
    thin = stand.take(np.flatnonzero(rng.random(len(stand)) < share))
    from_middle = np.abs(thin.xyz[:, :2] - np.median(thin.xyz[:, :2], axis=0)).max(axis=1)
    yield "plot", thin.take(np.argsort(from_middle)[:MOST])
    numbers, counts = np.unique(thin.tree[thin.tree > 0], return_counts=True)
    numbers, counts = numbers[counts <= MOST], counts[counts <= MOST]
    for number in numbers[np.argsort(-counts)[:2]]:
        tree = thin.take(np.flatnonzero(thin.tree == number))
        yield "tree", dataclasses.replace(tree, height=np.full(len(tree), np.nan, dtype=np.float32))


def measure_piece(piece: LabelledStand, stand: int, name: str, segmenter: Segmenter, rng: np.random.Generator) -> Piece:
    """The network's margins on a cut-out."""
    xyz = piece.xyz - piece.xyz.min(axis=0)
    scale = scale_normalisation(xyz, segmenter.model.graph)
    small = np.float32(scale)
    piece = piece.without_returns() if rng.random() < UNKNOWN else piece
    returns = piece.cloud().returns()
    view = segmenter.forward(xyz * small, piece.height * small, returns, scale)
    kept = np.flatnonzero(piece.label != IGNORE)
    kept = kept[rng.permutation(len(kept))[:SAMPLE]]
    wood = piece.label[kept] == WOOD
    return Piece(stand, name, bool(returns.any()), view.margin[kept], view.covariates[kept], view.descriptor, wood)


def collect(folders: list[Path], model: Model, rng: np.random.Generator) -> list[Piece]:
    """All pieces with wood in them."""
    segmenter, pieces = Segmenter(model), []
    for number, path in enumerate(path for folder in folders for path in sorted(folder.glob("*.laz"))):
        stand = load_stand(path)
        for density in DENSITIES:
            seen = heaped(stand, rng) if rng.random() < HEAPED else stand
            for kind, part in cut(seen.take(np.flatnonzero(~seen.ground)), density, rng):
                if (part.label == WOOD).sum() >= 20 and (part.label != IGNORE).sum() >= 100:
                    pieces.append(measure_piece(part, number, f"{kind} {density:5d}", segmenter, rng))
        print(f"{path}: {len(pieces)} pieces so far", flush=True)
    return pieces


def recogniser(pieces: list[Piece]) -> Calibration:
    """What tells leafless pieces from others."""
    leafless = np.array([piece.leafless for piece in pieces])
    found = recognise(np.array([piece.descriptor for piece in pieces]), leafless)
    print(f"{leafless.sum()} of {len(pieces)} pieces are leafless")
    return found


def fitted(pieces: list[Piece], start: Calibration) -> Calibration:
    """The calibration of some pieces."""
    columns = [(p.margin, p.covariates, np.full(len(p.wood), n), p.wood, p.weight) for n, p in enumerate(pieces)]
    margin, around, number, wood, weight = (np.concatenate(column) for column in zip(*columns, strict=True))
    return start.fit(margin, around, number, np.array([p.descriptor for p in pieces]), wood, weight)


def judged(piece: Piece, calibration: Calibration) -> tuple[float, float, float]:
    """Balanced accuracy at one half, share of the weight that is labelled right, and expected calibration error."""
    prob = calibration.probability(calibration.logit(piece.margin, piece.covariates), piece.descriptor)
    right = (prob > 0.5) == piece.wood
    accuracy = np.mean([right[those].mean() for those in (piece.wood, ~piece.wood) if those.any()])
    weight = piece.weight / piece.weight.sum()
    box = np.minimum((prob * 15).astype(int), 14)
    gap = np.bincount(box, weights=weight * (prob - piece.wood), minlength=15)
    return float(accuracy), float(weight[right].sum()), float(np.abs(gap).sum())


def report(name: str, pieces: list[Piece], after: list[Calibration]) -> tuple[float, float]:
    """Print a line; shares of the weight that are labelled right before and after."""
    before = np.mean([judged(p, Calibration()) for p in pieces], axis=0)
    now = np.mean([judged(p, after[p.stand % 2]) for p in pieces], axis=0)
    print(f"{name:10s} {len(pieces):4d}  " + "  ".join(f"{a:.3f} -> {b:.3f}" for a, b in zip(before, now, strict=True)))
    return float(before[1]), float(now[1])


def main() -> None:
    """Fit, cross-check, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("stands", type=Path, nargs="+", help="folders of labelled validation stands")
    parser.add_argument("--leafless-from", type=Path, nargs="+", required=True, help="folders of labelled stands")
    args = parser.parse_args()
    model = load_model(args.model)
    start = recogniser(collect(args.leafless_from, model, np.random.default_rng(1)))
    pieces = collect(args.stands, model, np.random.default_rng(0))
    folds = [fitted([p for p in pieces if p.stand % 2 != fold], start) for fold in (0, 1)]
    print("piece         n  balanced accuracy  weight labelled right  calibration error  (before -> after)")
    for name in sorted({p.name for p in pieces}):
        report(name, [p for p in pieces if p.name == name], folds)
    report("returns", [p for p in pieces if p.returns], folds)
    report("none known", [p for p in pieces if not p.returns], folds)
    report("leafless", [p for p in pieces if p.leafless], folds)
    report("in leaf", [p for p in pieces if not p.leafless], folds)
    before, after = report("all", pieces, folds)
    if after < before:
        print("no better on stands it has not seen: not written")
        return
    card = args.model.with_suffix(".json")
    described = json.loads(card.read_text(encoding="utf-8"))
    described["calibration"] = dataclasses.asdict(fitted(pieces, start))
    card.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
