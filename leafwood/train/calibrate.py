"""Fit a trained model's calibration on labelled stands that it has not learnt from, and write it into its card.

Every stand is looked at as it is and thinned to several densities, as a plot and as single trees whose height above
ground is not known, without ground but for what no filter would take away, half of the time without word of its
returns. On these pieces three things are fitted, in this order: where there are many stands, what tells leafless scans
from others (:func:`~leafwood.postprocess.calibration.recognise`); temperature and bias with the scan's own terms
(:class:`~leafwood.postprocess.calibration.Calibration`), and the statistics by which a scan can be told that is unlike
all of them (:mod:`leafwood.postprocess.likeness`). Leaf and wood weigh the same within each piece but for bare trees:
leaves below 20 % are not weighed up to half, as in training.

Half of the stands are judged by a fit to the other half. Where that fit has a greater calibration error than
the network alone, the card keeps what it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import IGNORE, LEAF, WOOD
from leafwood.datasets.crops import with_litter_mounds
from leafwood.datasets.stands import LabelledStand, load_stand
from leafwood.errors import BadConfig
from leafwood.graph.scale import scale_normalisation
from leafwood.inference.model_file import load_model, save_calibration, weights_file
from leafwood.inference.segmenter import Segmenter
from leafwood.postprocess.calibration import Calibration, recognise
from leafwood.postprocess.likeness import describe_pieces

__all__ = ["Fitted", "Piece", "Scored", "calibrate", "cut_pieces", "fit_calibration", "judge"]

_DENSITIES = (20.0, 80.0, 300.0, 1200.0)  # points per m²
_MOST = 30_000  # points of a piece: denser plots are narrower
_TREES = 2  # of each stand and density
_SAMPLE = 4_000  # points of a piece that are kept
_FEWEST_WOOD, _FEWEST = 20, 100  # points of a piece that can be learnt from
_UNKNOWN = 0.5  # share of the pieces whose returns are withheld, as many files do
_HEAPED = 0.4  # share of the pieces with litter mounds on the ground, as in training
_LEAFLESS = 0.15  # share of leaves below which a piece is leafless
_RAREST = {LEAF: 0.2, WOOD: 0.002}  # shares below which a class is no longer weighed up
_BINS = 15
# Stands that it takes to tell leafless scans by a descriptor of some fifty numbers. Recognisers learnt from ten took
# four of seven real trees in leaf for leafless; without one, the estimated wood share by height does that work.
_MANY = 50

Report = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Piece:
    """What the network says of a piece of a stand, and the truth.

    Attributes:
        stand: number of its stand, from 0.
        kind: ``plot`` or ``tree``.
        density: points per m², as asked for.
        returns: whether the network knew of returns.
        margin: (n,) wood logit less leaf logit.
        covariates: (n, 4), see :func:`~leafwood.postprocess.calibration.covariates`.
        descriptor: (1 + t,) the scan descriptor.
        wood: (n,) the truth.
    """

    stand: int
    kind: str
    density: float
    returns: bool
    margin: NDArray[np.float32]
    covariates: NDArray[np.float64]
    descriptor: NDArray[np.float64]
    wood: NDArray[np.bool_]

    @property
    def leafless(self) -> bool:
        """Whether there is hardly any leaf."""
        return bool(1 - self.wood.mean() < _LEAFLESS)

    @property
    def weight(self) -> NDArray[np.float64]:
        """Of the points (n,): leaf and wood weigh the same unless there is hardly any leaf, every piece the same."""
        share = float(self.wood.mean())
        return np.where(self.wood, 0.5 / max(share, _RAREST[WOOD]), 0.5 / max(1 - share, _RAREST[LEAF])) / len(
            self.wood
        )


@dataclass(frozen=True)
class Scored:
    """How good probabilities at equal shares are, on pieces whose stands the fit has not seen; means over the pieces.

    Attributes:
        pieces: number of pieces.
        balanced_accuracy: mean of wood and leaf recall at one half.
        right: share of the weight that is labelled right.
        error: expected calibration error of the weighed points over 15 bins.
    """

    pieces: int
    balanced_accuracy: float
    right: float
    error: float


@dataclass(frozen=True, eq=False)
class Fitted:
    """What came of a calibration.

    Attributes:
        calibration: fitted to all pieces.
        before: scores of the network alone, by kind of piece; ``all`` is the last.
        after: the same scores, each stand judged by the fit to the other half; empty for a single stand.
        written: whether the card has it.
    """

    calibration: Calibration
    before: dict[str, Scored]
    after: dict[str, Scored]
    written: bool


def calibrate(
    model: str | Path, files: Sequence[Path], *, labels: str = "gt_wood", seed: int = 0, report: Report = print
) -> Fitted:
    """Fit the calibration of a model and write it into the card beside its weights.

    Args:
        model: name of a shipped model, or a ``.safetensors`` file; of leafwood's own kind.
        files: labelled stands or trees that it has not learnt from.
        labels: how labels are written, a name of :data:`leafwood.classes.PRESETS`.
        seed: seed of thinning and withholding.
        report: called with a line per file.

    Raises:
        BadConfig: no such model, or no piece with enough wood and leaf to fit to.
        BadCloud: a file without labels.
    """
    known = load_model(model)
    segmenter, rng, pieces = Segmenter(replace(known, calibration=Calibration())), np.random.default_rng(seed), []
    for number, path in enumerate(files):
        pieces += list(_pieces_of(load_stand(path, labels), number, segmenter, rng))
        report(f"{path}: {len(pieces)} pieces so far")
    if not any(piece.wood.any() and not piece.wood.all() for piece in pieces):
        raise BadConfig("nothing to calibrate on: no piece of the stands has both wood and leaves")
    before, after = _cross_check(pieces)
    found = fit_calibration(pieces)
    written = not after or after["all"].error <= before["all"].error
    if written:
        save_calibration(weights_file(model), found, describe_pieces(np.array([p.descriptor for p in pieces])))
    return Fitted(found, before, after, written)


def cut_pieces(stand: LabelledStand, density: float, rng: np.random.Generator) -> Iterator[tuple[str, LabelledStand]]:
    """The middle of a stand thinned to a density, and its largest trees; nothing if the stand is sparser.

    Args:
        stand: without ground.
        density: points per m².
        rng: draws what is kept.
    """
    share = density * float(np.prod(np.maximum(np.ptp(stand.xyz[:, :2], axis=0), 1.0))) / len(stand)
    if share > 1:
        return
    thin = stand.take(np.flatnonzero(rng.random(len(stand)) < share))
    if not len(thin):
        return
    from_middle = np.abs(thin.xyz[:, :2] - np.median(thin.xyz[:, :2], axis=0)).max(axis=1)
    yield "plot", thin.take(np.argsort(from_middle, kind="stable")[:_MOST])
    numbers, counts = np.unique(thin.tree[thin.tree > 0], return_counts=True)
    numbers, counts = numbers[counts <= _MOST], counts[counts <= _MOST]
    for number in numbers[np.argsort(-counts, kind="stable")[:_TREES]]:
        tree = thin.take(np.flatnonzero(thin.tree == number))
        yield "tree", replace(tree, height=np.full(len(tree), np.nan, dtype=np.float32))


def _pieces_of(stand: LabelledStand, number: int, segmenter: Segmenter, rng: np.random.Generator) -> Iterator[Piece]:
    """What the network says of all pieces of a stand that can be learnt from."""
    for density in _DENSITIES:
        seen = with_litter_mounds(stand, rng) if rng.random() < _HEAPED else stand
        for kind, part in cut_pieces(seen.take(np.flatnonzero(~seen.ground)), density, rng):
            if (part.label == WOOD).sum() >= _FEWEST_WOOD and (part.label != IGNORE).sum() >= _FEWEST:
                part = part.without_returns() if rng.random() < _UNKNOWN else part
                yield _look(part, number, kind, density, segmenter, rng)


def _look(
    part: LabelledStand, number: int, kind: str, density: float, segmenter: Segmenter, rng: np.random.Generator
) -> Piece:
    """The network's margins on a piece."""
    xyz, returns = part.xyz - part.xyz.min(axis=0), part.cloud().returns()
    view = segmenter.forward(xyz, part.height, returns, scale_normalisation(xyz, segmenter.model.graph))
    kept = np.flatnonzero(part.label != IGNORE)
    kept = kept[rng.permutation(len(kept))[:_SAMPLE]]
    wood = part.label[kept] == WOOD
    known = bool(returns.any())
    return Piece(number, kind, density, known, view.margin[kept], view.covariates[kept], view.descriptor, wood)


def fit_calibration(pieces: Sequence[Piece]) -> Calibration:
    """The calibration of some pieces."""
    descriptors = np.array([piece.descriptor for piece in pieces])
    start = Calibration()
    if len({piece.stand for piece in pieces}) >= _MANY:
        start = recognise(descriptors, np.array([piece.leafless for piece in pieces]))
    columns = [(p.margin, p.covariates, np.full(len(p.wood), n), p.wood, p.weight) for n, p in enumerate(pieces)]
    margin, around, number, wood, weight = (np.concatenate(column) for column in zip(*columns, strict=True))
    return start.fit(margin, around, number, descriptors, wood, weight)


def judge(piece: Piece, calibration: Calibration) -> Scored:
    """How good the probabilities of one piece are."""
    prob = calibration.probability(calibration.logit(piece.margin, piece.covariates), piece.descriptor)
    right = (prob > 0.5) == piece.wood
    accuracy = np.mean([right[those].mean() for those in (piece.wood, ~piece.wood) if those.any()])
    weight = piece.weight / piece.weight.sum()
    box = np.minimum((prob * _BINS).astype(int), _BINS - 1)
    gap = np.bincount(box, weights=weight * (prob - piece.wood), minlength=_BINS)
    return Scored(1, float(accuracy), float(weight[right].sum()), float(np.abs(gap).sum()))


def _cross_check(pieces: Sequence[Piece]) -> tuple[dict[str, Scored], dict[str, Scored]]:
    """Scored by kind of piece of the network alone, and of fits to the other half of the stands."""
    half_of = _halves(pieces)
    halves = [[piece for piece in pieces if half_of[piece.stand] != half] for half in (0, 1)]
    ordered = sorted(pieces, key=lambda piece: (piece.kind, piece.density))
    groups = dict.fromkeys(_groups_of(piece)[0] for piece in ordered)
    groups |= dict.fromkeys(("returns known", "returns withheld", "leafless", "leafless tree", "in leaf", "all"))
    fits = [fit_calibration(half) for half in halves] if all(halves) else []
    found: tuple[dict[str, Scored], dict[str, Scored]] = {}, {}
    for piece_set, chosen in zip(found, ((Calibration(),) * 2, fits), strict=True):
        if not chosen:
            continue
        judged = [(piece, judge(piece, chosen[half_of[piece.stand]])) for piece in pieces]
        for name in groups:
            members = [quality for piece, quality in judged if name in _groups_of(piece)]
            if members:
                piece_set[name] = _mean(members)
    return found


def _halves(pieces: Sequence[Piece]) -> dict[int, int]:
    """Stand -> 0 or 1: every second one in the order of their wood share, so that both halves have all there is."""
    share = {stand: np.mean([p.wood.mean() for p in pieces if p.stand == stand]) for stand in {p.stand for p in pieces}}
    return {stand: rank % 2 for rank, stand in enumerate(sorted(share, key=lambda stand: (share[stand], stand)))}


def _groups_of(piece: Piece) -> tuple[str, ...]:
    """Names of the rows that a piece counts in."""
    leaves = ("leafless", f"leafless {piece.kind}") if piece.leafless else ("in leaf",)
    returns = "returns known" if piece.returns else "returns withheld"
    return (f"{piece.kind}, {piece.density:g} points/m²", returns, *leaves, "all")


def _mean(members: Sequence[Scored]) -> Scored:
    """Means over single pieces."""
    table = np.array([(q.balanced_accuracy, q.right, q.error) for q in members]).mean(axis=0)
    return Scored(len(members), *(float(value) for value in table))
