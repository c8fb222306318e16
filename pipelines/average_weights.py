"""The weights between those that a training started from and those that it ended with.

    python pipelines/average_weights.py leafwood/weights/virtual.safetensors runs/uav/model.safetensors \
        --share 0.8 -o runs/uav/averaged.safetensors

Weights that were tuned on few real trees have forgotten some of what they knew of virtual stands; those on the straight
line between the two have most of both (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022). The card
is that of the tuned weights, uncalibrated, with the share of each; `leafwood calibrate` fits it anew.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from leafwood.errors import BadConfig
from leafwood.postprocess.calibration import Calibration


def averaged(start: Path, tuned: Path, share: float) -> dict[str, np.ndarray]:
    """Tensors by name: `share` of the tuned weights and the rest of those that they started from.

    Raises:
        BadConfig: a share outside 0..1, or weights of two different networks.
    """
    if not 0 <= share <= 1:
        raise BadConfig(f"share must lie between 0 and 1, not {share}")
    before, after = load_file(start), load_file(tuned)
    if {name: value.shape for name, value in before.items()} != {name: value.shape for name, value in after.items()}:
        raise BadConfig(f"{start} and {tuned} are weights of different networks")
    return {
        name: (share * after[name].astype(np.float32) + (1 - share) * before[name].astype(np.float32)).astype(
            np.float16
        )
        for name in after
    }


def main() -> None:
    """Write the weights and their card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("start", type=Path, help="weights that the training started from")
    parser.add_argument("tuned", type=Path, help="weights that it ended with")
    parser.add_argument("--share", type=float, default=0.8, help="of the tuned weights (default 0.8)")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    weights = averaged(args.start, args.tuned, args.share)
    card = json.loads(args.tuned.with_suffix(".json").read_text(encoding="utf-8"))
    card["calibration"] = asdict(Calibration())
    card.pop("descriptors", None)
    card["provenance"]["averaged"] = {"with": args.start.stem, "share_of_tuned": args.share}
    save_file(weights, args.output)
    args.output.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
