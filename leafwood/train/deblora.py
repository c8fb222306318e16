"""debLoRA: adapters that also pull rare wood out of the region of the leaves.

Tian, Chen and Sun (NeurIPS 2024, arXiv 2410.04546). After plain adaptation the features of the tail classes crowd into
the region of the head class. All features are clustered without labels; a de-biased centre of each tail class is the
mean of the cluster centres by its share in each, so that the head class does not dominate; the features of a tail class
are moved towards its centre, the more the rarer it is; a new adapter learns to give the moved features, and the last
layer is fitted to them. The weights of the centres and the strength could not be read in the paper and are as its
summaries have them; the released script sets both by hand.

The paper has many tail classes and leafwood has two classes, so the wood of each slice of the height of a crop is a
tail class of its own: stems near the ground and fine branches in the crown are unlike, and unequally rare.
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

from leafwood.classes import IGNORE, WOOD
from leafwood.config import in_range
from leafwood.errors import BadBatch
from leafwood.losses import Loss
from leafwood.nn.unet import PyramidUNet
from leafwood.train.balance import Balance
from leafwood.train.lora import AdapterMethod
from leafwood.train.steps import Step, without_dropout

if TYPE_CHECKING:
    from leafwood.train.data import TrainingSet

__all__ = ["DebloraConfig", "DebloraStep", "debiased_centre", "strength", "tail_classes", "towards"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Features = TypeVar("Features", Floats, Tensor)
_VOXELS = 200_000  # that are clustered
_LEAST = 0.1  # of the mean standard deviation: channels that hardly ever fire must not count for more than all others


@dataclass(frozen=True, kw_only=True)
class DebloraConfig(AdapterMethod):
    """debLoRA: adapters that also move wood out of the region of the leaves.

    Attributes:
        kind: kind of the method.
        clusters: number of clusters of all features.
        smallest: members below which a cluster is dissolved into the nearest of the others.
        slices: slices of equal height into which each crop is cut; the wood of each is a tail class, and with 1 all
            wood is one class.
        free: leaf voxels to a voxel of a tail class up to which nothing is moved.
        most: share of the way to the centre that is never exceeded; otherwise a class would end in one point.

    Raises:
        BadConfig: a value out of range.
    """

    kind: Literal["deblora"] = "deblora"
    clusters: int = 32
    smallest: int = 15
    slices: int = 3
    free: float = 10.0
    most: float = 0.5

    def __post_init__(self) -> None:
        in_range("method.clusters", self.clusters, 2)
        in_range("method.smallest", self.smallest, 1)
        in_range("method.slices", self.slices, 1, 100)
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


def debiased_centre(centres: Floats, sizes: Integers, rare: Integers) -> Floats:
    """The centre (d,) of a tail class: the mean of the cluster centres, by its share in each.

    Args:
        centres: (k, d).
        sizes: (k,) members of each cluster.
        rare: (k,) members of each that are of the tail class.

    Raises:
        BadBatch: none is of the tail class.
    """
    share = rare / sizes
    if not share.sum() > 0:
        raise BadBatch("deblora: no wood in the sample")
    return np.asarray(share / share.sum() @ centres)


def strength(gamma: float, free: float = 10.0) -> float:
    """Share of the way to the centre, from how many times as common the head class is."""
    return 1 - min(1.0, free / gamma)


def towards(features: Features, centre: Features, share: float) -> Features:
    """Features (n, d) moved that share of the way to a centre (d,)."""
    return (1 - share) * features + share * centre


def tail_classes(graph: Data, slices: int) -> Tensor:
    """Classes (m,) of the finest voxels: 0 leaf, 1 + s wood in slice s of the height of its crop, -1 ignored.

    Args:
        graph: one example, or a batch of them, with y and pos0.
        slices: number of slices of equal height, from the lowest to the highest voxel of each example.
    """
    z = graph.pos0[:, 2]
    crop = graph.batch if "batch" in graph else torch.zeros_like(graph.y)
    ends = z.new_zeros(int(crop.max()) + 1)
    low, high = (ends.scatter_reduce(0, crop, z, end, include_self=False) for end in ("amin", "amax"))
    share = (z - low[crop]) / (high - low)[crop].clamp(min=1e-6)
    return torch.where(graph.y == WOOD, 1 + (share * slices).long().clamp(max=slices - 1), graph.y)


class DebloraStep(Step):
    """Adapters learn the features of the network as it was, each tail class's moved towards its de-biased centre.

    The gradient of the features' distance reaches the adapters only, that of the training loss the last layer only. All
    features are taken without dropout: against a target without it, an adapter would learn to undo the noise.

    Args:
        network: with adapters that do nothing yet.
        criterion: the last layer's loss.
        optimiser: of the network's parameters.
        balance: point weights, if any.
        config: how far, and where to.
        sample: examples to cluster and to count in.

    Attributes:
        centres: (1 + slices, d) centres of each class; that of the leaves is never used.
        shares: (1 + slices,) share of the way that each class is moved, 0 for leaves.
        spread: (d,) standard deviations of the features.

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
        self.config = config
        self.before = copy.deepcopy(network).eval().requires_grad_(False)
        device = next(network.parameters()).device
        with torch.inference_mode():
            features = torch.cat([self.before.channels(graph.to(device))[graph.y != IGNORE] for graph in sample]).cpu()
        label = torch.cat([tail_classes(graph, config.slices)[graph.y != IGNORE] for graph in sample]).cpu().numpy()
        seen = features.double().numpy()
        mean, spread = seen.mean(axis=0), seen.std(axis=0)
        spread = np.maximum(spread, max(_LEAST * float(spread.mean()), 1e-6))
        centres = _centres((seen - mean) / spread, label, config)
        self.centres = torch.from_numpy(centres * spread + mean).float().to(device)
        self.spread = torch.from_numpy(spread).float().to(device)
        counts = np.bincount(label, minlength=1 + config.slices)
        gamma = np.maximum(counts[0] / np.maximum(counts[1:], 1), 1.0)
        moved = [min(config.most, strength(float(times), config.free)) for times in gamma]
        self.shares = torch.tensor([0.0, *moved], device=device)

    def loss(self, batch: Data) -> Tensor:
        """Distance of the features to the moved ones, in their standard deviations, plus the last layer's loss."""
        with without_dropout(self.network):
            found = self.network.channels(batch)
        logits = self.network.last_layer(found.detach())
        return self.distance(found, batch) + self.criterion(logits, batch.y, self.weights(batch))

    def distance(self, found: Tensor, batch: Data) -> Tensor:
        """Mean over the classes of the mean squared distance of features (m, d) to their targets."""
        label = tail_classes(batch, self.config.slices)
        with torch.no_grad():
            target, share = self.before.channels(batch), self.shares[label.clamp(min=0)][:, None]
            target = (1 - share) * target + share * self.centres[label.clamp(min=0)]
        apart = ((found - target) / self.spread).square().mean(dim=1)
        classes = [apart[label == one].mean() for one in range(len(self.shares)) if (label == one).any()]
        return torch.stack(classes).mean() if classes else apart.sum() * 0


def _centres(features: Floats, label: Integers, config: DebloraConfig) -> Floats:
    """De-biased centres (1 + slices, d) among standardised features (n, d); 0 for leaves and for classes not there."""
    from scipy.spatial import cKDTree
    from sklearn.cluster import MiniBatchKMeans

    if not (label > 0).any():
        raise BadBatch("deblora: no wood in the sample")
    chosen = np.random.default_rng(0).permutation(len(features))[:_VOXELS]
    features, label = features[chosen], label[chosen]
    found = MiniBatchKMeans(min(config.clusters, len(features)), n_init=3, random_state=42).fit(features)
    sizes = np.bincount(found.labels_, minlength=len(found.cluster_centers_))
    large = np.flatnonzero(sizes >= min(config.smallest, sizes.max()))
    _, cluster = cKDTree(found.cluster_centers_[large]).query(features)
    filled, cluster = np.unique(cluster, return_inverse=True)
    middles = np.stack([features[cluster == name].mean(axis=0) for name in range(len(filled))])
    sizes, centres = np.bincount(cluster), np.zeros((1 + config.slices, features.shape[1]))
    for one in np.unique(label[label > 0]):
        rare = np.bincount(cluster[label == one], minlength=len(filled))
        centres[one] = debiased_centre(middles, sizes, rare)
    return centres
