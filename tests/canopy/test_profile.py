"""Canopies of known leaf and wood area, and profiles computed another way."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import leafwood
from leafwood.canopy.profile import CanopyConfig, measure_canopy
from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud, BadConfig, FileWarning
from leafwood.postprocess.rule import scan_probability

pytestmark = pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")

LOW, HIGH, SIDE = 2.0, 10.0, 20.0


def stand(lai: float = 2.0, wai: float = 0.5, pulses: int = 60_000, seed: int = 0) -> PointCloud:
    """Upright pulses into leaves and wood spread evenly, in all directions, between 2 and 10 m over flat ground."""
    rng = np.random.default_rng(seed)
    depth = rng.exponential((HIGH - LOW) / (0.5 * (lai + wai)), pulses)
    z = np.where(depth < HIGH - LOW, HIGH - depth, 0.0)
    xyz = np.column_stack([rng.uniform(0, SIDE, (pulses, 2)), z])
    wood = (z > 0) & (rng.random(pulses) < wai / (lai + wai))
    return PointCloud.from_xyz(
        xyz,
        {
            "height_ag": z.astype(np.float32),
            "leafwood": np.where(z > 0, np.where(wood, 2, 1), 0).astype(np.uint16),
            "gt_wood": wood.astype(np.uint16),
        },
    )


def with_prob(cloud: PointCloud, apart: float, seed: int = 1) -> PointCloud:
    """With the P(wood) and labels of a network trained on as much wood as leaf."""
    wood = cloud.columns["gt_wood"] == 1
    score = np.where(wood, apart / 2, -apart / 2) + np.random.default_rng(seed).normal(size=len(cloud))
    plant = cloud.columns["height_ag"] > 0
    prob = np.where(plant, 1 / (1 + np.exp(-apart * score)), 0)
    return cloud.with_columns(wood_prob_equal=prob, leafwood=np.where(plant, np.where(prob > 0.5, 2, 1), 0))


def index(cloud: PointCloud, density: str, **config: float) -> float:
    settings = CanopyConfig(**config)
    return float(measure_canopy(cloud, settings).profile.index(density, settings.dz)[0])


def test_area_of_a_known_canopy() -> None:
    canopy = measure_canopy(stand())
    profile = canopy.profile
    for density, truth in (("pad", 2.5), ("lad", 2.0), ("wad", 0.5)):
        value, error = profile.index(density, 1.0)
        assert value == pytest.approx(truth, rel=0.05)
        assert abs(value - truth) < 4 * error
    inside = (canopy.counts.z > LOW) & (canopy.counts.z < HIGH)
    np.testing.assert_allclose(profile.lad[inside], 2.0 / 8, rtol=0.15)
    assert profile.gap_fraction[0] == pytest.approx(np.exp(-1.25), rel=0.03)
    assert profile.wood_share[inside].mean() == pytest.approx(0.2, abs=0.02)
    assert not profile.occluded.any()


def test_errors_are_those_of_repeated_scans() -> None:
    found = [measure_canopy(stand(pulses=3000, seed=seed)).profile.index("lad", 1.0) for seed in range(60)]
    values, errors = np.array(found).T
    assert np.std(values) == pytest.approx(errors.mean(), rel=0.3)


def test_crowns_and_gaps_make_a_profile_less_certain_than_its_pulses() -> None:
    dense, open_ = stand(4.0), stand(0.2)
    left = dense.xyz[:, 0] < SIDE / 2
    right = open_.xyz[:, 0] >= SIDE / 2
    both = PointCloud(
        np.concatenate([dense.xyz[left], open_.xyz[right]]),
        columns={k: np.concatenate([dense.columns[k][left], open_.columns[k][right]]) for k in dense.columns},
    )
    even, patchy = (measure_canopy(c).profile.index("pad", 1.0) for c in (stand(2.0), both))
    assert patchy[1] / patchy[0] > 3 * even[1] / even[0]


def test_wood_is_taken_out_by_probability_better_than_by_labels() -> None:
    cloud = with_prob(stand(3.0, 0.15), 2.5)
    truth = index(replace(cloud, columns={k: v for k, v in stand(3.0, 0.15).columns.items()}), "lad")
    by_label = index(replace(cloud, columns={k: v for k, v in cloud.columns.items() if k != "wood_prob_equal"}), "lad")
    canopy = measure_canopy(cloud)
    by_prob, error = canopy.profile.index("lad", 1.0)
    assert canopy.wood_from == "wood_prob_equal"
    assert by_prob == pytest.approx(truth, rel=0.05)
    assert abs(by_prob - truth) < 0.5 * abs(by_label - truth)
    assert error > 0.02


def test_both_meanings_of_a_probability_give_the_same_canopy() -> None:
    """What version 0.1.0 wrote, and the probabilities that are written today."""
    cloud = with_prob(stand(3.0, 0.3), 2.5)
    plant = cloud.columns["height_ag"] > 0
    equal, height = cloud.columns["wood_prob_equal"].astype(np.float32), cloud.columns["height_ag"]
    prob = np.zeros(len(cloud), dtype=np.float32)
    prob[plant] = scan_probability(equal[plant], height[plant], cloud.xyz[plant, 2])[0]
    columns = {k: v for k, v in cloud.columns.items() if k != "wood_prob_equal"} | {"wood_prob": prob}
    today = measure_canopy(replace(cloud, columns=columns))
    assert today.wood_from == "wood_prob"
    for density in ("lad", "wad"):
        assert today.profile.index(density, 1.0) == measure_canopy(cloud).profile.index(density, 1.0)


def test_labels_of_others_are_counted() -> None:
    cloud = with_prob(stand(), 1.0)
    canopy = measure_canopy(cloud, labels="gt_wood")
    assert canopy.wood_from == "gt_wood"
    assert float(canopy.profile.index("wad", 1.0)[0]) == pytest.approx(0.5, rel=0.1)


def test_undecided_points_are_plants() -> None:
    cloud = with_prob(stand(), 2.0)
    unsure = np.abs(cloud.columns["wood_prob_equal"] - 0.5) < 0.3
    abstained = cloud.with_columns(leafwood=np.where(unsure, 0, cloud.columns["leafwood"]))
    for density in ("pad", "lad"):
        assert index(abstained, density) == index(cloud, density)


def lidr_lad(z: np.ndarray, dz: float, z0: float, k: float) -> tuple[np.ndarray, np.ndarray]:
    """Leaf area density as lidR's LAD() defines it: returns below the bin over those below its top."""
    edges = np.arange(z0, z.max() + dz, dz)
    below = np.array([(z < edge).sum() for edge in edges], dtype=float)
    return (edges[:-1] + edges[1:]) / 2, -np.log(below[:-1] / below[1:]) / (k * dz)


def voxel_pad(xyz: np.ndarray, z: np.ndarray, cell: float, dz: float, z0: float, k: float) -> dict[tuple, np.ndarray]:
    """Plant area density of each column of voxels: ln(entering / leaving) / (k dz) (Kamoske et al. 2019)."""
    out = {}
    column = np.floor(xyz[:, :2] / cell).astype(int)
    for key in map(tuple, np.unique(column, axis=0)):
        here = z[(column == key).all(axis=1)]
        out[key] = lidr_lad(np.append(here, z.max()), dz, z0, k)[1] if len(here) else np.zeros(0)
    return out


def plain(cloud: PointCloud) -> PointCloud:
    """Heights and labels, all leaf: what the other tools see."""
    height = np.asarray(cloud.columns["height_ag"])
    return replace(cloud, columns={"height_ag": height, "leafwood": np.where(height > 0.3, 1, 0)})


@pytest.mark.parametrize(("dz", "z0", "k"), [(1.0, 2.0, 0.5), (0.5, 1.0, 0.7), (2.0, 1.0, 0.5)])
def test_the_profile_is_macarthur_and_horns(dz: float, z0: float, k: float) -> None:
    cloud = plain(stand())
    canopy = measure_canopy(cloud, CanopyConfig(dz=dz, z0=z0, k=k))
    z, expected = lidr_lad(cloud.columns["height_ag"].astype(float), dz, z0, k)
    np.testing.assert_allclose(canopy.counts.z[: len(z)], z[: len(canopy.counts.z)])
    np.testing.assert_allclose(canopy.profile.pad, expected[: len(canopy.profile.pad)], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(canopy.profile.pad, canopy.profile.lad)


def test_the_grid_is_macarthur_and_horns_column_by_column() -> None:
    cloud = plain(stand(pulses=20_000))
    canopy = measure_canopy(cloud, CanopyConfig(cell=5.0))
    plan = cloud.origin[:2] + cloud.xyz[:, :2].astype(float)
    expected = voxel_pad(plan, cloud.columns["height_ag"].astype(float), 5.0, 1.0, 1.0, 0.5)
    assert canopy.grid is not None
    assert canopy.grid_counts is not None
    for key, pad in zip(map(tuple, canopy.grid_counts.cells), canopy.grid.pad, strict=True):
        here = np.isfinite(pad[:-1])  # the top bin holds the return that the other was given to know how high to go
        np.testing.assert_allclose(pad[:-1][here], expected[key][: len(pad) - 1][here], rtol=1e-9, atol=1e-12)


def test_a_real_scan_against_macarthur_and_horn_on_returns(shared_data: Path) -> None:
    """The same file: equal where pulses are taken for returns, alike where they are not."""
    cloud = leafwood.read(shared_data / "scans" / "UAS_Clip.laz")
    from leafwood.spatial.ground import find_ground

    ground = find_ground(cloud)
    plant = ~ground.mask & (ground.height > 1)
    cloud = cloud.with_columns(height_ag=ground.height, leafwood=np.where(plant, 1, 0))
    used = ~np.isin(cloud.columns["classification"], (7, 18))
    z = np.where(plant, ground.height, 0)[used].astype(float)
    _, expected = lidr_lad(z, 1.0, 1.0, 0.5)
    bare = replace(cloud, columns={k: cloud.columns[k] for k in ("height_ag", "leafwood", "classification")})
    on_returns = measure_canopy(bare).profile.pad
    np.testing.assert_allclose(on_returns, expected[: len(on_returns)], rtol=1e-9, atol=1e-12)
    on_pulses = measure_canopy(cloud)
    upright = on_pulses.profile.pad * on_pulses.counts.attenuation().secant
    assert np.corrcoef(upright, on_returns)[0, 1] > 0.9
    assert upright.sum() == pytest.approx(on_returns.sum(), rel=0.25)


@settings(max_examples=15, deadline=None)
@given(k=st.floats(0.2, 1.0), dz=st.sampled_from([0.5, 1.0, 2.0]), seed=st.integers(0, 99))
def test_area_is_inverse_to_k_and_indifferent_to_order_and_place(k: float, dz: float, seed: int) -> None:
    cloud = stand(pulses=3000, seed=seed)
    base = index(cloud, "lad", dz=dz)
    assert index(cloud, "lad", dz=dz, k=k) == pytest.approx(base * 0.5 / k)
    order = np.random.default_rng(seed).permutation(len(cloud))
    moved = replace(cloud.select(order), origin=cloud.origin + [5000.0, -200.0, 77.0])
    assert index(moved, "lad", dz=dz) == pytest.approx(base, rel=1e-12)


def test_what_lies_under_a_roof_is_flagged() -> None:
    rng = np.random.default_rng(0)
    roof = np.column_stack([rng.uniform(0, 20, (5000, 2)), np.full(5000, 9.5)])
    under = np.column_stack([rng.uniform(0, 20, (6, 2)), [4.5, 4.5, 0, 0, 0, 0]])
    xyz = np.concatenate([roof, under])
    cloud = PointCloud.from_xyz(
        xyz, {"height_ag": xyz[:, 2], "leafwood": np.where(xyz[:, 2] > 0, 1, 0), "wood_prob": xyz[:, 2] * 0.02}
    )
    canopy = measure_canopy(cloud, CanopyConfig(cell=5.0))
    np.testing.assert_array_equal(canopy.profile.occluded[:8], True)
    assert canopy.grid is not None
    assert canopy.grid.occluded[:, :8].all()
    closed = measure_canopy(cloud.select(np.flatnonzero(xyz[:, 2] != 4.5)[:-4]))
    assert closed.profile.occluded.all()
    assert np.isfinite(closed.profile.index("lad", 1.0)).all()


def test_birds_and_noise_change_nothing() -> None:
    cloud = with_prob(stand(pulses=5000), 2.0).with_columns(classification=np.ones(5000, dtype=np.uint8))
    odd = [cloud.xyz[:1] + np.float32(z) for z in (180.0, 0.5)]
    more = PointCloud(
        np.concatenate([cloud.xyz, *odd]),
        cloud.origin,
        {
            "height_ag": np.append(cloud.columns["height_ag"], [180.0, 40.0]),
            "leafwood": np.append(cloud.columns["leafwood"], [2, 2]),
            "wood_prob_equal": np.append(cloud.columns["wood_prob_equal"], [1.0, 1.0]),
            "classification": np.append(cloud.columns["classification"], [1, 7]),
        },
    )
    assert index(more, "lad") == index(cloud, "lad")


def test_missing_returns_are_pointed_out() -> None:
    cloud = stand(pulses=4000)
    lonely = cloud.with_columns(return_number=np.ones(4000), number_of_returns=np.full(4000, 3))
    with pytest.warns(FileWarning, match="3.00 first returns per pulse"):
        measure_canopy(lonely)
    with pytest.warns(FileWarning, match="every return counts as a pulse"):
        measure_canopy(cloud)


def test_scans_that_have_no_profile() -> None:
    cloud = stand(pulses=2000)
    without = {k: v for k, v in cloud.columns.items() if k != "leafwood"}
    with pytest.raises(BadCloud, match="leafwood segment"):
        measure_canopy(replace(cloud, columns=without))
    with pytest.raises(BadCloud, match="above 50 m"):
        measure_canopy(cloud, CanopyConfig(z0=50.0))
    with pytest.raises(BadCloud, match="no ground"):
        measure_canopy(cloud.with_columns(height_ag=np.full(2000, np.nan)))
    with pytest.raises(BadConfig, match="no label preset"):
        measure_canopy(cloud, labels="nosuch")


@pytest.mark.parametrize("wrong", [{"k": 0.0}, {"k": 1.5}, {"dz": 0.0}, {"cell": -1.0}, {"z0": 1e3}])
def test_senseless_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadConfig, match=next(iter(wrong))):
        CanopyConfig(**wrong)
