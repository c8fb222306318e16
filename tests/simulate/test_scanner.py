"""The virtual scanner against surfaces whose scan is known beforehand."""

from dataclasses import replace

import numpy as np
import pytest

from leafwood.classes import Part
from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud, BadConfig
from leafwood.simulate.mesh import LabelledMesh
from leafwood.simulate.scanners.beam import Caster, footprint
from leafwood.simulate.scanners.instruments import INSTRUMENTS, Instrument, Pattern, instrument
from leafwood.simulate.scanners.platform import Box, Flight
from leafwood.simulate.scanners.scanner import ScanSettings, scan
from leafwood.simulate.scanners.terrestrial import Tripods, Walk

SIDE = 12.0
EXACT = ScanSettings(rays=1, noise=False)
PARALLEL = Flight(altitude=50, spacing=30, headings=(0.0,), max_scan_angle=25, density=300, drift=(0, 0))
# detects everything, resolves everything
IDEAL = replace(INSTRUMENTS["vux120"], reach=1e6, max_returns=255, range_resolution=1e-3)


def flat(places: np.ndarray) -> np.ndarray:
    return np.zeros(len(places))


def square(z: float, part: Part, *, low: float = -5.0, high: float = SIDE + 5, tree: int = 0) -> LabelledMesh:
    corners = np.array([[low, low, z], [high, low, z], [high, high, z], [low, high, z]], dtype=np.float32)
    return LabelledMesh(
        vertices=corners,
        triangles=np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32),
        part=np.full(2, part, dtype=np.uint8),
        tree=np.full(2, tree, dtype=np.uint32),
    )


def random_leaves(area: float, *, low: float, high: float, edge: float = 0.08, margin: float = 4.0) -> LabelledMesh:
    """Triangles in every direction (spherical leaf angles) with a one-sided area of `area` m² per m² of ground."""
    rng = np.random.default_rng(3)
    side = SIDE + 2 * margin
    count = int(area * side**2 / (np.sqrt(3) / 4 * edge**2))
    normal = rng.normal(size=(count, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    u = np.cross(normal, rng.normal(size=(count, 3)))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(normal, u)
    centre = rng.uniform([-margin, -margin, low], [side - margin, side - margin, high], (count, 3))
    turns = 2 * np.pi * np.arange(3) / 3
    corner = edge / np.sqrt(3)
    vertices = np.stack([centre + corner * (np.cos(t) * u + np.sin(t) * v) for t in turns], axis=1)
    return LabelledMesh(
        vertices=vertices.reshape(-1, 3).astype(np.float32),
        triangles=np.arange(3 * count, dtype=np.int32).reshape(-1, 3),
        part=np.full(count, Part.LEAF, dtype=np.uint8),
        tree=np.ones(count, dtype=np.uint32),
    )


def box(top: float) -> Box:
    return Box((0.0, 0.0, -1.0), (SIDE, SIDE, top))


def take(
    mesh: LabelledMesh, top: float, device: Instrument = INSTRUMENTS["vux120"], settings: ScanSettings = EXACT
) -> PointCloud:
    return scan(mesh, device, PARALLEL, box(top), flat, seed=5, settings=settings)


def heights(cloud: PointCloud) -> np.ndarray:
    return cloud.absolute()[:, 2]


@pytest.fixture(scope="module")
def slab() -> LabelledMesh:
    return LabelledMesh.merge([square(0.0, Part.GROUND), random_leaves(2.0, low=4.0, high=12.0)])


def down(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    origin = np.column_stack([rng.uniform(0, SIDE, (count, 2)), np.full(count, 50.0)])
    return origin, np.tile([0.0, 0.0, -1.0], (count, 1)), np.array([1.0, 0.0, 0.0])


@pytest.mark.parametrize("rays", [1, 5, 7, 19])
def test_footprint_spreads_one_unit_of_energy(rays: int) -> None:
    offsets, energy = footprint(rays)
    assert energy.sum() == pytest.approx(1.0)
    assert np.abs(offsets.T @ energy).max() < 0.15
    assert np.all(np.diff(energy[np.argsort(np.linalg.norm(offsets, axis=1))]) <= 0)


def test_beam_energy_is_conserved(slab: LabelledMesh) -> None:
    """Over an opaque ground every sub-ray ends somewhere: each pulse's shares add up to all of its energy."""
    echoes = Caster(slab, IDEAL, rays=7).cast(*down(4000), np.random.default_rng(0))
    per_pulse = np.bincount(echoes.pulse, weights=echoes.share, minlength=4000)
    np.testing.assert_allclose(per_pulse, 1.0, atol=1e-9)
    open_sky = Caster(random_leaves(1.0, low=2, high=8), IDEAL, rays=7).cast(*down(4000), np.random.default_rng(0))
    part_lost = np.bincount(open_sky.pulse, weights=open_sky.share, minlength=4000)
    assert part_lost.max() <= 1.0 + 1e-9
    assert 0.3 < part_lost.mean() < 0.5  # 1 - exp(-0.5)


def test_returns_number_each_pulse_from_the_top(slab: LabelledMesh) -> None:
    cloud = take(slab, 13, INSTRUMENTS["minivux"], ScanSettings())
    number, total = cloud.columns["return_number"], cloud.columns["number_of_returns"]
    assert number.min() == 1
    assert (number <= total).all()
    assert total.max() == INSTRUMENTS["minivux"].max_returns
    time = cloud.columns["gps_time"]
    same = np.flatnonzero(np.diff(time) == 0)
    assert len(same) > 1000
    assert (heights(cloud)[same + 1] < heights(cloud)[same]).mean() > 0.99
    assert (np.diff(time) >= 0).all()


def test_returns_lie_on_the_surface() -> None:
    cloud = take(square(0.0, Part.GROUND), 1)
    assert np.abs(heights(cloud)).max() < 1e-3
    noisy = take(square(0.0, Part.GROUND), 1, settings=ScanSettings(rays=1))
    # steep beams: pointing noise of 0.01° 50 m away adds little
    assert np.std(heights(noisy)) == pytest.approx(INSTRUMENTS["vux120"].range_noise, rel=0.3)


def test_density_is_what_was_asked_for() -> None:
    cloud = take(square(0.0, Part.GROUND), 1)
    assert len(cloud) / SIDE**2 == pytest.approx(300, rel=0.1)


def test_nothing_behind_an_opaque_roof() -> None:
    mesh = LabelledMesh.merge([square(0.0, Part.GROUND), square(6.0, Part.STEM, low=-40, high=SIDE + 40, tree=4)])
    cloud = take(mesh, 7, settings=ScanSettings())
    assert heights(cloud).min() > 5.9
    assert set(cloud.columns["gt_part"]) == {Part.STEM}
    assert set(cloud.columns["gt_tree"]) == {4}


def test_labels_are_those_of_the_hit_mesh() -> None:
    """Tables of different height, part and tree: height tells what must have been hit."""
    parts = [Part.LEAF, Part.TWIG, Part.BRANCH, Part.STEM, Part.DEADWOOD, Part.LOW_VEGETATION]
    tables = [square(0.0, Part.GROUND)]
    for i, part in enumerate(parts):
        table = square(1.0 + i, part, low=0, high=2, tree=i + 1)
        tables.append(replace(table, vertices=table.vertices + np.array([2 * i, 3.0, 0], dtype=np.float32)))
    cloud = take(LabelledMesh.merge(tables), 8)
    level = np.rint(heights(cloud)).astype(int)
    expected = np.array([Part.GROUND, *parts])[level]
    np.testing.assert_array_equal(cloud.columns["gt_part"], expected)
    np.testing.assert_array_equal(cloud.columns["gt_tree"], level)
    np.testing.assert_array_equal(cloud.columns["gt_wood"], [Part(p).is_wood for p in expected])
    np.testing.assert_array_equal(cloud.columns["gt_wood_share"], cloud.columns["gt_wood"])
    np.testing.assert_array_equal(cloud.columns["classification"], np.where(level == 0, 2, 1))


def test_an_edge_makes_mixed_points() -> None:
    """A wooden ledge 0.3 m over leaves, within the range resolution: the footprint on its edge sees both."""
    mesh = LabelledMesh.merge([square(2.0, Part.LEAF), square(2.3, Part.STEM, low=3, high=9)])
    cloud = take(mesh, 4, INSTRUMENTS["minivux"], ScanSettings(rays=9, noise=False))
    share, z = cloud.columns["gt_wood_share"], heights(cloud)
    mixed = (share > 0.05) & (share < 0.95)
    assert 0.001 < mixed.mean() < 0.2
    assert ((z[mixed] > 2.005) & (z[mixed] < 2.295)).all()
    np.testing.assert_array_equal(cloud.columns["gt_wood"], share > 0.5)
    # the range is the energy-weighted mean
    np.testing.assert_allclose(z[mixed], 2.0 + 0.3 * share[mixed], atol=0.02)


def test_beer_lambert_attenuation(slab: LabelledMesh) -> None:
    """Leaves in every direction intercept half their area of a beam: first returns thin out as exp(-0.5 L)."""
    origin, direction, forward = down(60_000)
    echoes = Caster(slab, IDEAL, rays=1).cast(origin, direction, forward, np.random.default_rng(0))
    z = 50.0 - echoes.distance
    for top in (10.0, 8.0, 6.0, 4.0):
        area = 2.0 * (12.0 - top) / 8.0
        assert (z < top).mean() == pytest.approx(np.exp(-0.5 * area), rel=0.05)


def test_density_falls_in_a_canopy_only(slab: LabelledMesh) -> None:
    z = heights(take(slab, 13, settings=ScanSettings()))
    layers = np.histogram(z, bins=[4, 6, 8, 10, 12])[0]
    assert (np.diff(layers) > 0).all()
    wide = replace(PARALLEL, max_scan_angle=55)
    bare = scan(square(0.0, Part.GROUND), IDEAL, wide, box(1), flat, seed=5, settings=EXACT).absolute()
    counts = np.histogram2d(bare[:, 0], bare[:, 1], bins=3)[0]
    assert counts.max() / counts.min() < 1.4


def test_same_seed_same_points(slab: LabelledMesh) -> None:
    first, second = (take(slab, 13, settings=ScanSettings()) for _ in range(2))
    np.testing.assert_array_equal(first.xyz, second.xyz)
    for name, column in first.columns.items():
        np.testing.assert_array_equal(column, second.columns[name])
    other = scan(slab, INSTRUMENTS["vux120"], PARALLEL, box(13), flat, seed=6, settings=ScanSettings())
    assert len(other) != len(first) or not np.array_equal(other.xyz, first.xyz)


@pytest.mark.parametrize("name", [n for n, i in INSTRUMENTS.items() if i.pattern is not Pattern.PANORAMA])
def test_every_flying_instrument_covers_the_plot(name: str) -> None:
    flight = Flight(altitude=40, spacing=15, density=150, max_scan_angle=35)
    cloud = scan(
        square(0.0, Part.GROUND), instrument(name), flight, box(1), flat, seed=2, settings=ScanSettings(rays=3)
    )
    at = cloud.absolute()
    counts = np.histogram2d(at[:, 0], at[:, 1], bins=4, range=[[0, SIDE]] * 2)[0]
    assert counts.min() > 0.3 * counts.mean()
    assert len(cloud) / SIDE**2 == pytest.approx(150, rel=0.25)
    assert np.abs(cloud.columns["scan_angle"] * 0.006).max() <= 35.01
    assert np.abs(at[:, 2]).max() < 0.3


def test_tripods_see_the_underside_and_the_drone_does_not() -> None:
    """A thick plank: its top is seen from above, its bottom from below."""
    plank = [square(z, Part.STEM, low=3, high=9) for z in (5.0, 5.5)]
    mesh = LabelledMesh.merge([square(0.0, Part.GROUND), *plank])
    above = take(mesh, 6)
    below = scan(mesh, instrument("vz400"), Tripods(stations=2, step=0.5), box(6), flat, seed=1, settings=EXACT)
    from_below, from_above = (heights(c)[c.columns["gt_wood"] == 1] for c in (below, above))
    # oblique beams slip in at the rim and meet the other side, no more
    assert (np.abs(from_above - 5.5) < 0.05).mean() > 0.9
    assert (np.abs(from_below - 5.0) < 0.05).mean() > 0.9


def test_walk_scans_from_inside() -> None:
    mesh = LabelledMesh.merge([square(0.0, Part.GROUND), square(5.0, Part.LEAF)])
    cloud = scan(mesh, instrument("puck"), Walk(pulse_rate=2000), box(6), flat, seed=1, settings=EXACT)
    assert set(cloud.columns["gt_part"]) == {Part.GROUND, Part.LEAF}
    assert len(np.unique(cloud.columns["point_source_id"])) >= 1


def test_more_points_than_the_instrument_can_give() -> None:
    flight = replace(PARALLEL, density=1e6)
    with pytest.raises(BadConfig, match="lower the density"):
        scan(square(0.0, Part.GROUND), instrument("minivux"), flight, box(1), flat, seed=1)


def test_flight_inside_the_canopy() -> None:
    with pytest.raises(BadConfig, match="canopy"):
        scan(square(0.0, Part.GROUND), instrument("vux1"), Flight(altitude=10), box(30), flat, seed=1)


def test_empty_scene() -> None:
    far = square(0.0, Part.GROUND, low=500, high=510)
    with pytest.raises(BadCloud, match="hit nothing"):
        take(far, 1)


def test_unknown_instrument() -> None:
    with pytest.raises(BadConfig, match="minivux"):
        instrument("laser")
