"""The stages of networks that are trained side by side, one after the other."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from torch_geometric.data import Batch

from leafwood.config import to_dict
from leafwood.datasets.stands import LabelledStand, load_stand
from leafwood.inference.model_file import weights_file
from leafwood.io.files import is_one_of
from leafwood.losses import LossConfig, build_all
from leafwood.train.balance import Balance
from leafwood.train.data import check_apart, files_of
from leafwood.train.distil import DistilMethod
from leafwood.train.pyramid import PyramidTask
from leafwood.train.run_log import csv_log
from leafwood.train.start import class_counts, start_from, training_device
from leafwood.train.steps import Step
from leafwood.train.together.config import Learner, Stage, TogetherConfig
from leafwood.train.together.rounds import InTurn, Rounds, for_each
from leafwood.train.validation import validate

__all__ = ["one_cycle", "train_together"]

_LOSS = (LossConfig("cross_entropy"),)
_SAMPLE = 6  # rounds that classes and spacings are counted in
_LOG_EVERY = 20  # rounds
Report = Callable[[str], None]


def train_together(config: TogetherConfig, out: Path, report: Report = print) -> None:
    """Train all stages and write ``out/stage/learner.safetensors`` with its card, and its log beside it.

    Args:
        config: the stages.
        out: folder for what they give.
        report: called with a line now and then.

    Raises:
        BadConfig: a pattern that matches no file, a stand that is in a pool and in `validation`, weights of another
            network to start with, or a GPU that is not there.
        BadCloud: a stand without labels.
    """
    torch.manual_seed(config.seed)
    torch.set_num_threads(1)
    device = training_device(config.device)
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32 where the GPU has it
    stands = _load(config)
    for turn, (name, stage) in enumerate(config.stages.items()):
        (out / name).mkdir(parents=True, exist_ok=True)
        # no stage sees the crops of another again
        _Run(config, stage, out / name, device, report).run(stands, config.seed + 100_000 * turn)


def one_cycle(done: float, peak: float, rise: float = 0.1) -> float:
    """Learning rate of torch's OneCycleLR at a share of a training that is done."""
    low, end = peak / 25, peak / 25e4
    first, last, share = (low, peak, done / rise) if done < rise else (peak, end, (done - rise) / (1 - rise))
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def _load(config: TogetherConfig) -> dict[str, list[LabelledStand]]:
    """The stands of each pool, and under the empty name those to validate on."""
    files = {name: files_of(pool.files) for name, pool in config.pools.items()}
    validation = files_of(config.validation)
    check_apart({"pools": [path for paths in files.values() for path in paths], "validation": validation})
    with ThreadPoolExecutor(max(1, config.loader_processes)) as several:
        loading = {
            name: [several.submit(load_stand, path, lone_tree=config.pools[name].lone_trees) for path in paths]
            for name, paths in files.items()
        }
        loading[""] = [several.submit(load_stand, path) for path in validation]
        return {name: [each.result() for each in waiting] for name, waiting in loading.items()}


@dataclass(eq=False)
class _Pupil:
    """A learner at work."""

    average: AveragedModel
    optimiser: torch.optim.Optimizer
    step: Step
    losses: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class _Run:
    """One stage at work."""

    config: TogetherConfig
    stage: Stage
    folder: Path
    device: torch.device
    report: Report

    @property
    def task(self) -> PyramidTask:
        """What the learners of the stage are trained for."""
        return PyramidTask(replace(self.config.model, network=self.stage.network))

    def run(self, stands: Mapping[str, Sequence[LabelledStand]], seed: int) -> None:
        """Take the steps of the stage, score what its learners have become, and save it."""
        began = time.perf_counter()
        rounds = self._rounds(stands, seed)
        batches = self._batches(rounds)
        sample = [next(batches) for _ in range(_SAMPLE)]
        pupils = {name: self._pupil(name, [each[name] for each in sample]) for name in self.stage.learners}
        number, done = 0, 0.0
        while done < 1:
            batch = sample[number] if number < _SAMPLE else next(batches)
            rate = one_cycle(done, self.stage.learning_rate)
            for name, pupil in pupils.items():
                pupil.optimiser.param_groups[0]["lr"] = rate
                pupil.losses.append(pupil.step(batch[name].to(self.device, non_blocking=True)))
                pupil.average.update_parameters(pupil.step.network)
            number += 1
            seconds = time.perf_counter() - began
            done = self.stage.done(number, seconds)
            if number % _LOG_EVERY == 0 or done >= 1:
                self._log(pupils, number, seconds, rate)
        self.report(f"{self.folder.name}: {number} rounds in {seconds:.0f} s")
        provenance = {"config": to_dict(self.config), "stage": self.folder.name, "rounds": number, "seconds": seconds}
        provenance["device"] = torch.cuda.get_device_name() if self.device.type == "cuda" else "cpu"
        checks = self._checks(stands[""])
        for name, pupil in pupils.items():
            own: dict[str, Any] = {"learner": name, "learnt_from": sorted(self._learnt_from(name, rounds.files))}
            own["validation"] = self._score(name, pupil, checks)
            if start := self.stage.learners[name].start:
                own["started_from"] = self._provenance(start)
            state = pupil.average.module.state_dict()
            self.task.save(state, provenance | own, self.folder / f"{name}.safetensors")

    def _rounds(self, stands: Mapping[str, Sequence[LabelledStand]], seed: int) -> Rounds:
        """The crops of the stage."""
        pools, usual = self.config.pools, self.config.model.crops
        tasks = {name: self.task.with_crops(pool.crops or usual) for name, pool in pools.items()}
        counts = enumerate(self.stage.crops.items())
        return Rounds([InTurn(stands[pool], tasks[pool], (seed, n), count) for n, (pool, count) in counts if count])

    def _batches(self, rounds: Rounds) -> Iterator[dict[str, Any]]:
        """The batches of all learners, round by round."""
        views = {name: learner.without for name, learner in self.stage.learners.items()}
        return iter(
            DataLoader(
                rounds,
                batch_size=len(rounds.places),
                sampler=range(len(rounds)),
                num_workers=self.config.loader_processes,
                collate_fn=partial(for_each, views=views),
                generator=torch.Generator(),
                pin_memory=self.device.type == "cuda",
            )
        )

    def _pupil(self, name: str, sample: Sequence[Any]) -> _Pupil:
        """A learner with its first weights and the weights of its points."""
        learner, config = self.stage.learners[name], self.config
        network = self.task.network([]).to(self.device)
        if learner.start:
            start_from(network, self._weights(learner.start))
        network.train()
        balance = self.task.balance(sample, _LOSS)
        balance = balance and balance.to(self.device)
        criterion = build_all(_LOSS, class_counts(sample, network.last_layer.out_features)).to(self.device)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=self.stage.learning_rate, weight_decay=config.weight_decay
        )
        average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(self.stage.averaging))
        return _Pupil(average, optimiser, self._step(learner, network, criterion, optimiser, balance))

    def _step(
        self, learner: Learner, network: Any, criterion: Any, optimiser: torch.optim.Optimizer, balance: Balance | None
    ) -> Step:
        if not learner.teacher:
            return Step(network, criterion, optimiser, balance)
        method = DistilMethod(
            teacher=self._weights(learner.teacher), share=self.config.teacher_share, files=learner.taught
        )
        return method.step(network, criterion, optimiser, balance, None)

    def _weights(self, name: str) -> Path:
        """The file of weights that a learner names."""
        earlier = self.folder.parent / f"{name}.safetensors"
        return earlier if earlier.exists() else weights_file(name)

    def _learnt_from(self, name: str, files: Iterable[str]) -> set[str]:
        """Names of the files that a learner saw crops of, and of those that its first weights and its teacher saw."""
        learner = self.stage.learners[name]
        found = {file for file in files if not is_one_of(file, learner.without)}
        for weights in filter(None, (learner.start, learner.teacher)):
            found.update(self._provenance(weights).get("learnt_from", ()))
        return found

    def _provenance(self, weights: str) -> dict[str, Any]:
        """How the weights came about that a learner names."""
        card = json.loads(self._weights(weights).with_suffix(".json").read_text(encoding="utf-8"))
        found: dict[str, Any] = card["provenance"]
        return found

    def _log(self, pupils: Mapping[str, _Pupil], number: int, seconds: float, rate: float) -> None:
        """Write and tell where the learners are."""
        means = {name: float(np.mean(pupil.losses)) for name, pupil in pupils.items()}
        for name, pupil in pupils.items():
            row = {"round": number, "seconds": seconds, "loss": means[name], "learning_rate": rate}
            csv_log(self.folder / f"{name}.csv")(row)
            pupil.losses.clear()
        shown = " ".join(f"{name} {mean:.4f}" for name, mean in means.items())
        self.report(f"{self.folder.name} {number}, {seconds:.0f} s: loss {shown}")

    def _checks(self, stands: Sequence[LabelledStand]) -> list[Any]:
        """Batches of validation crops, the same ones in all stages."""
        config = self.config
        crops = PyramidTask(config.model).examples(stands, (config.seed, 1_000_000), config.validation_crops)
        return list(
            DataLoader(crops, batch_size=12, num_workers=config.loader_processes, collate_fn=Batch.from_data_list)
        )

    def _score(self, name: str, pupil: _Pupil, checks: Sequence[Any]) -> dict[str, float]:
        """Scores of a learner on the validation crops, which are also written and told."""
        scores = validate(pupil.average, [batch.clone() for batch in checks], self.device).scores.as_dict()
        csv_log(self.folder / "validation.csv")({"learner": name, **scores})
        shown = " ".join(f"{key} {scores[key]:.4f}" for key in ("auroc", "g_mean"))
        self.report(f"{self.folder.name}/{name}: validation {shown}")
        return scores
