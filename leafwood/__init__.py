"""Leaf/wood segmentation of forest lidar.

cloud = leafwood.read("scan.laz")
result = leafwood.segment(cloud)
leafwood.write(result, "scan_leafwood.laz")
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from leafwood._version import __version__
from leafwood.errors import LeafwoodError

if TYPE_CHECKING:
    from leafwood.api import segment
    from leafwood.cloud import PointCloud
    from leafwood.inference.segmenter import Segmenter
    from leafwood.io.loaders import read, register_loader, write
    from leafwood.report.notebook import view

__all__ = [
    "LeafwoodError",
    "PointCloud",
    "Segmenter",
    "__version__",
    "read",
    "register_loader",
    "segment",
    "view",
    "write",
]

# Threads that spin while they wait make a busy machine many times slower; read when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_HOMES = {
    "PointCloud": "leafwood.cloud",
    "Segmenter": "leafwood.inference.segmenter",
    "read": "leafwood.io.loaders",
    "register_loader": "leafwood.io.loaders",
    "segment": "leafwood.api",
    "view": "leafwood.report.notebook",
    "write": "leafwood.io.loaders",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use: torch alone takes seconds."""
    if name not in _HOMES:
        raise AttributeError(f"module 'leafwood' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
