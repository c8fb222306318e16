"""Fit a model's calibration on virtual validation stands, over the range of densities, and write it into its card.

    python pipelines/calibrate.py MODEL.safetensors runs/stands/validation*

Every stand is looked at as it was flown and thinned to several densities, whole and as single trees, without ground but
for what no filter would take away. Leaf and wood weigh the same within each of them, so 0.5 is the balanced threshold,
but for bare trees: leaves below 20 % are not weighed up to half, as in training. Prints the balanced accuracy and the
calibration error before and after, by density, on stands that the fit has not seen (two folds). Where the fit lowers
the balanced accuracy of those, the card keeps what it has.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leafwood.calibration import Calibration
from leafwood.checkpoint import Model, load_model
from leafwood.classes import LEAF, WOOD
from leafwood.graph import shrinkage
from leafwood.inference import Segmenter
from leafwood.samplers.crops import heaped
from leafwood.stands import LabelledStand, load_stand

DENSITIES = (20, 80, 300, 1200, 5000)  # points per m²
MOST = 100_000  # points of a piece: denser pieces are narrower
SAMPLE = 10_000  # points of a piece that are kept
HEAPED = 0.4  # share of the pieces with heaps on the ground, as in training
FEW = {LEAF: 0.2, WOOD: 0.002}  # shares below which a class is no longer weighed up


@dataclasses.dataclass(frozen=True, eq=False)
class Piece:
    """What the network says of a cut-out, and the truth."""

    stand: int
    name: str
    margin: NDArray[np.float32]
    mean_margin: float
    surroundings: NDArray[np.float64]
    wood: NDArray[np.bool_]

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


def look(piece: LabelledStand, stand: int, name: str, segmenter: Segmenter, rng: np.random.Generator) -> Piece:
    """The network's margins on a cut-out."""
    xyz = piece.xyz - piece.xyz.min(axis=0)
    shrink = shrinkage(xyz, segmenter.model.graph)
    margin, around = segmenter.look(xyz * np.float32(shrink), piece.height * np.float32(shrink), shrink)
    kept = np.flatnonzero(piece.label >= 0)
    kept = kept[rng.permutation(len(kept))[:SAMPLE]]
    return Piece(stand, name, margin[kept], float(margin.mean()), around[kept], piece.label[kept] == 1)


def collect(folders: list[Path], model: Model, rng: np.random.Generator) -> list[Piece]:
    """All pieces with both classes in them."""
    segmenter, pieces = Segmenter(model), []
    for number, path in enumerate(path for folder in folders for path in sorted(folder.glob("*.laz"))):
        stand = load_stand(path)
        for density in DENSITIES:
            seen = heaped(stand, rng) if rng.random() < HEAPED else stand
            for kind, part in cut(seen.take(np.flatnonzero(~seen.ground)), density, rng):
                wood = int((part.label == 1).sum())
                if wood >= 20 and (part.label == 0).sum() >= 20:
                    pieces.append(look(part, number, f"{kind} {density:5d}", segmenter, rng))
        print(f"{path}: {len(pieces)} pieces so far", flush=True)
    return pieces


def fitted(pieces: list[Piece]) -> Calibration:
    """The calibration of some pieces."""
    columns = [(p.margin, p.surroundings, np.full(len(p.wood), p.mean_margin), p.wood, p.weight) for p in pieces]
    return Calibration.fit(*(np.concatenate(column) for column in zip(*columns, strict=True)))


def judged(piece: Piece, calibration: Calibration) -> tuple[float, float]:
    """Balanced accuracy at one half, and expected calibration error of the balanced piece."""
    prob = calibration.probability(calibration.logit(piece.margin, piece.surroundings), piece.mean_margin)
    right = (prob > 0.5) == piece.wood
    accuracy = 0.5 * (right[piece.wood].mean() + right[~piece.wood].mean())
    box = np.minimum((prob * 15).astype(int), 14)
    gap = np.bincount(box, weights=piece.weight * (prob - piece.wood), minlength=15)
    return float(accuracy), float(np.abs(gap).sum())


def main() -> None:
    """Fit, cross-check, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("stands", type=Path, nargs="+", help="folders of labelled stands")
    args = parser.parse_args()
    model = load_model(args.model)
    pieces = collect(args.stands, model, np.random.default_rng(0))
    folds = [fitted([p for p in pieces if p.stand % 2 != fold]) for fold in (0, 1)]
    print("piece         n  balanced accuracy  calibration error  (before -> after, mean over pieces)")
    for name in [*sorted({p.name for p in pieces}), "all"]:
        those = [p for p in pieces if name in (p.name, "all")]
        before = np.mean([judged(p, Calibration()) for p in those], axis=0)
        after = np.mean([judged(p, folds[p.stand % 2]) for p in those], axis=0)
        print(f"{name:10s} {len(those):4d}  {before[0]:.3f} -> {after[0]:.3f}     {before[1]:.3f} -> {after[1]:.3f}")
    if after[0] < before[0]:
        print("no better on stands it has not seen: not written")
        return
    card = args.model.with_suffix(".json")
    described = json.loads(card.read_text(encoding="utf-8"))
    described["calibration"] = dataclasses.asdict(fitted(pieces))
    card.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
