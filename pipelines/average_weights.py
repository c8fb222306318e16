"""Average the weights that a training started from with those that it ended with (leafwood.train.averaging).

    python pipelines/average_weights.py leafwood/weights/virtual.safetensors runs/uav/model.safetensors \
        --share 0.8 -o runs/uav/averaged.safetensors

The card is that of the tuned weights, uncalibrated, with the share of each; `leafwood calibrate` fits it anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from leafwood.errors import BadConfig
from leafwood.train.averaging import save_averaged


def main(argv: Sequence[str] | None = None) -> None:
    """Write the weights and their card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("start", type=Path, help="weights that the training started from")
    parser.add_argument("tuned", type=Path, help="weights that it ended with")
    parser.add_argument("--share", type=float, default=0.8, help="of the tuned weights (default 0.8)")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args(argv)
    try:
        save_averaged(args.start, args.tuned, args.share, args.output)
    except BadConfig as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
