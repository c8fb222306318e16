"""debLoRA: adapters that also pull rare wood out of the region of the leaves.

Tian, Chen and Sun (NeurIPS 2024, arXiv 2410.04546). After plain adaptation the features of a rare class crowd into the
region of the common one. All features are clustered without labels; a de-biased centre of the rare class is the mean
of the cluster centres by its share in each, so that the common class does not dominate; the features of the rare class
are moved towards it, the more the rarer it is; a new adapter learns to give the moved features, and the last layer is
fitted to them. The weights of the centres and the strength could not be read in the paper and are as its summaries have
them; the released script sets both by hand.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.data import Data

from leafwood.classes import IGNORE, LEAF, WOOD
from leafwood.config import in_range
from leafwood.errors import BadBatch
from leafwood.losses import Loss
from leafwood.nn.unet import PyramidUNet
from leafwood.train.balance import Balance
from leafwood.train.lora import AdapterMethod
from leafwood.train.steps import Step

if TYPE_CHECKING:
    from leafwood.train.data import TrainingSet

__all__ = ["DebloraConfig", "DebloraStep", "debiased_centre", "strength", "towards"]

Floats = NDArray[np.float64]
Features = TypeVar("Features", Floats, Tensor)
_VOXELS = 200_000  # that are clustered
_LEAST = 0.1  # of the mean standard deviation: channels that hardly ever fire must not count for more than all others


@dataclass(frozen=True, kw_only=True)
class DebloraConfig(AdapterMethod):
    """debLoRA: adapters that also move wood out of the region of the leaves.

    Attributes:
        kind: of the method.
        clusters: of all features.
        smallest: members below which a cluster is dissolved into the nearest of the others.
        free: leaf voxels to a wood voxel up to which nothing is moved.
        most: share of the way to the centre that is never exceeded; with two classes all wood would end in one point.

    Raises:
        BadConfig: a value out of range.
    """

    kind: Literal["deblora"] = "deblora"
    clusters: int = 32
    smallest: int = 15
    free: float = 10.0
    most: float = 0.5

    def __post_init__(self) -> None:
        in_range("method.clusters", self.clusters, 2)
        in_range("method.smallest", self.smallest, 1)
        in_range("method.free", self.free, 1.0)
        in_range("method.most", self.most, 0.0, 1.0)

    def step(
        self,
        network: nn.Module,
        criterion: Loss,
        optimiser: torch.optim.Optimizer,
        balance: Balance | None,
        data: TrainingSet,
    ) -> Step:
        """Steps that draw the features to the moved ones."""
        return DebloraStep(cast(PyramidUNet, network), criterion, optimiser, balance, config=self, sample=data.sample)


def debiased_centre(centres: Floats, sizes: NDArray[np.int64], rare: NDArray[np.int64]) -> Floats:
    """The rare class's centre (d,): the mean of the cluster centres, by its share in each.

    Args:
        centres: (k, d).
        sizes: (k,) members of each cluster.
        rare: (k,) of them of the rare class.

    Raises:
        BadBatch: none is of the rare class.
    """
    share = rare / sizes
    if not share.sum() > 0:
        raise BadBatch("deblora: no wood in the sample")
    return np.asarray(share / share.sum() @ centres)


def strength(gamma: float, free: float = 10.0) -> float:
    """Share of the way to the centre, from how many times as common the common class is."""
    return 1 - min(1.0, free / gamma)


def towards(features: Features, centre: Features, share: float) -> Features:
    """Features (n, d) moved that share of the way to a centre (d,)."""
    return (1 - share) * features + share * centre


class DebloraStep(Step):
    """Adapters learn the features of the network as it was, wood's moved towards its de-biased centre.

    The gradient of the features' distance reaches the adapters only, that of the training loss the last layer only.

    Args:
        network: with adapters that do nothing yet.
        criterion: the last layer's loss.
        optimiser: of the network's parameters.
        balance: point weights, if any.
        config: how far, and where to.
        sample: examples to cluster and to count in.

    Raises:
        BadBatch: no wood in the sample.
    """

    network: PyramidUNet

    def __init__(
        self,
        network: PyramidUNet,
        criterion: Loss,
        optimiser: torch.optim.Optimizer,
        balance: Balance | None = None,
        *,
        config: DebloraConfig,
        sample: Sequence[Data],
    ) -> None:
        super().__init__(network, criterion, optimiser, balance)
        self.before = copy.deepcopy(network).eval().requires_grad_(False)
        device = next(network.parameters()).device
        with torch.inference_mode():
            features = torch.cat([self.before.channels(graph.to(device))[graph.y != IGNORE] for graph in sample]).cpu()
        label = torch.cat([graph.y[graph.y != IGNORE] for graph in sample]).cpu()
        gamma = float((label == LEAF).sum() / (label == WOOD).sum().clamp(min=1))
        self.share = min(config.most, strength(max(gamma, 1.0), config.free))
        seen = features.double().numpy()
        mean, spread = seen.mean(axis=0), seen.std(axis=0)
        spread = np.maximum(spread, max(_LEAST * float(spread.mean()), 1e-6))
        centre = _centre((seen - mean) / spread, label.numpy() == WOOD, config)
        self.centre = torch.from_numpy(centre * spread + mean).float().to(device)
        self.spread = torch.from_numpy(spread).float().to(device)

    def loss(self, batch: Data) -> Tensor:
        """Distance of the features to the moved ones, in their standard deviations, plus the last layer's loss."""
        with torch.no_grad():
            target = self.before.channels(batch)
            moved = towards(target, self.centre, self.share)
            target = torch.where((batch.y == WOOD)[:, None], moved, target)
        found = self.network.channels(batch)
        apart = ((found - target) / self.spread).square().mean(dim=1)
        classes = [apart[batch.y == label].mean() for label in (LEAF, WOOD) if (batch.y == label).any()]
        distance = torch.stack(classes).mean() if classes else apart.sum() * 0
        logits = self.network.last_layer(found.detach())
        return distance + self.criterion(logits, batch.y, self.weights(batch))


def _centre(features: Floats, wood: NDArray[np.bool_], config: DebloraConfig) -> Floats:
    """Wood's de-biased centre (d,) among standardised features (n, d)."""
    from scipy.spatial import cKDTree
    from sklearn.cluster import MiniBatchKMeans

    chosen = np.random.default_rng(0).permutation(len(features))[:_VOXELS]
    features, wood = features[chosen], wood[chosen]
    found = MiniBatchKMeans(min(config.clusters, len(features)), n_init=3, random_state=42).fit(features)
    sizes = np.bincount(found.labels_, minlength=len(found.cluster_centers_))
    large = np.flatnonzero(sizes >= min(config.smallest, sizes.max()))
    _, cluster = cKDTree(found.cluster_centers_[large]).query(features)
    filled, cluster = np.unique(cluster, return_inverse=True)
    sizes, rare = np.bincount(cluster), np.bincount(cluster, weights=wood).astype(np.int64)
    centres = np.stack([features[cluster == name].mean(axis=0) for name in range(len(filled))])
    return debiased_centre(centres, sizes, rare)
