"""How far batch size, width, augmentation, smoothing and the optimiser go under imbalance, before any special method.

    python pipelines/routine_sweep.py out/routine --train runs/stands/train --held-out runs/stands/validation
    python pipelines/routine_sweep.py out/routine --table

The point of Shwartz-Ziv et al. (NeurIPS 2023) is that such settings, well tuned, suffice. Each is varied alone around
logit adjustment as configs/train/imbalance/logit_adjusted.yaml has it, on the stands, crops and scores of
benchmark_imbalance.py. Runs that are in results.csv are not done again.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from benchmark_imbalance import add_arguments, compare, methods, rows
from imbalance_report import table

from leafwood.errors import BadConfig
from leafwood.losses import LossConfig
from leafwood.nn.structure import UNetConfig
from leafwood.train.loop import TrainConfig

BATCHES = (2, 8, 16)
WIDTHS = (0.5, 1.5)
STRENGTHS = (0.0, 2.0)
SMOOTHINGS = (0.05, 0.2)
RATES = (1e-3, 1e-2)
DECAYS = (0.0, 0.1)


def variations() -> dict[str, TrainConfig]:
    """The routine, and each of its settings changed alone."""
    plain = methods()["logit_adjusted"]
    found = {"routine": plain}
    found |= {f"batch {batch}": replace(plain, batch=batch) for batch in BATCHES}
    for factor in WIDTHS:
        widths = tuple(round(factor * width) for width in UNetConfig().widths)
        model = replace(plain.model, network=replace(plain.model.network, widths=widths))
        found[f"width times {factor:g}"] = replace(plain, model=model)
    for strength in STRENGTHS:
        model = replace(plain.model, crops=replace(plain.model.crops, wood_strength=strength))
        found[f"augmentation of wood times {strength:g}"] = replace(plain, model=model)
    for most in SMOOTHINGS:
        smoothed = LossConfig("smoothed", {"eps_min": 0.0, "eps_max": most}, 0.5)
        found[f"smoothing up to {most:g}"] = replace(plain, loss=(LossConfig("logit_adjusted", {}, 0.5), smoothed))
    found |= {f"learning rate {rate:g}": replace(plain, learning_rate=rate) for rate in RATES}
    found |= {f"weight decay {decay:g}": replace(plain, weight_decay=decay) for decay in DECAYS}
    found["SGD, rate 0.1"] = replace(plain, optimiser="sgd", learning_rate=0.1, weight_decay=1e-4)
    return found


def main() -> None:
    """Run, or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--table", action="store_true", help="print what is there, do nothing")
    args = parser.parse_args()
    try:
        if args.table:
            print(table(rows(args.out)))
        else:
            compare(args, variations())
    except BadConfig as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
