"""E57 in, through pye57 (the extra ``formats``). Labels of an E57 file are written as LAZ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.errors import BadFile, require

__all__ = ["read_e57"]

_NAMES = {"intensity": "intensity", "colorRed": "red", "colorGreen": "green", "colorBlue": "blue"}


_MOST_PER_BYTE = 8  # points; each takes a bit at least


def read_e57(path: Path) -> PointCloud:
    """Read all scans of an E57 file into one cloud, in the file's common coordinates.

    Returns:
        The cloud, with the scan's number in ``point_source_id``, and intensity and colours where every scan has them.

    Raises:
        MissingExtra: pye57 is not installed.
        BadFile: not E57, or damaged.
    """
    require("pye57", f"{path}: reading E57")
    import pye57

    scans: list[dict[str, NDArray[Any]]] = []
    try:
        file = pye57.E57(str(path))
        try:
            promised = sum(file.get_header(number).point_count for number in range(file.scan_count))
            if promised > _MOST_PER_BYTE * path.stat().st_size:  # before anything is allocated for them
                raise BadFile(f"{path}: promises {promised} points, the file has {path.stat().st_size} bytes")
            scans = [
                file.read_scan(number, intensity=True, colors=True, ignore_missing_fields=True)
                for number in range(file.scan_count)
            ]
        finally:
            file.close()
    except BadFile:
        raise
    except Exception as error:  # pye57 raises its own C++ exception type, RuntimeError and ValueError
        raise BadFile(
            f"{path}: cannot be read as E57: {str(error).splitlines()[0] if str(error) else error!r}"
        ) from error
    if not scans:
        return PointCloud.from_xyz(np.empty((0, 3)), path=path)
    axes = ("cartesianX", "cartesianY", "cartesianZ")
    xyz = np.concatenate([np.stack([scan[axis] for axis in axes], axis=1) for scan in scans])
    sizes = [len(scan[axes[0]]) for scan in scans]
    columns: dict[str, NDArray[Any]] = {
        ours: np.concatenate([scan[name] for scan in scans])
        for name, ours in _NAMES.items()
        if all(name in scan for scan in scans)
    }
    columns["point_source_id"] = np.repeat(np.arange(1, len(scans) + 1, dtype=np.uint16), sizes)
    return PointCloud.from_xyz(xyz, columns, path=path)
