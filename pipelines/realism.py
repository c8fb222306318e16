"""How far virtual scans are from real ones: flies two matching surveys, prints tables, draws a figure for docs/.

    python pipelines/realism.py ../shared/data/scans

The real scans are not part of the project; the surveys' species and flights were fitted to them, by other stands. Every
measure compares the scans of five stands with the real one; for the shapes of neighbourhoods the same number of
points sampled on the virtual surfaces ("surface samples", what a simulator without a lidar gives) is the yardstick.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.config import load
from leafwood.io.loaders import read
from leafwood.simulate.mesh import LabelledMesh
from leafwood.simulate.stands.stand import Stand
from leafwood.simulate.surveys.survey import SurveyConfig, fly_survey, grow
from leafwood.spatial.ground import find_ground

ROOT = Path(__file__).resolve().parents[1]
RADII = (0.3, 0.6)
SHAPES = ("linearity", "planarity", "sphericity", "verticality")
STANDS = (1, 2, 3, 4, 5)  # the species were fitted by others: 0 and 10 to 13
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scan:
    """A cloud as the measures see it.

    Attributes:
        xyz: (n, 3) m.
        height: (n,) above ground, m.
        number: (n,) return number, or None where the file has none.
        total: (n,) number of returns, or None.
    """

    xyz: Floats
    height: Floats
    number: NDArray[np.int64] | None = None
    total: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, cloud: PointCloud, height: Floats) -> Scan:
        """A scan with its returns."""
        returns = cloud.returns().astype(np.int64)
        number, total = returns.T if returns.any() else (None, None)
        return cls(cloud.xyz.astype(np.float64), np.asarray(height, dtype=np.float64), number, total)


def attenuation(height: Floats) -> float:
    """Decay per metre of depth of the share of returns still below: slope of its log where 5 to 95 % are."""
    top, floor = np.percentile(height, 99), 2.0
    levels = np.arange(floor, top, 0.5)
    below = np.array([(height < level).mean() for level in levels])
    fit = (below > 0.05) & (below < 0.95)
    return float(np.polyfit(top - levels[fit], np.log(below[fit]), 1)[0] * -1)


@cache  # that of the real scan is compared with every stand
def spacing(scan: Scan) -> Floats:
    """Median distance to the nearest neighbour in the lower, middle and upper third of the canopy, m."""
    from scipy.spatial import cKDTree

    distance = cKDTree(scan.xyz).query(scan.xyz, k=2)[0][:, 1]
    edges = np.linspace(2.0, np.percentile(scan.height, 99.5), 4)
    return np.array([np.median(distance[(scan.height >= a) & (scan.height < b)]) for a, b in pairwise(edges)])


@cache  # the table and the figure ask for the same
def shapes(scan: Scan, radius: float, samples: int = 15_000) -> Floats:
    """(m, 4) linearity, planarity, sphericity and verticality around points of the canopy that have 5 neighbours."""
    from scipy.spatial import cKDTree

    rng = np.random.default_rng(0)
    canopy = np.flatnonzero(scan.height > 1.5)
    chosen = scan.xyz[rng.choice(canopy, min(samples, len(canopy)), replace=False)]
    rows = []
    for around in cKDTree(scan.xyz).query_ball_point(chosen, radius):
        if len(around) < 6:
            continue
        value, axis = np.linalg.eigh(np.cov(scan.xyz[around].T))
        low, middle, high = np.sqrt(np.maximum(value, 0))
        rows.append(((high - middle) / high, (middle - low) / high, low / high, 1 - abs(axis[2, 0])))
    return np.array(rows)


@dataclass(frozen=True, eq=False)
class Comparison:
    """A real scan, and of each virtual stand like it the scan and the yardstick."""

    name: str
    real: Scan
    stands: list[tuple[Scan, Scan]]


def sample_stand(mesh: LabelledMesh, side: tuple[float, float], stand: Stand, count: int) -> Scan:
    """The yardstick as a scan."""
    xyz, _ = mesh.sample_surface(side, count, np.random.default_rng(0))
    return Scan(xyz, xyz[:, 2] - stand.ground_height(xyz[:, :2]))


@dataclass(frozen=True)
class Row:
    """One measure of one virtual stand: what, of the real scan, of the virtual one, and how far apart they may be."""

    what: str
    real: float
    virtual: float
    limit: float

    @property
    def met(self) -> bool:
        """Whether they are near enough."""
        return abs(self.virtual - self.real) < self.limit


def within(what: str, real: float, virtual: float, share: float) -> Row:
    """A value that should agree within a share of the real one."""
    return Row(what, real, virtual, share * abs(real))


def mean(rows: Sequence[Row]) -> Row:
    """The same measure over several stands: means of values and of limits."""
    values, limits = [r.virtual for r in rows], [r.limit for r in rows]
    return Row(rows[0].what, rows[0].real, float(np.mean(values)), float(np.mean(limits)))


def compare(real: Scan, virtual: Scan, sampled: Scan) -> list[Row]:
    """All measures."""
    from scipy.stats import wasserstein_distance

    rows = [within("attenuation, all returns [1/m]", attenuation(real.height), attenuation(virtual.height), 0.3)]
    if real.number is not None and virtual.number is not None and real.total is not None and virtual.total is not None:
        firsts = [scan.height[scan.number == 1] for scan in (real, virtual)]
        rows.append(within("attenuation, first returns [1/m]", attenuation(firsts[0]), attenuation(firsts[1]), 0.3))
        kinds = {
            "share of single returns": (real.total == 1, virtual.total == 1),
            "share of first returns": (real.number == 1, virtual.number == 1),
            "share of last returns": (real.number == real.total, virtual.number == virtual.total),
        }
        rows += [within(name, float(a.mean()), float(b.mean()), 0.2) for name, (a, b) in kinds.items()]
        pulses = [float(scan.total[scan.number == 1].mean()) for scan in (real, virtual)]
        rows.append(within("returns per pulse", *pulses, 0.2))
    thirds = zip(("lower", "middle", "upper"), spacing(real), spacing(virtual), strict=True)
    rows += [within(f"spacing, {name} third [m]", a, b, 0.3) for name, a, b in thirds]
    for radius in RADII:
        sets = [shapes(scan, radius) for scan in (real, virtual, sampled)]
        for k, name in enumerate(SHAPES):
            far = wasserstein_distance(sets[0][:, k], sets[2][:, k])
            near = wasserstein_distance(sets[0][:, k], sets[1][:, k])
            rows.append(Row(f"Wasserstein, {name} at {radius} m", 0.0, near, far))
    return rows


def survey(name: str, number: int) -> tuple[SurveyConfig, Stand, PointCloud]:
    """One stand of a matching survey, grown and flown."""
    config = load(ROOT / "configs" / "realism" / f"{name}.yaml", SurveyConfig)
    member = config.member(number)
    stand = grow(member)
    return config, stand, fly_survey(config, member, stand)


def conifer(number: int) -> tuple[Scan, Scan]:
    """A virtual conifer plot, and points sampled on its surfaces."""
    config, stand, made = survey("conifer", number)
    virtual = Scan.of(made, made.absolute()[:, 2] - stand.ground_height(made.absolute()[:, :2]))
    return virtual, sample_stand(stand.mesh, config.box, stand, len(made))


def tropical(number: int, top: float) -> tuple[Scan, Scan]:
    """A virtual tropical tree of about that height in full light, and points sampled on its surfaces."""
    config, stand, made = survey("tropical", number)
    trees, (low, high) = stand.trees, config.box
    counts = np.bincount(made.columns["gt_tree"], minlength=len(trees) + 1)[trees["tree"]]
    alike = (trees["species"] == "umbrella") & (np.abs(trees["height"] - top) < 0.25 * top)
    alike &= np.all([(trees[k] > low + 2) & (trees[k] < high - 2) for k in ("x", "y")], axis=0)
    # full light: most returns per crown area
    tree = int(trees["tree"][np.argmax(np.where(alike, counts / trees["crown_radius"] ** 2, -1))])
    chosen = made.columns["gt_tree"] == tree
    xyz = made.absolute()[chosen]
    own = stand.mesh.tree == tree
    mesh = LabelledMesh(stand.mesh.vertices, stand.mesh.triangles[own], stand.mesh.part[own], stand.mesh.tree[own])
    return Scan(xyz, xyz[:, 2] - xyz[:, 2].min()), sample_stand(mesh, (-1e3, 1e3), stand, len(xyz))


def comparisons(scans: Path, stands: Sequence[int]) -> Iterator[Comparison]:
    """The conifer plot and the tropical tree, each with its virtual likenesses."""
    cloud = read(scans / "UAS_Clip.laz")
    yield Comparison("Conifer plot", Scan.of(cloud, find_ground(cloud).height), [conifer(n) for n in stands])
    table = np.loadtxt(scans / "uls_tropical_tree.txt")[:, :3]
    real = Scan(table, table[:, 2] - table[:, 2].min())
    yield Comparison("Tropical tree", real, [tropical(n, float(real.height.max())) for n in stands])


def draw(sets: list[Comparison], path: Path) -> None:
    """Profiles and shape distributions, real against the first virtual stand."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(sets), 5, figsize=(17, 3.6 * len(sets)), layout="constrained")
    for line, one in zip(axes, sets, strict=True):
        trio = (one.real, *one.stands[0])
        for scan, colour, label in zip(
            trio, ("black", "tab:green", "tab:orange"), ("real", "virtual", "surface samples"), strict=True
        ):
            bins = np.arange(0, max(t.height.max() for t in trio) + 1, 1.0)
            share = np.histogram(scan.height, bins=bins)[0] / len(scan.height)
            line[0].plot(share, bins[:-1] + 0.5, color=colour, label=label)
            values = shapes(scan, RADII[0])
            for k, (axis, shape) in enumerate(zip(line[1:], SHAPES, strict=True)):
                axis.hist(values[:, k], bins=50, range=(0, 1), density=True, histtype="step", color=colour)
                axis.set_xlabel(f"{shape} at {RADII[0]} m")
        line[0].set(xlabel="share of returns", ylabel="height [m]", title=one.name)
        line[0].legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)


def table(one: Comparison) -> str:
    """The measures of one comparison as a Markdown table."""
    count = len(one.stands)
    lines = [
        f"### {one.name}",
        "",
        f"| measure | real | virtual, mean of {count} | lowest to highest | may differ by | met | by how many |",
        "|---|---|---|---|---|---|---|",
    ]
    for rows in zip(*(compare(one.real, *stand) for stand in one.stands), strict=True):
        average, values = mean(rows), [r.virtual for r in rows]
        lines.append(
            f"| {average.what} | {average.real:.3f} | {average.virtual:.3f} | {min(values):.3f} to {max(values):.3f} "
            f"| {average.limit:.3f} | {'yes' if average.met else 'no'} | {sum(r.met for r in rows)} of {count} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, draw; the tables in docs/realism.md are replaced, its text is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path, help="folder with UAS_Clip.laz and uls_tropical_tree.txt")
    parser.add_argument("--stands", type=int, nargs="+", default=STANDS, help="numbers of the surveys' stands")
    parser.add_argument("--dry-run", action="store_true", help="print only")
    args = parser.parse_args()
    scans = args.scans.resolve()
    os.chdir(ROOT)  # the surveys name their species from there
    sets = list(comparisons(scans, args.stands))
    tables = "\n".join(table(one) for one in sets)
    print(tables)
    if args.dry_run:
        return
    page = ROOT / "docs" / "realism.md"
    start, end = "<!-- tables -->\n", "<!-- end of tables -->\n"
    text = page.read_text(encoding="utf-8") if page.exists() else f"# Realism\n\n{start}{end}"
    page.write_text(text.split(start)[0] + start + tables + end + text.split(end)[-1], encoding="utf-8")
    draw(sets, ROOT / "docs" / "img" / "realism.png")


if __name__ == "__main__":
    main()
