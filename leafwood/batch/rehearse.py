"""What `segment` would do with a file, by doing it without the network: the same reading, ground search and writing.

Nothing is promised that was not tried. The labels are all leaf, and the output goes to a temporary folder.
"""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leafwood.batch.one_file import LabelOptions, read_cloud, write_labelled
from leafwood.classes import OUT_NONE
from leafwood.cloud import PointCloud
from leafwood.errors import FileWarning, LeafwoodError
from leafwood.graph.config import GraphConfig
from leafwood.graph.scale import scale_normalisation
from leafwood.inference.labelling import label_cloud
from leafwood.inference.segmenter import AROUND, BUFFER
from leafwood.inference.trust import Doubt, doubts
from leafwood.io.labels import fields_left
from leafwood.io.loaders import check_suffix, default_output
from leafwood.memory import default_memory, points_of_tile
from leafwood.postprocess.rule import DEFAULT_RULE
from leafwood.spatial.ground import ground_source
from leafwood.spatial.order import morton_codes, voxel_cells
from leafwood.spatial.tiles import iter_tiles

__all__ = ["Rehearsal", "rehearse"]

_TOO_LARGE = 500_000_000  # bytes of a file whose output is not written for a trial


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """What would become of a file.

    Attributes:
        target: where its labels would be written.
        problem: why it would be refused, or None.
        bounds: (2, 3) lower and upper corner of its points in file units, strays apart; None without points.
        points: how many it has.
        labelled: how many would get a label.
        ground: which ground would be used, in words.
        replaced: fields of an earlier run that would be replaced.
        doubts: reasons not to trust the answers.
        warnings: what would be said about the file, one line each.
    """

    target: Path
    problem: str | None = None
    bounds: NDArray[np.float64] | None = None
    points: int = 0
    labelled: int = 0
    ground: str = ""
    replaced: frozenset[str] = frozenset()
    doubts: tuple[Doubt, ...] = ()
    warnings: tuple[str, ...] = ()


def rehearse(source: Path, options: LabelOptions | None = None) -> Rehearsal:
    """Try everything that `segment` does with a file but the network.

    Args:
        source: the file.
        options: how it would be labelled.

    Returns:
        What would become of it; a refusal is in `problem`.
    """
    options = options or LabelOptions()
    plan = Rehearsal(target=default_output(source))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FileWarning)
        try:
            plan = _tried(source, plan, options)
        except LeafwoodError as error:
            plan = replace(plan, problem=_bare(str(error), source))
    said = [_bare(str(item.message), source) for item in caught if issubclass(item.category, FileWarning)]
    return replace(plan, warnings=tuple(dict.fromkeys(said)))


def _tried(source: Path, plan: Rehearsal, options: LabelOptions) -> Rehearsal:
    check_suffix(plan.target, source)
    cloud, remarks = read_cloud(source, options)
    labelled, _ = label_cloud(cloud, lambda xyz, height, returns: _no_wood(xyz), DEFAULT_RULE)
    if source.stat().st_size <= _TOO_LARGE:
        with tempfile.TemporaryDirectory(prefix="leafwood-") as folder:
            write_labelled(labelled, Path(folder) / plan.target.name, source, options)
    kept = cloud.select(~cloud.strays()).absolute()
    return replace(
        plan,
        bounds=np.stack([kept.min(axis=0), kept.max(axis=0)]) if len(kept) else None,
        points=len(cloud),
        labelled=int((labelled.columns["leafwood"] != OUT_NONE).sum()),
        ground=_ground(cloud, labelled),
        replaced=fields_left(cloud.columns),
        doubts=tuple(doubts(labelled, remarks)),
    )


def _no_wood(xyz: NDArray[np.float32]) -> NDArray[np.float32]:
    """P(wood) 0 for every point, after the checks that cutting them into tiles and voxels makes."""
    config = GraphConfig()
    scaled = xyz * np.float32(scale_normalisation(xyz, config))
    for tile in iter_tiles(scaled[:, :2], points_of_tile(default_memory(), len(xyz)), BUFFER, AROUND):
        morton_codes(voxel_cells(scaled[tile.index], config.size))
    return np.zeros(len(xyz), dtype=np.float32)


def _ground(cloud: PointCloud, labelled: PointCloud) -> str:
    """Which ground is used, and what was found where it had to be looked for."""
    if not len(cloud):
        return ""
    choice = ground_source(cloud)
    if choice.source == "file":
        return choice.reason
    found = int(np.count_nonzero(labelled.columns["ground"]))
    if np.isnan(labelled.columns["height_ag"]).all():
        return f"{choice.reason} and not found"
    return f"{choice.reason}: {found:,} points are ground"


def _bare(text: str, source: Path) -> str:
    return text.removeprefix(f"{source}: ")
