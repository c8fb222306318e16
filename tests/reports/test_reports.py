"""Files after public bug reports about other tools, each with what it must give."""

from __future__ import annotations

import laspy
import numpy as np
import pytest

from leafwood.canopy.profile import measure_canopy
from leafwood.datasets.stands import load_stand
from leafwood.errors import BadCloud, BadFile, NoPointCloud
from leafwood.evaluate.evaluation import truth_of
from leafwood.io.describe import describe
from leafwood.io.labels import fields_left
from leafwood.io.loaders import read
from leafwood.spatial.ground import find_ground, ground_source, not_vegetation

pytestmark = pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")


def test_descriptors_of_several_records_end_up_in_one(reports, tmp_path, labelled, descriptors):
    done = labelled(reports / "01_several_extra_bytes_vlrs.laz", tmp_path)
    names = ["Deviation", "confidence", "Distance", "Group", "Normal", "leafwood", "wood_prob"]
    assert descriptors(done.target) == names
    assert list(laspy.read(done.target).point_format.extra_dimension_names) == names


def test_undescribed_bytes_are_cut_so_that_laspy_reads_them(reports, tmp_path, labelled, descriptors):
    source = reports / "02_twelve_undocumented_bytes.las"
    done = labelled(source, tmp_path)
    assert descriptors(done.target)[-2:] == ["leafwood", "wood_prob"]
    before, after = laspy.read(source), laspy.read(done.target)
    assert np.array_equal(before.X, after.X)
    length = after.point_format.size - 4
    old, new = (np.frombuffer(las.points.array.tobytes(), np.uint8).reshape(len(las), -1) for las in (before, after))
    assert np.array_equal(old, new[:, :length])


def test_a_compound_code_in_the_projected_key_is_used(reports, tmp_path, labelled):
    source = reports / "05_compound_in_projected_key.las"
    info = describe(source)
    assert info.crs_name is not None
    assert "+" in info.crs_name
    assert read(source).crs is not None
    labelled(source, tmp_path)


@pytest.mark.parametrize("name", ["06a_padding.pcd", "06b_count0.pcd", "06d_pdal_upper.pcd", "06k_fpfh.pcd"])
def test_pcd_is_labelled_and_nothing_of_it_lost(reports, tmp_path, labelled, name):
    source = reports / name
    done = labelled(source, tmp_path)
    assert len(done.again) == 3000
    before, after = source.read_bytes(), done.target.read_bytes()
    for key in (b"VIEWPOINT", b"WIDTH", b"HEIGHT", b"POINTS"):
        assert [x for x in before.splitlines() if x.startswith(key)] == [
            x for x in after.splitlines() if x.startswith(key)
        ]
    start, begin = before.index(b"DATA binary\n") + 12, after.index(b"DATA binary\n") + 12
    length = (len(before) - start) // 3000
    records = np.frombuffer(after, np.uint8, offset=begin).reshape(3000, -1)
    assert records[:, :length].tobytes() == before[start : start + 3000 * length]
    assert records.shape[1] == length + 2 + 4


def test_a_vector_field_is_read_whole(reports):
    assert read(reports / "06k_fpfh.pcd").columns["fpfh"].shape == (3000, 33)


def test_real_pcd_of_pdal(reports, tmp_path, labelled):
    cloud = labelled(reports / "PDAL_PDAL__autzen-utm.pcd", tmp_path).again
    assert len(cloud) == 1065
    assert {"classification", "return_number", "number_of_returns", "red"} <= set(cloud.columns)
    space = read(reports / "PDAL_PDAL__utm17_space.pcd")
    assert len(space) == 10
    assert np.allclose(
        space.absolute()[0], np.loadtxt(reports / "PDAL_PDAL__utm17_space.pcd", skiprows=10)[0], atol=1e-4
    )


def test_row_names_of_r_are_no_coordinates(reports, tmp_path, labelled):
    done = labelled(reports / "08b_r_write_table_quoteF.txt", tmp_path)
    assert np.allclose(done.result.absolute()[0], [470634.55, 3810235.67, 2305.86], atol=1e-3)
    assert done.result.columns["intensity"][0] == 27426
    lines = done.target.read_text().splitlines()
    assert lines[0] == "X Y Z Intensity leafwood wood_prob"
    assert lines[1].startswith("1 470634.55 3810235.67 2305.86 27426 ")


def test_na_is_unknown(reports, tmp_path, labelled):
    column = labelled(reports / "08e_r_NA.csv", tmp_path).result.columns["treeID"]
    assert 0 < np.isnan(column).sum() < len(column)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("09a_header_without_xyz.csv", ["Latitude", "degrees"]),
        ("09g_name_first_nohdr.csv", ["which columns are x, y and z", "tree0"]),
        ("mixed_folder/trees.csv", ["treeID", "which columns are x, y and z"]),
        ("mixed_folder/README.txt", ["Readme"]),
        ("mixed_folder/dtm.asc", ["grid of heights"]),
        ("mixed_folder/plot_corners.txt", ["2 values"]),
    ],
)
def test_what_is_no_cloud_is_refused_with_a_question(reports, name, words):
    with pytest.raises(NoPointCloud) as caught:
        read(reports / name)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_easting_northing_height_are_coordinates(reports, tmp_path, labelled):
    done = labelled(reports / "09b_easting.csv", tmp_path)
    assert np.allclose(done.result.absolute()[0], [470634.55, 3810235.67, 2305.86], atol=1e-3)
    assert set(done.again.columns) == {"id", "intensity", "leafwood", "wood_prob"}


@pytest.mark.parametrize("name", ["10a_dec_comma_tab.txt", "10c_utf16.txt", "11b_comments_inside.xyz"])
def test_text_is_read_as_it_was_meant_and_keeps_its_lines(reports, tmp_path, labelled, name):
    done = labelled(reports / name, tmp_path)
    assert np.allclose(done.again.absolute()[0], [470634.55, 3810235.67, 2305.86], atol=1e-3)
    assert np.ptp(done.again.absolute(), axis=0).max() < 40
    encoding = "utf-16" if "utf16" in name else "utf-8"
    before, after = (path.read_text(encoding).splitlines() for path in (reports / name, done.target))
    assert len(before) == len(after)
    assert all(new.startswith(old) for old, new in zip(before, after, strict=True))


def test_nan_scalars_are_unknown(reports, tmp_path, labelled):
    source = reports / "12a_nan_scalar.ply"
    assert sum(describe(source).classes.values()) == 3000
    done = labelled(source, tmp_path)
    assert done.result.columns["classification"].dtype == np.uint8
    assert "invalid value" not in done.said


def test_a_list_among_the_vertices_is_the_reason(reports):
    with pytest.raises(BadFile, match=r"list \(view\) in its vertices"):
        read(reports / "12b_list_in_vertex.ply")


@pytest.mark.parametrize("name", ["12f_upper.ply", "12g_duplicate_names.ply"])
def test_ply_names_do_not_matter(reports, tmp_path, labelled, name):
    assert len(labelled(reports / name, tmp_path).again) == 3000


def test_labels_that_went_through_cloudcompare_are_replaced(reports, tmp_path, labelled):
    source = reports / "12j_scalar_leafwood.ply"
    assert fields_left(read(source).columns) == {"leafwood", "wood_prob"}
    header = labelled(source, tmp_path).target.read_bytes().split(b"end_header")[0]
    assert b"scalar_leafwood" not in header
    assert header.count(b"leafwood") == header.count(b"wood_prob") == 1


def test_coordinates_at_the_limit_of_their_integers_are_warned_of(reports, tmp_path, labelled):
    assert "Y at the limit of their integers" in labelled(reports / "13_int32_min.las", tmp_path).said


@pytest.mark.parametrize(
    ("name", "strays"),
    [
        ("14a_one_point_at_zero.laz", 1),
        ("14b_three_points_at_offset.laz", 3),
        ("14c_one_point_60km_up.laz", 1),
        ("18_z_int_min.laz", 1),
    ],
)
def test_strays_are_left_out_and_the_scan_is_labelled(reports, tmp_path, labelled, name, strays):
    done = labelled(reports / name, tmp_path)
    out = done.result.strays()
    assert out.sum() == strays
    assert (done.result.columns["leafwood"][out] == 0).all()
    assert (done.result.columns["leafwood"] == 2).mean() > 0.9
    assert np.ptp(done.result.xyz[~out], axis=0).max() < 50
    assert "kilometres away" in done.said


def test_model_key_points_are_ground(reports, tmp_path, labelled):
    done = labelled(reports / "15_model_keypoints.las", tmp_path)
    keys = done.result.columns["classification"] == 8
    assert keys.sum() == 179
    assert done.result.columns["ground"][keys].all()
    assert (done.result.columns["leafwood"][keys] == 0).all()


def test_feet_in_wkt2_are_converted(reports):
    cloud = read(reports / "16_wkt2_4224.laz")
    assert cloud.unit == pytest.approx((0.3048, 0.3048), rel=1e-4)
    assert describe(reports / "16_wkt2_4224.laz").crs_name is not None


def test_the_first_of_two_equal_names_counts_for_reading_and_writing(reports, tmp_path, labelled, descriptors):
    done = labelled(reports / "22_duplicate_dims.las", tmp_path)
    assert descriptors(done.target) == ["leafwood", "treeID", "treeID_2", "wood_prob"]
    las = laspy.read(done.target)
    assert np.array_equal(las["leafwood"], done.result.columns["leafwood"])


def test_labels_that_went_through_pdal_are_replaced(reports, tmp_path, labelled, descriptors):
    source = reports / "23_after_pdal.laz"
    assert fields_left(read(source).columns) == {"leafwood", "wood_prob"}
    assert descriptors(labelled(source, tmp_path).target) == ["leafwood", "wood_prob"]


def test_a_box_of_zeros_harms_nothing(reports):
    cloud = read(reports / "27_bbox_zero.las")
    assert np.ptp(cloud.absolute(), axis=0).min() > 6


def test_codes_of_ign_are_left_alone_and_warned_of(reports, tmp_path, labelled):
    source = reports / "28_ign_codes.laz"
    done = labelled(source, tmp_path, classify=True)
    foreign = done.result.columns["classification"] >= 64
    assert foreign.sum() == 1864
    assert (done.result.columns["leafwood"][foreign] == 0).all()
    assert "the user's to define" in done.said
    assert np.array_equal(done.again.columns["classification"][foreign], done.result.columns["classification"][foreign])


def test_branches_of_for_instance_are_wood_and_no_buildings(reports):
    source = reports / "29_for_instance.las"
    cloud = read(source).under_preset("for-instance")
    six = cloud.columns["classification"] == 6
    assert not not_vegetation(cloud)[six].any()
    assert (truth_of(cloud, "for-instance")[six] == 1).all()
    assert (load_stand(source, "for-instance").label == 1).sum() > 3068


def test_ground_under_a_part_of_the_plan_is_never_labelled(reports, tmp_path, labelled):
    source = reports / "30_ground_in_part.laz"
    cloud = read(source)
    two = cloud.columns["classification"] == 2
    choice, found = ground_source(cloud), find_ground(cloud)
    assert "part of the plan" in choice.reason
    assert found.choice.reason == choice.reason
    assert found.mask[two].all()
    assert (labelled(source, tmp_path).result.columns["leafwood"][two] == 0).all()


def test_labels_of_text_without_a_header_are_read_again(reports, tmp_path, labelled):
    done = labelled(reports / "33_plain.xyz", tmp_path)
    assert (done.target.parent / "other.xyz").write_bytes(done.target.read_bytes())
    assert np.array_equal(read(tmp_path / "other.xyz").columns["leafwood"], done.result.columns["leafwood"])
    with pytest.raises(BadCloud, match=r"ground|canopy|above"):
        measure_canopy(read(done.target).select(np.arange(50)))  # there are labels, but nothing to measure
