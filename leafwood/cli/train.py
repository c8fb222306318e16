"""`leafwood train`: labelled stands in, a model out."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument("config", type=Path, metavar="CONFIG", help="YAML file, such as configs/train/uav.yaml")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for weights, log and checkpoint")
    parser.add_argument("--resume", action="store_true", help="go on from the folder's last checkpoint")


def run(args: argparse.Namespace) -> int:
    """Train one model.

    Returns:
        0; failures are raised.
    """
    from leafwood.config import load
    from leafwood.report.training import write_training_report
    from leafwood.train.loop import TrainConfig, train

    train(load(args.config, TrainConfig), args.output, resume=args.resume)
    print(f"weights and card: {args.output / 'model.safetensors'}")
    print(f"curves: {write_training_report(args.output)}")
    return 0
