"""Grids as GeoTIFF, through rasterio (the extra ``formats``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.errors import BadConfig, require
from leafwood.io.target import writing

__all__ = ["require_rasterio", "write_geotiff"]

_MOST_PIXELS = 100_000_000


def require_rasterio() -> None:
    """Refuse early what cannot be written later.

    Raises:
        MissingExtra: rasterio is not installed.
    """
    require("rasterio", "writing GeoTIFF")


def write_geotiff(
    target: Path,
    cells: NDArray[np.int64],
    edge: float,
    bands: Mapping[str, NDArray[Any]],
    *,
    crs: str | None,
    tags: Mapping[str, str],
    overwrite: bool = False,
) -> None:
    """Write values of grid cells, north up, cells without a value as NaN.

    Args:
        target: the file to be.
        cells: (m, 2) numbers of the cells along x and y; cell i reaches from i to i + 1 edges.
        edge: edge of a cell in file units.
        bands: description -> (m,) values.
        crs: WKT, or None; of a compound system only the horizontal part, as a plan has no height.
        tags: metadata of the file.
        overwrite: replace an existing target.

    Raises:
        MissingExtra: rasterio is not installed.
        BadConfig: more pixels than a grid of this kind can sensibly have.
        TargetExists: the target is there.
    """
    require_rasterio()
    from rasterio import Affine
    from rasterio.io import MemoryFile

    low, high = cells.min(axis=0), cells.max(axis=0)
    width, height = (int(v) for v in high - low + 1)
    if width * height * len(bands) > _MOST_PIXELS:
        raise BadConfig(f"{target}: {width} x {height} cells in {len(bands)} bands are too many: choose larger cells")
    row, column = high[1] - cells[:, 1], cells[:, 0] - low[0]
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=width,
            height=height,
            count=len(bands),
            dtype="float32",
            nodata=np.nan,
            crs=_horizontal(crs),
            transform=Affine(edge, 0.0, low[0] * edge, 0.0, -edge, (high[1] + 1) * edge),
            compress="deflate",
        ) as file:
            for number, (name, values) in enumerate(bands.items(), start=1):
                image = np.full((height, width), np.nan, dtype=np.float32)
                image[row, column] = values
                file.write(image, number)
                file.set_band_description(number, name)
            file.update_tags(**tags)
        with writing(target, None, overwrite) as stream:
            stream.write(memory.read())


def _horizontal(crs: str | None) -> str | None:
    if crs is None:
        return None
    import pyproj

    system = pyproj.CRS.from_wkt(crs)
    plane = system.sub_crs_list[0] if system.sub_crs_list else system
    return str(plane.to_wkt())
