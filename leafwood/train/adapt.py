"""A trained model learns a few labelled scans of somebody's own forest or scanner: LoRA, then debLoRA."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from leafwood.datasets.crops import CropConfig
from leafwood.inference.model_file import load_model, weights_file
from leafwood.nn.lora import LoRAConfig
from leafwood.train.data import load_training_set
from leafwood.train.deblora import DebloraConfig
from leafwood.train.loop import Report, TrainConfig, check, fit
from leafwood.train.lora import LoraMethod
from leafwood.train.pyramid import PyramidSpec
from leafwood.weights import DEFAULT_MODEL

__all__ = ["adapt"]

_CROPS = CropConfig(max_points=12_000, scale=0.2, single_tree=0.2, radius=(1.5, 6.0))


def adapt(
    files: Sequence[Path],
    validation: Sequence[Path],
    out: Path,
    *,
    model: str | Path = DEFAULT_MODEL,
    labels: str = "gt_wood",
    rank: int = 8,
    steps: int = 300,
    seed: int = 1,
    threads: int = 1,
    report: Report = print,
) -> dict[str, dict[str, float]]:
    """Adapt a model with low-rank adapters, which melt into its weights.

    First plain adapters (LoRA) learn the scans, then others learn their features with wood moved out of the region of
    the leaves (debLoRA). What scores best on the validation scans is kept; that may be the model as it was. The result
    is not calibrated: that of the model was for its own features.

    Args:
        files: labelled scans to learn from.
        validation: others to choose by, never the same ones.
        out: folder for ``model.safetensors`` with its card, and for the two trainings, ``lora`` and ``deblora``.
        model: name of a shipped model, or a ``.safetensors`` file; of leafwood's own kind.
        labels: how labels are written, a name of :data:`leafwood.classes.PRESETS`.
        rank: of the adapters.
        steps: of each of the two trainings.
        seed: of the crops and the adapters.
        threads: of the training process.
        report: called with a line per validation.

    Returns:
        Scores on the validation crops, voxel by voxel and uncalibrated: ``as it was``, ``lora``, ``deblora``.

    Raises:
        BadConfig: no such model, a scan in both sets, or a number out of range.
        BadCloud: a scan without labels.
    """
    known, adapters = load_model(model), LoRAConfig(rank=rank, alpha=2.0 * rank)
    config = TrainConfig(
        train=tuple(map(str, files)),
        validation=tuple(map(str, validation)),
        labels=labels,
        start=weights_file(model),
        model=PyramidSpec(graph=known.graph, network=known.config, crops=_CROPS, even_crops=True),
        method=LoraMethod(adapters=adapters),
        steps=steps,
        learning_rate=1e-3,
        averaging=0.99,
        validate_every=max(1, steps // 3),
        validation_crops=80,
        seed=seed,
        threads=threads,
    )
    data = load_training_set(config)
    found = {"as it was": check(config, data)}
    found["lora"] = fit(config, data, out / "lora", report=report)
    moved = replace(config, start=out / "lora" / "model.safetensors", method=DebloraConfig(adapters=adapters))
    found["deblora"] = fit(moved, data, out / "deblora", report=report)
    best = max(found, key=lambda name: found[name]["g_mean"])
    if best != "as it was":
        for suffix in (".safetensors", ".json"):
            shutil.copyfile(out / best / f"model{suffix}", out / f"model{suffix}")
    return found
