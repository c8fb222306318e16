"""Boosted trees as a baseline: they read what the network reads at its finest level, and label as leafwood does.

The trees are scikit-learn's HistGradientBoostingClassifier. They see one voxel at a time, by the shape of its
neighbourhood at several scales, spacings, points per voxel and height above ground, and learn from the very crops that
a network's configuration trains on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import IGNORE
from leafwood.graph.build import Graph
from leafwood.graph.config import GraphConfig
from leafwood.inference.model_file import Model
from leafwood.inference.segmenter import Segmenter
from leafwood.nn.structure import UNetConfig
from leafwood.train.config import TrainConfig
from leafwood.train.data import load_training_set

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

__all__ = ["BoostedTrees", "fit_boosted_trees"]

_VOXELS = 2000  # that are learnt from, of each crop
_ROUNDS = 500  # at most


class BoostedTrees:
    """Fitted trees in the network's place.

    Args:
        graph: how the graphs are built that the trees have learnt from.
        trees: fitted to the finest level of such graphs.
    """

    def __init__(self, graph: GraphConfig, trees: HistGradientBoostingClassifier) -> None:
        self.trees, self.finest = trees, replace(graph, n_levels=1)

    @property
    def classifiers(self) -> NDArray[np.float32]:
        """Trees read no channels off a last layer: (2, 0)."""
        return np.zeros((2, 0), dtype=np.float32)

    def __call__(self, graph: Graph, threads: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (m, 2) of m voxels, that of leaf being 0, and no channels (m, 0)."""
        margin = self.trees.decision_function(graph["x0"]).astype(np.float32)
        return np.stack([np.zeros_like(margin), margin], axis=1), np.zeros((len(margin), 0), dtype=np.float32)

    def segmenter(self, *, smoothing: bool, threads: int) -> Segmenter:
        """What labels clouds by the trees.

        Args:
            smoothing: whether probabilities are smoothed over neighbours.
            threads: processors to use.
        """
        shape = UNetConfig(widths=(1,), encoder_convs=(0,), decoder_convs=())
        return Segmenter(Model(self, self.finest, shape), smoothing=smoothing, threads=threads)


def fit_boosted_trees(config: TrainConfig, crops: int) -> BoostedTrees:
    """Fit trees to voxels of the first crops of a training run, leaf and wood weighing the same.

    Args:
        config: the training run.
        crops: how many crops are looked at; as many rounds are kept as help on a tenth of their voxels.

    Raises:
        BadConfig: the run trains another kind of model than leafwood's own, or its data cannot be loaded.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    spec = config.pyramid
    examples = load_training_set(replace(config, steps=-(-crops // config.batch))).examples
    rng = np.random.default_rng(0)
    tables: list[NDArray[np.float32]] = []
    labels: list[NDArray[np.int64]] = []
    for graph in (examples[number] for number in range(crops)):
        chosen = rng.permutation(np.flatnonzero(graph.y.numpy() != IGNORE))[:_VOXELS]
        tables.append(graph["x0"].numpy()[chosen])
        labels.append(graph.y.numpy()[chosen])
    trees = HistGradientBoostingClassifier(
        max_iter=_ROUNDS, class_weight="balanced", early_stopping=True, random_state=0
    )
    trees.fit(np.concatenate(tables), np.concatenate(labels))
    return BoostedTrees(spec.graph, trees)
