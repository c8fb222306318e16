"""Make a model of leafwood of weights that SOUL's authors released, to label with or to compare with.

python pipelines/import_soul.py checkpoint.pth runs/soul_released/model.safetensors
leafwood segment scan.laz --model runs/soul_released/model.safetensors
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from leafwood.errors import BadConfig
from leafwood.soul.checkpoint import import_release
from leafwood.soul.segmenter import save_soul


def main(argv: Sequence[str] | None = None) -> None:
    """Read, convert, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="a released .pth file")
    parser.add_argument("out", type=Path, help="a new .safetensors file; its card is written beside it")
    args = parser.parse_args(argv)
    try:
        save_soul(import_release(args.checkpoint), args.out)
    except BadConfig as error:
        parser.error(str(error))
    print(f"weights and card: {args.out}")


if __name__ == "__main__":
    main()
