"""Which files a user meant: files, folders, patterns, addresses, lists; and which are leafwood's own products."""

from __future__ import annotations

import glob
import warnings
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from leafwood.errors import FileProblem, FileWarning
from leafwood.io.bounds import Bounds
from leafwood.io.loaders import suffixes
from leafwood.io.remote import listed, url_of
from leafwood.io.vpc import is_vpc, vpc_files

__all__ = ["NAMED", "is_one_of", "is_product", "list_files"]

_LOOK = 1 << 16  # bytes at the beginning of a file, where formats name their fields
_MOST = 1 << 23  # bytes that are looked at before the points of a LAS file
NAMED = (".las", ".laz", ".ply", ".pcd")  # formats that always name their fields
_LABELS = "_leafwood"
_TABLES = ("_profile.csv", "leafwood_survey.csv")  # of leafwood's, which read like text scans
_SPLIT = (f"{_LABELS}_wood", f"{_LABELS}_leaf")


def is_one_of(name: str, patterns: Iterable[str]) -> bool:
    """Whether a file's name, without its folder, fits one of some patterns."""
    return any(fnmatch(name, pattern) for pattern in patterns)


def list_files(paths: Iterable[Path], *, products: bool = True, bounds: Bounds | None = None) -> list[Path]:
    """Files of a list of files, folders (searched below, too), glob patterns and virtual point clouds.

    What lies on a server or in an object store is named by its address, see :mod:`leafwood.io.remote`. Hidden files and
    folders of a folder are left out, and so are leafwood's tables of profiles and surveys.

    Args:
        paths: what the user wrote; a shell may or may not have filled in the patterns.
        products: whether labelled files that leafwood wrote (see :func:`is_product`) are among them; those that were
            given by name alone always are.
        bounds: leave out what lies elsewhere, as far as a list says where its files lie.

    Returns:
        Files in the order asked for, those of a folder or pattern sorted; none twice, whatever its spelling.

    Raises:
        FileProblem: something that is not there, or a folder without a file that can be read.
    """
    paths = list(paths)
    left_out = 0
    found: dict[Path, Path] = {}
    for path in paths:
        inside = list(_inside(path, bounds))
        if not products and (len(paths) > 1 or not path.is_file()):
            scans = [file for file in inside if not is_product(file)]
            if inside and not scans and len(paths) == 1:
                raise FileProblem(
                    f"{path}: holds nothing but files that leafwood has labelled; name one to label it again"
                )
            left_out += len(inside) - len(scans)
            inside = scans
        for file in inside:
            found.setdefault(file.resolve(), file)
    if left_out:
        warnings.warn(f"left out, as labels that leafwood wrote: {left_out}", FileWarning, stacklevel=2)
    return list(found.values())


def _inside(path: Path, bounds: Bounds | None) -> Iterator[Path]:
    """The files that a path stands for; those of a folder or a pattern are sorted."""
    if is_vpc(path) and (path.is_file() or url_of(path)):
        files = vpc_files(path, bounds)
    elif path.is_file():
        files = [path]
    elif url_of(path):
        files = listed(path, suffixes())
    elif path.is_dir():
        files = sorted(file for file in path.rglob("*") if _is_listed(file, path))
        if not files:
            raise FileProblem(f"{path}: no point cloud in this folder")
    elif path.exists():
        files = [path]  # no plain file: whoever reads it says so
    else:
        files = sorted(_matches(path))
        if not files:
            raise FileProblem(f"{path}: no such file or folder")
    yield from files


def _is_listed(file: Path, folder: Path) -> bool:
    """Whether a file below a folder may be a point cloud, by its name."""
    name = file.name.lower()
    if not name.endswith(suffixes()) or name.endswith(_TABLES) or not file.is_file():
        return False
    return not any(part.startswith(".") for part in file.relative_to(folder).parts)


def _matches(pattern: Path) -> Iterator[Path]:
    """Files that a pattern stands for; what exists of its folders is no pattern, whatever brackets it has."""
    root = next((parent for parent in pattern.parents if parent.exists()), Path())
    rest = pattern.relative_to(root) if root != Path() else pattern
    for name in glob.glob(str(rest), root_dir=root, recursive=True):
        file = root / name
        if file.is_file() and not file.name.lower().endswith(_TABLES):
            yield file


def is_product(file: Path) -> bool:
    """Whether leafwood wrote a file: by the two fields of its labels at its beginning.

    Text may have no line that names its fields; there, and in formats of other packages, the name says it.
    """
    name = file.name.lower()
    if name.endswith(_TABLES):
        return True
    if not name.endswith(NAMED) and name.rpartition(".")[0].endswith((_LABELS, *_SPLIT)):
        return True
    try:
        with file.open("rb") as stream:
            head = stream.read(_LOOK)
            if head[:4] == b"LASF" and len(head) >= 100:  # whose fields are named anywhere before its points
                head += stream.read(max(min(int.from_bytes(head[96:100], "little"), _MOST) - len(head), 0))
    except OSError:
        return False
    return b"wood_prob" in head and b"leafwood" in head
