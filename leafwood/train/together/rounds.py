"""The crops of a round, and which of them each learner sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch.utils.data import Dataset
from torch_geometric.data import Batch

from leafwood.datasets.stands import LabelledStand
from leafwood.errors import BadConfig
from leafwood.graph.batching import Example
from leafwood.io.files import is_one_of
from leafwood.train.pyramid import PyramidTask

__all__ = ["InTurn", "Rounds", "for_each"]

_ENDLESS = 1_000_000  # rounds


class InTurn:
    """Crops of the stands of one pool, each stand in turn."""

    def __init__(self, stands: Sequence[LabelledStand], task: PyramidTask, seed: tuple[int, int], count: int) -> None:
        self.examples = [
            task.examples([stand], (seed[0] + 1000 * number, seed[1]), _ENDLESS) for number, stand in enumerate(stands)
        ]
        self.count = count
        self.files = {stand.path.name for stand in stands}

    def crop(self, number: int) -> Example:
        """Crop of that number."""
        turn, stand = divmod(number, len(self.examples))
        found: Example = self.examples[stand][turn]
        return found


class Rounds(Dataset[Example]):
    """The crops of all rounds, one round after the other."""

    def __init__(self, parts: Sequence[InTurn]) -> None:
        self.places = [(part, place) for part in parts for place in range(part.count)]
        self.files = {name for part in parts for name in part.files}

    def __len__(self) -> int:
        return _ENDLESS * len(self.places)

    def __getitem__(self, number: int) -> Example:
        turn, place = divmod(number, len(self.places))
        part, own = self.places[place]
        return part.crop(turn * part.count + own)


def for_each(crops: Sequence[Example], views: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """The batch of each learner: the crops of files that it may see."""
    found: dict[tuple[str, ...], Any] = {}
    for without in views.values():
        if without not in found:
            seen = [crop for crop in crops if not is_one_of(crop.stand, without)]
            if not seen:
                raise BadConfig(f"nothing is left to learn from without {', '.join(without)}")
            found[without] = Batch.from_data_list(seen)
    return {name: found[without] for name, without in views.items()}
