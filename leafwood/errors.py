"""Everything leafwood raises on purpose.

The tree::

    LeafwoodError
    ├── FileProblem (also OSError)      a file cannot be read, or must not be written
    │   ├── BadFile                     damaged, truncated, or not what its suffix says
    │   │   └── NoPointCloud            readable perhaps, but no point cloud: a table, a text, a raster
    │   └── TargetExists                the output is there already, or is the input
    ├── BadBatch (also ValueError)      logits, labels or weights do not fit together, or hold NaN
    ├── BadCloud (also ValueError)      readable, but nothing leafwood can label (degrees, NaN, ...)
    ├── BadConfig (also ValueError)     a setting, a model name or an option is wrong
    └── MissingExtra (also ImportError) an optional dependency is not installed (:data:`EXTRAS`)

The command line prints one line for any of these and exits 1 (2 for :class:`BadConfig`).

:class:`FileWarning` (a UserWarning) says that a file was read or written, and what about it was odd;
:class:`ModelWarning` that a model labels with less than it should have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

__all__ = [
    "EXTRAS",
    "BadBatch",
    "BadCloud",
    "BadConfig",
    "BadFile",
    "FileProblem",
    "FileWarning",
    "LeafwoodError",
    "MissingExtra",
    "ModelWarning",
    "NoPointCloud",
    "TargetExists",
    "about",
    "missing_extra",
    "require",
]

# What pyproject.toml's extras install -> the extra that brings it. The core is labelled, scored and drawn without any.
EXTRAS: Mapping[str, str] = MappingProxyType(
    {
        "torch": "train",
        "torch_geometric": "train",
        "sklearn": "train",
        "tensorboard": "tensorboard",
        "open3d": "simulate",
        "m_tree": "simulate",
        "pye57": "formats",
        "rasterio": "formats",
        "dask": "cluster",
        "distributed": "cluster",
        "fsspec": "remote",
        "aiohttp": "remote",
        "s3fs": "remote",
    }
)


@contextmanager
def about(path: Path) -> Iterator[None]:
    """Make what cannot be labelled inside the block say which file it was."""
    try:
        yield
    except BadCloud as error:
        if str(path) in str(error):
            raise
        raise BadCloud(f"{path}: {error}") from error


class LeafwoodError(Exception):
    """Base of every error that leafwood raises on purpose."""


class FileProblem(LeafwoodError, OSError):
    """A file cannot be read, or must not be written."""


class BadFile(FileProblem):
    """A file is damaged, truncated, or not what its suffix says."""


class NoPointCloud(BadFile):
    """A file is no point cloud at all: among others it is passed over, alone it is refused."""


class TargetExists(FileProblem):
    """An output exists already and may not be replaced, or is the input itself."""


class BadBatch(LeafwoodError, ValueError):
    """Logits, labels or weights given to a loss do not fit together, or hold NaN (a training that diverged)."""


class BadCloud(LeafwoodError, ValueError):
    """A cloud was read but cannot be labelled."""


class BadConfig(LeafwoodError, ValueError):
    """A setting, a model name or an option is wrong."""


class MissingExtra(LeafwoodError, ImportError):
    """An optional dependency is not installed."""


def require(module: str, purpose: str) -> None:
    """Refuse early what a package of :data:`EXTRAS` is needed for.

    Args:
        module: name of the package as it is imported.
        purpose: what it is needed for, as the beginning of a sentence: ``training``.

    Raises:
        MissingExtra: it is not installed.
    """
    if find_spec(module) is None:
        raise _missing(module, f"{purpose} needs {module}, which is not installed")


def missing_extra(error: ImportError) -> MissingExtra | None:
    """The one line to say where an import failed because an extra is not installed; None for any other failure."""
    module = (error.name or "").partition(".")[0]
    return _missing(module, f"{module} is not installed") if module in EXTRAS else None


def _missing(module: str, what: str) -> MissingExtra:
    return MissingExtra(f'{what}: pip install "leafwood[{EXTRAS[module]}]"', name=module)


class FileWarning(UserWarning):
    """A file was read or written, but something about it was odd: no CRS, a wrong count, dropped bytes."""


class ModelWarning(UserWarning):
    """A model labels, but its probabilities are not calibrated."""
