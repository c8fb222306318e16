"""Formats by suffix: the built-in ones, those registered in Python, and those other packages bring.

A format of one's own takes a few lines::

    @leafwood.register_loader(".abc")
    def read_abc(path: Path) -> PointCloud:
        table = np.loadtxt(path)
        return PointCloud.from_xyz(table[:, :3], {"intensity": table[:, 3]})

A package can do the same for its users with an entry point ``abc = "package.module:read_abc"`` in the group
``leafwood.loaders``. Without a writer the labels of such a file are written as LAZ.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Protocol, TypeVar, cast

import numpy as np

from leafwood.classes import DEFAULT_CLASSES, ClassMap
from leafwood.cloud import PointCloud
from leafwood.errors import BadConfig, BadFile, FileProblem, LeafwoodError
from leafwood.io.labels import OURS
from leafwood.io.remote import shown, url_of
from leafwood.io.results import result_columns
from leafwood.io.target import check_target, scratch_name, why_not_written

__all__ = [
    "Loader",
    "Writer",
    "check_suffix",
    "default_output",
    "is_las",
    "read",
    "register_loader",
    "suffixes",
    "write",
]

_GROUP = "leafwood.loaders"
_LAS = (".las", ".laz")


class Loader(Protocol):
    """Reads a format."""

    def __call__(self, path: Path, /) -> PointCloud:
        """The file's points, in file order."""


class Writer(Protocol):
    """Writes a format: the source again, with the cloud's labels."""

    def __call__(
        self, cloud: PointCloud, source: Path, target: Path, /, *, extra: Collection[str], overwrite: bool
    ) -> None:
        """Write `target`; see :func:`leafwood.io.target.writing` for doing it safely."""


@dataclass(frozen=True)
class _Format:
    read: Loader
    write: Writer | None = None


L = TypeVar("L", bound=Loader)
_registered: dict[str, _Format] = {}
_TEXT = ("text", "read_text", "write_text")
# Suffix -> module in leafwood.io, reader, writer; imported when first used.
_BUILT_IN: dict[str, tuple[str, str, str | None]] = {
    ".asc": _TEXT,
    ".csv": _TEXT,
    ".e57": ("e57", "read_e57", None),
    ".pcd": ("pcd", "read_pcd", "write_pcd"),
    ".ply": ("ply", "read_ply", "write_ply"),
    ".pts": _TEXT,
    ".txt": _TEXT,
    ".xyz": _TEXT,
}


def register_loader(suffix: str, *, writer: Writer | None = None) -> Callable[[L], L]:
    """Make a function the reader of a suffix; it comes before a built-in one.

    Args:
        suffix: with its dot, such as ``.abc`` or ``.abc.gz``; case does not matter.
        writer: writes the format, or None for LAZ.

    Raises:
        BadConfig: a suffix without a dot.
    """
    if not suffix.startswith(".") or len(suffix) < 2:
        raise BadConfig(f"a loader's suffix starts with a dot, unlike {suffix!r}")

    def register(loader: L) -> L:
        _registered[suffix.lower()] = _Format(loader, writer)
        return loader

    return register


def suffixes() -> tuple[str, ...]:
    """All suffixes that can be read, sorted."""
    return tuple(sorted({*_LAS, *_BUILT_IN, *_registered, *_brought()}))


@cache
def _brought() -> dict[str, EntryPoint]:
    """Suffix -> what another package brings; looking through all that is installed takes milliseconds."""
    return {"." + point.name.lstrip(".").lower(): point for point in entry_points(group=_GROUP)}


def _suffix(path: Path) -> str:
    """The longest known suffix a name ends in, or its last one."""
    name = path.name.lower()
    known = [suffix for suffix in suffixes() if name.endswith(suffix) and len(name) > len(suffix)]
    return max(known, key=len, default=path.suffix.lower())


def _format(suffix: str) -> _Format | None:
    if suffix in _registered:
        return _registered[suffix]
    if suffix in _brought():
        return _Format(cast(Loader, _brought()[suffix].load()))
    if suffix in _BUILT_IN:
        module, reader, writer = _BUILT_IN[suffix]
        home = import_module(f"leafwood.io.{module}")
        return _Format(getattr(home, reader), getattr(home, writer) if writer else None)
    return None


def is_las(path: Path) -> bool:
    """Whether a file is read as LAS, LAZ or COPC: by its suffix, or by its first bytes if no loader knows it."""
    suffix = _suffix(path)
    if suffix in _registered:
        return False
    if suffix in _LAS or suffix in suffixes():
        return suffix in _LAS
    try:
        with path.open("rb") as stream:
            return stream.read(4) == b"LASF"
    except OSError:
        return False


def read(path: Path | str, *, crs: str | None = None, extra: Collection[str] = ()) -> PointCloud:
    """Read a cloud in any known format.

    Args:
        path: the file.
        crs: to be used in place of the file's own (LAS only).
        extra: names of extra dimensions to read beside those that leafwood knows (LAS only; other formats give all).

    Returns:
        The points in file order, with `path` set.

    Raises:
        BadFile: missing, damaged, or of an unknown format.
        BadCloud: degrees, NaN or infinite coordinates.
    """
    path = Path(path)
    if not path.exists():
        what = "lies elsewhere: fetch it first (`leafwood segment` does)" if url_of(path) else "does not exist"
        raise BadFile(f"{shown(path)}: {what}")
    if path.is_dir():
        raise BadFile(f"{path}: is a folder, not a file")
    reader, suffix = _reader(path, crs, extra)
    try:
        cloud = reader(path)
    except LeafwoodError:
        raise
    except OSError as error:
        raise BadFile(f"{path}: cannot be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise BadFile(f"{path}: does not fit into memory") from error
    except Exception as error:  # of libraries and of loaders that others wrote
        text = str(error).split("\n", 1)[0]
        raise BadFile(f"{path}: the loader for {suffix} failed: {type(error).__name__}: {text}") from error
    return cloud if cloud.path is not None else replace(cloud, path=path)


def _reader(path: Path, crs: str | None, extra: Collection[str]) -> tuple[Loader, str]:
    """What reads a file, and the suffix it is known by."""
    suffix = _suffix(path)
    if is_las(path):
        from leafwood.io.las.read import read_las

        return partial(read_las, crs=crs, extra=extra), suffix or "LAS"
    found = _format(suffix)
    if found is None:
        raise BadFile(f"{path}: no loader for {suffix or 'a name without suffix'}; known: {', '.join(suffixes())}")
    return found.read, suffix


def default_output(path: Path | str, folder: Path | None = None) -> Path:
    """The usual name of a labelled file: ``{stem}_leafwood`` and the same suffix, or ``.laz``.

    Args:
        path: the input.
        folder: where to, beside the input by default.
    """
    path = Path(path)
    name = path.name
    for suffix in (".copc.laz", _suffix(path)):
        if suffix and name.lower().endswith(suffix):
            stem, found = name[: -len(suffix)], name[-len(suffix) :]
            break
    else:
        stem, found = name, ""
    return (folder or path.parent) / f"{stem}_leafwood{found if _keeps(path, found.lower()) else '.laz'}"


def _keeps(path: Path, suffix: str) -> bool:
    if is_las(path):
        return suffix in _LAS
    if suffix in _registered or suffix not in _BUILT_IN:
        found = _format(suffix)
        return found is not None and found.write is not None
    return _BUILT_IN[suffix][2] is not None


def check_suffix(target: Path, source: Path) -> None:
    """Refuse a target that does not go with its source, before any work is done for it.

    Raises:
        BadConfig: labels of such a source are not written to such a file.
    """
    _writer(target, source)


def _writer(target: Path, source: Path | None) -> Writer | None:
    """What writes the source again with its labels; None where that is LAS."""
    found = _format(_suffix(source)) if source is not None and not is_las(source) else None
    if source is not None and found is not None and found.write is not None and _suffix(target) == _suffix(source):
        return found.write
    if _suffix(target) not in _LAS:
        what = f"a {_suffix(source)} file" if source is not None else "this cloud"
        raise BadConfig(f"{target}: labels of {what} cannot be written as {target.suffix or 'a file without suffix'}")
    from leafwood.io.las.relabel import is_laz

    is_laz(target)
    return None


def write(
    cloud: PointCloud,
    target: Path | str,
    *,
    like: Path | str | None = None,
    extra: Collection[str] = (),
    classify: bool = False,
    upgrade: bool = False,
    class_map: ClassMap = DEFAULT_CLASSES,
    overwrite: bool = False,
    crs: str | None = None,
) -> None:
    """Write a labelled cloud: its source again, with the columns `leafwood` and `wood_prob` added.

    Args:
        cloud: with `leafwood` (0 none, 1 leaf, 2 wood) and `wood_prob`, in the order of its source.
        target: the file to be; its suffix is the source's, or ``.las``/``.laz``.
        like: the source whose format and attributes are kept; where the cloud came from by default. A cloud that came
            from no file is written as LAS 1.4.
        extra: names of at most two more columns to add.
        classify: LAS: write leaf, wood and, where the cloud has a column `ground`, ground into `classification`, too.
        upgrade: LAS: turn point formats 0-5 into 6-10.
        class_map: LAS: the codes for `classification`.
        overwrite: replace an existing target; never the source.
        crs: LAS: a CRS to write in place of the source's.

    Raises:
        TargetExists: the target is there, or is the source.
        BadCloud: the cloud has no labels, or not the source's number of points.
        BadConfig: a target suffix that does not go with the source.
        BadFile: the source is damaged or gone.
    """
    target = Path(target)
    source = Path(like) if like is not None else cloud.path
    if like is not None and not Path(like).is_file():
        raise BadFile(f"{like}: does not exist")
    if source is not None and not source.is_file():
        source = None
    columns = result_columns(cloud, extra)
    codes, prob = columns.pop("leafwood"), columns.pop("wood_prob")
    writer = _writer(target, source)
    if source is not None and writer is not None:
        writer(cloud, source, target, extra=extra, overwrite=overwrite)
        return

    from leafwood.io.las.relabel import relabel

    def labelled(original: Path) -> None:
        relabel(
            original,
            target,
            codes,
            prob,
            extra=columns,
            classify=classify,
            ground=np.asarray(cloud.columns["ground"], dtype=bool) if classify and "ground" in cloud.columns else None,
            class_map=class_map,
            upgrade=upgrade,
            overwrite=overwrite,
            crs=crs,
        )

    if source is not None and is_las(source):
        labelled(source)
        return
    from leafwood.io.las.new import write_plain

    check_target(target, source, overwrite)
    with tempfile.TemporaryDirectory(prefix=f"{scratch_name()}-", dir=target.parent) as folder:
        plain = Path(folder) / "plain.las"
        try:
            write_plain(cloud, plain, skip=(*OURS, "wood_prob_equal", "ground", *extra))
        except OSError as error:
            raise FileProblem(f"{target}: cannot be written: {why_not_written(error, target.parent)}") from error
        labelled(plain)
