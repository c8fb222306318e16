"""S3 for real: a server of its protocol on this machine."""

from pathlib import Path

import pytest

from leafwood.batch.at_hand import at_hand
from leafwood.errors import BadFile
from leafwood.io.bounds import Bounds
from leafwood.io.files import list_files
from leafwood.io.las.layout import read_layout
from leafwood.io.remote import Remote, url_of

SAMPLE = Path(__file__).resolve().parents[2] / "data_samples" / "single_tree.laz"


@pytest.fixture(scope="module")
def bucket():
    """A bucket ``plots`` on a server of this machine."""
    pytest.importorskip("s3fs")
    boto3 = pytest.importorskip("boto3")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "word", "AWS_DEFAULT_REGION": "us-east-1"}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**settings, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            environment.setenv(name, value)
        store = boto3.client("s3")
        store.create_bucket(Bucket="plots")
        yield store
    server.stop()


@pytest.mark.filterwarnings("ignore::leafwood.errors.FileWarning")
def test_a_scan_in_a_bucket_is_listed_read_in_part_and_read_whole(bucket, write_copc, tmp_path):
    copc = write_copc(SAMPLE, tmp_path / "tree.copc.laz")
    bucket.upload_file(str(copc), "plots", "plot 7/tree.copc.laz")
    (path,) = list_files([Path("s3://plots/plot 7")])
    assert url_of(path) == "s3://plots/plot 7/tree.copc.laz"
    low, high = read_layout(copc).bounds[:, :2]
    part = Bounds(*low, *(low + (high - low) / 5))
    (tmp_path / "out").mkdir()
    with at_hand(path, tmp_path / "out", part) as far, at_hand(copc, tmp_path / "out", part) as near:
        assert far.read_bytes() == near.read_bytes()
    with at_hand(path, tmp_path / "out") as scan:
        assert scan.read_bytes() == copc.read_bytes()
    before = Remote(path).state()
    assert {"size", "etag"} <= before.keys()
    bucket.upload_file(str(SAMPLE), "plots", "plot 7/tree.copc.laz")
    assert Remote(path).state() != before


def test_what_is_not_in_the_bucket_is_one_line(bucket):
    with pytest.raises(BadFile, match=r"s3://plots/none\.laz: does not exist, or may not be seen"):
        Remote(Path("s3://plots/none.laz")).state()
    with pytest.raises(BadFile, match="s3://other/a"):
        list_files([Path("s3://other/a")])
