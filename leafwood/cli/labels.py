"""`leafwood labels`: how data sets write leaf and wood, and where that is from."""

from __future__ import annotations

import argparse

__all__ = ["add_arguments", "run"]

_SOURCES = {
    "gt_wood": "leafwood's virtual scans",
    "leafwood": "what `leafwood segment` writes",
    "asprs": "what leafwood writes into `classification`: 64 to 255 are the user's to define (ASPRS LAS 1.4)",
    "soul": "SOUL, Bai et al. 2023 (arXiv 2305.16963)",
    "for-instance": "FOR-instance, Puliti et al. 2023 (arXiv 2309.01279): 4 stem, 5 live branches, 6 woody branches",
    "pointstowood": "PointsToWood, Owen et al. 2025 (github.com/harryjfowen/PointsToWood)",
    "fsct": "FSCT, Krisanski et al. 2021 (doi:10.3390/rs13224677)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def run(args: argparse.Namespace) -> int:
    """Print the presets that --labels takes.

    Returns:
        0.
    """
    from leafwood.classes import LEAF, PRESETS, WOOD

    for name, preset in PRESETS.items():
        codes = {
            word: ", ".join(str(code) for code, label in preset.codes.items() if label == meant)
            for word, meant in (("leaf", LEAF), ("wood", WOOD))
        }
        print(f"{name:<13} field {' or '.join(preset.columns)}: leaf {codes['leaf']}; wood {codes['wood']}")
        print(f"{'':<13} {_SOURCES.get(name, 'see docs/labels.md')}")
    return 0
