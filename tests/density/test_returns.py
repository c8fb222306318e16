"""The decay model against canopies whose attenuation is known, and counts that add up."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafwood.classes import Part
from leafwood.cloud import PointCloud
from leafwood.density.attenuation import attenuation, fit_layer
from leafwood.density.returns import ReturnCounts, Strata, count_returns, inverse_weight
from leafwood.errors import BadCloud, BadConfig
from leafwood.simulate.mesh import LabelledMesh
from leafwood.simulate.scanners.instruments import instrument
from leafwood.simulate.scanners.platform import Box, Flight
from leafwood.simulate.scanners.scanner import scan

SIDE, LOW, HIGH, AREA = 12.0, 4.0, 12.0, 2.0
TRUTH = 0.5 * AREA / (HIGH - LOW)  # leaves in every direction turn half their area to any beam
STRATA = Strata(cell=4, dz=1, z0=1)


def slab() -> LabelledMesh:
    """2 m² of small leaves per m² of ground, at random between 4 and 12 m, over bare ground."""
    rng = np.random.default_rng(3)
    edge, margin = 0.08, 10.0
    count = int(AREA * (SIDE + 2 * margin) ** 2 / (np.sqrt(3) / 4 * edge**2))
    u, v = rng.normal(size=(2, count, 3))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v -= np.einsum("ij,ij->i", u, v)[:, None] * u
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    centre = rng.uniform([-margin, -margin, LOW], [SIDE + margin, SIDE + margin, HIGH], (count, 3))
    turns = 2 * np.pi * np.arange(3) / 3
    corners = np.stack([centre + edge / np.sqrt(3) * (np.cos(t) * u + np.sin(t) * v) for t in turns], axis=1)
    ground = np.array([[-40, -40, 0], [52, -40, 0], [52, 52, 0], [-40, 52, 0]], dtype=np.float32)
    return LabelledMesh(
        vertices=np.concatenate([ground, corners.reshape(-1, 3)]).astype(np.float32),
        triangles=np.concatenate([[[0, 1, 2], [0, 2, 3]], 4 + np.arange(3 * count).reshape(-1, 3)]).astype(np.int32),
        part=np.concatenate([np.full(2, Part.GROUND), np.full(count, Part.LEAF)]).astype(np.uint8),
        tree=np.zeros(count + 2, dtype=np.uint32),
    )


@pytest.fixture(scope="module")
def mesh() -> LabelledMesh:
    return slab()


@pytest.fixture(scope="module")
def flown(mesh: LabelledMesh) -> PointCloud:
    return fly(mesh, "vux1")


def fly(mesh: LabelledMesh, name: str) -> PointCloud:
    flight = Flight(altitude=60, spacing=20, max_scan_angle=45, density=300)
    plot = Box((0.0, 0.0, -1.0), (SIDE, SIDE, HIGH + 1))
    return scan(mesh, instrument(name), flight, plot, lambda places: np.zeros(len(places)), seed=5)


def height(cloud: PointCloud) -> np.ndarray:
    return cloud.absolute()[:, 2]


def same(one: ReturnCounts, two: ReturnCounts) -> None:
    for name in ("cells", "returns", "first", "weight", "path", "wood", "cover"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


@pytest.mark.parametrize("name", ["vux120", "vux1", "minivux"])
def test_the_attenuation_of_a_known_canopy_is_found_within_a_tenth(mesh: LabelledMesh, name: str) -> None:
    cloud = fly(mesh, name)
    counts = count_returns(cloud, height(cloud), STRATA)
    assert counts.source == "pulses"
    assert counts.fit().rate == pytest.approx(TRUTH, rel=0.1)
    by_height = counts.attenuation()
    inside = (counts.z > LOW) & (counts.z < HIGH)
    assert by_height.rate[inside].mean() == pytest.approx(TRUTH, rel=0.15)
    assert by_height.rate[(counts.z < LOW) | (counts.z > HIGH + 0.5)].max() < 0.05 * TRUTH


def test_without_return_numbers_it_is_found_on_the_returns(flown: PointCloud) -> None:
    bare = replace(flown, columns={"scan_angle": flown.columns["scan_angle"]})
    counts = count_returns(bare, height(bare), STRATA)
    assert counts.source == "returns"
    assert counts.fit().rate == pytest.approx(TRUTH, rel=0.1)


def test_slanting_beams_have_a_longer_way(flown: PointCloud) -> None:
    """Taken for vertical, beams at up to 45° see a denser canopy than there is."""
    upright = count_returns(flown.with_columns(scan_angle=np.zeros(len(flown))), height(flown), STRATA)
    assert upright.fit().rate > 1.05 * count_returns(flown, height(flown), STRATA).fit().rate


def test_the_stated_error_is_that_of_repeated_draws() -> None:
    rng = np.random.default_rng(0)
    entered, rate = 400, 0.2
    hit = rng.binomial(entered, 1 - np.exp(-rate), 4000).astype(float)
    weight = np.column_stack([entered - hit, hit])
    found = attenuation(weight, weight, 1.0)
    assert np.std(found.rate) == pytest.approx(np.mean(found.error), rel=0.05)
    assert np.mean(found.rate) == pytest.approx(rate, rel=0.01)


def test_a_layered_canopy_has_a_less_certain_single_rate() -> None:
    even = np.array([1000 * 0.5**8, *(1000 * 0.5 ** np.arange(8, 0, -1))])
    layered = np.array([300.0, 20, 300, 20, 300, 20, 300, 20, 300])
    assert fit_layer(even, even, 1.0).rate == pytest.approx(np.log(2), rel=1e-6)
    relative = [float(f.error / f.rate) for f in (fit_layer(w, w, 1.0) for w in (even, layered))]
    assert relative[1] > 2 * relative[0]


def test_counts_by_hand() -> None:
    """One pulse ends at the ground, one has its two returns in the crown and on the ground, one ends in the crown."""
    cloud = PointCloud(
        xyz=np.array([[1, 1, 0], [1, 1, 5.2], [1, 1, 0.1], [3, 1, 5.9]], dtype=np.float32),
        columns={"return_number": np.array([1, 1, 2, 1]), "number_of_returns": np.array([1, 2, 2, 1])},
    )
    counts = count_returns(cloud, cloud.xyz[:, 2], Strata(cell=2, dz=1, z0=0.5), wood=np.array([1, 0.25, 1, 1]))
    np.testing.assert_array_equal(counts.cells, [[0, 0], [1, 0]])
    np.testing.assert_array_equal(counts.z, [1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(counts.returns, [[2, 0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0, 1]])
    np.testing.assert_array_equal(counts.pulses, [[1.5, 0, 0, 0, 0, 0.5, 0], [0, 0, 0, 0, 0, 0, 1]])
    np.testing.assert_array_equal(counts.wood / counts.weight.max() * 1.5, [[0, 0, 0, 0, 0, 0.125, 0], [0] * 6 + [1]])
    assert counts.first.sum() == 3
    assert counts.completeness == pytest.approx(1)
    np.testing.assert_allclose(counts.area, [0.25, 0.25])
    assert counts.attenuation_by_cell().rate[0, 4] == pytest.approx(-np.log(1.5 / 2))
    assert np.isnan(
        counts.attenuation_by_cell().rate[1, 5]
    )  # nothing passes: no less than the bin holds, no more known


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**16), parts=st.integers(1, 5))
def test_tiles_add_up_exactly_in_any_order(seed: int, parts: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 300))
    total = rng.integers(0, 8, n)
    cloud = PointCloud.from_xyz(
        rng.uniform([4e5, -50, 200], [4e5 + 40, 20, 230], (n, 3)),
        {
            "number_of_returns": total,
            "return_number": np.minimum(rng.integers(0, 8, n), total),
            "scan_angle": rng.integers(-6000, 6000, n).astype(np.int16),
        },
    )
    above = height(cloud) - 203
    tile = rng.integers(0, parts, n)
    wood = rng.random(n)
    pieces = [
        count_returns(cloud.select(tile == i), above[tile == i], wood=wood[tile == i]) for i in rng.permutation(parts)
    ]
    merged = pieces[0]
    for piece in pieces[1:]:
        merged = merged + piece
    same(merged, count_returns(cloud, above, wood=wood))


def test_counts_of_other_bins_are_not_added(flown: PointCloud) -> None:
    with pytest.raises(BadConfig, match="cannot be added"):
        count_returns(flown, height(flown)) + count_returns(flown, height(flown), STRATA)


def test_intensity_follows_the_law(flown: PointCloud) -> None:
    """From the top to the bottom of the canopy the expected density falls by exp(-rate x way)."""
    counts = count_returns(flown, height(flown), STRATA)
    expected, z = counts.intensity(flown, height(flown)), height(flown)
    top, bottom = (expected[np.abs(z - level) < 0.5].mean() for level in (11.5, 4.5))
    way = float(counts.fit().secant) * 7.0
    assert bottom / top == pytest.approx(np.exp(-TRUTH * way), rel=0.1)
    # and it is what was found where leaves are spread evenly
    inside = (z > LOW) & (z < HIGH)
    assert expected[inside].mean() == pytest.approx(inside.sum() / (SIDE**2 * (HIGH - LOW)), rel=0.2)


def test_intensity_of_places_that_were_not_counted(flown: PointCloud) -> None:
    counts = count_returns(flown, height(flown), STRATA)
    far = replace(flown, xyz=flown.xyz[:10] + np.float32(500), columns={})
    assert (counts.intensity(far, height(flown)[:10]) > 0).all()
    nothing = count_returns(flown.select(np.arange(0)), np.zeros(0))
    np.testing.assert_array_equal(nothing.intensity(far, np.zeros(10)), 1)


def test_inverse_weights_even_out_and_stay_bounded() -> None:
    intensity = np.array([100.0, 50, 25, 1e-9])
    weight = inverse_weight(intensity, most=3)
    assert weight.mean() == pytest.approx(1)
    assert weight[1] / weight[0] == pytest.approx(2)
    assert weight.max() / np.median(weight) == pytest.approx(3, rel=1e-3)
    assert len(inverse_weight(np.zeros(0))) == 0


def test_noise_and_withheld_points_are_not_counted_and_buildings_only_from_above() -> None:
    xyz = np.array([[0, 0, z] for z in (0.0, 9.0, 8.0, 7.0, 6.0, 200.0)], dtype=np.float32)
    cloud = PointCloud(
        xyz, columns={"classification": np.array([2, 7, 1, 1, 6, 1]), "withheld": np.array([0, 0, 1, 0, 0, 0])}
    )
    counts = count_returns(cloud, xyz[:, 2], Strata(cell=1), plant=np.array([0, 1, 1, 1, 0, 1], dtype=bool))
    np.testing.assert_array_equal(counts.returns, [[2, 0, 0, 0, 0, 0, 0, 1]])


def test_a_tree_without_ground_stands_on_its_lowest_point() -> None:
    xyz = np.random.default_rng(0).uniform(0, 8, (200, 3)).astype(np.float32)
    unknown = count_returns(PointCloud(xyz), np.full(200, np.nan))
    same(unknown, count_returns(PointCloud(xyz), xyz[:, 2] - xyz[:, 2].min()))


@pytest.mark.parametrize("wrong", [{"cell": 0.0}, {"dz": -1.0}, {"z0": 1e4}, {"dz": float("nan")}])
def test_senseless_strata_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadConfig, match=next(iter(wrong))):
        Strata(**wrong)


def test_heights_must_belong_to_the_points() -> None:
    with pytest.raises(BadCloud, match="3 heights"):
        count_returns(PointCloud(np.zeros((3, 3), dtype=np.float32)), np.zeros(2))
