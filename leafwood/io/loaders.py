"""Reading by suffix."""

from __future__ import annotations

from pathlib import Path

from leafwood.cloud import PointCloud

__all__ = ["read"]


def read(path: Path | str) -> PointCloud:
    """Read a cloud."""
    from leafwood.io.las import read_las

    return read_las(Path(path))
