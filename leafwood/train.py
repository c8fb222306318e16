"""Training: crops of labelled stands in, a model out. One loop that reads top to bottom."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset
from torch_geometric.data import Batch, Data

from leafwood.classes import IGNORE
from leafwood.config import to_dict
from leafwood.errors import BadConfig
from leafwood.graph import SPACING_COLUMN, GraphConfig, PyramidGraph
from leafwood.losses import LossConfig, build_all
from leafwood.metrics import Scores, score
from leafwood.nn.unet import UNetConfig
from leafwood.recipes import PyramidRecipe, Recipe, SoulRecipe
from leafwood.samplers.crops import CropConfig
from leafwood.soul.samples import SoulConfig
from leafwood.stands import load_stand

__all__ = ["Balance", "TrainConfig", "train"]


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A training run; every field can be set in the YAML file.

    Attributes:
        train: files or glob patterns of labelled stands to learn from.
        validation: the same for choosing weights; never the same stands.
        start: weights to begin with, a ``.safetensors`` file of a network of the same shape.
        soul: train the SOUL baseline on such samples; `graph`, `network` and `crops` are not used then.
        graph: the graphs.
        network: the network's shape.
        crops: what examples look like.
        loss: terms of the loss, from :mod:`leafwood.losses`.
        balance: weigh points so that leaf and wood have the same mass at every point spacing; see :class:`Balance`.
            Leave it out for a loss that balances the classes itself.
        steps: optimiser steps.
        batch: crops per step.
        learning_rate: peak of the one-cycle schedule (AdamW).
        weight_decay: AdamW's.
        averaging: decay of the exponential moving average of the weights that is validated and kept.
        validate_every: steps between validations.
        validation_crops: crops per validation, always the same ones.
        loader_processes: processes that prepare crops.
        threads: threads of the training process.
        seed: of everything.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    start: Path | None = None
    soul: SoulConfig | None = None
    graph: GraphConfig = field(default_factory=GraphConfig)
    network: UNetConfig = field(default_factory=UNetConfig)
    crops: CropConfig = field(default_factory=CropConfig)
    loss: tuple[LossConfig, ...] = (LossConfig("cross_entropy"),)
    balance: bool = True
    steps: int = 3000
    batch: int = 4
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    averaging: float = 0.998
    validate_every: int = 250
    validation_crops: int = 120
    loader_processes: int = 1
    threads: int = 1
    seed: int = 1


def train(
    config: TrainConfig, out: Path, *, resume: bool = False, report: Callable[[str], None] = print
) -> dict[str, float]:
    """Train a model and write it to a folder.

    Args:
        config: the run.
        out: folder for ``model.safetensors`` with its card (the best by validation G-mean), ``log.csv`` and
            ``last.pt``, from which a killed run goes on.
        resume: go on from ``last.pt`` if it is there.
        report: called with a line per validation.

    Returns:
        Scores of the kept weights on the validation crops.

    Raises:
        BadConfig: a pattern that matches no file, or a stand that is in both sets.
    """
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    out.mkdir(parents=True, exist_ok=True)
    train_files, validation_files = _files(config.train), _files(config.validation)
    if shared := set(train_files) & set(validation_files):
        raise BadConfig(f"{sorted(shared)[0]} is in train and in validation")
    stands, others = ([load_stand(path) for path in files] for files in (train_files, validation_files))
    recipe = _recipe(config)
    checks = DataLoader(
        recipe.examples(others, (config.seed, 1), config.validation_crops),
        batch_size=config.batch,
        num_workers=config.loader_processes,
        collate_fn=Batch.from_data_list,
    )
    sampled = recipe.examples(stands, (config.seed, 2), 64)
    sample = [sampled[number] for number in range(64)]
    balance = Balance.of(sample) if config.balance else None
    criterion = build_all(config.loss, _class_counts(sample))

    network = recipe.network(stands)
    if config.start:
        _begin_with(network, config.start)
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(config.averaging))
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, config.steps, pct_start=0.1)
    parts: dict[str, Any] = {"network": network, "average": average, "optimiser": optimiser, "schedule": schedule}
    parts["criterion"] = criterion
    step, seconds = 0, 0.0
    best: dict[str, float] = {}
    if resume and (out / "last.pt").exists():
        state = torch.load(out / "last.pt", weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        step, seconds, best = state["step"], state["seconds"], state["best"]

    losses: list[float] = []
    examples = recipe.examples(stands, (config.seed, 0), config.steps * config.batch)
    for batch in _batches(examples, config, step):
        started = time.perf_counter()
        criterion.set_progress(step / config.steps)
        loss = criterion(network(batch), batch.y, balance.of_points(batch) if balance else None)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        average.update_parameters(network)
        losses.append(loss.item())
        step += 1
        seconds += time.perf_counter() - started
        if step % config.validate_every and step < config.steps:
            continue

        scores = _validate(average, checks).as_dict()
        _log(out / "log.csv", {"step": step, "seconds": seconds, "loss": float(np.mean(losses)), **scores})
        report(f"step {step}: loss {np.mean(losses):.4f} " + " ".join(f"{k} {scores[k]:.4f}" for k in _SHOWN))
        losses.clear()
        if not best or np.nan_to_num(scores["g_mean"]) > np.nan_to_num(best["g_mean"]):
            best = scores
            provenance = {"config": to_dict(config), "step": step, "train_seconds": seconds, "validation": scores}
            recipe.save(average.module.state_dict(), provenance, out / "model.safetensors")
        state = {name: part.state_dict() for name, part in parts.items()}
        torch.save({**state, "step": step, "seconds": seconds, "best": best}, out / "last.pt")
    return best


_SHOWN = ("auroc", "g_mean", "wood_recall", "leaf_recall", "wood_iou")


def _begin_with(network: nn.Module, path: Path) -> None:
    """Load weights into a fresh network.

    Raises:
        BadConfig: they are missing, or of a network of another shape.
    """
    try:
        network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    except (OSError, RuntimeError, SafetensorError) as error:
        raise BadConfig(f"start: {path}: not weights of this network ({str(error).splitlines()[0]})") from error


def _files(patterns: tuple[str, ...]) -> list[Path]:
    """Files of the patterns, sorted, relative to the working folder."""
    found: list[Path] = []
    for pattern in patterns:
        path = Path(pattern)
        root = Path(path.anchor) if path.is_absolute() else Path()
        matches = sorted(root.glob(str(path.relative_to(root) if path.is_absolute() else path)))
        if not matches:
            raise BadConfig(f"no file matches {pattern!r}")
        found += matches
    return found


@dataclass(frozen=True, eq=False)
class Balance:
    """Point weights that balance the classes within strata of point spacing.

    Wood is commoner where points are dense (stems near a scanner) than where they are sparse. Balanced over everything,
    a network learns that as a prior, and its threshold drifts when a scan is thinner or denser than those it was
    trained on. Balanced within each stratum, P(wood) = 0.5 means the same at every density.

    Attributes:
        edges: (s - 1,) borders of the strata, in units of the spacing feature.
        weights: (s, 2) of leaf and wood in each stratum; both classes have the same mass in all strata.
    """

    edges: Tensor
    weights: Tensor

    @classmethod
    def of(cls, graphs: Sequence[PyramidGraph], strata: int = 5) -> Balance:
        """Strata of equal size over labelled graphs, and the weights that balance them."""
        spacing, y = torch.cat([_spacing(g) for g in graphs]), torch.cat([g.y for g in graphs])
        edges = torch.quantile(spacing[:: max(1, len(spacing) // 100_000)], torch.linspace(0, 1, strata + 1)[1:-1])
        keep = y != IGNORE
        cell = torch.bucketize(spacing[keep], edges) * 2 + y[keep]
        counts = torch.bincount(cell, minlength=2 * strata).float().reshape(strata, 2).clamp(min=100.0)
        return cls(edges, counts.sum() / (2 * strata * counts))

    def of_points(self, graph: PyramidGraph) -> Tensor:
        """Weight of each finest voxel (m,); 0 where it has no label."""
        weight = self.weights[torch.bucketize(_spacing(graph), self.edges), graph.y.clamp(min=0)]
        return weight * (graph.y != IGNORE)


def _class_counts(graphs: Sequence[PyramidGraph]) -> tuple[int, int]:
    """Leaf and wood voxels of labelled graphs."""
    leaf, wood = torch.stack([torch.stack([(g.y == 0).sum(), (g.y == 1).sum()]) for g in graphs]).sum(dim=0).tolist()
    return leaf, wood


def _spacing(graph: PyramidGraph) -> Tensor:
    """Logarithm of the distance to the outermost neighbour of the finest level's larger neighbourhood (m,)."""
    return graph.x0[:, SPACING_COLUMN].contiguous()


def _batches(examples: Dataset[Data], config: TrainConfig, done: int) -> Iterator[Any]:
    """The run's batches from step `done` on."""
    yield from DataLoader(
        examples,
        batch_size=config.batch,
        sampler=range(done * config.batch, config.steps * config.batch),
        num_workers=config.loader_processes,
        collate_fn=Batch.from_data_list,
    )


def _recipe(config: TrainConfig) -> Recipe:
    if config.soul:
        if config.balance:
            raise BadConfig("balance needs leafwood's own graphs; with soul set `balance: false`")
        return SoulRecipe(config.soul)
    return PyramidRecipe(config.graph, config.network, config.crops)


def _validate(network: nn.Module, checks: DataLoader[PyramidGraph]) -> Scores:
    """Scores of the network's voxels over the validation crops."""
    network.eval()
    total: Scores | None = None
    with torch.inference_mode():
        for graph in checks:
            wood = torch.softmax(network(graph), dim=1)[:, 1].numpy()
            found = score(graph.y.numpy(), wood)
            total = found if total is None else total + found
    network.train()
    if total is None:
        raise BadConfig("validation_crops must be at least 1")
    return total


def _log(path: Path, row: dict[str, float]) -> None:
    """Append a row to a CSV file, with a header if it is new."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        if new:
            writer.writeheader()
        writer.writerow(row)
