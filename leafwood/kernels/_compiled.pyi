"""The kernels that C++ gives; each is the NumPy function that asks for it, and is explained there.

Arrays are C-contiguous and of the types that stand here; others are a TypeError, shapes that do not fit and links that
lead out of their table a ValueError. The interpreter's lock is released meanwhile, and `threads` threads work; results
do not depend on their number.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Links = NDArray[np.int32]
Layer = tuple[Floats, Floats]  # matrix (n_in, n_out) and bias (n_out,)

def nearest(xyz: Floats, codes: NDArray[np.uint64], size: float, k: int, threads: int) -> tuple[Links, Floats]: ...
def in_morton_order(  # (1, n) both
    xyz: Floats, size: float, offset: float
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]: ...
def sums_of_groups(  # of float32 by int64, or of float64 by either
    values: NDArray[np.floating[Any]], group: NDArray[np.integer[Any]], groups: int
) -> NDArray[np.float64]: ...
def eigen_features(xyz: Floats, neighbours: Links, scales: list[int], threads: int) -> Floats: ...
def mean_over(values: Floats, neighbours: Links, threads: int) -> Floats: ...
def max_over(values: Floats, neighbours: Links, threads: int) -> Floats: ...
def tree_paths(  # one thread
    xyz: Floats, neighbours: Links, straight: Floats, mass: Floats, lengths: list[float]
) -> Floats: ...
def smooth(margin: Floats, pos: Floats, neighbours: Links, reach: float, pull: float, threads: int) -> Floats: ...
def convolve(  # the result takes the place of x
    x: Floats, pos: Floats, neighbours: Links, node: Layer, offset: Layer, first: Layer, second: Layer, threads: int
) -> None: ...
def layers(
    own: Floats,
    others: tuple[Floats, Floats, Floats, Links, float] | None,
    first: Layer,
    norm: Layer,
    second: Layer,
    threads: int,
) -> Floats: ...
def use(name: str) -> str: ...
