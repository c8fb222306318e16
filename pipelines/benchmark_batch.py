"""How long a folder of scans takes: one after the other with all processors, or side by side.

python pipelines/benchmark_batch.py SCAN.laz --copies 6 --runs 3
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from leafwood.threads import cpu_count


def seconds(folder: Path, *options: str) -> float:
    """One command on a folder, start of Python and of the workers included."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "leafwood", "segment", str(folder), "-o", out, *options]
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - started


def main() -> None:
    """Time both ways in turn and print their medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scan", type=Path)
    parser.add_argument("--copies", type=int, default=6)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    ways = {"one after the other": (), f"--workers {cpu_count()}": ("--workers", str(cpu_count()))}
    found: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as name:
        for number in range(args.copies):
            shutil.copy(args.scan, Path(name) / f"{number}_{args.scan.name}")
        for _ in range(args.runs):
            for way, options in ways.items():
                found[way].append(seconds(Path(name), *options))
    first = statistics.median(next(iter(found.values())))
    print(f"{args.copies} copies of {args.scan.name}, {cpu_count()} processors, medians of {args.runs} runs\n")
    print("| way | seconds | times as fast |\n|---|---|---|")
    for way, times in found.items():
        print(f"| {way} | {statistics.median(times):.1f} | {first / statistics.median(times):.2f} |")


if __name__ == "__main__":
    main()
