"""The kinds of models there are: for each, what is trained and what labels with the trained weights.

One table, :data:`MODEL_KINDS`; nothing else in the package asks which kind a model is. A new network is a module in
:mod:`leafwood.nn`, one that says how it is trained and one that labels with it, and a line here. The table holds names
and imports what they stand for when it is needed: labelling must not wait for torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from safetensors.numpy import load_file

from leafwood.errors import BadConfig, require
from leafwood.inference.model_file import kind_of, weights_file
from leafwood.weights import DEFAULT_MODEL

if TYPE_CHECKING:
    from leafwood.cloud import PointCloud
    from leafwood.inference.labelling import Progress
    from leafwood.inference.segmenter import Quality
    from leafwood.inference.views import Segmented
    from leafwood.postprocess.rule import Rule
    from leafwood.train.tasks import Task

__all__ = ["DEVICES", "MODEL_KINDS", "CloudSegmenter", "Device", "ModelKind", "load_segmenter"]

Device = Literal["cpu", "cuda"]
DEVICES: tuple[Device, ...] = get_args(Device)


class CloudSegmenter(Protocol):
    """What labels a cloud, whatever the kind of its model."""

    model: Any

    def segment(self, cloud: PointCloud, progress: Progress | None = None) -> PointCloud:
        """The cloud with columns ``leafwood``, ``wood_prob``, ``wood_prob_equal`` and ``height_ag``."""

    def segment_with_account(self, cloud: PointCloud, progress: Progress | None = None) -> Segmented:
        """The same cloud, and how it came about as far as the kind knows."""


@dataclass(frozen=True)
class ModelKind:
    """Where the parts of one kind of model are, each as ``module:name``.

    Attributes:
        title: what the kind is, in a few words.
        segmenter: a class with ``from_pretrained(path, *, threads)`` and these options.
        options: what else can be chosen when it labels.
        task: a class that takes what a training configuration says of the model.
        on_device: a class that takes weights, graph, shape and the name of a torch device, and is the network of its
            :class:`~leafwood.inference.model_file.Model` there; None where it labels on processors alone.
    """

    title: str
    segmenter: str
    options: tuple[str, ...]
    task: str
    on_device: str | None = None

    def load_segmenter(self, path: Path, options: Mapping[str, Any], device: Device = "cpu") -> CloudSegmenter:
        """A segmenter with weights of this kind."""
        segmenter: CloudSegmenter = _found(self.segmenter).from_pretrained(path, **options)
        if device != "cpu" and self.on_device is not None:
            model = segmenter.model
            network = _found(self.on_device)(load_file(path), model.graph, model.config, device)
            segmenter.model = replace(model, network=network)
        return segmenter

    def make_task(self, spec: Any) -> Task:
        """What is trained."""
        task: Task = _found(self.task)(spec)
        return task


MODEL_KINDS: Mapping[str, ModelKind] = MappingProxyType(
    {
        "pyramid": ModelKind(
            "leafwood's graph U-Net over a voxel pyramid",
            segmenter="leafwood.inference.segmenter:Segmenter",
            options=("rule", "quality", "memory"),
            task="leafwood.train.pyramid:PyramidTask",
            on_device="leafwood.nn.on_device:DeviceUNet",
        ),
        "soul": ModelKind(
            "SOUL's PointNet++ on slices of geodesic pieces",
            segmenter="leafwood.soul.segmenter:SoulSegmenter",
            options=("rule",),
            task="leafwood.train.soul:SoulTask",
        ),
    }
)


def load_segmenter(
    name: str | Path = DEFAULT_MODEL,
    *,
    threads: int | None = None,
    rule: Rule | None = None,
    quality: Quality | None = None,
    memory: int | None = None,
    device: Device = "cpu",
) -> CloudSegmenter:
    """A segmenter for any kind of model.

    Args:
        name: a shipped model's name, or a ``.safetensors`` file with its card beside it.
        threads: processors to use; all that the process may use when None.
        rule: how labels are made of probabilities, see :mod:`leafwood.postprocess.rule`; the kind's own when None.
        quality: ``standard`` or ``high``, for the kinds that have it; the kind's own when None.
        memory: bytes to keep within, for the kinds that can; the kind's own when None.
        device: where the network runs. ``cpu`` needs no torch; ``cuda`` is a GPU, and its labels agree with those of
            ``cpu`` but for points whose classes are all but equally probable.

    Raises:
        BadConfig: there is no such model, its card says a kind that does not exist, an option that the kind does
            not have, or torch sees no GPU.
        MissingExtra: a GPU is asked for, and torch is not installed.
    """
    path = weights_file(name)
    kind = kind_of(path)
    if kind not in MODEL_KINDS:
        raise BadConfig(f"{path}: its card says kind {kind!r}; there are {', '.join(MODEL_KINDS)}")
    chosen = {"rule": rule, "quality": quality, "memory": memory}
    asked = {name: value for name, value in chosen.items() if value is not None}
    for option in asked.keys() - set(MODEL_KINDS[kind].options):
        raise BadConfig(f"{path}: a model of kind {kind!r} has no choice of {option}")
    if device not in DEVICES:
        raise BadConfig(f"no device {device!r}; there are {' and '.join(DEVICES)}")
    if device != "cpu":
        require("torch", "labelling on a GPU")
        if MODEL_KINDS[kind].on_device is None:
            raise BadConfig(f"{path}: a model of kind {kind!r} has no choice of device")
    return MODEL_KINDS[kind].load_segmenter(path, {"threads": threads, **asked}, device)


def _found(place: str) -> Any:
    """What a ``module:name`` stands for."""
    module, name = place.split(":")
    return getattr(import_module(module), name)
