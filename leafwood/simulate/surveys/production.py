"""The files of a virtual survey: one LAZ per stand, its true areas and how it was made beside it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood._version import __version__
from leafwood.config import to_dict
from leafwood.errors import TargetExists
from leafwood.simulate.mesh import LabelledMesh
from leafwood.simulate.stands.stand import Stand
from leafwood.simulate.surveys.survey import SurveyConfig, fly_survey, grow

__all__ = ["Task", "produce", "tasks"]

_BIN = 0.5
_ABOUT = "on the whole plot, by height above ground; one-sided leaf area, half the bark area"
_ABOUT_SURFELS = "area of the squares that stand for the scanned trees: not their true leaf area"
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Task:
    """One stand to be made.

    Attributes:
        config: the survey.
        number: number of the stand, from 0.
        path: the LAZ file; a JSON and an NPZ file of the same name go beside it.
        trees: labelled clouds to plant in place of grown trees.
    """

    config: SurveyConfig
    number: int
    path: Path
    trees: tuple[Path, ...] = ()

    @property
    def recipe(self) -> dict[str, Any]:
        """All that the files of the stand follow from; a stand whose JSON file holds the same is done."""
        # No stand depends on how many there are, so a longer run of a survey continues a shorter one.
        config = dataclasses.replace(self.config, stands=1)
        recipe = {
            "config": to_dict(config),
            "stand": self.number,
            "member": to_dict(self.config.member(self.number)),
            "trees": [str(path.name) for path in self.trees],
            "leafwood": __version__,
        }
        # Written and read back as JSON, where tuples become lists, so that it compares with what a file says.
        return dict(json.loads(json.dumps(recipe)))

    def done(self) -> bool:
        """Whether this very stand is there already.

        Raises:
            TargetExists: there is a file of that name that was made otherwise.
        """
        if not self.path.exists():
            return False
        try:
            found = json.loads(self.path.with_suffix(".json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = {}
        if {key: found.get(key) for key in self.recipe} != self.recipe:
            raise TargetExists(
                f"{self.path}: is there already and was made otherwise; overwrite=True or another folder makes it again"
            )
        return True

    def true_leaf_density(self, z0: float, dz: float, bins: int) -> NDArray[np.float64]:
        """One-sided leaf area density (b,) of trees, shrubs and herbs by height, from the meshes, m²/m³.

        Args:
            z0: height above ground at which the first bin begins, m.
            dz: thickness of a bin, m.
            bins: number of bins.
        """
        area = json.loads(self.path.with_suffix(".json").read_text(encoding="utf-8"))["area_m2"]
        z, leaf = np.array(area["height_m"]), np.array(area["leaf"]) + np.array(area["low"])
        level = np.floor((z - z0) / dz).astype(int)
        inside = (level >= 0) & (level < bins)
        total = np.bincount(level[inside], weights=leaf[inside], minlength=bins)
        return np.asarray(total / (self.config.plot**2 * dz))


def tasks(config: SurveyConfig, name: str, folder: Path, trees: tuple[Path, ...] = ()) -> list[Task]:
    """The stands of a survey: ``name.laz`` where there is one, else ``name_000.laz`` and so on."""
    if config.stands == 1:
        return [Task(config, 0, folder / f"{name}.laz", trees)]
    return [Task(config, number, folder / f"{name}_{number:03d}.laz", trees) for number in range(config.stands)]


def _silent(share: float) -> None:
    """Report no progress."""


def produce(task: Task, progress: Progress = _silent, *, threads: int = 0) -> int:
    """Make one stand's files; the LAZ file comes last, so that what is there is complete.

    Args:
        task: what to make.
        progress: told the share done, 0..1, now and then.
        threads: threads of the ray casting, 0 for all processors.

    Returns:
        Number of points.
    """
    from leafwood.simulate.surveys.deliver import write_scan

    config = task.config
    member = config.member(task.number)
    stand = grow(member, task.trees)
    progress(0.3)
    cloud = fly_survey(config, member, stand, lambda share: progress(0.3 + 0.65 * share), threads=threads)
    task.path.parent.mkdir(parents=True, exist_ok=True)
    truth = _write_truth(task, stand)
    record = task.recipe | {"points": len(cloud), "points_per_m2": round(len(cloud) / config.plot**2, 3)} | truth
    task.path.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    place = config.place
    write_scan(cloud, task.path, epsg=place.epsg, corner=(place.easting, place.northing, place.height))
    progress(1.0)
    return len(cloud)


def _write_truth(task: Task, stand: Stand) -> dict[str, Any]:
    """Write the voxels' areas; return the areas by height, for the JSON file."""
    inner = dataclasses.replace(stand, mesh=_inside(stand.mesh, *task.config.box))
    profile, voxels = inner.leaf_area_profile(_BIN), inner.leaf_area_voxels(_BIN)
    np.savez_compressed(
        task.path.with_suffix(".npz"),
        index=voxels.index,
        voxel=voxels.voxel,
        leaf=voxels.leaf,
        wood=voxels.wood,
        low=voxels.low,
    )
    return {
        "trees_on_plot": int(np.unique(inner.mesh.tree[inner.mesh.tree > 0]).size),
        "area_m2": {
            "about": _ABOUT_SURFELS if task.trees else _ABOUT,
            "bin_m": _BIN,
            "height_m": profile.z.tolist(),
            "leaf": profile.leaf.round(6).tolist(),
            "wood": profile.wood.round(6).tolist(),
            "low": profile.low.round(6).tolist(),
        },
    }


def _inside(mesh: LabelledMesh, low: float, high: float) -> LabelledMesh:
    """The triangles whose centre is on the plot."""
    centre = mesh.vertices[:, :2][mesh.triangles].mean(axis=1)
    keep = np.all((centre >= low) & (centre < high), axis=1)
    return LabelledMesh(mesh.vertices, mesh.triangles[keep], mesh.part[keep], mesh.tree[keep])
