"""Labelled clouds as squares: where they are, how they are turned, what is refused."""

from pathlib import Path

import laspy
import numpy as np
import pytest

from leafwood.classes import Part
from leafwood.errors import BadCloud, BadConfig
from leafwood.simulate.stands.config import StandConfig
from leafwood.simulate.trees.surfels import plant_surfels, surfel_trees

BARE = StandConfig(
    size=12, stems_per_ha=300, min_distance=2.0, logs_per_ha=0, branches_per_m2=0, stumps_per_ha=0, low_cover=0
)


def write_tree(path: Path, *, name: str = "gt_wood", labelled: bool = True) -> Path:
    """A stem of 0.2 m radius and 6 m, seen from all sides, with a ball of leaves on top, far from the origin."""
    rng = np.random.default_rng(1)
    angle, z = rng.uniform(0, 2 * np.pi, 8000), rng.uniform(0, 6, 8000)
    stem = np.column_stack([0.2 * np.cos(angle), 0.2 * np.sin(angle), z])
    leaves = rng.normal(size=(3000, 3)) * 0.6 + [0, 0, 7]
    las = laspy.LasData(laspy.LasHeader(version="1.4", point_format=6))
    las.header.scales = np.full(3, 1e-4)
    las.header.offsets = np.array([500_000.0, 5_000_000.0, 0.0])
    if labelled:
        las.header.add_extra_dims([laspy.ExtraBytesParams(name, np.uint8)])
    las = laspy.LasData(las.header)
    las.xyz = np.concatenate([stem, leaves]) + np.array([500_010, 5_000_020, 300])
    if labelled:
        las[name] = np.repeat([1, 0], [8000, 3000]).astype(np.uint8)
    else:
        las.classification = np.repeat([4, 5], [8000, 3000]).astype(np.uint8)
    las.write(str(path))
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "oak.laz")


@pytest.mark.filterwarnings("ignore:.*CRS")
def test_squares_cover_the_stem(tree: Path) -> None:
    (found,) = surfel_trees(tree)
    mesh, wood = found.mesh, found.mesh.part == Part.BRANCH
    assert (wood.sum(), (~wood).sum()) == (2 * 8000, 2 * 3000)
    corner = mesh.vertices[mesh.triangles]
    centre = corner.mean(axis=1)[wood]
    assert np.abs(np.linalg.norm(centre[:, :2], axis=1) - 0.2).max() < 0.06
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])[wood]
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    outward = np.abs((normal[:, :2] * centre[:, :2]).sum(axis=1)) / np.linalg.norm(centre[:, :2], axis=1)
    assert np.median(outward) > 0.95
    # the mantle is 2 pi 0.2 m * 6 m; overlapping squares cover it at least once
    assert 1.0 < mesh.areas()[wood].sum() / (2 * np.pi * 0.2 * 6) < 5.0


@pytest.mark.filterwarnings("ignore:.*CRS")
def test_planting(tree: Path) -> None:
    stand = plant_surfels(BARE, (tree,), 3)
    again = plant_surfels(BARE, (tree,), 3)
    np.testing.assert_array_equal(stand.mesh.vertices, again.mesh.vertices)
    assert len(stand.trees) == 4
    feet = np.column_stack([stand.trees["x"], stand.trees["y"]])
    apart = np.linalg.norm(feet[:, None] - feet[None], axis=2)[np.triu_indices(4, 1)]
    assert apart.min() >= 2.0
    for row in stand.trees:
        own = stand.mesh.vertices[stand.mesh.triangles[stand.mesh.tree == row["tree"]]].reshape(-1, 3)
        ground = stand.terrain(np.array([[row["x"], row["y"]]]))[0]
        assert own[:, 2].max() - ground == pytest.approx(row["height"], abs=0.1)
        assert own[:, 2].min() == pytest.approx(ground, abs=0.1)
    assert set(stand.trees["species"]) == {"oak"}


def test_other_label_names(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="CRS"):
        (found,) = surfel_trees(write_tree(tmp_path / "p.laz", name="truth"))
    assert set(found.mesh.part) == {Part.BRANCH, Part.LEAF}


@pytest.mark.filterwarnings("ignore:.*CRS")
def test_refuses_unlabelled(tmp_path: Path) -> None:
    """ASPRS vegetation classes 4 and 5 are FOR-instance's codes too, and must not be taken for labels."""
    path = write_tree(tmp_path / "plain.laz", labelled=False)
    with pytest.raises(BadCloud, match=r"plain\.laz: has no leaf and wood labels"):
        plant_surfels(BARE, (path,), 1)


@pytest.mark.filterwarnings("ignore:.*CRS")
def test_no_stems(tree: Path) -> None:
    with pytest.raises(BadConfig, match="stems_per_ha"):
        plant_surfels(StandConfig(size=10, stems_per_ha=0.0), (tree,), 1)
