"""How labelling scales: points per second and peak memory from one to a hundred million points, beside Sylva.

python pipelines/benchmark_scale.py PLOT.laz --millions 1 3 10 30 100 --memory 3GB [--workers 2] [--copc] [--sylva DIR]

The scans are copies of a plot set side by side, each other one mirrored, so that neither a gap nor a step lies between
them. Printed for each: seconds, CPU seconds, points per second, and the peak memory of the process (of all processes
where there are workers). Sylva (PyPI sylva-rs, unsupervised) labels the same files in a virtual environment of its own,
which is made in FOLDER; where that cannot be, the reason is printed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import laspy
import numpy as np

WRITE_COPC = str(Path(__file__).with_name("write_copc.py"))
SYLVA = "import sys, sylva; sylva.leaves.classify_leaf_wood(sylva.read(sys.argv[1]))"


def periodic(plot: Path, points: int, target: Path) -> Path:
    """A scan of about so many points: a square of copies of a plot, each other one mirrored; written copy by copy."""
    las = laspy.read(plot)
    copies = max(1, round(points / len(las.points)))
    along = int(np.ceil(np.sqrt(copies)))
    raw = np.column_stack([las.X, las.Y]).astype(np.int64)
    low, high = raw.min(axis=0), raw.max(axis=0)
    with laspy.open(target, "w", header=las.header) as out:
        for number in range(copies):
            place = np.array([number % along, number // along])
            turned = np.where(place % 2, high + low - raw, raw) + place * (high - low + 1)
            copy = las.points.copy()
            copy.X, copy.Y = turned.T.astype(np.int32)
            out.write_points(copy)
    return target


def as_copc(scan: Path) -> Path:
    """The same scan as COPC, in its place."""
    target = scan.with_suffix(".copc.laz")
    subprocess.run([sys.executable, WRITE_COPC, str(scan), str(target), "--levels", "6"], check=True)
    scan.unlink()
    return target


def run(command: list[str]) -> tuple[float, float, float]:
    """Seconds, CPU seconds, and the peak memory in GB of a command and all processes that it starts."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    peak, cpu, ended = 0.0, {0: 0.0}, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.2):
            used = [usage for pid in family(process.pid) if (usage := usage_of(pid)) is not None]
            peak = max(peak, sum(memory for _, memory, _ in used))
            cpu.update({pid: seconds for pid, _, seconds in used})

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, said = process.communicate()
    ended.set()
    watcher.join()
    if process.returncode:
        sys.exit(said)
    return time.perf_counter() - started, sum(cpu.values()), peak


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):  # each thread has its own
        with suppress(OSError):
            found += [one for child in listed.read_text(encoding="ascii").split() for one in family(int(child))]
    return found


def usage_of(pid: int) -> tuple[int, float, float] | None:
    """A process, its memory in GB without pages of files, and its CPU seconds; None where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        times = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    own = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")), 0)
    return pid, own / 1e6, (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def sylva_of(folder: Path) -> Path | str:
    """The Python of an environment with Sylva, or why there is none."""
    python = folder.absolute() / "bin" / "python"
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        if not python.exists():
            venv.create(folder, with_pip=True)
            command = [python, "-m", "pip", "install", "-q", "sylva-rs", "numpy", "laspy[lazrs]"]
            subprocess.run(command, check=True, capture_output=True, text=True, env=alone)
        subprocess.run([python, "-c", "import sylva"], check=True, capture_output=True, text=True, env=alone)
    except (subprocess.CalledProcessError, OSError) as error:
        return (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1]
    return python


def main(argv: Sequence[str] | None = None) -> None:
    """Print a row for each size and way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plot", type=Path)
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 3, 10, 30])
    parser.add_argument("--memory", default="3GB")
    parser.add_argument("--workers", type=int, nargs="*", default=[0], help="0 is the command without workers")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--copc", action="store_true", help="write the scans as COPC (pipelines/write_copc.py)")
    parser.add_argument("--sylva", type=Path, help="folder for an environment with Sylva")
    parser.add_argument("--folder", type=Path, help="where the scans are kept (default: a temporary folder)")
    args = parser.parse_args(argv)
    sylva = sylva_of(args.sylva) if args.sylva else "not asked for"
    if isinstance(sylva, str):
        print(f"Sylva is left out: {sylva}\n")
    print("| points | way | seconds | CPU s | µs CPU a point | points/s | peak GB |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        for millions in args.millions:
            scan = periodic(args.plot, int(millions * 1e6), Path(name) / f"{millions:g}.laz")
            scan = as_copc(scan) if args.copc else scan
            with laspy.open(scan) as opened:
                points = opened.header.point_count
            ways = {}
            for workers in args.workers:
                command = [sys.executable, "-m", "leafwood", "segment", "--quiet", str(scan), "-o", f"{name}/out.laz"]
                command += ["--overwrite", "--memory", args.memory, "--threads", str(args.threads)]
                command += ["--workers", str(workers)] if workers else []
                ways[f"{workers} workers" if workers else "leafwood"] = command
            if isinstance(sylva, Path):
                ways["Sylva"] = [str(sylva), "-c", SYLVA, str(scan)]
            for way, command in ways.items():
                seconds, cpu, peak = run(command)
                each = f"{cpu / points * 1e6:.1f} | {points / seconds:,.0f} | {peak:.2f}"
                print(f"| {points:,} | {way} | {seconds:.1f} | {cpu:.1f} | {each} |", flush=True)
            scan.unlink()
            shutil.rmtree(Path(name) / "out.laz", ignore_errors=True)


if __name__ == "__main__":
    main()
