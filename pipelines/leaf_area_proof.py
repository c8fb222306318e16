"""Does taking out the wood make leaf area better? Virtual stands, whose true area by height is kept.

    python pipelines/leaf_area_proof.py runs/leaf_area_proof --stands 12 --figure docs/img/leaf_area_proof.png

The stands are drone surveys of the forest types of configs/pipelines/leaf_area_proof.yaml in turn. Leaf area density by
height is measured with all plants taken for leaf, with leafwood's labels counted, as `leafwood profile` does it (wood
shares estimated from `wood_prob`), with true labels, and with true labels that call twigs among leaves wood, too: no
footprint resolves those, leafwood does not learn them, and nobody who labels real scans marks them. The bias that wood
causes is the difference between no removal and true labels (`leafwood.canopy.wood_bias`); the error against the true
area of the meshes is given beside it. Stands that are there are not flown again.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.canopy.profile import CanopyConfig, measure_canopy
from leafwood.canopy.wood_bias import ALL, THIRDS, Profiles, error, index_error, removed
from leafwood.classes import OUT_LEAF, OUT_NONE, OUT_WOOD
from leafwood.cloud import PointCloud
from leafwood.config import load
from leafwood.datasets.stands import hidden_twigs
from leafwood.evaluate.tables import head, line
from leafwood.inference.segmenter import Segmenter
from leafwood.io.loaders import read
from leafwood.simulate.surveys.production import Task, produce
from leafwood.simulate.surveys.survey import SurveyConfig

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
WAYS = {
    "none": "no removal",
    "labels": "leafwood, labels counted",
    "leafwood": "leafwood profile",
    "true": "true labels",
    "twigs": "true labels, twigs too",
}
LOOKS: dict[str, dict[str, Any]] = {
    "none": {"color": "#b5651d", "ls": "--"},
    "leafwood": {"color": "#2e7d32", "lw": 2},
    "true": {"color": "#1565c0"},
}


@dataclasses.dataclass(frozen=True)
class Config:
    """What is flown and how it is measured.

    Attributes:
        surveys: names of files in configs/simulate, taken in turn.
        first_seed: of the surveys.
        canopy: how leaf area is measured.
    """

    surveys: tuple[str, ...] = ("temperate_broadleaf",)
    first_seed: int = 9000
    canopy: CanopyConfig = dataclasses.field(default_factory=CanopyConfig)

    def task(self, number: int, folder: Path, plot: float | None) -> Task:
        """Stand `number`: which survey, and where its files are."""
        name, seed = self.surveys[number % len(self.surveys)], self.first_seed + number
        config = load(CONFIGS / "simulate" / f"{name}.yaml", SurveyConfig)
        config = dataclasses.replace(config, seed=seed, stands=1, plot=plot or config.plot)
        return Task(config, 0, folder / f"{name}_{seed}.laz")


def relabelled(result: PointCloud, wood: NDArray[np.bool_] | None) -> PointCloud:
    """The cloud without probabilities, labelled as by somebody who calls those points wood; None keeps the labels."""
    columns = {name: column for name, column in result.columns.items() if not name.startswith("wood_prob")}
    if wood is not None:
        labelled = result.columns["leafwood"] != OUT_NONE
        columns["leafwood"] = np.where(labelled, np.where(wood, OUT_WOOD, OUT_LEAF), OUT_NONE).astype(np.uint16)
    return dataclasses.replace(result, columns=columns)


def measure(task: Task, segmenter: Segmenter, canopy: CanopyConfig) -> Profiles:
    """Fly a stand, if that is not done yet, label it, and measure its canopy in every way."""
    if not task.done():
        produce(task)
    result = segmenter.segment(read(task.path))
    wood = result.columns["gt_wood"] == 1
    clouds = {
        "none": relabelled(result, np.zeros(len(wood), dtype=bool)),
        "labels": relabelled(result, None),
        "leafwood": result,
        "true": relabelled(result, wood & ~hidden_twigs(result.columns["gt_part"], result.columns["gt_tree"])),
        "twigs": relabelled(result, wood),
    }
    found = {way: np.nan_to_num(measure_canopy(cloud, canopy).profile.lad) for way, cloud in clouds.items()}
    bins = len(found["none"])
    z = np.asarray(canopy.z0 + canopy.dz * (np.arange(bins) + 0.5), dtype=np.float64)
    return Profiles(task.path.stem, z, canopy.dz, task.true_leaf_density(canopy.z0, canopy.dz, bins), found)


def tables(stands: Sequence[Profiles]) -> Iterator[str]:
    """Lines of the tables: stands one by one, then what is asked."""
    yield head("stand", "true LAI", *WAYS.values(), "bias removed")
    for stand in stands:
        indices = [f"{index:.2f}" for index in (stand.true_index, *(stand.index(way) for way in WAYS))]
        yield line(stand.name, *indices, f"{removed([stand], 'leafwood', 'true'):.0%}")
    yield f"\n{head('error of leaf area density by height', *WAYS.values())}"
    for number, title in enumerate((*THIRDS, "all heights")):
        errors = [error(stands, way, number) for way in WAYS]
        yield line(f"{title}, mean ± RMS, m²/m³", *(f"{mean:+.3f} ± {rms:.3f}" for mean, rms in errors))
    shares = ("bias removed (asked: 70 %)", "of it in the lowest, middle, highest third (0 %)")
    yield f"\n{head('against', 'method', *shares, 'LAI off, mean and worst (10 %)')}"
    for reference in ("true", "twigs"):
        for way in ("labels", "leafwood"):
            thirds = ", ".join(f"{removed(stands, way, reference, number):.0%}" for number in range(ALL))
            mean, worst = index_error(stands, way, reference)
            share = f"{removed(stands, way, reference):.0%}"
            yield line(WAYS[reference], WAYS[way], share, thirds, f"{mean:.1%}, {worst:.1%}")


def draw(stands: Sequence[Profiles], target: Path) -> None:
    """Leaf area density by height, a panel a stand."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    columns = min(4, len(stands))
    rows = -(-len(stands) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3 * columns, 3.2 * rows), squeeze=False, layout="constrained")
    for axis, found in zip(axes.flat, stands, strict=False):
        axis.fill_betweenx(found.z, found.truth, color="#dddddd", label="true area of the meshes")
        for way, look in LOOKS.items():
            axis.plot(found.found[way], found.z, label=WAYS[way], **look)
        axis.set_title(found.name, fontsize=9)
        axis.set_xlim(left=0)
    for axis in axes.flat[len(stands) :]:
        axis.axis("off")
    axes[-1][0].set_xlabel("leaf area density, m²/m³")
    axes[-1][0].set_ylabel("height above ground, m")
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=9)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=110)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """Fly, label, measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stands", type=int, default=12)
    parser.add_argument("--model", default="uav")
    parser.add_argument("--plot", type=float, metavar="M", help="side of the plots, instead of the surveys'")
    parser.add_argument("--threads", type=int, help="processors to use (default: all)")
    parser.add_argument("--figure", type=Path, metavar="PNG")
    parser.add_argument("--config", type=Path, default=CONFIGS / "pipelines" / "leaf_area_proof.yaml")
    args = parser.parse_args(argv)
    args.folder.mkdir(parents=True, exist_ok=True)
    config, segmenter = load(args.config, Config), Segmenter.from_pretrained(args.model, threads=args.threads)
    tasks = [config.task(number, args.folder, args.plot) for number in range(args.stands)]
    stands = [measure(task, segmenter, config.canopy) for task in tasks]
    print("\n".join(tables(stands)))
    if args.figure:
        draw(stands, args.figure)


if __name__ == "__main__":
    main()
