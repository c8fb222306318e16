"""How fast is `leafwood segment`, as points per second and as a multiple of the least that any labeller must do.

    python pipelines/benchmark_speed.py SCAN.laz [--runs 3]

The floor is: read the file, sort it along a Morton curve, find 16 neighbours of every point, write the file. Both are
timed as whole processes, turn and turn about, so that a busy machine slows both. Prints medians, and how fast SOUL's
geodesic voxelisation cuts the scan.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from leafwood.io.loaders import read
from leafwood.samplers.gvd import GVDConfig, decompose

FLOOR = """
import sys, time
from pathlib import Path
import numpy as np
start = time.perf_counter()
from leafwood.io.loaders import read, write
from leafwood.spatial.neighbours import nearest
from leafwood.spatial.order import morton_codes, voxel_cells
cloud = read(Path(sys.argv[1]))
xyz = cloud.xyz[np.argsort(morton_codes(voxel_cells(cloud.xyz, 0.05)))]
nearest(xyz, 16)
labels = np.ones(len(cloud), dtype=np.uint16)
write(cloud.with_columns(leafwood=labels, wood_prob=np.zeros(len(cloud), dtype=np.float32)), Path(sys.argv[2]))
print(len(cloud), time.perf_counter() - start)
"""


def timed(command: list[str]) -> tuple[float, float, str]:
    """Seconds, peak memory in GB, and output of a process."""
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(done.stderr)
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6, done.stdout


def cutting(scan: Path, runs: int) -> float:
    """Points per second of the geodesic voxelisation, median."""
    xyz = read(scan).xyz
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        decompose(xyz, GVDConfig())
        seconds.append(time.perf_counter() - started)
    return len(xyz) / statistics.median(seconds)


def main() -> None:
    """Time the floor and the command in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scan", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    floors, inner, whole, points = [], [], [], 0
    peak = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for run in range(args.runs + 1):
            target = Path(folder) / f"{run}.laz"
            floor = timed([sys.executable, "-c", FLOOR, str(args.scan), str(target.with_stem(f"{run}_floor"))])
            label = timed([sys.executable, "-m", "leafwood", "segment", str(args.scan), "-o", str(target)])
            if run:  # the first fills the disk cache
                points = int(floor[2].split()[0])
                floors.append(floor[0])
                inner.append(float(floor[2].split()[1]))
                whole.append(label[0])
            peak = max(peak, label[1])
    seconds = statistics.median(whole)
    print(f"machine: {len(os.sched_getaffinity(0))} processors, {args.runs} runs, medians")
    print(f"{args.scan.name}: {points:,} points")
    print(f"leafwood segment: {seconds:.1f} s, {points / seconds:,.0f} points/s, peak {peak:.2f} GB")
    print(f"floor: {statistics.median(floors):.1f} s as a process, {statistics.median(inner):.1f} s without start-up")
    print(f"ratio: {statistics.median(w / f for w, f in zip(whole, floors, strict=True)):.1f}")
    print(f"geodesic voxelisation: {cutting(args.scan, args.runs):,.0f} points/s")


if __name__ == "__main__":
    main()
