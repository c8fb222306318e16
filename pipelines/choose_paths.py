"""What the shortest paths from the foot of a tree tell of wood, and how steep their cost ought to be.

python pipelines/choose_paths.py [--data ../shared/data/labelled]

Boosted trees are learnt from the margin of the weights `virtual`, which saw neither real trees nor paths, and from the
columns of `leafwood.graph.features.paths`, on the trees that each fold of `leafwood.evaluate.left_out` learns from.
They are scored on those that it leaves out, whole and thinned. Printed is the mean AUROC for several powers of a
step's metres and numbers of neighbours that a path may go on to.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from leafwood.cloud import PointCloud
from leafwood.errors import FileWarning
from leafwood.evaluate.evaluation import truth_of
from leafwood.evaluate.left_out import TREES, leaving_out, whole_and_thinned
from leafwood.evaluate.tables import head, line
from leafwood.graph.build import build_graph
from leafwood.graph.config import GraphConfig
from leafwood.graph.features import paths
from leafwood.graph.scale import scale_normalisation
from leafwood.inference.segmenter import Segmenter
from leafwood.io.loaders import read

LOOKS = ("whole", "thinned")
SETTINGS = [(power, 12) for power in (1.0, 1.25, 1.5, 2.0, 3.0)] + [(1.5, 8), (1.5, 23)]
PLAIN = GraphConfig()
WITH_PATHS = GraphConfig(features=(*PLAIN.features, "paths"))
MOST = 30_000  # voxels of a tree that are learnt from


class Look(NamedTuple):
    """A tree as it is seen: margin, path columns by setting, voxel and truth of each point."""

    margin: NDArray[np.float32]
    columns: Mapping[tuple[float, int], NDArray[np.float32]]
    node: NDArray[np.int64]
    wood: NDArray[np.bool_]

    def table(self, setting: tuple[float, int] | None) -> NDArray[np.float32]:
        """What is learnt from (m, c): the margin, and the columns of a setting if there is one."""
        return self.margin[:, None] if setting is None else np.column_stack([self.margin, self.columns[setting]])


def look_at(cloud: PointCloud, segmenter: Segmenter) -> Look:
    """The margin and the columns of all settings."""
    xyz = cloud.xyz - cloud.xyz.min(axis=0)
    xyz = (xyz * scale_normalisation(xyz.astype(np.float32), PLAIN)).astype(np.float32)
    unknown = np.full(len(xyz), np.nan, dtype=np.float32)
    graph, node = build_graph(xyz, unknown, segmenter.model.graph)
    logits, _ = segmenter.model.network(graph, segmenter.threads)
    columns = {}
    for power, links in SETTINGS:
        with (
            patch.multiple(paths, _POWER=power, _LINKS=links),
            patch.object(paths, "compiled", lambda: None),  # the kernel knows one power only
        ):
            built, _ = build_graph(xyz, unknown, WITH_PATHS)
        columns[power, links] = built["x0"][:, WITH_PATHS.columns("paths")]
    return Look(logits[:, 1] - logits[:, 0], columns, node, truth_of(cloud, "gt_wood") == 1)


def learnt(looks: Sequence[Look], setting: tuple[float, int] | None) -> HistGradientBoostingClassifier:
    """Boosted trees over some looks, in each of which leaf and wood weigh the same."""
    rng = np.random.default_rng(0)
    tables, labels, weights = [], [], []
    for look in looks:
        wood = np.bincount(look.node, look.wood) / np.bincount(look.node) >= 0.5
        some = rng.permutation(len(wood))[:MOST]
        tables.append(look.table(setting)[some])
        labels.append(wood[some])
        weights.append(np.where(wood[some], 0.5 / wood[some].mean(), 0.5 / (1 - wood[some].mean())) / len(some))
    trees = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=100, max_leaf_nodes=15, min_samples_leaf=200, l2_regularization=5.0, random_state=0
    )
    weight = np.concatenate(weights)
    return trees.fit(np.concatenate(tables), np.concatenate(labels), sample_weight=weight / weight.mean())


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/labelled"))
    args = parser.parse_args(argv)
    files = sorted(args.data.glob(TREES))
    if not files:
        raise SystemExit(f"no {TREES} in {args.data}")
    segmenter = Segmenter.from_pretrained("virtual")
    seen: dict[Path, dict[str, Look]] = {}
    for file in files:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FileWarning)  # the trees have no CRS
            seen[file] = {name: look_at(cloud, segmenter) for name, cloud in whole_and_thinned(read(file)).items()}
    fold = {file: leaving_out(file, Path("pipelines/folds")) for file in files}
    print(head("power of a step", "neighbours", *LOOKS))
    for setting in (None, *SETTINGS):
        scores: dict[str, list[float]] = {name: [] for name in LOOKS}
        for left in sorted(set(fold.values())):
            trees = learnt([look for file in files if fold[file] != left for look in seen[file].values()], setting)
            for file in (file for file in files if fold[file] == left):
                for name, look in seen[file].items():
                    score = trees.decision_function(look.table(setting))
                    scores[name].append(float(roc_auc_score(look.wood, score[look.node])))
        words = ("margin alone", "") if setting is None else (f"{setting[0]:g}", str(setting[1]))
        print(line(*words, *(float(np.mean(scores[name])) for name in LOOKS)), flush=True)


if __name__ == "__main__":
    main()
