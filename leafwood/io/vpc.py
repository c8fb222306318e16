"""Virtual point clouds: one file that lists the files of a survey, as PDAL's wrench and QGIS write them.

A ``.vpc`` is a STAC collection in JSON whose items have the asset ``data``: the address of a file, from the list's own
place on, and mostly where its points lie.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import numpy as np

from leafwood.errors import BadFile
from leafwood.io.bounds import Bounds
from leafwood.io.remote import Remote, file_name, shown, url_of

__all__ = ["is_vpc", "vpc_files"]

_MOST = 1 << 28  # bytes: a hundred thousand files take a tenth of it


def is_vpc(path: Path) -> bool:
    """Whether a path is a virtual point cloud, by its name."""
    return file_name(path).lower().endswith(".vpc")


def vpc_files(path: Path, bounds: Bounds | None = None) -> list[Path]:
    """The files that a virtual point cloud lists, in its order.

    Args:
        path: the list, on this machine or at an address.
        bounds: leave out files that lie elsewhere by what the list says, in the units of the files.

    Raises:
        BadFile: it cannot be read, is none, or lists nothing.
    """
    try:
        items = json.loads(_text(path))["features"]
        addresses = [_address(item) for item in items if bounds is None or _meets(item, bounds)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadFile(f"{shown(path)}: is no virtual point cloud: STAC items with an asset `data` in JSON") from error
    if not addresses:
        what = "lists no files" if not items else f"none of its files meets `bounds` {bounds}"
        raise BadFile(f"{shown(path)}: {what}")
    return [_beside(path, address) for address in addresses]


def _text(path: Path) -> bytes:
    if url_of(path) is not None:
        with Remote(path).opened() as stream:
            data = stream.read(_MOST + 1)
    else:
        try:
            with path.open("rb") as stream:
                data = stream.read(_MOST + 1)
        except OSError as error:
            raise BadFile(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > _MOST:
        raise BadFile(f"{shown(path)}: is too large for a list of files")
    return data


def _address(item: dict[str, Any]) -> str:
    """Where an item's points lie: its asset `data`, or the first that has that role."""
    assets: dict[str, dict[str, Any]] = item["assets"]
    named = assets.get("data")
    asset = named or next((one for one in assets.values() if "data" in one.get("roles", ())), {})
    return str(asset["href"])


def _meets(item: dict[str, Any], bounds: Bounds) -> bool:
    """Whether an item's points may lie in a rectangle; those of an item that does not say where they lie may."""
    box = item.get("properties", {}).get("proj:bbox")
    if box is None:
        return True
    corners = np.array(box, dtype=np.float64).reshape(2, -1)[:, :2]
    return bool(bounds.meets(*corners))


def _beside(path: Path, address: str) -> Path:
    """The file at an address that a list at a path has."""
    if url_of(Path(address)) is not None and not address.startswith("file:"):
        return Path(address)
    base = url_of(path)
    if base is not None:
        parts = urlsplit(base)
        whole = urljoin(f"http://{parts.netloc}{parts.path}", address)  # urljoin knows no s3
        return Path(parts.scheme + whole.removeprefix("http"))
    return path.parent / unquote(urlsplit(address).path if address.startswith("file:") else address)
