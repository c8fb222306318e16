"""Beer and Lambert's law on binned pulses: attenuation per metre of beam, with its uncertainty.

Of the pulses that enter a bin a share is intercepted; for beams of mean secant s through a bin dz thick the attenuation
is ``-ln(passing / entering) / (s dz)`` (MacArthur and Horn 1969, Ecology 50, 802-804). Divided by the share of their
area that plants turn to the beam it is an area density; see :mod:`leafwood.canopy.profile`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["Attenuation", "attenuation", "fit_layer"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Attenuation:
    """Attenuation per metre of beam, of any shape.

    Attributes:
        rate: per m; NaN where no pulse enters, or none of those that enter passes.
        error: standard error of `rate`, per m.
        entering: pulses that reach the top of the bin.
        contact: of those, pulses intercepted in it.
        secant: mean secant of the beams that enter.
    """

    rate: Floats
    error: Floats
    entering: Floats
    contact: Floats
    secant: Floats


def attenuation(weight: Floats, path: Floats, dz: float) -> Attenuation:
    """Beer-Lambert attenuation in each bin.

    The error is that of a binomial proportion of the entering pulses. Half a pulse of contact is added to it, not to
    the rate: an empty bin that few pulses cross may still hold something.

    Args:
        weight: (..., 1 + b) pulses by bin, what lies below the first bin in front.
        path: (..., 1 + b) pulses times their secants.
        dz: thickness of a bin, m.

    Returns:
        Arrays (..., b).
    """
    contact = weight[..., 1:]
    entering = np.cumsum(weight, axis=-1)[..., 1:]
    secant = np.cumsum(path, axis=-1)[..., 1:] / np.where(entering > 0, entering, 1.0)
    return _rates(contact, entering, secant, dz)


def fit_layer(weight: Floats, path: Floats, dz: float) -> Attenuation:
    """One attenuation for a whole canopy, as if its plants were spread evenly.

    The canopy reaches from the height below which lie 2 % of the contacts to the one below which lie 98 %. A pulse that
    has come so far is intercepted in the next bin with the same probability everywhere, so the share of contacts in all
    entries is the maximum-likelihood estimate (of a geometric distribution). The error grows with the departure of the
    bins from it (Pearson's chi-square over its degrees of freedom): a layered canopy is not even.

    Args:
        weight: (..., 1 + b) pulses by bin, as for :func:`attenuation`.
        path: (..., 1 + b) pulses times their secants.
        dz: thickness of a bin, m.

    Returns:
        Arrays (...); `entering` counts a pulse in every bin it enters.
    """
    bins = attenuation(weight, path, dz)
    upper = np.cumsum(bins.contact, axis=-1)
    total = bins.contact.sum(axis=-1, keepdims=True)
    inside = (upper >= 0.02 * total) & (upper - bins.contact <= 0.98 * total) & (total > 0)
    contact, entering = np.where(inside, bins.contact, 0.0), np.where(inside, bins.entering, 0.0)
    entries = entering.sum(axis=-1)
    some = np.where(entries > 0, entries, 1.0)
    layer = _rates(contact.sum(axis=-1), entries, (entering * bins.secant).sum(axis=-1) / some, dz)
    share = (layer.contact / some)[..., None]
    spread = entering * share * (1 - share)
    departure = np.where(spread > 0, (contact - entering * share) ** 2 / np.where(spread > 0, spread, 1.0), 0.0)
    dispersion = departure.sum(axis=-1) / np.maximum(inside.sum(axis=-1) - 1, 1)
    return replace(layer, error=layer.error * np.sqrt(np.maximum(dispersion, 1.0)))


def _rates(contact: Floats, entering: Floats, secant: Floats, dz: float) -> Attenuation:
    passing = entering - contact
    known = (entering > 0) & (passing > 1e-9)
    entered, depth = np.where(known, entering, 1.0), np.where(known, secant * dz, 1.0)
    rate = np.where(known, -np.log(np.where(known, passing / entered, 1.0)) / depth, np.nan)
    odds = (contact + 0.5) / np.where(known, passing + 0.5, 1.0)
    error = np.where(known, np.sqrt(odds / entered) / depth, np.nan)
    return Attenuation(np.abs(rate), error, entering, contact, secant)
