"""Whether a change has changed any label: hashes of the labels of scans, before and after.

    python pipelines/label_hashes.py data_samples/*.laz -o before.json      # in the checkout as it was
    python pipelines/label_hashes.py data_samples/*.laz --against before.json
    python pipelines/label_hashes.py data_samples/*.laz --numpy

A row a scan: its points, the hash of `leafwood` and `wood_prob`, and whether it is the same as before. The exit status
is 1 where a hash differs or a scan is missing. With `--numpy` a row says how many labels NumPy, without the compiled
kernels, makes differently.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import leafwood
from leafwood import kernels


def label_hash(path: Path) -> dict[str, str | int]:
    """Points and hash of the labels that the shipped model gives a scan."""
    result = leafwood.segment(leafwood.read(path))
    label, prob = (np.ascontiguousarray(result.columns[name]) for name in ("leafwood", "wood_prob"))
    return {"points": len(label), "sha256": hashlib.sha256(label.tobytes() + prob.tobytes()).hexdigest()}


def differing(path: Path) -> tuple[int, int]:
    """Points of a scan, and how many of them NumPy labels otherwise than the compiled kernels."""
    cloud, labels = leafwood.read(path), []
    for choice in ("best", "numpy"):
        os.environ["LEAFWOOD_KERNELS"] = choice
        kernels.compiled.cache_clear()
        labels.append(leafwood.segment(cloud).columns["leafwood"])
    return len(cloud), int((labels[0] != labels[1]).sum())


def compare_with_numpy(paths: list[Path]) -> None:
    """A row a scan, and one for all of them."""
    rows = []
    for path in paths:
        rows.append(differing(path))
        print(
            f"{path.name}: {rows[-1][1]} of {rows[-1][0]:,} labels differ, {rows[-1][1] / rows[-1][0]:.4%}", flush=True
        )
    points, differ = (sum(column) for column in zip(*rows, strict=True))
    print(f"all: {differ} of {points:,} labels differ, {differ / points:.4%}")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; the exit status says whether labels are the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, help="write the hashes here (JSON)")
    parser.add_argument("--against", type=Path, help="hashes of an earlier run")
    parser.add_argument("--numpy", action="store_true", help="compare the compiled kernels with NumPy")
    args = parser.parse_args(argv)
    if args.numpy:
        compare_with_numpy(args.scans)
        return 0
    before = json.loads(args.against.read_text(encoding="utf-8")) if args.against else {}
    found, same = {}, True
    for path in args.scans:
        row = found[path.name] = label_hash(path)
        kept = "" if not args.against else " same" if before.get(path.name) == row else " DIFFERENT"
        same = same and kept != " DIFFERENT"
        print(f"{path.name}: {row['points']:,} points, {str(row['sha256'])[:16]}{kept}", flush=True)
    if args.output:
        args.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
