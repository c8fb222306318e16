"""SOUL as a segmenter: a cloud in, P(wood) and a label for every point out; and its weights on disk."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch_geometric.data import Batch

from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig
from leafwood.inference.card import checked, provenance_of, read_card
from leafwood.inference.labelling import Progress, label_cloud
from leafwood.inference.model_file import write_weights
from leafwood.inference.views import Segmented
from leafwood.nn.pointnet2 import PointNet2
from leafwood.postprocess.rule import Rule, check_rule
from leafwood.soul.samples import Prepared, SoulConfig, prepare_cloud
from leafwood.spatial.neighbours import nearest
from leafwood.threads import cpu_count

__all__ = ["SoulModel", "SoulSegmenter", "load_soul", "save_soul"]

_KIND = "soul"  # in :mod:`leafwood.models`
_SAMPLES = {
    "voxel": (0.01, 100.0),
    "max_steps": (1, 10_000),
    "ier_limit": (1.0, 1e6),
    "min_voxels": (0, 1_000_000),
    "min_points": (0, 1_000_000),
    "points": (16, 100_000),
    "training_min_points": (0, 1_000_000),
}


@dataclass(frozen=True, eq=False)
class SoulModel:
    """SOUL's network with all that is needed to use it.

    Attributes:
        network: in evaluation mode.
        config: the samples it reads.
        provenance: how it came about.
        name: file stem.
        sha256: sha256 of the weights file, empty before it is saved.
    """

    network: PointNet2
    config: SoulConfig = field(default_factory=SoulConfig)
    provenance: dict[str, Any] = field(default_factory=dict)
    name: str = "unsaved"
    sha256: str = ""


def save_soul(model: SoulModel, path: Path) -> None:
    """Write `path` (``.safetensors``) and its card ``.json`` beside it."""
    write_weights(save({k: v.detach().contiguous() for k, v in model.network.state_dict().items()}), path)
    card = {"format": 1, "kind": _KIND, "samples": asdict(model.config), "provenance": model.provenance}
    path.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def load_soul(path: Path) -> SoulModel:
    """Read a model that :func:`save_soul` wrote, in evaluation mode.

    Raises:
        BadConfig: the file or its card is missing, or they are not a SOUL model.
    """
    try:
        card = read_card(path)
        if card.get("kind") != _KIND:
            raise ValueError(f"its card says kind {card.get('kind')!r}")
        config, provenance = checked(SoulConfig, card.get("samples"), _SAMPLES, "samples"), provenance_of(card)
        network = PointNet2()
        network.load_state_dict(load_file(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        raise BadConfig(f"{path}: not a SOUL model ({str(error).splitlines()[0]})") from error
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return SoulModel(network.eval(), config, provenance, path.stem, digest)


class SoulSegmenter:
    """Labels clouds as SOUL does; the baseline beside :class:`leafwood.Segmenter`.

    What the released code leaves open is settled: the probabilities of a point that fills up samples are averaged, and
    points without features take their nearest labelled neighbour's.

    Args:
        model: what to predict with.
        threads: processors to use; all that the process may use when None.
        rule: how labels are made of probabilities; SOUL's own is ``balanced``.
        batch: samples at a time; about 50 MB each.

    Raises:
        BadConfig: no such rule.
    """

    def __init__(
        self, model: SoulModel, *, threads: int | None = None, rule: Rule = "balanced", batch: int = 4
    ) -> None:
        check_rule(rule)
        self.model = model
        self.rule = rule
        self.threads = threads or cpu_count()
        self.batch = batch

    @classmethod
    def from_pretrained(cls, path: Path, **options: Any) -> SoulSegmenter:
        """A segmenter with the weights of a ``.safetensors`` file; options as for the class."""
        return cls(load_soul(path), **options)

    def segment(self, cloud: PointCloud, progress: Progress | None = None) -> PointCloud:
        """Label a cloud. What is not vegetation is not labelled, as :meth:`leafwood.Segmenter.segment` does it.

        Args:
            cloud: n points.
            progress: called with the samples done and the samples to do.

        Returns:
            The cloud with columns ``leafwood``, ``wood_prob``, ``wood_prob_equal`` and ``height_ag``, as of the other
            segmenter.

        Raises:
            BadCloud: coordinates in degrees, or spread over more than a scan can be.
        """
        return self.segment_with_account(cloud, progress).cloud

    def segment_with_account(self, cloud: PointCloud, progress: Progress | None = None) -> Segmented:
        """Label a cloud and say how, without what SOUL does not know: no view, and NaN for `leafless` and `unlike`.

        Arguments and errors are those of :meth:`segment`.
        """
        found = label_cloud(cloud, lambda xyz, height, _: self.wood_probability(xyz, height, progress), self.rule)
        return Segmented(*found, view=None, leafless=float("nan"), unlike=float("nan"))

    def wood_probability(
        self, xyz: NDArray[np.float32], height: NDArray[np.float32], progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """P(wood) of vegetation where both are equally common; 0 if none of it has neighbours to be described by.

        Args:
            xyz: (n, 3) local metres, without ground.
            height: (n,) metres above ground, which SOUL does not use.
            progress: called with the samples done and the samples to do.

        Returns:
            (n,) float32.
        """
        prob = np.zeros(len(xyz), dtype=np.float32)
        prepared = prepare_cloud(xyz, self.model.config)
        if not len(prepared.kept):
            return prob
        prob[prepared.kept] = self._mean_probability(prepared, progress)
        alone = np.ones(len(xyz), dtype=bool)
        alone[prepared.kept] = False
        if alone.any():
            index, _ = nearest(xyz[prepared.kept], 1, xyz[alone])
            prob[alone] = prob[prepared.kept[index[:, 0]]]
        return prob

    def _mean_probability(self, prepared: Prepared, progress: Progress | None) -> NDArray[np.float32]:
        """P(wood) of the kept points, averaged over the samples that a point is in."""
        torch.set_num_threads(self.threads)
        total, times = np.zeros(len(prepared.kept)), np.zeros(len(prepared.kept))
        for start in range(0, len(prepared.chunks), self.batch):
            numbers = range(start, min(start + self.batch, len(prepared.chunks)))
            samples = Batch.from_data_list([prepared.sample(number) for number in numbers])
            with torch.inference_mode():
                wood = torch.softmax(self.model.network(samples), dim=1)[:, 1].numpy()
            index = prepared.chunks.index[numbers.start : numbers.stop].ravel()
            total += np.bincount(index, weights=wood, minlength=len(total))
            times += np.bincount(index, minlength=len(total))
            if progress:
                progress(numbers.stop, len(prepared.chunks))
        return (total / times).astype(np.float32)
