"""The figure and the numbers of docs/canopy.md: how a real scan's pulses are used up on the way down.

    python pipelines/decay_figure.py ../shared/data/scans/UAS_Clip.laz docs/img/decay.png

No labels are needed: everything that is not ground counts as a plant.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import leafwood
from leafwood.canopy.area_density import Layers, layers_of_scan
from leafwood.canopy.profile import CanopyConfig
from leafwood.density.returns import ReturnCounts, Strata, count_returns
from leafwood.spatial.ground import find_ground

CELL = 5.0


def draw(counts: ReturnCounts, layers: Layers, target: Path) -> None:
    """Four panels over height: what arrives, what is left of a pulse, attenuation, and how well area is known."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    z, area = counts.z, counts.area.sum()
    figure, axes = plt.subplots(1, 4, figsize=(13, 4.6), sharey=True, layout="constrained")
    axes[0].plot(layers.pulses / area, z, label="pulses that arrive", color="#1565c0", lw=2)
    axes[0].plot(layers.returns / area, z, label="returns in 1 m", color="#2e7d32")
    axes[0].plot(counts.first[:, 1:].sum(axis=0) / area, z, label="of them first returns", color="#b5651d", ls="--")
    axes[0].set(xlabel="per m² of ground", ylabel="height above ground, m", title="Fewer and fewer arrive")
    axes[0].legend(fontsize=8)

    returns = np.maximum(counts.returns[:, 1:].sum(axis=0), 1)
    enough = returns >= 100
    axes[1].plot((counts.first[:, 1:].sum(axis=0) / returns)[enough], z[enough], color="#b5651d", label="first returns")
    axes[1].plot(
        (counts.pulses[:, 1:].sum(axis=0) / returns)[enough], z[enough], color="#1565c0", label="pulses per return"
    )
    axes[1].set(xlabel="share", title="Each a smaller part of a pulse", xlim=(0, 1))
    axes[1].legend(fontsize=8)

    found, fit = counts.attenuation(), counts.fit()
    error = layers.pad_error * CanopyConfig().k
    axes[2].errorbar(found.rate, z, xerr=error, fmt="o", ms=3, color="#444444", label="each metre")
    axes[2].axvspan(float(fit.rate - fit.error), float(fit.rate + fit.error), color="#1565c0", alpha=0.25)
    axes[2].axvline(float(fit.rate), color="#1565c0", label="the canopy as if even")
    axes[2].set(xlabel="attenuation per metre of beam", title="Beer and Lambert's law")
    axes[2].legend(fontsize=8)

    cells = counts.attenuation_by_cell()
    relative = np.where(cells.contact >= 1, cells.error / np.where(cells.rate > 0, cells.rate, np.nan), np.nan)
    some = np.isfinite(relative).sum(axis=0) >= 5
    axes[3].plot(100 * np.nanmedian(relative[:, some], axis=0), z[some], color="#444444")
    axes[3].set(xlabel=f"error in a {CELL:g} m cell, median, %", title="Less and less is known", xlim=(0, None))
    for axis in axes:
        axis.grid(alpha=0.3)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=110)


def numbers(counts: ReturnCounts, layers: Layers) -> None:
    """Print what the page says."""
    area, fit = counts.area.sum(), counts.fit()
    total = counts.pulses.sum()
    print(f"pulses per m²: {total / area:.0f}; first returns per pulse: {counts.completeness:.3f}")
    for level in (25.5, 15.5, 5.5, 1.5):
        at = int(np.argmin(np.abs(counts.z - level)))
        share, first = layers.pulses[at] / total, counts.first[:, 1 + at].sum() / max(layers.returns[at], 1)
        print(f"{level:5.1f} m: {share:.0%} of the pulses arrive, {first:.0%} of the returns are first returns")
    print(f"get below {counts.strata.z0:g} m: {layers.gap_fraction[0]:.0%}")
    rate, error, secant = (float(v) for v in (fit.rate, fit.error, fit.secant))
    print(f"attenuation {rate:.3f} ± {error:.3f} per metre of beam, mean secant {secant:.2f}")


def main(argv: Sequence[str] | None = None) -> None:
    """Count, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scan", type=Path)
    parser.add_argument("figure", type=Path)
    args = parser.parse_args(argv)
    config = CanopyConfig()
    cloud = leafwood.read(args.scan)
    ground = find_ground(cloud)
    counts = count_returns(cloud, ground.height, Strata(CELL, config.dz, config.z0), plant=~ground.mask)
    layers = layers_of_scan(counts, config.k, np.zeros(len(counts.z)))
    numbers(counts, layers)
    draw(counts, layers, args.figure)


if __name__ == "__main__":
    main()
