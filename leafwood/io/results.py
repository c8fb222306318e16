"""What is added to files that are not LAS: `leafwood` uint16, `wood_prob` float32 and the columns asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud

__all__ = ["free_name", "require_count", "result_columns"]


def result_columns(cloud: PointCloud, extra: Collection[str] = ()) -> dict[str, NDArray[Any]]:
    """The columns to write beside each point.

    Args:
        cloud: a labelled cloud.
        extra: names of more of its columns.

    Returns:
        Name -> (n,) values, `leafwood` (uint16) and `wood_prob` (float32) first.

    Raises:
        BadCloud: the cloud has no labels, or not the columns asked for.
    """
    missing = [name for name in ("leafwood", "wood_prob", *extra) if name not in cloud.columns]
    if missing:
        raise BadCloud(f"{cloud.path or 'the cloud'}: has no column {', '.join(missing)}; segment it first")
    return {
        "leafwood": np.asarray(cloud.columns["leafwood"]).astype(np.uint16),
        "wood_prob": np.asarray(cloud.columns["wood_prob"]).astype(np.float32),
        **{name: np.asarray(cloud.columns[name]) for name in extra},
    }


def require_count(path: Path, count: int, cloud: PointCloud) -> None:
    """Refuse labels of another cloud.

    Raises:
        BadCloud: the file has not as many points as the cloud.
    """
    if count != len(cloud):
        raise BadCloud(f"{path}: has {count} points, the labels are for {len(cloud)}")


def free_name(name: str, taken: Iterable[str]) -> str:
    """A name for somebody else's column that has one of ours."""
    names, number = set(taken), 1
    while (candidate := f"{name}_before{number if number > 1 else ''}") in names:
        number += 1
    return candidate
