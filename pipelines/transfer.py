"""What each step of realism buys: a classifier trained on virtual stands alone, scored on real labelled trees.

    python pipelines/transfer.py ../shared/data/labelled

Gradient-boosted trees on multi-scale features, trained on the same virtual stands seen in several ways: points
sampled evenly on the surfaces (no occlusion, no footprint, no density decay), a drone's scan, a tripod's scan; and on
points sampled on trees that branch unlike any preset. The score is AUROC on trees that nobody trained on, which were
scanned from tripods; it needs no threshold. Predicted log-odds are averaged over a point and its four nearest. Scales
and features were chosen on virtual trees of other stands.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import PRESETS, Part
from leafwood.cloud import PointCloud
from leafwood.config import load
from leafwood.evaluate.tables import head, line
from leafwood.graph.features import eigen_features, spacing_features
from leafwood.io.loaders import read
from leafwood.simulate.scanners.scanner import ScanSettings
from leafwood.simulate.scanners.terrestrial import Tripods
from leafwood.simulate.stands.stand import Stand
from leafwood.simulate.surveys.survey import Member, SurveyConfig, fly_survey, grow
from leafwood.spatial.neighbours import nearest

ROOT = Path(__file__).resolve().parents[1]
SURVEYS = ("conifer", "temperate_broadleaf", "tropical", "leaf_off")
SCALES = (10, 24, 60, 150, 400)
AVERAGED = 5
PER_STAND = 25_000
MOST = 128_000
Features = NDArray[np.float32]
Labels = NDArray[np.int8]
Cloud = tuple[NDArray[np.float32], NDArray[np.uint16], NDArray[np.bool_]]


def features(xyz: NDArray[np.float32], chosen: NDArray[np.int64]) -> Features:
    """(m, 40) of the chosen points, their neighbours sought among all.

    At each scale the eigen-features, the spacing relative to the cloud's own, and where the neighbourhood's centre lies
    from the point as a share of its radius: how far, and how far up.
    """
    places = xyz[chosen]
    index, distance = nearest(xyz, max(SCALES), places)
    spread = spacing_features(distance, tuple(k - 1 for k in SCALES))
    # the absolute spacing tells a survey, not a plant
    columns = [eigen_features(xyz, index, SCALES), spread - np.median(spread, axis=0)]
    for k in SCALES:
        parts = np.array_split(index[:, :k], len(chosen) // 4096 + 1)  # a gigabyte of coordinates at once otherwise
        away = np.concatenate([xyz[some].mean(axis=1) for some in parts]) - places
        away /= np.maximum(distance[:, k - 1 : k], 1e-3)
        columns += [np.linalg.norm(away, axis=1, keepdims=True), away[:, 2:]]
    return np.concatenate(columns, axis=1, dtype=np.float32)


def sample(xyz: NDArray[np.float32], wood: NDArray[np.bool_], keep: NDArray[np.bool_]) -> tuple[Features, Labels]:
    """Features and labels of some of the kept points."""
    chosen = np.random.default_rng(0).permutation(np.flatnonzero(keep))[:PER_STAND]
    return features(xyz, chosen), wood[chosen].astype(np.int8)


def from_drone(config: SurveyConfig, member: Member, stand: Stand) -> Cloud:
    """What the survey's drone sees."""
    return _labelled(fly_survey(config, member, stand))


def from_tripods(config: SurveyConfig, member: Member, stand: Stand) -> Cloud:
    """What a terrestrial scanner sees: the labelled trees were scanned so. Thinned to one point per 3 cm voxel."""
    config = dataclasses.replace(config, instrument="vz400", scan=ScanSettings(rays=3))
    xyz, part, wood = _labelled(
        fly_survey(config, dataclasses.replace(member, platform=Tripods(stations=4, step=0.25)), stand)
    )
    keep = np.unique(np.floor(xyz / 0.03).astype(np.int64), axis=0, return_index=True)[1]
    keep = np.random.default_rng(0).permutation(keep)[:MOST]
    return xyz[keep], part[keep], wood[keep]


def surface_samples(config: SurveyConfig, member: Member, stand: Stand) -> Cloud:
    """The simplest simulator: points spread evenly over the surfaces."""
    xyz, triangle = stand.mesh.sample_surface(config.box, MOST, np.random.default_rng(0))
    part = stand.mesh.part[triangle]
    return xyz.astype(np.float32), part, np.array([p.is_wood for p in Part])[part]


def _labelled(cloud: PointCloud) -> Cloud:
    return cloud.xyz, cloud.columns["gt_part"], cloud.columns["gt_wood"] == 1


SIMULATORS = {"drone": from_drone, "tripods": from_tripods, "surface samples": surface_samples}
UNLIKE = "sampled on the surfaces, trees unlike the presets"
SHAPES = np.r_[0 : 5 * len(SCALES), 6 * len(SCALES) : 8 * len(SCALES)]  # all columns but the spacings
TRAINING = {
    "points sampled on the surfaces": (("surface samples",), slice(None)),
    "virtual drone scans": (("drone",), slice(None)),
    "virtual tripod scans": (("tripods",), slice(None)),
    "virtual drone and tripod scans": (("drone", "tripods"), slice(None)),
    "sampled on the surfaces, without the spacing features": (("surface samples",), SHAPES),
    UNLIKE: ((UNLIKE,), slice(None)),
    "sampled on the surfaces, both kinds of trees": (("surface samples", UNLIKE), slice(None)),
    "sampled on the surfaces, both kinds, without the spacing features": (("surface samples", UNLIKE), SHAPES),
    "drone, without the spacing features": (("drone",), SHAPES),
}


def stands(number: int) -> dict[str, list[tuple[Features, Labels]]]:
    """Training sets by simulator, of the same stands; each also thinned to a quarter."""
    sets: dict[str, list[tuple[Features, Labels]]] = {name: [] for name in (*SIMULATORS, UNLIKE)}
    for survey in SURVEYS:
        config = load(ROOT / "configs" / "simulate" / f"{survey}.yaml", SurveyConfig)
        config = dataclasses.replace(config, plot=16.0, density=(500.0, 500.0))
        for i in range(number):
            member = config.member(i)
            other = dataclasses.replace(member, stand=dataclasses.replace(member.stand, random_branching=True))
            stand = grow(member)
            clouds = {name: simulate(config, member, stand) for name, simulate in SIMULATORS.items()}
            clouds[UNLIKE] = surface_samples(config, other, grow(other))
            for name, (xyz, part, wood) in clouds.items():
                few = np.sort(np.random.default_rng(1).permutation(len(xyz))[: len(xyz) // 4])
                for keep in (slice(None), few):
                    sets[name].append(sample(xyz[keep], wood[keep], part[keep] != Part.GROUND))
    return sets


def main(argv: Sequence[str] | None = None) -> None:
    """Train on each kind of points, score, print a table."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "labelled", type=Path, help="folder with tropical_tls_62889.laz and tropical_tls_rc151_pseudo.laz"
    )
    parser.add_argument("--stands", type=int, default=2, help="virtual stands of each survey")
    args = parser.parse_args(argv)
    tests = {}
    for path in sorted(args.labelled.glob("*.laz")):
        cloud = read(path)
        table = features(cloud.xyz, np.arange(len(cloud)))
        tests[path.stem] = table, nearest(cloud.xyz, AVERAGED)[0], PRESETS["gt_wood"].decode(cloud.columns["gt_wood"])
    sets = stands(args.stands)
    print(head("trained on", *tests))
    for name, (simulators, columns) in TRAINING.items():
        pieces = [piece for simulator in simulators for piece in sets[simulator]]
        table, labels = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
        model = HistGradientBoostingClassifier(class_weight="balanced", random_state=0).fit(table[:, columns], labels)
        scores = [
            roc_auc_score(wood, model.decision_function(x[:, columns])[around].mean(axis=1))
            for x, around, wood in tests.values()
        ]
        print(line(name, *map(float, scores)), flush=True)


if __name__ == "__main__":
    main()
