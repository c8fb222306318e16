"""Data that given weights have not learnt from: labelled real trees by fold, and rows of a table of unseen scans.

The seven labelled trees of Weiser et al. (2024, doi:10.11588/data/UUMEDI) are all in the training of the shipped
weights. Each is therefore scored by the weights of that one of three folds whose training left its species out; the
card beside the weights says what they were trained on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig
from leafwood.evaluate.thinning import thin_downward
from leafwood.io.files import is_one_of

__all__ = ["TREES", "learnt_from", "leaving_out", "species", "unseen", "whole_and_thinned"]

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
