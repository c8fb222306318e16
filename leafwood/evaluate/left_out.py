"""Data that given weights have not learnt from: labelled real trees by fold, and rows of a table of unseen scans.

The seven labelled trees of Weiser et al. (2024, doi:10.11588/data/UUMEDI) are all in the training of the shipped
weights. Each is therefore scored by the weights of that one of three folds whose training left its species out; the
card beside the weights says what they were trained on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig
from leafwood.evaluate.echoes import clear_echoes
from leafwood.evaluate.evaluation import truth_of
from leafwood.evaluate.thinning import thin_downward
from leafwood.io.files import is_one_of
from leafwood.io.loaders import read

__all__ = [
    "TREES",
    "ChoiceScan",
    "learnt_from",
    "leaving_out",
    "scans_to_choose_by",
    "species",
    "unseen",
    "whole_and_thinned",
]

TREES = "weiser_*.laz"  # names of the labelled trees
_SPECIES = {
    "AcePse": "sycamore, Acer pseudoplatanus",
    "FagSyl": "beech, Fagus sylvatica",
    "PicAbi": "spruce, Picea abies",
    "PinSyl": "Scots pine, Pinus sylvestris",
    "PseMen": "Douglas fir, Pseudotsuga menziesii",
    "QuePet": "sessile oak, Quercus petraea",
    "QueRub": "red oak, Quercus rubra",
}
_THINNED = 10_000  # points of a tree as a drone would see it


def species(tree: Path) -> str:
    """English and Latin name of the species that a labelled tree's file is named for; the stem of any other file."""
    code = tree.stem.split("_")[1] if is_one_of(tree.name, [TREES]) else ""
    return _SPECIES.get(code, tree.stem)


def learnt_from(card: Path, tree: Path) -> bool:
    """Whether the weights with that card were trained on that tree; virtual stands under ``runs/`` do not count."""
    provenance = json.loads(card.read_text(encoding="utf-8"))["provenance"]
    return is_one_of(tree.name, (Path(file).name for file in _files(provenance) if not file.startswith("runs/")))


def _files(provenance: Mapping[str, Any]) -> Iterator[str]:
    """Files or patterns that weights have learnt from, and those that they began with or were averaged with."""
    config = provenance["config"]
    yield from config.get("train", ())
    for source in config.get("sources", ()):
        yield from source["files"]
    yield from provenance.get("learnt_from", ())
    for other in (provenance.get("averaged", {}).get("provenance"), provenance.get("started_from")):
        if other:
            yield from _files(other)


def leaving_out(tree: Path, folder: Path) -> Path:
    """The one fold's weights that did not learn from a tree.

    Args:
        tree: its file.
        folder: folder of the folds' weights (``.safetensors``) and cards (``.json``).

    Raises:
        BadConfig: no fold or more than one left it out.
    """
    found = [path for path in sorted(folder.glob("*.safetensors")) if not learnt_from(path.with_suffix(".json"), tree)]
    if len(found) != 1:
        raise BadConfig(f"{len(found)} folds in {folder} left {tree.name} out; there must be exactly one")
    return found[0]


def whole_and_thinned(tree: PointCloud) -> dict[str, PointCloud]:
    """A tree as it was scanned, and thinned as from a drone to about 10,000 points, more at the top than below."""
    return {"whole": tree, "thinned": thin_downward(tree, min(1.0, _THINNED / len(tree)))}


class ChoiceScan(NamedTuple):
    """A scan that settings are chosen by.

    Attributes:
        group: what it is averaged with.
        model: weights that have not learnt from it, a file or the name of a shipped model.
        cloud: n points.
        truth: (n,) LEAF, WOOD or IGNORE.
    """

    group: str
    model: str | Path
    cloud: PointCloud
    truth: NDArray[np.int8]


def scans_to_choose_by(labelled: Path, folds: Path, stands: Iterable[Path], model: str) -> Iterator[ChoiceScan]:
    """The labelled trees, whole and thinned, and virtual drone stands, of which clear echoes have a truth.

    Args:
        labelled: folder of the labelled trees.
        folds: folder of the folds' weights, as for :func:`leaving_out`.
        stands: folders of virtual stands that no weights have learnt from; those without returns are passed over.
        model: weights for the stands.
    """
    for path in sorted(labelled.glob(TREES)):
        fold, tree = leaving_out(path, folds), read(path)
        for look, cloud in whole_and_thinned(tree).items():
            yield ChoiceScan(f"trees, {look}", fold, cloud, truth_of(cloud, "gt_wood"))
    for path in sorted(path for folder in stands for path in folder.glob("*.laz")):
        cloud = read(path)
        if cloud.returns().any():
            yield ChoiceScan("virtual drone stands", model, cloud, clear_echoes(cloud))


def unseen(stands: Iterable[Path], bare: str, labelled: Path, few: int) -> Iterator[tuple[str, Path]]:
    """Scans with a truth, each with the row of a table that it counts for.

    Args:
        stands: virtual stands.
        bare: what the names of leafless stands begin with.
        labelled: folder of labelled real scans, each a row of its own.
        few: scans of each row at most.
    """
    flown = sorted(stands)
    rows = {
        "virtual stands in leaf": [path for path in flown if not path.name.startswith(bare)],
        "leafless virtual stands": [path for path in flown if path.name.startswith(bare)],
        **{path.stem: [path] for path in sorted(labelled.glob("*.laz"))},
    }
    return ((row, path) for row, paths in rows.items() for path in paths[:few])
