"""Scans side by side give what they give one by one, and one that ends its process does not stop the others."""

import multiprocessing
import os
import sys
from pathlib import Path

import laspy
import numpy as np
import pytest

from leafwood.batch import cluster, workers
from leafwood.batch.cluster import label_side_by_side
from leafwood.batch.one_file import LabelOptions, label_file
from leafwood.errors import BadConfig, BadFile, FileProblem, FileWarning, MissingExtra, TargetExists

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data_samples" / "single_tree.laz"


class Deadly(type(Path())):
    """A path that ends the worker that looks at it, as a scan too large for the memory does."""

    def is_dir(self):
        if multiprocessing.parent_process() is not None:
            os._exit(1)
        return super().is_dir()


@pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")
def test_side_by_side_is_as_one_by_one(scans, tmp_path):
    jobs = {scans / name: tmp_path / name for name in ("a.laz", "b.laz", "c.laz")}
    with pytest.warns(FileWarning, match=r"b\.laz.*CRS"):
        outcomes = dict(label_side_by_side(jobs, LabelOptions(profile=True), workers=2))
    assert set(outcomes) == set(jobs)
    assert isinstance(outcomes[scans / "c.laz"], BadFile)
    for name in ("a.laz", "b.laz"):
        alone = label_file(scans / name, tmp_path / f"alone_{name}", LabelOptions(profile=True, threads=1))
        assert (tmp_path / name).read_bytes() == (tmp_path / f"alone_{name}").read_bytes()
        np.testing.assert_array_equal(outcomes[scans / name].counts, alone.counts)
        assert "LAI" in outcomes[scans / name].canopy


@pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")
def test_a_scan_that_ends_its_process_is_said(scans, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT)  # where a worker finds the path's class
    (tmp_path / "deadly").mkdir()
    jobs = {scans / "a.laz": Deadly(tmp_path / "deadly" / "a.laz"), scans / "b.laz": tmp_path / "b.laz"}
    outcomes = dict(label_side_by_side(jobs, LabelOptions(), workers=1))
    assert isinstance(outcomes[scans / "a.laz"], FileProblem)
    assert "a.laz: ended its process" in str(outcomes[scans / "a.laz"])
    assert outcomes[scans / "b.laz"].counts.sum() > 0


def test_a_cluster_labels_too(scans, tmp_path, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.chdir(tmp_path)
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster:
        monkeypatch.chdir(scans)  # no longer where the workers are
        jobs = {Path("a.laz"): Path(os.path.relpath(tmp_path / "a.laz"))}
        options = LabelOptions(model=os.path.relpath(ROOT / "leafwood" / "weights" / "uav.safetensors"))
        outcomes = dict(label_side_by_side(jobs, options, scheduler=cluster.scheduler_address))
    assert outcomes[Path("a.laz")].counts.sum() == len(laspy.read(tmp_path / "a.laz"))


def test_a_cluster_without_workers_is_refused(scans, tmp_path):
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=0, dashboard_address=None, silence_logs=50) as cluster,
        pytest.raises(BadConfig, match="no workers"),
    ):
        next(label_side_by_side({SAMPLE: tmp_path / "a.laz"}, LabelOptions(), scheduler=cluster.scheduler_address))


def test_without_a_worker_left_the_scans_fail_and_nothing_hangs(tmp_path, monkeypatch):
    from distributed import Client, LocalCluster

    monkeypatch.setattr(workers, "_LOOK", 0.2)
    monkeypatch.setattr(workers, "_PATIENCE", 0.5)
    jobs = {tmp_path / name: tmp_path / "out" / name for name in ("a.laz", "b.laz")}
    with (
        LocalCluster(n_workers=0, dashboard_address=None, silence_logs=50) as empty,
        Client(empty) as client,
    ):
        outcomes = dict(cluster._outcomes(client, jobs, LabelOptions(), absolute=False))
    assert set(outcomes) == set(jobs)
    assert all("no worker is left" in str(outcome) for outcome in outcomes.values())


def test_no_scheduler_is_said(tmp_path):
    with pytest.raises(BadConfig, match="no Dask scheduler"):
        next(label_side_by_side({SAMPLE: tmp_path / "a.laz"}, LabelOptions(), scheduler="tcp://127.0.0.1:1"))


def test_without_dask_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtra, match=r"leafwood\[cluster\]"):
        next(label_side_by_side({SAMPLE: tmp_path / "a.laz"}, LabelOptions(), workers=1))


def test_an_output_that_is_there_is_refused_before_the_work(scans, tmp_path):
    (tmp_path / "a.laz").write_bytes(b"mine")
    outcomes = dict(label_side_by_side({scans / "a.laz": tmp_path / "a.laz"}, LabelOptions(), workers=1))
    assert isinstance(outcomes[scans / "a.laz"], TargetExists)
    assert (tmp_path / "a.laz").read_bytes() == b"mine"
