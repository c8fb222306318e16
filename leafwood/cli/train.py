"""`leafwood train`: labelled stands in, a model out."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument("config", type=Path, metavar="CONFIG", help="YAML file, such as configs/train/uav.yaml")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for weights, log and checkpoint")
    parser.add_argument(
        "--geometry", action="store_true", help="log how near the last layer is to SELI; for networks with parts"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the folder's last checkpoint")


def run(args: argparse.Namespace) -> int:
    """Train one model.

    Returns:
        0; failures are raised.
    """
    from leafwood.config import load
    from leafwood.diagnose.watch import GeometryLog
    from leafwood.errors import BadConfig
    from leafwood.train.loop import TrainConfig, train

    config = load(args.config, TrainConfig)
    watch = None
    if args.geometry:
        if config.model.kind != "pyramid" or config.model.network.outputs == "wood":
            raise BadConfig(
                "--geometry: two outputs have the same geometry at every imbalance (SELI = ETF), so distances say "
                "nothing; train with `model: {kind: pyramid, network: {outputs: parts}}`"
            )
        watch = GeometryLog(args.output / "geometry.csv")
    train(config, args.output, resume=args.resume, watch=watch)
    print(f"weights and card: {args.output / 'model.safetensors'}")
    return 0
