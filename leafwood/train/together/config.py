"""The configuration of networks that are trained side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from leafwood.config import in_range
from leafwood.datasets.crops import CropConfig
from leafwood.errors import BadConfig
from leafwood.nn.structure import UNetConfig
from leafwood.train.pyramid import PyramidSpec
from leafwood.train.start import TrainingDevice

__all__ = ["Learner", "Pool", "Stage", "TogetherConfig"]


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Stands that give every round some crops, in turn.

    Attributes:
        files: files or glob patterns.
        crops: what the crops look like; those of the model where it is left out.
        lone_trees: every file holds one tree and nothing else; see :func:`leafwood.datasets.stands.load_stand`.
    """

    files: tuple[str, ...]
    crops: CropConfig | None = None
    lone_trees: bool = False


@dataclass(frozen=True, kw_only=True)
class Learner:
    """A network that learns from the rounds of a stage.

    Attributes:
        start: weights to begin with: ``stage/learner`` of an earlier stage, or a ``.safetensors`` file.
        without: patterns of file names whose crops it never sees.
        teacher: weights that it also learns from, named like `start`; see :mod:`leafwood.train.distil`.
        taught: patterns of file names whose crops the teacher is asked about; all where there are none.
    """

    start: str | None = None
    without: tuple[str, ...] = ()
    teacher: str | None = None
    taught: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Rounds with the same crops and learners.

    Attributes:
        crops: how many crops of each pool a round has, by the pool's name.
        learners: by name.
        network: shape of all of them.
        learning_rate: peak of the one-cycle schedule.
        averaging: decay of the exponential moving average of the weights that is kept.
        rounds: rounds after which the stage ends; 0 if time alone ends it.
        seconds: seconds after which it ends; 0 if rounds alone end it.

    Raises:
        BadConfig: nothing ends it, or a value out of range.
    """

    crops: Mapping[str, int]
    learners: Mapping[str, Learner]
    network: UNetConfig
    learning_rate: float = 3e-3
    averaging: float = 0.99
    rounds: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        in_range("learning_rate", self.learning_rate, 1e-12)
        in_range("averaging", self.averaging, 0.0, 1.0)
        in_range("rounds", self.rounds, 0)
        in_range("seconds", self.seconds, 0.0)
        if not self.rounds and not self.seconds:
            raise BadConfig("a stage needs rounds or seconds to end after")
        if not self.learners or not sum(self.crops.values()) or min(self.crops.values()) < 0:
            raise BadConfig("a stage needs learners, and crops in each round")

    def done(self, rounds: int, seconds: float) -> float:
        """Share of the stage that is done, 0..1."""
        shares = (rounds / self.rounds if self.rounds else 0.0, seconds / self.seconds if self.seconds else 0.0)
        return min(1.0, max(shares))


@dataclass(frozen=True, kw_only=True)
class TogetherConfig:
    """Stages of several networks on shared crops.

    Attributes:
        pools: stands by a name of their own.
        validation: files or glob patterns of stands that nothing learns from.
        stages: by name, in order.
        model: graphs, crops and weights of points; the stages have their networks.
        teacher_share: share of the teacher in the loss of those who have one.
        weight_decay: of the optimiser.
        validation_crops: crops that every learner is scored on at the end of its stage.
        device: as in :class:`~leafwood.train.config.TrainConfig`.
        loader_processes: processes that make crops.
        seed: of the crops and the first weights.

    Raises:
        BadConfig: a stage that asks for a pool that does not exist, or a value out of range.
    """

    pools: Mapping[str, Pool]
    validation: tuple[str, ...]
    stages: Mapping[str, Stage]
    model: PyramidSpec = field(default_factory=PyramidSpec)
    teacher_share: float = 0.7
    weight_decay: float = 1e-2
    validation_crops: int = 60
    device: TrainingDevice = "auto"
    loader_processes: int = 1
    seed: int = 1

    def __post_init__(self) -> None:
        in_range("validation_crops", self.validation_crops, 1)
        in_range("loader_processes", self.loader_processes, 0)
        for name, stage in self.stages.items():
            for pool in stage.crops.keys() - self.pools.keys():
                raise BadConfig(f"stages.{name}.crops: no pool {pool!r}; there are {', '.join(self.pools)}")
