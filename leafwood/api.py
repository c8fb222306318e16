"""The one-line verb for those who label a single cloud."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from leafwood.cloud import PointCloud
from leafwood.models import Device, load_segmenter
from leafwood.weights import DEFAULT_MODEL

if TYPE_CHECKING:
    from leafwood.inference.segmenter import Quality
    from leafwood.postprocess.rule import Rule

__all__ = ["segment"]


def segment(
    cloud: PointCloud,
    model: str | Path = DEFAULT_MODEL,
    *,
    rule: Rule | None = None,
    quality: Quality | None = None,
    device: Device = "cpu",
) -> PointCloud:
    """Label a cloud with a shipped model or a ``.safetensors`` file.

    For many clouds make one :class:`leafwood.Segmenter` and call its ``segment``.

    Args:
        cloud: n points, as :func:`leafwood.read` gives them.
        model: a model's name or file.
        rule: ``overlap`` or ``balanced``, see :mod:`leafwood.postprocess.rule`; the model's own when None.
        quality: ``standard``, or ``high`` for five times the time; the model's own when None.
        device: ``cpu``, or ``cuda`` where torch sees a GPU.

    Returns:
        The cloud with columns ``leafwood``, ``wood_prob``, ``wood_prob_equal`` and ``height_ag``; see
        :meth:`Segmenter.segment`.

    Raises:
        BadCloud: the cloud cannot be labelled.
        BadConfig: there is no such model, rule, quality or device.
        MissingExtra: a GPU is asked for, and torch is not installed.
    """
    return load_segmenter(model, rule=rule, quality=quality, device=device).segment(cloud)
