"""Train several networks side by side on the same crops (leafwood.train.together).

python pipelines/train_together.py configs/together/large.yaml -o runs/large [--set stages.trunk.seconds=60 ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from leafwood.config import load
from leafwood.errors import LeafwoodError
from leafwood.train.together.config import TogetherConfig
from leafwood.train.together.run import train_together


def main(argv: Sequence[str] | None = None) -> None:
    """Train what a configuration says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the weights")
    parser.add_argument("--set", nargs="*", default=(), metavar="KEY=VALUE", help="settings to change")
    args = parser.parse_args(argv)
    try:
        train_together(load(args.config, TogetherConfig, args.set), args.output)
    except LeafwoodError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
