"""The training loop: crops of labelled stands go in, and a model comes out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from torch_geometric.data import Batch

from leafwood.config import to_dict
from leafwood.evaluate.crops import write_crops
from leafwood.graph.batching import Example
from leafwood.losses import build_all
from leafwood.nn.lora import merged
from leafwood.train.config import TrainConfig
from leafwood.train.data import TrainingSet, load_training_set
from leafwood.train.run_log import Log, csv_log
from leafwood.train.start import class_counts, start_from, training_device
from leafwood.train.tasks import TrainableNetwork
from leafwood.train.validation import validate

__all__ = ["Report", "TrainConfig", "Watch", "check", "fit", "train"]

Report = Callable[[str], None]


class Watch(Protocol):
    """Looks at a network at every validation of its training."""

    def __call__(self, step: int, network: nn.Module, sample: Sequence[Example], counts: Sequence[int]) -> None:
        """Look at the network after a validation.

        Args:
            step: steps done.
            network: in training; it is not to be changed.
            sample: training examples.
            counts: voxels of each class in them.
        """


def train(
    config: TrainConfig,
    out: Path,
    *,
    resume: bool = False,
    report: Report = print,
    watch: Watch | None = None,
    logs: Sequence[Log] = (),
) -> dict[str, float]:
    """Train a model and write it to a folder.

    Args:
        config: the run.
        out: folder for ``model.safetensors`` with its card (the weights that `keep` names), ``validation.npz`` with
            what these say of the validation crops, ``log.csv``, and ``last.pt``, from which a killed run goes on.
        resume: go on from ``last.pt`` if it is there.
        report: called with a line per validation.
        watch: called at every validation with the network.
        logs: called with the figures of every validation, which also go to ``log.csv``.

    Returns:
        Scores of the kept weights on the validation crops.

    Raises:
        BadConfig: a pattern that matches no file, a stand that is in two sets, weights of another network to start
            with, or a GPU that is not there.
    """
    return fit(config, load_training_set(config), out, resume=resume, report=report, watch=watch, logs=logs)


def fit(
    config: TrainConfig,
    data: TrainingSet,
    out: Path,
    *,
    resume: bool = False,
    report: Report = print,
    watch: Watch | None = None,
    logs: Sequence[Log] = (),
) -> dict[str, float]:
    """Train on what is prepared; see :func:`train`."""
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    out.mkdir(parents=True, exist_ok=True)
    device = training_device(config.device)
    checks = _loader(data.checks, config, range(config.validation_crops))
    network = data.network().to(device)
    counts = class_counts(data.sample, cast(TrainableNetwork, network).last_layer.out_features)
    criterion = build_all(config.loss, counts).to(device)
    if config.start:
        start_from(network, config.start)
    config.method.prepare(network)
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(config.averaging))
    optimiser = _optimiser(network, config)
    rise = 0.1 if config.steps != 10 else 0.11  # torch divides by 0 where the learning rate rises for exactly one step
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, config.steps, pct_start=rise)
    balance = data.balance and data.balance.to(device)
    take_step = config.method.step(network, criterion, optimiser, balance, data)
    parts: dict[str, Any] = {"network": network, "average": average, "optimiser": optimiser, "schedule": schedule}
    parts |= {"criterion": criterion, **take_step.parts()}
    step, seconds, stale = 0, 0.0, 0
    best: dict[str, float] = {}
    if resume and (out / "last.pt").exists():
        state = torch.load(out / "last.pt", weights_only=True, map_location=device)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        step, seconds, best, stale = state["step"], state["seconds"], state["best"], state.get("stale", 0)
        torch.set_rng_state(state.get("random", torch.get_rng_state()).cpu())

    losses: list[float] = []
    for batch in _loader(data.examples, config, range(step * config.batch, config.steps * config.batch)):
        if config.patience and stale >= config.patience:
            report(f"step {step}: no better G-mean in {stale} validations, stopped")
            break
        started = time.perf_counter()
        criterion.set_progress(step / config.steps)
        losses.append(take_step(batch.to(device)))
        schedule.step()
        average.update_parameters(network)
        step += 1
        seconds += time.perf_counter() - started
        if step % config.validate_every and step < config.steps:
            continue

        seen = validate(average, checks, device)
        scores = seen.scores.as_dict()
        row = {"step": step, "seconds": seconds, "loss": float(np.mean(losses)), **take_step.figures()}
        for log in (csv_log(out / "log.csv"), *logs):
            log(row | scores | {"learning_rate": float(schedule.get_last_lr()[0])})
        report(f"step {step}: loss {np.mean(losses):.4f} " + " ".join(f"{k} {scores[k]:.4f}" for k in _SHOWN))
        losses.clear()
        if watch:
            watch(step, network, data.sample, counts)
        stale += 1
        if config.keep == "last" or not best or np.nan_to_num(scores["g_mean"]) > np.nan_to_num(best["g_mean"]):
            best, stale = scores, 0
            provenance = {"config": to_dict(config), "step": step, "train_seconds": seconds, "validation": scores}
            provenance["class_counts"] = counts
            data.save(merged(average.module), provenance, out / "model.safetensors")
            if config.method.needs_labels:
                write_crops(seen.crops, out / "validation.npz")
        state = {name: part.state_dict() for name, part in parts.items()}
        state |= {"step": step, "seconds": seconds, "best": best, "stale": stale, "random": torch.get_rng_state()}
        torch.save(state, out / "last.pt")
    return best


def check(config: TrainConfig, data: TrainingSet) -> dict[str, float]:
    """Scores of the weights that a run starts from, on its validation crops."""
    network, device = data.network(), training_device(config.device)
    if config.start:
        start_from(network, config.start)
    checks = _loader(data.checks, config, range(config.validation_crops))
    return validate(network.to(device), checks, device).scores.as_dict()


_SHOWN = ("auroc", "g_mean", "wood_recall", "leaf_recall", "wood_iou")


def _optimiser(network: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser of a run."""
    weights, rate, decay = network.parameters(), config.learning_rate, config.weight_decay
    if config.optimiser == "sgd":
        return torch.optim.SGD(weights, lr=rate, weight_decay=decay, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(weights, lr=rate, weight_decay=decay)


def _loader(examples: Any, config: TrainConfig, numbers: range) -> DataLoader[Example]:
    """Batches of the examples of those numbers."""
    return DataLoader(
        examples,
        batch_size=config.batch,
        sampler=numbers,
        num_workers=config.loader_processes,
        collate_fn=Batch.from_data_list,
        generator=torch.Generator(),  # of its own: the loader must not use up the network's random numbers
    )
