"""The weights between two that were trained from the same start, or between a start and what was trained from it.

Weights that were tuned on few real trees have forgotten some of what they knew of virtual stands; those on the straight
line between the two have most of both (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022). Of two
trainings from the same start, the mean of the weights labels about as well as the two together would, at the price of
one (Wortsman et al., "Model soups", ICML 2022).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from leafwood.errors import BadConfig
from leafwood.postprocess.calibration import Calibration

__all__ = ["averaged", "save_averaged"]


def averaged(start: Path, tuned: Path, share: float) -> dict[str, NDArray[Any]]:
    """Tensors by name (float16): `share` of the tuned weights and the rest of those that they started from.

    Args:
        start: weights (``.safetensors``) that the training started from, or others that were trained from them.
        tuned: weights that it ended with.
        share: share of the tuned weights, 0..1.

    Raises:
        BadConfig: a share outside 0..1, or weights of two different networks.
    """
    if not 0 <= share <= 1:
        raise BadConfig(f"share must lie between 0 and 1, not {share}")
    before, after = load_file(start), load_file(tuned)
    if {name: value.shape for name, value in before.items()} != {name: value.shape for name, value in after.items()}:
        raise BadConfig(f"{start} and {tuned} are weights of different networks")
    return {name: _between(before[name], after[name], share) for name in after}


def _between(before: NDArray[Any], after: NDArray[Any], share: float) -> NDArray[Any]:
    mean = share * after.astype(np.float32) + (1 - share) * before.astype(np.float32)
    return mean.astype(np.float16)


def save_averaged(start: Path, tuned: Path, share: float, target: Path) -> None:
    """Write averaged weights and their card: that of the tuned weights, uncalibrated, with what was averaged.

    Args:
        start: as :func:`averaged` takes it, with its card beside it.
        tuned: likewise, with its card beside it.
        share: likewise.
        target: a ``.safetensors`` file; its card is written beside it.

    Raises:
        BadConfig: as :func:`averaged`.
    """
    weights = averaged(start, tuned, share)
    card = json.loads(tuned.with_suffix(".json").read_text(encoding="utf-8"))
    card["calibration"] = asdict(Calibration())
    card.pop("descriptors", None)
    before = json.loads(start.with_suffix(".json").read_text(encoding="utf-8"))["provenance"]
    card["provenance"]["averaged"] = {"with": start.stem, "share_of_tuned": share, "provenance": before}
    save_file(weights, target)
    target.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
