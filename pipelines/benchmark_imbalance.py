"""Every loss and method of configs/train/imbalance on the same virtual stands, at three imbalances, over three seeds.

    python pipelines/benchmark_imbalance.py out/imbalance --train runs/stands/train --held-out runs/stands/validation
    python pipelines/benchmark_imbalance.py out/imbalance --table
    python pipelines/benchmark_imbalance.py out/imbalance --figure docs/img/imbalance.png
    python pipelines/benchmark_imbalance.py out/routine --routine --train runs/stands/train --held-out runs/stands/held

All learn with a small network, for a few hundred steps, from the same crops; what a YAML file says of loss, method,
batch, width and augmentation is kept, and the rest is that of configs/pipelines/benchmark_imbalance.yaml. The training
stands are thinned to about 5, 20 and 50 leaf voxels for each wood voxel; the held-out ones, on which all are scored,
are not touched, and nothing is chosen on them: the weights at the end of a run count. Labelled trees can be scored too,
those whose names begin alike together. Runs that are in results.csv are not done again.

`--routine` varies batch size, width, augmentation, smoothing and the optimiser instead, each alone, around logit
adjustment: how far do they go before any special method?
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from leafwood.config import load
from leafwood.errors import BadConfig, FileProblem
from leafwood.io.files import list_files
from leafwood.train.config import TrainConfig
from leafwood.train.trials.crops import TrialSize
from leafwood.train.trials.method_tables import draw, table
from leafwood.train.trials.methods import MethodTrials, load_methods
from leafwood.train.trials.results import done
from leafwood.train.trials.routine import routine_variations

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
METHODS, CONFIG = CONFIGS / "train" / "imbalance", CONFIGS / "pipelines" / "benchmark_imbalance.yaml"
PRETEXT = "pretext"  # is learnt from by others, and not scored itself


def chosen(args: argparse.Namespace) -> dict[str, TrainConfig]:
    """The configurations to compare, by name."""
    if not args.routine:
        found = load_methods(METHODS, args.methods)
        found.pop(PRETEXT, None)
        return found
    found = routine_variations(load_methods(METHODS, ["logit_adjusted"])["logit_adjusted"])
    if unknown := set(args.methods) - found.keys():
        raise BadConfig(f"no variation {sorted(unknown)[0]!r}; there are {', '.join(found)}")
    return {name: config for name, config in found.items() if not args.methods or name in args.methods}


def compare(args: argparse.Namespace) -> None:
    """Do the runs that are missing."""
    for option in ("train", "held_out"):
        if getattr(args, option) is None:
            raise BadConfig(f"--{option.replace('_', '-')} is needed: a folder of labelled stands")
    trials = MethodTrials(
        args.out,
        train=list_files([args.train]),
        held_out=list_files([args.held_out]),
        labelled=args.labelled,
        pretext=load(METHODS / f"{PRETEXT}.yaml", TrainConfig),
        size=load(args.config, TrialSize),
        crops=args.crops,
        report=lambda line: print(line, flush=True),
    )
    trials.run_missing(chosen(args), args.ratios, args.seeds)


def main(argv: Sequence[str] | None = None) -> None:
    """Run, or print, or draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the results, and of what is prepared once")
    parser.add_argument("--train", type=Path, help="folder of labelled stands; the last four give the clean trees")
    parser.add_argument("--held-out", type=Path, help="folder of other stands, to score on")
    parser.add_argument("--labelled", type=Path, nargs="*", default=[], help="labelled files (gt_wood) to score on too")
    parser.add_argument("--routine", action="store_true", help="vary the settings of logit adjustment instead")
    parser.add_argument("--methods", nargs="*", default=[], help="names of configurations; all of them by default")
    parser.add_argument("--ratios", type=int, nargs="+", default=[5, 20, 50], help="leaf voxels for each wood voxel")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--crops", type=int, default=1200, help="that a run sees")
    parser.add_argument("--config", type=Path, default=CONFIG, help="size of the comparison")
    parser.add_argument("--table", action="store_true", help="print what is there, do nothing")
    parser.add_argument("--figure", type=Path, help="draw what is there, do nothing")
    args = parser.parse_args(argv)
    try:
        if args.table:
            print(table(done(args.out)))
        elif args.figure:
            draw(done(args.out), args.figure)
        else:
            compare(args)
    except (BadConfig, FileProblem) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
