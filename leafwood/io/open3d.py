"""PCD through Open3D's tensor API: float64 coordinates and every field kept."""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.errors import BadFile, FileProblem, about
from leafwood.io.names import column_name
from leafwood.io.results import require_count, result_columns
from leafwood.io.target import writing

__all__ = ["read_pcd", "write_pcd"]

_MOST_HEADER = 1 << 16


def read_pcd(path: Path) -> PointCloud:
    """Read a PCD file.

    Returns:
        The cloud; scalar fields are columns, colours are ``red``, ``green``, ``blue`` uint8.

    Raises:
        BadFile: not PCD, or cut short.
        BadCloud: NaN or infinite coordinates.
    """
    fields = _read(path)
    columns: dict[str, NDArray[Any]] = {}
    for name, values in fields.items():
        if name == "colors":
            columns |= dict(zip(("red", "green", "blue"), values.T, strict=True))
        elif name != "positions" and values.shape[1] == 1:
            columns[column_name(name)] = values[:, 0]
    with about(path):
        return PointCloud.from_xyz(fields["positions"], columns, path=path)


def write_pcd(
    cloud: PointCloud, source: Path, target: Path, *, extra: Collection[str] = (), overwrite: bool = False
) -> None:
    """Write the fields of `source` again with the cloud's labels as further fields, binary as Open3D writes it.

    Raises:
        BadFile: the source is damaged.
        BadCloud: the cloud has no labels, or not as many points as the source.
        TargetExists: see :func:`leafwood.io.target.check_target`.
    """
    open3d: Any = import_module("open3d")
    columns = result_columns(cloud, extra)
    fields = _read(source)
    require_count(source, len(fields["positions"]), cloud)
    out = open3d.t.geometry.PointCloud()
    for name, values in {**fields, **{n: c[:, None] for n, c in columns.items()}}.items():
        column = values.astype(np.uint8) if values.dtype == bool else values
        out.point[name] = open3d.core.Tensor(np.ascontiguousarray(column))
    with writing(target, source, overwrite) as stream:
        # Open3D chooses the format by suffix, so it writes a neighbour that takes the stream's place.
        part = Path(stream.name).with_suffix(".pcd")
        try:
            if not open3d.t.io.write_point_cloud(str(part), out, compressed=b"binary_compressed" in _header(source)):
                raise FileProblem(f"{target}: Open3D could not write it")
            stream.write(part.read_bytes())
        finally:
            part.unlink(missing_ok=True)


def _header(path: Path) -> bytes:
    with path.open("rb") as stream:
        block = stream.read(_MOST_HEADER)
    at = block.find(b"\nDATA ")
    return block[: block.find(b"\n", at + 1)] if at >= 0 else b""


def _read(path: Path) -> dict[str, NDArray[Any]]:
    """Fields by Open3D's names, (n, 1) or (n, 3)."""
    header = _header(path)
    entries = {line.split()[0]: line.split()[1:] for line in header.splitlines() if line.strip()}
    promised = entries.get(b"POINTS", [b""])[0]
    if not promised.isdigit() or not {b"x", b"y", b"z"} <= set(entries.get(b"FIELDS", [])):
        raise BadFile(f"{path}: is not a PCD file with x, y and z")
    _check_size(path, header, entries, int(promised))
    if promised == b"0":
        return {"positions": np.empty((0, 3))}
    open3d: Any = import_module("open3d")
    quiet = open3d.utility.VerbosityContextManager(open3d.utility.VerbosityLevel.Error)
    with quiet:
        cloud = open3d.t.io.read_point_cloud(str(path), remove_nan_points=False, remove_infinite_points=False)
    if "positions" not in cloud.point or len(cloud.point.positions) != int(promised):
        held = len(cloud.point.positions) if "positions" in cloud.point else 0
        raise BadFile(f"{path}: is damaged: the header promises {int(promised)} points, {held} can be read")
    return {str(name): values.numpy().copy() for name, values in cloud.point.items()}


def _check_size(path: Path, header: bytes, entries: dict[bytes, list[bytes]], promised: int) -> None:
    """Open3D fills what a short file lacks with whatever memory holds, so what is there is counted first."""
    sizes = [int(size) for size in entries.get(b"SIZE", [])]
    counts = [int(count) for count in entries.get(b"COUNT", [b"1"] * len(sizes))]
    length = max(sum(s * c for s, c in zip(sizes, counts, strict=False)), 1)
    with path.open("rb") as stream:
        stream.seek(len(header) + 1)
        kind = entries.get(b"DATA", [b""])[0]
        if kind == b"ascii":
            held = sum(1 for line in stream if line.strip())
        elif kind == b"binary":
            held = (path.stat().st_size - stream.tell()) // length
        else:
            packed, unpacked = (int.from_bytes(stream.read(4), "little") for _ in range(2))
            held = unpacked // length if path.stat().st_size - stream.tell() >= packed else 0
    if held < promised:
        raise BadFile(f"{path}: is cut short: the header promises {promised} points, the file holds {held}")
