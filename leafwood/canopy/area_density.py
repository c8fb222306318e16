"""Plant, leaf and wood area density by height: of a scan as a whole, and of its ground cells.

Attenuation over the projection coefficient k, the share of its one-sided area that a plant turns to the beam, is plant
area density (MacArthur and Horn 1969, Ecology 50, 802-804); the share of wood in the contacts splits it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leafwood.density.returns import ReturnCounts

__all__ = ["Layers", "layers_of_cells", "layers_of_scan"]

Floats = NDArray[np.float64]

_FEWEST = 10.0  # pulses that must reach a layer for its density to be known at all


@dataclass(frozen=True, eq=False)
class Layers:
    """What is known by height: arrays (b,) for a scan, (m, b) for cells. Densities in m² of one-sided area per m³.

    Attributes:
        returns: plant returns in the bin.
        pulses: pulses that reach the top of the bin.
        gap_fraction: share of all pulses that get below the bin.
        pad: plant area density.
        pad_error: standard error, and likewise below.
        lad: leaf area density.
        lad_error: m²/m³.
        wad: wood area density (half of the bark's area).
        wad_error: m²/m³.
        wood_share: share of wood in the contacts in the bin; NaN where there are none.
        wood_share_error: its standard error.
        wood_share_bias: the part of that error that is likely to be the same in all bins, from how wood was recognised.
        known_area: share of the area in which enough pulses reach the bin, and some pass, for it to be known.
    """

    returns: NDArray[np.int64]
    pulses: Floats
    gap_fraction: Floats
    pad: Floats
    pad_error: Floats
    lad: Floats
    lad_error: Floats
    wad: Floats
    wad_error: Floats
    wood_share: Floats
    wood_share_error: Floats
    wood_share_bias: Floats
    known_area: Floats

    @property
    def occluded(self) -> NDArray[np.bool_]:
        """Bins that cannot be known in most of the area: what is above has used up the pulses."""
        return np.asarray((self.known_area < 0.5) | np.isnan(self.pad))

    def index(self, density: str, dz: float) -> tuple[Floats, Floats]:
        """Area index of ``pad``, ``lad`` or ``wad`` and its standard error: the sum over the bins that are known."""
        value, error = np.nan_to_num(getattr(self, density)), np.nan_to_num(getattr(self, f"{density}_error"))
        common = np.zeros_like(value) if density == "pad" else np.nan_to_num(self.pad * self.wood_share_bias)
        own = np.maximum(np.square(error) - np.square(common), 0).sum(axis=-1)
        return np.asarray(value.sum(axis=-1) * dz), np.asarray(np.hypot(np.sqrt(own), common.sum(axis=-1)) * dz)


def layers_of_scan(counts: ReturnCounts, k: float, wood_error: Floats) -> Layers:
    """The scan as a whole, arrays (b,); errors are at least those that the scatter between its cells shows.

    Args:
        counts: with wood.
        k: projection coefficient.
        wood_error: (b,) standard error of the share of wood in each bin, from how it was told.
    """
    whole = counts.attenuation()
    cells = counts.attenuation_by_cell()
    some = np.where(whole.entering > 0, whole.entering, 1.0)
    contact = np.where(whole.contact > 0, whole.contact, 1.0)
    wood = counts.wood_contacts[:, 1:]
    scatter = _scatter(cells.contact, cells.entering, whole.contact / some) / some
    passing = np.where(whole.contact < whole.entering, 1 - whole.contact / some, np.nan)
    rate_error = np.fmax(whole.error, scatter / (passing * np.maximum(whole.secant, 1) * counts.strata.dz))
    share_scatter = _scatter(wood, cells.contact, wood.sum(axis=0) / contact) / contact
    known = (cells.entering >= _FEWEST) & np.isfinite(cells.rate)
    return _layers(
        returns=counts.returns[:, 1:].sum(axis=0),
        pulses=whole.entering,
        gap=(whole.entering - whole.contact) / max(float(counts.pulses.sum()), 1e-9),
        density=(whole.rate / k, rate_error / k),
        share=(np.where(whole.contact > 0, wood.sum(axis=0) / contact, np.nan), share_scatter, wood_error),
        known=(known * counts.area[:, None]).sum(axis=0) / max(float(counts.area.sum()), 1e-9),
    )


def layers_of_cells(counts: ReturnCounts, k: float, wood_error: Floats) -> Layers:
    """Each cell by itself, arrays (m, b); arguments as for :func:`layers_of_scan`."""
    found = counts.attenuation_by_cell()
    pulses = counts.pulses.sum(axis=1, keepdims=True)
    contact = np.where(found.contact > 0, found.contact, 1.0)
    share = np.where(found.contact > 0, counts.wood_contacts[:, 1:] / contact, np.nan)
    drawn = np.sqrt(np.nan_to_num(share * (1 - share)) / contact)
    return _layers(
        returns=counts.returns[:, 1:],
        pulses=found.entering,
        gap=(found.entering - found.contact) / np.where(pulses > 0, pulses, 1.0),
        density=(found.rate / k, found.error / k),
        share=(share, drawn, wood_error),
        known=((found.entering >= _FEWEST) & np.isfinite(found.rate)).astype(np.float64),
    )


def _layers(
    *,
    returns: NDArray[np.int64],
    pulses: Floats,
    gap: Floats,
    density: tuple[Floats, Floats],
    share: tuple[Floats, Floats, Floats],
    known: Floats,
) -> Layers:
    """Layers from `density` with its error and the `share` of wood with its errors of counting and of recognition."""
    pad, pad_error = density
    wood = np.nan_to_num(share[0])
    bias = np.where(np.isnan(share[0]), 0.0, share[2])
    wood_error = np.hypot(np.where(np.isnan(share[0]), 0.0, share[1]), bias)
    return Layers(
        returns=returns,
        pulses=pulses,
        gap_fraction=gap,
        pad=pad,
        pad_error=pad_error,
        lad=pad * (1 - wood),
        lad_error=np.hypot(pad_error * (1 - wood), pad * wood_error),
        wad=pad * wood,
        wad_error=np.hypot(pad_error * wood, pad * wood_error),
        wood_share=share[0],
        wood_share_error=np.where(np.isnan(share[0]), np.nan, wood_error),
        wood_share_bias=np.where(np.isnan(share[0]), np.nan, bias),
        known_area=known,
    )


def _scatter(part: Floats, whole: Floats, ratio: Floats) -> Floats:
    """Standard error (b,) of the sum of `part` (m, b) at the given `whole` (m, b), cells being drawn at random.

    That of a ratio estimated from clusters (Cochran 1977, Sampling Techniques): neighbouring pulses meet the same
    crown, so counting pulses alone would promise too much.
    """
    cells = len(part)
    if cells < 2:
        return np.zeros(part.shape[1])
    return np.asarray(np.sqrt(cells / (cells - 1) * np.square(part - ratio * whole).sum(axis=0)))
