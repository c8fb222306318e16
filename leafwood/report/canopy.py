"""A canopy's files: the profile as CSV and JSON, the grids as GeoTIFF."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood._version import __version__
from leafwood.canopy.area_density import Layers
from leafwood.canopy.profile import Canopy, CanopyConfig
from leafwood.density.returns import ReturnCounts
from leafwood.io.geotiff import write_geotiff
from leafwood.io.target import check_target, writing

__all__ = ["canopy_files", "headline", "write_canopy"]

_QUANTITIES = tuple(field.name for field in dataclasses.fields(Layers))
_DENSITIES = ("pad", "lad", "wad")
_UNITS = {
    "z": "m above ground, midpoint of the bin",
    "returns": "plant returns in the bin",
    "pulses": "pulses that reach the top of the bin (a return counts one over the returns of its pulse)",
    "gap_fraction": "share of all pulses that get below the bin",
    "pad, lad, wad": "plant, leaf and wood area density, one-sided (half the bark), m2/m3; _error: standard error",
    "wood_share": "share of wood in the bin's contacts; _error: standard error; _bias: the part common to all bins",
    "known_area": "share of the area where 10 pulses or more reach the bin and some pass it",
    "occluded": "1 where known_area is below a half: the density of the whole area cannot be known",
}
_METHOD = (
    "attenuation per metre of beam from contact frequency (MacArthur and Horn 1969), over k; effective area: "
    "clumping is not corrected; errors do not hold those of k"
)


def canopy_files(folder: Path, stem: str, config: CanopyConfig) -> list[Path]:
    """The files that :func:`write_canopy` writes, in its order."""
    files = [folder / f"{stem}_profile.csv", folder / f"{stem}_profile.json"]
    if config.cell is not None:
        files += [folder / f"{stem}_grid" / f"{name}.tif" for name in ("canopy", *_QUANTITIES)]
    return files


def write_canopy(canopy: Canopy, folder: Path, stem: str, *, overwrite: bool = False) -> list[Path]:
    """Write a canopy's files.

    Args:
        canopy: what was measured.
        folder: where to.
        stem: first part of the names.
        overwrite: replace existing files.

    Returns:
        The files.

    Raises:
        TargetExists: one is there already and may not be replaced; nothing is written then.
        MissingExtra: grids were measured and rasterio is not installed.
    """
    files = canopy_files(folder, stem, canopy.config)
    if canopy.grid is not None:
        files[2].parent.mkdir(exist_ok=True)
    for file in files:
        check_target(file, canopy.cloud.path, overwrite)
    for file, text in zip(files, (_csv(canopy), json.dumps(_summary(canopy), indent=1) + "\n"), strict=False):
        with writing(file, canopy.cloud.path, overwrite) as stream:
            stream.write(text.encode())
    if canopy.grid is not None and canopy.grid_counts is not None:
        for file, bands in zip(files[2:], _rasters(canopy.grid, canopy.grid_counts, canopy.config), strict=True):
            write_geotiff(
                file,
                canopy.grid_counts.cells,
                canopy.grid_counts.strata.cell / canopy.cloud.unit[0],
                bands,
                crs=canopy.cloud.crs,
                tags=_tags(canopy),
                overwrite=overwrite,
            )
    return files


def headline(canopy: Canopy) -> str:
    """What most users want to know, in a line."""
    dz = canopy.config.dz
    (lai, lai_error), (pai, pai_error) = (canopy.profile.index(name, dz) for name in ("lad", "pad"))
    words = f"LAI {lai:.2f} ± {lai_error:.2f}, PAI {pai:.2f} ± {pai_error:.2f} (k = {canopy.config.k:g})"
    occluded = canopy.profile.occluded.sum() * dz
    words += f"; {occluded:g} m of height are occluded" if occluded else ""
    return f"{words}; doubts: {', '.join(canopy.doubts)}" if canopy.doubts else words


def _tags(canopy: Canopy) -> dict[str, str]:
    config = canopy.config
    return {
        "k": f"{config.k:g}",
        "dz": f"{config.dz:g} m",
        "z0": f"{config.z0:g} m",
        "heights": "midpoints of the bins, above ground",
        "area": "one-sided; wood: half of the bark",
        "wood_from": canopy.wood_from,
        "pulses_from": "return numbers" if canopy.counts.source == "pulses" else "returns, one pulse each",
        "method": _METHOD,
        "software": f"leafwood {__version__}",
    }


def _columns(canopy: Canopy) -> dict[str, NDArray[Any]]:
    """Columns of the profile, lowest bin first."""
    layers = canopy.profile
    values = {name: getattr(layers, name) for name in _QUANTITIES}
    return {"z": canopy.counts.z, **values, "occluded": layers.occluded.astype(int)}


def _csv(canopy: Canopy) -> str:
    """A row a bin; what every row must be read with stands in every row, as a comment would stop many readers."""
    config, columns = canopy.config, _columns(canopy)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*columns, "k", "dz", "z0", "z_is", "area_is"])
    for values in zip(*(column.tolist() for column in columns.values()), strict=True):
        known = [
            "" if isinstance(v, float) and np.isnan(v) else f"{v:.6g}" if isinstance(v, float) else v for v in values
        ]
        rows.writerow([*known, config.k, config.dz, config.z0, "midpoint", "one-sided"])
    return text.getvalue()


def _summary(canopy: Canopy) -> dict[str, Any]:
    counts, layers, dz = canopy.counts, canopy.profile, canopy.config.dz
    fit = counts.fit()
    indices = {}
    for density in _DENSITIES:
        value, error = layers.index(density, dz)
        indices[density.replace("d", "i")] = {"value": _number(value), "error": _number(error)}
    return {
        "file": str(canopy.cloud.path) if canopy.cloud.path else None,
        **_tags(canopy),
        "k": canopy.config.k,
        "dz": dz,
        "z0": canopy.config.z0,
        "crs": canopy.cloud.crs,
        "doubts": list(canopy.doubts),
        "area_m2": _number(counts.area.sum()),
        "pulses_per_m2": _number(counts.pulses.sum() / counts.area.sum()),
        "first_returns_per_pulse": _number(counts.completeness),
        "attenuation_per_m_of_beam": {"value": _number(fit.rate), "error": _number(fit.error)},
        **indices,
        "occluded_m": float(layers.occluded.sum() * dz),
        "units": _UNITS,
        "profile": {name: [_number(v) for v in column] for name, column in _columns(canopy).items()},
    }


def _number(value: Any) -> float | int | None:
    """Six digits, None for what is unknown: JSON has no NaN."""
    number = np.asarray(value).item()
    if isinstance(number, int):
        return number
    return float(f"{number:.6g}") if np.isfinite(number) else None


def _rasters(grid: Layers, counts: ReturnCounts, config: CanopyConfig) -> Iterator[dict[str, NDArray[Any]]]:
    """Bands of each GeoTIFF: one of sums over height, then one of each quantity with a band a height bin."""
    flat: dict[str, NDArray[Any]] = {}
    for density in _DENSITIES:
        name = density.replace("d", "i")
        flat[name], flat[f"{name}_error"] = grid.index(density, config.dz)
    flat["gap_fraction"] = grid.gap_fraction[:, 0]
    flat["pulses_per_m2"] = counts.pulses.sum(axis=1) / counts.area
    flat["occluded_m"] = grid.occluded.sum(axis=1) * config.dz
    yield flat
    for name in _QUANTITIES:
        values = np.asarray(getattr(grid, name), dtype=np.float64)
        if name.split("_")[0] in _DENSITIES:
            values = np.where(grid.occluded, np.nan, values)
        yield {f"{name} {z:g} m": values[:, level] for level, z in enumerate(counts.z)}
