"""`leafwood train`: labelled stands in, a model out."""

from __future__ import annotations

import argparse
from pathlib import Path

from leafwood.cli.options import add_overrides

__all__ = ["add_arguments", "run"]


# what a run leaves in its folder
_RUN = ("last.pt", "log.csv", "geometry.csv", "validation.npz", "model.safetensors", "model.json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument("config", metavar="CONFIG", help="YAML file, or the name of a shipped one, such as own")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for weights, log and checkpoint")
    parser.add_argument(
        "--geometry", action="store_true", help="log how near the last layer is to SELI; for networks with parts"
    )
    parser.add_argument(
        "--tensorboard", action="store_true", help="also write event files for TensorBoard, in a folder of this name"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the folder's last checkpoint")
    parser.add_argument("--overwrite", action="store_true", help="begin anew where the folder holds another run")
    add_overrides(parser, "steps=500 or crops.radius=[2, 5]")


def run(args: argparse.Namespace) -> int:
    """Train one model.

    Returns:
        0; failures are raised.

    Raises:
        TargetExists: the folder holds another run.
        BadConfig: it is to be gone on with and begun anew.
    """
    import shutil

    from leafwood.config import load
    from leafwood.diagnose.watch import GeometryLog
    from leafwood.errors import BadConfig, TargetExists
    from leafwood.report.training import write_training_report
    from leafwood.shipped import config_file
    from leafwood.train.loop import TrainConfig, train
    from leafwood.train.run_log import EVENTS, event_log

    if args.resume and args.overwrite:
        raise BadConfig("--resume goes on with a run and --overwrite begins anew: give one of them")
    config = load(config_file(args.config, "train"), TrainConfig, args.overrides)
    if args.geometry and (config.model.kind != "pyramid" or config.model.network.outputs == "wood"):
        raise BadConfig(
            "--geometry: two outputs have the same geometry at every imbalance (SELI = ETF), so distances say "
            "nothing; train with `model: {kind: pyramid, network: {outputs: parts}}`"
        )
    there = [args.output / name for name in _RUN if (args.output / name).exists()]
    if there and not args.resume and not args.overwrite:
        raise TargetExists(f"{args.output}: holds another run; resume=True goes on with it, overwrite=True begins anew")
    for path in () if args.resume else there:
        path.unlink()
    if there and not args.resume:
        shutil.rmtree(args.output / EVENTS, ignore_errors=True)
    watch = GeometryLog(args.output / "geometry.csv") if args.geometry else None
    logs = [event_log(args.output / EVENTS)] if args.tensorboard else []
    train(config, args.output, resume=args.resume, watch=watch, logs=logs)
    print(f"weights and card: {args.output / 'model.safetensors'}")
    print(f"curves: {write_training_report(args.output)}")
    return 0
