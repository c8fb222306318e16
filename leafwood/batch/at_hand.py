"""A scan as a file of this machine, wherever it lies and whatever part of it is wanted."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from leafwood.errors import BadConfig, FileProblem, FileWarning, LeafwoodError
from leafwood.io.bounds import Bounds
from leafwood.io.las.clip import Clipped, clip
from leafwood.io.las.layout import read_layout
from leafwood.io.loaders import is_las
from leafwood.io.remote import NoRanges, Remote, file_name, shown, url_of
from leafwood.io.target import scratch_name, writing

__all__ = ["at_hand"]


@contextmanager
def at_hand(source: Path, folder: Path, bounds: Bounds | None = None, around: float = 0.0) -> Iterator[Path]:
    """A scan to read, which is there as long as the block runs.

    A scan of this machine that is wanted whole is itself. Of a COPC file only what lies inside the bounds is fetched,
    any other file whole. What is said inside the block of the file, errors and warnings, is said of the scan.

    Args:
        source: the scan, or its address.
        folder: where there is room for it, on the disk of the output.
        bounds: what is wanted of it, in the units of the file; everything when None.
        around: metres beside the bounds that are wanted as well.

    Yields:
        The scan, or a file with the points inside and those around, in the order of the scan.

    Raises:
        NoPointCloud: no point lies inside.
        BadConfig: bounds of a file that is neither LAS nor LAZ.
        BadFile: it cannot be read.
        FileProblem: there is no room for it.
    """
    remote = Remote(source) if url_of(source) is not None else None
    if remote is None and bounds is None:
        yield source
        return
    if bounds is not None and not is_las(Path(file_name(source)) if remote else source):
        raise BadConfig(f"{shown(source)}: `bounds` are for LAS, LAZ and COPC")
    with tempfile.TemporaryDirectory(prefix=f"{scratch_name()}-", dir=folder) as scratch:
        scan = Path(scratch) / file_name(source)
        with _said_of(scan, source):
            if bounds is None:
                assert remote is not None
                _download(remote, scan)
            else:
                fetched = partial(_fetch_part, remote) if remote else partial(clip, source)
                kept = fetched(scan, bounds, around=around)
                text = f"{scan}: {kept.kept:,} of {kept.points:,} points lie within `bounds` {bounds}"
                warnings.warn(text, FileWarning, stacklevel=2)
            yield scan


def _fetch_part(remote: Remote, scan: Path, bounds: Bounds, *, around: float) -> Clipped:
    """Fetch what lies inside or around: of COPC that alone, of other files everything."""
    with suppress(NoRanges), remote.opened() as stream:
        if read_layout(scan, stream).is_copc:
            return clip(scan, scan, bounds, stream, remote.pieces, around=around)
    warnings.warn(f"{scan}: is no COPC, and is fetched whole", FileWarning, stacklevel=2)
    whole = scan.with_name(f"whole-{scan.name}")
    _download(remote, whole)
    try:
        return clip(whole, scan, bounds, around=around)
    finally:
        whole.unlink()


def _download(remote: Remote, scan: Path) -> None:
    """Fetch a whole file, once there is known to be room for it."""
    size = remote.state()["size"] or 0
    free = shutil.disk_usage(scan.parent).free
    if size > free:
        raise FileProblem(
            f"{scan}: has {size / 1e6:,.0f} MB, and on the disk of the output {free / 1e6:,.0f} MB are left"
        )
    with writing(scan, None, overwrite=False) as out:
        for block in remote.blocks():
            out.write(block)
    if size and scan.stat().st_size != size:
        raise FileProblem(f"{scan}: its server sent {scan.stat().st_size:,} bytes of {size:,}")


@contextmanager
def _said_of(scan: Path, source: Path) -> Iterator[None]:
    """Name the scan where its file is named, in errors and in warnings; the warnings come when the block ends."""
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as record:
            warnings.simplefilter("always", FileWarning)
            try:
                yield
            finally:
                caught = list(record)
    except LeafwoodError as error:
        error.args = tuple(str(part).replace(str(scan), shown(source)) for part in error.args)
        raise
    finally:
        for item in caught:
            text = str(item.message).replace(str(scan), shown(source))
            warnings.warn_explicit(text, item.category, item.filename, item.lineno)
