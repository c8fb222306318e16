"""Adapting a trained model to a few labelled scans of another forest or scanner: its last layer, LoRA, debLoRA."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import IGNORE, WOOD, preset_of
from leafwood.cloud import PointCloud
from leafwood.datasets.crops import CropConfig
from leafwood.errors import BadCloud, BadConfig
from leafwood.evaluate.evaluation import truth_of
from leafwood.inference.model_file import weights_file
from leafwood.inference.segmenter import Segmenter
from leafwood.io.loaders import read
from leafwood.nn.lora import LoRAConfig
from leafwood.postprocess.calibration import Calibration
from leafwood.train.data import load_training_set
from leafwood.train.deblora import DebloraConfig
from leafwood.train.loop import Report, TrainConfig, check, fit
from leafwood.train.lora import LoraMethod
from leafwood.train.pyramid import PyramidSpec
from leafwood.weights import DEFAULT_MODEL

__all__ = ["METHODS", "Method", "adapt", "recalibrate"]

Method = Literal["head", "lora", "deblora"]
METHODS: tuple[Method, ...] = ("head", "lora", "deblora")
_CROPS = CropConfig(max_points=12_000, scale=0.2, single_tree=0.2, radius=(1.5, 6.0))
_SURE = 1e-6  # probabilities nearer to 0 and 1 have no logit


def adapt(
    files: Sequence[Path],
    validation: Sequence[Path],
    out: Path,
    *,
    model: str | Path = DEFAULT_MODEL,
    labels: str = "gt_wood",
    methods: Sequence[Method] = ("lora", "deblora"),
    rank: int = 8,
    steps: int = 300,
    batch: int = 4,
    crops: CropConfig | None = None,
    seed: int = 1,
    threads: int = 1,
    report: Report = print,
) -> dict[str, dict[str, float]]:
    """Adapt a model to labelled scans.

    ``head`` learns the last layer alone; ``lora`` learns low-rank adapters of the other layers with it, which then melt
    into the weights; ``deblora`` goes on from the result of ``lora`` with new adapters that learn its features with
    wood moved out of the region of the leaves. What scores best on the validation scans is kept, which may be the model
    as it was. The calibration of that model was for its own features, so each method's result gets one of its own from
    the validation scans; see :func:`recalibrate`.

    Args:
        files: labelled scans to learn from.
        validation: others to choose by, never the same ones.
        out: folder for ``model.safetensors`` with its card, and for each training a folder of the method's name.
        model: name of a shipped model, or a ``.safetensors`` file; of leafwood's own kind.
        labels: how labels are written, as :func:`leafwood.classes.preset_of` takes it.
        methods: which of them to try; ``deblora`` needs ``lora``.
        rank: rank of the adapters, at least 1.
        steps: steps of each training.
        batch: crops per step.
        crops: what examples look like; None for pieces of stands and single trees alike.
        seed: seed of the crops and the adapters.
        threads: threads of the training process.
        report: called with a line per validation.

    Returns:
        Scores on the validation crops, voxel by voxel and uncalibrated: ``as it was``, and each method's.

    Raises:
        BadConfig: no such model, a scan in both sets, ``deblora`` without ``lora``, or a number out of range.
        BadCloud: a scan without labels, or validation scans in which leaf or wood is missing.
    """
    if rank < 1:
        raise BadConfig(f"rank must be at least 1, got {rank}")
    if "deblora" in methods and "lora" not in methods:
        raise BadConfig("deblora goes on from the result of lora: ask for both")
    config = TrainConfig(
        train=tuple(map(str, files)),
        validation=tuple(map(str, validation)),
        labels=labels,
        start=weights_file(model),
        model=PyramidSpec(crops=crops or _CROPS, even_crops=True),
        method=LoraMethod(adapters=LoRAConfig(rank=rank, alpha=2.0 * rank)),
        steps=steps,
        batch=batch,
        learning_rate=1e-3,
        averaging=0.99 if steps > 100 else 0.9,
        validate_every=max(1, steps // 3),
        validation_crops=80,
        seed=seed,
        threads=threads,
    )
    data = load_training_set(config)
    found = {"as it was": check(config, data)}
    for method in (one for one in METHODS if one in methods):
        found[method] = fit(_run_of(config, method, out), data, out / method, report=report)
        recalibrate(out / method / "model.safetensors", validation, labels)
    best = max(found, key=lambda name: found[name]["g_mean"])
    if best != "as it was":
        for suffix in (".safetensors", ".json"):
            shutil.copyfile(out / best / f"model{suffix}", out / f"model{suffix}")
    return found


def _run_of(config: TrainConfig, method: Method, out: Path) -> TrainConfig:
    """The training run of one method."""
    if method == "head":
        return replace(config, method=LoraMethod(adapters=LoRAConfig(rank=0)))
    if method == "deblora" and isinstance(config.method, LoraMethod):
        moved = DebloraConfig(adapters=config.method.adapters)
        return replace(config, start=out / "lora" / "model.safetensors", method=moved)
    return config


def recalibrate(model: Path, scans: Sequence[Path], labels: str = "gt_wood") -> Calibration:
    """Give a model temperature and bias from labelled scans it has not learnt from, and write them into its card.

    Platt scaling (1999) of the margin, with leaf and wood of the same mass in every scan: 0.5 then means that a point
    looks as much like wood as like leaf, as in the shipped models. Those have more coefficients, which need more scans.

    Args:
        model: a ``.safetensors`` file with its card beside it, not calibrated yet.
        scans: labelled scans, with leaf and wood in each.
        labels: how labels are written, a name of :data:`leafwood.classes.PRESETS`.

    Raises:
        BadCloud: a scan without leaf or without wood.
    """
    from sklearn.linear_model import LogisticRegression

    segmenter = Segmenter.from_pretrained(model)
    parts = [_margins(segmenter, read(path, extra=preset_of(labels).columns), labels, path) for path in scans]
    margin, wood, weight = (np.concatenate(part) for part in zip(*parts, strict=True))
    platt = LogisticRegression().fit(margin[:, None], wood, sample_weight=weight)
    slope, bias = max(float(platt.coef_[0, 0]), 0.1), float(platt.intercept_[0])
    neutral = Calibration()
    found = Calibration(slope=(slope, *neutral.slope[1:]), bias=(bias, *neutral.bias[1:]))
    card = model.with_suffix(".json")
    described = json.loads(card.read_text(encoding="utf-8"))
    described["calibration"] = asdict(found)
    card.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    return found


def _margins(
    segmenter: Segmenter, cloud: PointCloud, labels: str, path: Path
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Margins (n,) of a scan's labelled points, whether they are wood, and weights that give both classes half."""
    truth = truth_of(cloud, labels)
    result = segmenter.segment(cloud)
    kept = (truth != IGNORE) & (result.columns["leafwood"] > 0)
    wood = truth[kept] == WOOD
    for name, those in (("leaf", ~wood), ("wood", wood)):
        if not those.any():
            raise BadCloud(f"{path}: no {name} to calibrate by")
    probability = np.clip(result.columns["wood_prob"][kept].astype(np.float64), _SURE, 1 - _SURE)
    weight = np.where(wood, 0.5 / wood.sum(), 0.5 / (~wood).sum()) * 1000
    return np.log(probability / (1 - probability)), wood, weight
