"""Copy labelled stands with nothing but what training reads, to carry them to a machine with a GPU.

    python pipelines/pack_stands.py runs/stands runs/packed [--most 600000] [--scale 0.004]

Every .laz file below the first folder gets a copy of the same name below the second, of a third of its size or less:
thinned to one point in each voxel of 2.5 cm, as training does itself, and at random to `--most` points; coordinates
rounded to `--scale` metres, in the order of a Morton curve, since neighbours compress well after each other; without
any intensity, time or angles. Training on the copies differs from training on the stands by that alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import laspy
import numpy as np

from leafwood.cloud import PointCloud
from leafwood.datasets.stands import FINEST
from leafwood.samplers.voxel import VoxelSampler
from leafwood.spatial.order import morton_order

KEPT = ("return_number", "number_of_returns", "classification", "point_source_id", "gt_wood", "gt_part", "gt_tree")


def packed(source: laspy.LasData, most: int, scale: float) -> laspy.LasData:
    """A copy of a stand that takes less room; see above."""
    xyz = np.asarray(source.xyz)
    local = (xyz - xyz.min(axis=0)).astype(np.float32)
    index = VoxelSampler(FINEST, keep="first")(PointCloud(local)).index
    if len(index) > most:
        index = np.random.default_rng(0).choice(index, most, replace=False)
    index = index[morton_order(local[index], 0.1)[0]]
    header = laspy.LasHeader(version="1.4", point_format=6)
    header.scales, header.offsets = np.full(3, scale), xyz.min(axis=0)
    found = laspy.LasData(header)
    for dimension in source.point_format.extra_dimensions:
        if dimension.name in KEPT:
            found.add_extra_dim(laspy.ExtraBytesParams(dimension.name, dimension.dtype))
    found.xyz = xyz[index]
    for name in KEPT:
        if name in source.point_format.dimension_names:
            found[name] = np.asarray(source[name])[index]
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Pack a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--most", type=int, default=600_000, help="points of a stand")
    parser.add_argument("--scale", type=float, default=0.004, help="coordinates are rounded to it, m")
    args = parser.parse_args(argv)
    for path in sorted(args.source.rglob("*.laz")):
        target = args.target / path.relative_to(args.source)
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        found = packed(laspy.read(path), args.most, args.scale)
        found.write(target)
        print(
            f"{target}: {len(found):,} points, {path.stat().st_size / 1e6:.2f} to {target.stat().st_size / 1e6:.2f} MB"
        )


if __name__ == "__main__":
    main()
