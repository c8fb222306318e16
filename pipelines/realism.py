"""How far virtual scans are from real ones: flies two matching surveys, prints tables, draws a figure for docs/.

    python pipelines/realism.py ../shared/data/scans

The real scans are not part of the project; the surveys' species and flights (configs/realism) were fitted to them, by
other stands. The scans of five stands are compared with the real one by the measures of `leafwood.simulate.realism`.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from leafwood.cloud import PointCloud
from leafwood.config import load
from leafwood.io.loaders import read
from leafwood.simulate.mesh import LabelledMesh
from leafwood.simulate.realism import RADII, SHAPES, Comparison, Scan, shapes
from leafwood.simulate.stands.stand import Stand
from leafwood.simulate.surveys.survey import SurveyConfig, fly_survey, grow
from leafwood.spatial.ground import find_ground

ROOT = Path(__file__).resolve().parents[1]
STANDS = (1, 2, 3, 4, 5)  # the species were fitted by others: 0 and 10 to 13
START, END = "<!-- tables -->\n", "<!-- end of tables -->\n"  # of what is replaced in docs/realism.md
LOOKS = (("black", "real"), ("tab:green", "virtual"), ("tab:orange", "surface samples"))


def flown(name: str, number: int) -> tuple[SurveyConfig, Stand, PointCloud]:
    """One stand of a matching survey, grown and flown."""
    config = load(ROOT / "configs" / "realism" / f"{name}.yaml", SurveyConfig)
    member = config.member(number)
    stand = grow(member)
    return config, stand, fly_survey(config, member, stand)


def sampled(mesh: LabelledMesh, side: tuple[float, float], stand: Stand, count: int) -> Scan:
    """So many points sampled evenly on surfaces."""
    xyz, _ = mesh.sample_surface(side, count, np.random.default_rng(0))
    return Scan(xyz, xyz[:, 2] - stand.ground_height(xyz[:, :2]))


def conifer(number: int) -> tuple[Scan, Scan]:
    """A virtual conifer plot, and points sampled on its surfaces."""
    config, stand, made = flown("conifer", number)
    virtual = Scan.of(made, made.absolute()[:, 2] - stand.ground_height(made.absolute()[:, :2]))
    return virtual, sampled(stand.mesh, config.box, stand, len(made))


def tropical(number: int, top: float) -> tuple[Scan, Scan]:
    """A virtual tropical tree of about that height in full light, and points sampled on its surfaces."""
    config, stand, made = flown("tropical", number)
    trees, (low, high) = stand.trees, config.box
    counts = np.bincount(made.columns["gt_tree"], minlength=len(trees) + 1)[trees["tree"]]
    alike = (trees["species"] == "umbrella") & (np.abs(trees["height"] - top) < 0.25 * top)
    alike &= np.all([(trees[k] > low + 2) & (trees[k] < high - 2) for k in ("x", "y")], axis=0)
    # full light: most returns per crown area
    tree = int(trees["tree"][np.argmax(np.where(alike, counts / trees["crown_radius"] ** 2, -1))])
    xyz = made.absolute()[made.columns["gt_tree"] == tree]
    own = stand.mesh.tree == tree
    mesh = LabelledMesh(stand.mesh.vertices, stand.mesh.triangles[own], stand.mesh.part[own], stand.mesh.tree[own])
    return Scan(xyz, xyz[:, 2] - xyz[:, 2].min()), sampled(mesh, (-1e3, 1e3), stand, len(xyz))


def comparisons(scans: Path, stands: Sequence[int]) -> Iterator[Comparison]:
    """The conifer plot and the tropical tree, each with its virtual likenesses."""
    cloud = read(scans / "UAS_Clip.laz")
    yield Comparison("Conifer plot", Scan.of(cloud, find_ground(cloud).height), [conifer(n) for n in stands])
    table = np.loadtxt(scans / "uls_tropical_tree.txt")[:, :3]
    real = Scan(table, table[:, 2] - table[:, 2].min())
    yield Comparison("Tropical tree", real, [tropical(n, float(real.height.max())) for n in stands])


def draw(sets: Sequence[Comparison], path: Path) -> None:
    """Profiles and shape distributions, real against the first virtual stand."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, rows = plt.subplots(len(sets), 5, figsize=(17, 3.6 * len(sets)), layout="constrained", squeeze=False)
    for axes, one in zip(rows, sets, strict=True):
        trio = (one.real, *one.stands[0])
        for scan, (colour, label) in zip(trio, LOOKS, strict=True):
            bins = np.arange(0, max(t.height.max() for t in trio) + 1, 1.0)
            share = np.histogram(scan.height, bins=bins)[0] / len(scan.height)
            axes[0].plot(share, bins[:-1] + 0.5, color=colour, label=label)
            values = shapes(scan, RADII[0])
            for k, (axis, shape) in enumerate(zip(axes[1:], SHAPES, strict=True)):
                axis.hist(values[:, k], bins=50, range=(0, 1), density=True, histtype="step", color=colour)
                axis.set_xlabel(f"{shape} at {RADII[0]} m")
        axes[0].set(xlabel="share of returns", ylabel="height [m]", title=one.name)
        axes[0].legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, draw; the tables in docs/realism.md are replaced, its text is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path, help="folder with UAS_Clip.laz and uls_tropical_tree.txt")
    parser.add_argument("--stands", type=int, nargs="+", default=STANDS, help="numbers of the surveys' stands")
    parser.add_argument("--dry-run", action="store_true", help="print only")
    args = parser.parse_args(argv)
    scans = args.scans.resolve()
    os.chdir(ROOT)  # the surveys name their species from there
    sets = list(comparisons(scans, args.stands))
    tables = "\n".join(one.table() for one in sets)
    print(tables)
    if not args.dry_run:
        page = ROOT / "docs" / "realism.md"
        text = page.read_text(encoding="utf-8")
        page.write_text(text.split(START)[0] + START + tables + END + text.split(END)[-1], encoding="utf-8")
        draw(sets, ROOT / "docs" / "img" / "realism.png")


if __name__ == "__main__":
    main()
