"""What a run will take, before it is run: tiles, memory, disk, and time by the speed of this machine on these scans."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from leafwood.batch.one_file import LabelOptions, segmenter
from leafwood.batch.survey.engine import space_needed
from leafwood.batch.units import Unit
from leafwood.errors import LeafwoodError
from leafwood.graph.scale import scale_normalisation
from leafwood.inference.segmenter import Segmenter
from leafwood.io.las.stream import LasStream, open_las
from leafwood.memory import default_memory, points_of_tile

__all__ = ["Forecast", "forecast"]

_SAMPLE = 100_000  # points that are labelled to know how long it takes
_PASSES = 3  # over each file: read, read again to be written, written


class Forecast(NamedTuple):
    """What a unit will take.

    Attributes:
        unit: scans that are labelled together.
        points: in all of them.
        tiles: about how many they are cut into.
        disk: bytes that are needed while it is labelled, outputs apart.
        seconds: that it will take, on one worker.
    """

    unit: Unit
    points: int
    tiles: int
    disk: int
    seconds: float


def forecast(units: Sequence[Unit], options: LabelOptions) -> list[Forecast | None]:
    """What each unit will take; None for one with scans of which only reading tells how many points they have.

    A part of the first scan is labelled to know how fast this machine is.

    Args:
        units: of the run.
        options: how they are labelled.
    """
    opened = [_opened(unit, options) for unit in units]
    first = next((streams[0] for streams in opened if streams), None)
    found = segmenter(options)
    if first is None or not isinstance(found, Segmenter):
        return [None] * len(units)
    look, read = _speed(found, first)
    most = found.tile_points or points_of_tile(options.memory or default_memory())
    return [
        _of_unit(unit, streams, most, found.buffer, look, read) if streams else None
        for unit, streams in zip(units, opened, strict=True)
    ]


def _opened(unit: Unit, options: LabelOptions) -> list[LasStream]:
    """The headers of a unit's scans; none where one of them cannot be read so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return [open_las(path, options.crs) for path in (*unit.jobs, *unit.beside)]
        except (LeafwoodError, OSError):
            return []


def _of_unit(unit: Unit, streams: Sequence[LasStream], most: int, buffer: float, look: float, read: float) -> Forecast:
    """By the seconds that looking at a point and reading one take."""
    points = sum(stream.layout.count for stream in streams)
    area = sum(max(float(np.prod(stream.bounds[1, :2] - stream.bounds[0, :2])), 1.0) for stream in streams)
    tiles = 1
    if points > most:
        side = max(math.sqrt(most * area / points) - 2 * buffer, 2 * buffer)
        tiles = max(2, math.ceil(area / side**2))
    side = math.sqrt(area / tiles)
    seen = (1 + 2 * buffer / side) ** 2 if tiles > 1 else 1.0
    seconds = points * (seen * look + _PASSES * read)
    return Forecast(unit, points, tiles, space_needed(points) if unit.tiled else 0, seconds)


def _speed(found: Segmenter, stream: LasStream) -> tuple[float, float]:
    """Seconds that looking at a point and reading one take here."""
    started = time.perf_counter()
    raw, columns = next(iter(stream.chunks(("return_number", "number_of_returns"))))
    read = (time.perf_counter() - started) / len(raw)
    xyz = (raw - raw.min(axis=0)) * np.abs(stream.step)
    away = np.abs(xyz[:, :2] - np.median(xyz[:, :2], axis=0)).max(axis=1)
    near = np.argsort(away, kind="stable")[:_SAMPLE]
    part = np.asarray(xyz[near], dtype=np.float32)
    returns = np.zeros((len(near), 2), dtype=np.uint8)
    for column, values in enumerate(columns.values()):
        returns[:, column] = values[near]
    height, scale = part[:, 2], scale_normalisation(part, found.model.graph)
    owned = np.ones(len(part), dtype=bool)
    for count in (min(len(part), 5_000), len(part)):  # the first time libraries are loaded
        started = time.perf_counter()
        chosen = slice(0, count)
        found.see(part[chosen], height[chosen], returns[chosen], scale, owned[chosen])
    return (time.perf_counter() - started) / len(part), read
