"""Whether a change has changed any label: hashes of the labels of scans, before and after.

    python pipelines/label_hashes.py data_samples/*.laz -o before.json      # in the checkout as it was
    python pipelines/label_hashes.py data_samples/*.laz --against before.json

A row a scan: its points, the hash of `leafwood` and `wood_prob`, and whether it is the same as before. The exit status
is 1 where a hash differs or a scan is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import leafwood


def label_hash(path: Path) -> dict[str, str | int]:
    """Points and hash of the labels that the shipped model gives a scan."""
    result = leafwood.segment(leafwood.read(path))
    label, prob = (np.ascontiguousarray(result.columns[name]) for name in ("leafwood", "wood_prob"))
    return {"points": len(label), "sha256": hashlib.sha256(label.tobytes() + prob.tobytes()).hexdigest()}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; the exit status says whether labels are the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, help="write the hashes here (JSON)")
    parser.add_argument("--against", type=Path, help="hashes of an earlier run")
    args = parser.parse_args(argv)
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
