"""The smallest buffer of tiles whose labels are those of the uncut scan.

python pipelines/choose_buffer.py SCAN... --buffers 3+8 5 3

Each scan is labelled whole, and in tiles with each buffer: 3+8 reads everything within 3 m and a thinned cloud within
8 m. Printed is the share of its labelled points whose label changes, and how many points the network saw for each.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from leafwood.inference.segmenter import Segmenter
from leafwood.inference.views import TileView
from leafwood.io.loaders import read
from leafwood.spatial.ground import find_ground


@contextmanager
def counting(segmenter: Segmenter) -> Iterator[list[int]]:
    """How many points each tile shows to the network."""
    read: list[int] = []
    see = segmenter.see

    def counted(xyz: NDArray[np.float32], *rest: Any) -> TileView:
        read.append(len(xyz))
        return see(xyz, *rest)

    with patch.object(segmenter, "see", counted):
        yield read


def main(argv: Sequence[str] | None = None) -> None:
    """Print a row for each scan."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path, nargs="+")
    parser.add_argument("--tile", type=float, default=0.7, help="share of a scan's points that a tile reads at most")
    parser.add_argument("--buffers", nargs="+", default=["3+8", "5", "3"])
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    segmenter = Segmenter.from_pretrained(threads=args.threads)
    print("| scan | points | ground |" + "".join(f" {buffer} m |" for buffer in args.buffers))
    print("|---|---|---|" + "---|" * len(args.buffers))
    for path in args.scans:
        cloud = read(path)
        segmenter.tile_points = len(cloud)
        whole = segmenter.segment(cloud).columns["leafwood"]
        segmenter.tile_points = max(int(len(cloud) * args.tile), 1)
        cells = []
        for buffer in args.buffers:
            full, _, around = buffer.partition("+")
            segmenter.buffer, segmenter.around = float(full), float(around or full)
            with counting(segmenter) as seen:
                tiled = segmenter.segment(cloud).columns["leafwood"]
            changed = np.count_nonzero(tiled != whole) / max(np.count_nonzero(whole), 1)
            cells.append(f" {changed:.4%}, {sum(seen) / max(np.count_nonzero(whole), 1):.2f} x |")
        print(f"| {path.name} | {len(cloud):,} | {find_ground(cloud).source} |" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
