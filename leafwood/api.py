"""The one-line verb for those who label a single cloud."""

from __future__ import annotations

from pathlib import Path

from leafwood.cloud import PointCloud
from leafwood.inference.model_file import DEFAULT_MODEL
from leafwood.models import load_segmenter

__all__ = ["segment"]


def segment(cloud: PointCloud, model: str | Path = DEFAULT_MODEL) -> PointCloud:
    """Label a cloud with a shipped model or a ``.safetensors`` file.

    For many clouds make one :class:`leafwood.Segmenter` and call its ``segment``.

    Args:
        cloud: n points, as :func:`leafwood.read` gives them.
        model: a model's name or file.

    Returns:
        The cloud with columns ``leafwood``, ``wood_prob`` and ``height_ag``; see :meth:`Segmenter.segment`.

    Raises:
        BadCloud: the cloud cannot be labelled.
        BadConfig: there is no such model.
    """
    return load_segmenter(model).segment(cloud)
