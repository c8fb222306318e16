"""The compiled kernels, and whether they are there.

Seven steps of labelling take most of its time: the order of the voxels and sums over them, nearest voxels,
eigen-features, shortest paths, means over neighbours, the network's layers and smoothing. Each is written in NumPy
(with pgeof or SciPy) where it belongs, and once more in C++ here. A function that has a kernel asks :func:`compiled`
for it; where there is none (installed from source without a compiler) the NumPy path goes on. Both give the same labels
but for a few points in ten thousand: those with several voxels equally far away, of which either may be taken for the
last neighbour, and those whose probability is within rounding of the threshold. Tests hold each pair together.

The environment variable ``LEAFWOOD_KERNELS`` chooses: ``numpy`` leaves the kernels out; ``baseline``, ``avx2`` and
``avx512`` name the vector instructions that they may use at most. Without it they use the best that the processor has.
"""

from __future__ import annotations

import os
from functools import lru_cache
from importlib import import_module
from types import ModuleType

from leafwood.errors import BadConfig

__all__ = ["compiled", "in_use"]

_VARIABLE = "LEAFWOOD_KERNELS"
_CHOICES = ("best", "numpy", "baseline", "avx2", "avx512")


@lru_cache(maxsize=1)
def compiled() -> ModuleType | None:
    """The module of the kernels, or None where there is none or ``LEAFWOOD_KERNELS`` leaves it out.

    Raises:
        BadConfig: the environment variable has a value that means nothing.
    """
    return _chosen()[0]


def in_use() -> str:
    """What the steps are computed with, in words for `leafwood --version --verbose`."""
    return _chosen()[1]


def _chosen() -> tuple[ModuleType | None, str]:
    wish = os.environ.get(_VARIABLE, "best")
    if wish not in _CHOICES:
        raise BadConfig(f"{_VARIABLE} is {wish!r}; there are {', '.join(_CHOICES)}")
    if wish == "numpy":
        return None, f"NumPy ({_VARIABLE}=numpy)"
    try:
        module = import_module("leafwood.kernels._compiled")
    except ModuleNotFoundError:
        return None, "NumPy (the kernels were not compiled)"
    except ImportError as error:
        return None, f"NumPy (the compiled kernels cannot be loaded: {error})"
    return module, f"compiled kernels, {module.use(wish)} instructions"
