"""What `leafwood segment` costs, stage by stage and as a multiple of the least that any labeller must do.

    python pipelines/benchmark_speed.py SCAN.laz ... [--copies 1 9 25] [--runs 3] [--without-numpy] [--sylva]
        [--labels gt_wood] [--geodesic]

For each scan, and for a square of so many copies of it side by side, whole processes are timed turn and turn about,
so that a busy machine slows all of them: `leafwood segment`; the floor, which is to read the file, sort it along a
Morton curve, find 16 neighbours of every point and write the file; labelling in NumPy, without the compiled kernels,
which `--without-numpy` leaves out; and, with `--sylva`, Sylva's separation of leaf and wood (PyPI, GPL-3), in an
environment of its own that is made once. Prints medians of CPU seconds and seconds, the most memory, and ratios
within the runs; then the stages of one more run with what is known of their floors; then, where the scan has labels
(`--labels`), how good the labels are, and with `--geodesic` how fast SOUL's geodesic voxelisation cuts the scan.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Sequence
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FLOOR = """
import sys
from pathlib import Path
import numpy as np
from leafwood.io.loaders import read, write
from leafwood.spatial.neighbours import nearest
from leafwood.spatial.order import morton_codes, voxel_cells
cloud = read(Path(sys.argv[1]))
nearest(cloud.xyz[np.argsort(morton_codes(voxel_cells(cloud.xyz, 0.05)))], 16)
labels = np.ones(len(cloud), dtype=np.uint16)
write(cloud.with_columns(leafwood=labels, wood_prob=np.zeros(len(cloud), dtype=np.float32)), Path(sys.argv[2]))
"""
SYLVA = """
import sys
import sylva
cloud = sylva.read(sys.argv[1])
wood = sylva.leaves.classify_leaf_wood(cloud)
sylva.write(sylva.PointCloud(cloud.xyz, {**cloud.attrs, "wood": wood.astype("uint8")}, cloud.crs), sys.argv[2])
"""
AS_USERS = {"PYTHONDONTWRITEBYTECODE": ""}  # modules are compiled by the first run, whatever is set here
# What is timed of a run: stage -> the functions that do it, each where it is looked up; inner ones count by themselves.
STAGES = {
    "reading": ["leafwood.batch.one_file:read_cloud"],
    "ground": ["leafwood.inference.labelling:find_ground"],
    "scale": ["leafwood.inference.segmenter:scale_normalisation"],
    "voxels": ["leafwood.graph.build:build_pyramid", "leafwood.graph.build:_sums"],
    "neighbours": ["leafwood.graph.build:nearest_in_voxels"],
    "eigen-features": ["leafwood.graph.features.eigen:eigen_features"],
    "return means": ["leafwood.graph.features.returns:mean_over"],
    "shortest paths": ["leafwood.graph.features.paths:PathFeatures.of_nodes"],
    "network": ["leafwood.nn.trained:TrainedUNet.__call__"],
    "smoothing": ["leafwood.inference.segmenter:smooth"],
    "evidence of returns": [
        "leafwood.inference.segmenter:return_shares",
        "leafwood.inference.scan:ScanFit.of_parts",
        "leafwood.inference.scan:ScanFit.equal",
    ],
    "rule": ["leafwood.inference.labelling:decide"],
    "doubts": ["leafwood.batch.one_file:doubts", "leafwood.batch.one_file:too_sparse"],
    "writing": ["leafwood.batch.one_file:write_labelled"],
}


class Cost(NamedTuple):
    """What a process has taken: CPU seconds, seconds, and GB of memory at most."""

    cpu: float
    wall: float
    peak: float


def timed(command: list[str], **environment: str) -> Cost:
    """Run a process and say what it has cost; its failure is ours."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=os.environ | AS_USERS | environment)
        _, status, usage = os.wait4(process.pid, 0)
        if process.returncode or status:
            said.seek(0)
            sys.exit(f"{' '.join(command[:4])}: {said.read().decode(errors='replace')}")
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - started, usage.ru_maxrss / 1e6)


def side_by_side(scan: Path, number: int, target: Path) -> Path:
    """A square of `number` copies of a scan, a metre apart."""
    if number == 1:
        return scan
    side = round(number**0.5)
    if side * side != number:
        sys.exit(f"--copies: {number} is no square")
    import laspy

    las = laspy.read(scan)
    records, parts = las.points.array, []
    step = [int(np.ptp(records[axis]) + 1 / las.header.scales[i]) for i, axis in enumerate("XY")]
    for copy in range(number):
        part = records.copy()
        part["X"] += step[0] * (copy % side)
        part["Y"] += step[1] * (copy // side)
        parts.append(part)
    las.points = laspy.ScaleAwarePointRecord(
        np.concatenate(parts), las.point_format, scales=las.header.scales, offsets=las.header.offsets
    )
    las.write(target)
    return target


def sylva_python() -> Path | str:
    """The interpreter of an environment with Sylva in it, or why there is none."""
    home = Path(tempfile.gettempdir()) / "leafwood_benchmark_sylva"
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
    found = subprocess.run([python, "-m", "pip", "install", "--quiet", "sylva-rs"], capture_output=True, text=True)
    return python if not found.returncode else f"cannot be installed: {found.stderr.strip().splitlines()[-1]}"


def compare(scan: Path, runs: int, folder: Path, sylva: Path | None, numpy: bool) -> dict[str, Cost]:
    """Medians over the runs of what each process costs, the most of its memory; one run first, to fill the caches."""
    segment = [sys.executable, "-m", "leafwood", "segment", str(scan), "--overwrite", "-o"]
    commands: dict[str, tuple[list[str], dict[str, str]]] = {
        "leafwood": ([*segment, str(folder / "labelled.laz")], {}),
        "floor": ([sys.executable, "-c", FLOOR, str(scan)], {}),
    }
    if numpy:
        commands["leafwood, NumPy"] = ([*segment, str(folder / "numpy.laz")], {"LEAFWOOD_KERNELS": "numpy"})
    if sylva is not None:
        commands["Sylva"] = ([str(sylva), "-c", SYLVA, str(scan), str(folder / "sylva.laz")], {})
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for run in range(runs + 1):
        for name, (command, environment) in commands.items():
            target = [str(folder / f"floor_{run}.laz")] if name == "floor" else []
            cost = timed([*command, *target], **environment)
            if run:
                costs[name].append(cost)
    return {
        name: Cost(*(statistics.median(values) for values in list(zip(*found, strict=True))[:2]), max(found)[2])
        for name, found in costs.items()
    }


def stages(scan: Path) -> dict[str, list[float]]:
    """CPU seconds and seconds of each stage of a run in this process, and the floor of the former where it is known."""
    begun = time.process_time()  # what has been imported by now is start-up, and what follows
    from leafwood.cli.main import main as leafwood

    spent = {name: [0.0, 0.0] for name in STAGES}
    inner, multiplied = [0.0, 0.0], [0.0]

    def watch(stage: str, place: str) -> None:
        module, _, path = place.partition(":")
        owner: Any = import_module(module)
        *outer, name = path.split(".")
        for part in outer:
            owner = getattr(owner, part)
        setattr(owner, name, watched(stage, getattr(owner, name)))

    def watched(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def run(*args: Any, **options: Any) -> Any:
            before, started = list(inner), (time.process_time(), time.perf_counter())
            if stage == "network":
                multiplied[0] += multiplications(*args[:2])
            try:
                return function(*args, **options)
            finally:
                took = time.process_time() - started[0], time.perf_counter() - started[1]
                for i in (0, 1):
                    spent[stage][i] += took[i] - (inner[i] - before[i])
                    inner[i] = before[i] + took[i]

        return run

    for stage, places in STAGES.items():
        for place in places:
            watch(stage, place)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        leafwood(["segment", str(scan), "-o", str(Path(folder) / "labelled.laz"), "--quiet"])
        whole = time.process_time(), time.perf_counter() - started
        spent["start-up and the rest"] = [whole[0] - inner[0], whole[1] - inner[1] + begun]
        floors = floor_of_files(scan, Path(folder)) | {"network": multiplied[0] / speed_of_products()}
    return {name: [*took, floors.get(name, float("nan"))] for name, took in spent.items()}


def multiplications(network: Any, graph: Any) -> float:
    """Multiplications and additions of the network's matrix products on a graph."""
    total = 0.0
    for n, (read, down) in enumerate(zip(network.read, network.down, strict=True)):
        two, blocks = [read, *network.join[n : n + 1]], [*down, *(network.up[n] if n < len(network.up) else ())]
        values = sum(layers.first.size + layers.second.size for layers in two)
        values += sum(block.node.size + block.first.size + block.second.size for block in blocks)
        total += 2.0 * values * len(graph[f"x{n}"])
    return total


def speed_of_products() -> float:
    """Multiplications and additions that a CPU second is good for, in NumPy's matrix product of a size it likes."""
    a = np.ones((2048, 2048), dtype=np.float32)
    a @ a
    started = time.process_time()
    for _ in range(4):
        a @ a
    return 4 * 2 * 2048.0**3 / (time.process_time() - started)


def floor_of_files(scan: Path, folder: Path) -> dict[str, float]:
    """CPU seconds of decompressing and compressing a LAS or LAZ file, nothing more."""
    if scan.suffix.lower() not in (".las", ".laz"):
        return {}
    import laspy  # not before the run that is looked into, which does without it

    started = time.process_time()
    las = laspy.read(scan)
    read = time.process_time() - started
    las.write(folder / f"again{scan.suffix}")
    return {"reading": read, "writing": time.process_time() - started - read}


def print_costs(points: int, costs: dict[str, Cost]) -> None:
    """A row a process, with its ratio to ours and to the floor."""
    ours, floor = costs["leafwood"], costs["floor"]
    print("\n| process | CPU s | s | peak GB | µs CPU a point | CPU, leafwood = 1 | s, floor = 1 |")
    print("|---|---|---|---|---|---|---|")
    for name, cost in costs.items():
        ratios = f"{1e6 * cost.cpu / points:.1f} | {cost.cpu / ours.cpu:.2f} | {cost.wall / floor.wall:.1f}"
        print(f"| {name} | {cost.cpu:.2f} | {cost.wall:.2f} | {cost.peak:.2f} | {ratios} |")


def print_stages(found: dict[str, list[float]]) -> None:
    """A row a stage, the costly ones first."""
    whole = sum(cpu for cpu, _, _ in found.values())
    print("\n| stage | CPU s | share | s | floor, CPU s |\n|---|---|---|---|---|")
    for name, (cpu, wall, floor) in sorted(found.items(), key=lambda row: -row[1][0]):
        print(f"| {name} | {cpu:.2f} | {cpu / whole:.0%} | {wall:.2f} | {'' if np.isnan(floor) else f'{floor:.2f}'} |")


def print_scores(labelled: Path, labels: str) -> None:
    """How good the labels are, where the scan says what is true."""
    from leafwood.evaluate.evaluation import evaluate, truth_of
    from leafwood.io.loaders import read

    cloud = read(labelled)
    scores = evaluate(cloud, truth_of(cloud, labels)).overall.as_dict()
    names = ("wood_recall", "leaf_recall", "balanced_accuracy", "g_mean", "wood_iou", "auroc")
    print("\nlabels: " + ", ".join(f"{name.replace('_', ' ')} {scores[name]:.3f}" for name in names if name in scores))


def print_cutting(scan: Path) -> None:
    """Points per CPU second of the geodesic voxelisation."""
    from leafwood.io.loaders import read
    from leafwood.samplers.gvd import GVDConfig, decompose

    xyz = read(scan).xyz
    started = time.process_time()
    decompose(xyz, GVDConfig())
    print(f"\ngeodesic voxelisation: {len(xyz) / (time.process_time() - started):,.0f} points per CPU second")


def main(argv: Sequence[str] | None = None) -> None:
    """Print tables for each scan and number of copies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path, nargs="+", metavar="SCAN")
    parser.add_argument("--copies", type=int, nargs="+", default=[1], help="copies in a square, such as 1 9 25")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--sylva", action="store_true", help="time Sylva, too")
    parser.add_argument("--without-numpy", action="store_true", help="leave out what takes longest")
    parser.add_argument("--labels", help="column or preset of true labels, as `leafwood evaluate --labels`")
    parser.add_argument("--geodesic", action="store_true", help="time the geodesic voxelisation, too")
    parser.add_argument("--stages", action="store_true", help=argparse.SUPPRESS)  # the process that is looked into
    args = parser.parse_args(argv)
    if args.stages:
        print(json.dumps(stages(args.scans[0])))
        return
    from leafwood.io.las.layout import read_layout
    from leafwood.kernels import in_use

    sylva = sylva_python() if args.sylva else None
    if isinstance(sylva, str):
        print(f"Sylva: {sylva}")
        sylva = None
    print(f"{len(os.sched_getaffinity(0))} processors, {in_use()}, {args.runs} runs, medians")
    for scan in args.scans:
        for number in args.copies:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                file = side_by_side(scan, number, folder / "copies.laz")
                points = read_layout(file).count
                print(f"\n## {scan.name} x {number}: {points:,} points")
                print_costs(points, compare(file, args.runs, folder, sylva, not args.without_numpy))
                command = [sys.executable, __file__, "--stages", str(file)]
                environment = os.environ | AS_USERS | {"OPENBLAS_NUM_THREADS": "1"}  # as `segment` sets it
                said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
                print_stages(json.loads(said.splitlines()[-1]))
                if args.geodesic:
                    print_cutting(file)
                if args.labels:
                    print_scores(folder / "labelled.laz", args.labels)


if __name__ == "__main__":
    main()
