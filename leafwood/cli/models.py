"""`leafwood models`: the models inside the package, and what is known of each."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leafwood.graph.config import GraphConfig

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument("paths", type=Path, nargs="*", metavar="MODEL", help=".safetensors files of your own, too")


def run(args: argparse.Namespace) -> int:
    """Print a block for each model.

    Returns:
        0; failures are raised.
    """
    from leafwood.inference.card import read_card
    from leafwood.inference.model_file import graph_of, load_model, weights_file
    from leafwood.weights import DEFAULT_MODEL, shipped_models

    for name in [*shipped_models(), *map(str, args.paths)]:
        path = weights_file(name)
        model = load_model(name)
        card = read_card(path)
        print(f"{name}{' (default)' if name == DEFAULT_MODEL else ''}")
        for title, text in _facts(path, card, graph_of(card), model.sha256).items():
            print(f"  {title + ':':<12} {text}")
    return 0


def _facts(path: Path, card: dict[str, Any], graph: GraphConfig, digest: str) -> dict[str, str]:
    """What a card says of its model, in lines."""
    provenance = card.get("provenance", {})
    facts = {"about": str(provenance["about"])} if provenance.get("about") else {}
    facts["reads"] = "coordinates, heights above ground" + (" and returns" if "returns" in graph.features else "")
    scale = f"{graph.size * 100:g} cm voxels, {graph.n_levels} levels"
    facts["graph"] = f"{scale}; clouds sparser than {graph.spacing:g} m to the 24th neighbour are shrunk"
    scores = provenance.get("validation", {})
    shown = [f"{key.replace('_', ' ')} {scores[key]:.3f}" for key in ("auroc", "g_mean") if key in scores]
    if shown:
        facts["validation"] = f"{', '.join(shown)} (virtual crops, not real trees: see docs/scores.md)"
    facts["calibrated"] = "yes" if any((card.get("calibration") or {}).get("bias", ())) else "no: see docs/adapt.md"
    return facts | {"weights": f"{path.stat().st_size / 1e6:.1f} MB, sha256 {digest[:16]}"}
