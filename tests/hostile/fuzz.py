"""Mutated files, one after the other, for so many seconds of each format: `make fuzz SECONDS=600`.

Small files of each format are bent at random: bytes of headers and records, words and lines of text. Each mutant is
read, described, labelled (without a network), written, and read again. What may not happen: an exception that is not
leafwood's own, more than ten seconds of the processor for a file, the end of the process, an output without the
labels, or one that laspy does not read though it reads the input. No library writes COPC, so its seeds are small files
beside the project; where they are absent, COPC is left out and a line says so.

Mutants that fail are kept in the folder `--keep`. The exit status is the number of failures, 99 at most.
"""

from __future__ import annotations

import argparse
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import laspy
import numpy as np

from leafwood.cloud import PointCloud
from leafwood.errors import LeafwoodError, about
from leafwood.inference.labelling import label_cloud
from leafwood.io.describe import describe
from leafwood.io.loaders import default_output, read, write

FORMATS = ("las", "laz", "copc", "ply", "pcd", "text")
COPC = Path(__file__).parents[3] / "shared" / "data" / "hostile"
LIMIT = 10  # seconds of the processor for a file
MEMORY = 8 << 30
HEADER = 700  # bytes at the beginning of a binary file, where most mutations fall
NUMBERS = (0, 1, 2, 7, 8, 31, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63, 2**64 - 1)
WORDS = (
    *(
        "0",
        "-1",
        "1e308",
        "nan",
        "NA",
        "inf",
        "1,5",
        "99999999999999",
        "x",
        "X",
        "y",
        "z",
        "leafwood",
        "wood_prob",
        "_",
    ),
    *("scalar_leafwood", "class", "return", "gps", "#", "//", '"', '"a,b"', "", "ä", "\0", "list", "vertex", "float"),
    *(
        "double",
        "element",
        "property",
        "ascii",
        "binary",
        "POINTS",
        "COUNT",
        "FIELDS",
        "F",
        "U",
        "easting",
        "lat",
        "rgb",
    ),
)


def seeds(kind: str, folder: Path) -> list[bytes]:
    """Small files of a format; none of COPC where those of other projects are absent."""
    if kind == "copc":
        files = sorted(COPC.glob("*.copc.laz"), key=lambda path: path.stat().st_size)
        return [path.read_bytes() for path in files[:1]]
    rng = np.random.default_rng(0)
    xyz = rng.random((120, 3)) * [8, 8, 12] + [432_000, 6_800_000, 80]
    columns = {"classification": rng.integers(0, 7, 120).astype(np.uint8), "intensity": rng.integers(0, 999, 120)}
    cloud = PointCloud.from_xyz(xyz, columns)
    labelled = cloud.with_columns(leafwood=rng.integers(0, 3, 120), wood_prob=rng.random(120))
    if kind in ("las", "laz"):
        paths = [folder / f"{number}.{kind}" for number in range(4)]
        write(labelled, paths[0])
        colours = {name: rng.integers(0, 9, 120) for name in ("red", "green", "blue")}
        write(labelled.with_columns(**colours, treeID=rng.integers(0, 9, 120)), paths[1])
        for number, point_format in ((2, 1), (3, 3)):
            las = laspy.LasData(laspy.LasHeader(version="1.2", point_format=point_format))
            las.header.add_extra_dim(laspy.ExtraBytesParams("Amplitude", "f4"))
            las.xyz = xyz
            las.write(paths[number])
        return [path.read_bytes() for path in paths]
    if kind == "ply":
        head = "ply\nformat {} 1.0\ncomment made\nelement camera 1\nproperty int a\nelement vertex 120\n"
        head += "".join(f"property double {axis}\n" for axis in "xyz") + "property uchar class\nend_header\n"
        table = np.zeros(120, dtype=[("x", "<f8"), ("y", "<f8"), ("z", "<f8"), ("c", "u1")])
        table["x"], table["y"], table["z"] = xyz.T
        rows = "".join(" ".join(str(v) for v in row) + "\n" for row in table.tolist())
        return [
            (head.format("ascii") + "5\n" + rows).encode(),
            head.format("binary_little_endian").encode() + b"\5\0\0\0" + table.tobytes(),
        ]
    if kind == "pcd":
        head = (
            "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z _ ring\nSIZE 8 8 8 1 2\nTYPE F F F U U\nCOUNT 1 1 1 3 2\nWIDTH 30\n"
        )
        head += "HEIGHT 4\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 120\nDATA {}\n"
        kinds = [("x", "<f8"), ("y", "<f8"), ("z", "<f8"), ("_", "u1", 3), ("r", "<u2", 2)]
        table = np.zeros(120, dtype=kinds)
        table["x"], table["y"], table["z"] = xyz.T
        plain = b"".join(table[name].tobytes() for name in table.dtype.names or ())
        packed = b"".join(bytes([len(plain[i : i + 32]) - 1]) + plain[i : i + 32] for i in range(0, len(plain), 32))
        sizes = len(packed).to_bytes(4, "little") + len(plain).to_bytes(4, "little")
        rows = "".join(" ".join(f"{v:.3f}" for v in row) + " 0 0 0 7 8\n" for row in xyz)
        return [
            (head.format("ascii") + rows).encode(),
            head.format("binary").encode() + table.tobytes(),
            head.format("binary_compressed").encode() + sizes + packed,
        ]
    rows = [" ".join(f"{v:.3f}" for v in row) for row in xyz]
    tables = [
        ["x y z"] + rows,
        ["120"] + rows,
        ["X;Y;Z;class"] + [row.replace(" ", ";").replace(".", ",") + ";2" for row in rows],
        ['"X","Y","Z","species"'] + [row.replace(" ", ",") + ',"oak, #3"' for row in rows],
        ["X Y Z"] + [f"{i} {row}" for i, row in enumerate(rows)],
        [f"{row} {code} {prob:.4f}" for row, code, prob in zip(rows, [1, 2] * 60, [0.1, 0.9] * 60, strict=True)],
    ]
    texts = ["\n".join(table).encode() for table in tables]
    return [*texts, "\n".join(tables[0]).encode("utf-16")]


def bend_bytes(data: bytearray, rng: random.Random) -> None:
    """One change of a binary file, in place."""
    most = min(HEADER, len(data)) if rng.random() < 0.85 else len(data)
    at, what = rng.randrange(max(most, 1)), rng.randrange(6)
    if what == 0:
        data[at] ^= 1 << rng.randrange(8)
    elif what in (1, 2):
        width = rng.choice((1, 2, 4, 8))
        data[at : at + width] = (rng.choice(NUMBERS) % 256**width).to_bytes(width, "little")
    elif what == 3:
        del data[rng.randrange(len(data)) :]
    elif what == 4:
        data[at:at] = data[at : at + rng.choice((1, 4, 54, 192))]
    else:
        del data[at : at + rng.choice((1, 4, 54, 192))]


def bend_words(data: bytearray, rng: random.Random) -> None:
    """One change of a word or a line among the first ones, in place."""
    lines = bytes(data).split(b"\n")
    at = rng.randrange(min(len(lines), 20 if rng.random() < 0.8 else len(lines)))
    words, what = lines[at].split(b" "), rng.randrange(6)
    if what in (0, 1):
        words[rng.randrange(len(words))] = rng.choice(WORDS).encode()
        lines[at] = b" ".join(words)
    elif what == 2:
        lines.insert(at, rng.choice(lines))
    elif what == 3:
        del lines[at]
    elif what == 4:
        words.insert(rng.randrange(len(words) + 1), rng.choice(WORDS).encode())
        lines[at] = b" ".join(words)
    else:
        other = rng.randrange(min(len(lines), 20))
        lines[at], lines[other] = lines[other], lines[at]
    data[:] = b"\n".join(lines)


def mutants(kind: str, files: list[bytes], rng: random.Random) -> Iterator[bytes]:
    """Endlessly many bent files."""
    ways: tuple[Callable[[bytearray, random.Random], None], ...] = (bend_bytes,)
    if kind not in ("las", "laz", "copc"):
        ways = (bend_words, bend_words, bend_words, bend_bytes)
    while True:
        data = bytearray(rng.choice(files))
        for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
            if data:
                rng.choice(ways)(data, rng)
        yield bytes(data)


def reads_in_laspy(path: Path) -> laspy.LasData | None:
    """The file as laspy reads it, or None where it fails, panics, or takes longer than the limit.

    One thread reads it: before lazrs reads with several, it asks for the memory of a whole chunk, and ends the process
    where a damaged file claims a chunk of 70 GB.
    """
    try:
        return laspy.read(path, laz_backend=laspy.LazBackend.Lazrs)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return None


def try_one(path: Path, folder: Path) -> str:
    """What became of a file: `labelled` or `refused`; anything that may not happen is raised."""
    target = folder / default_output(path).name
    target.unlink(missing_ok=True)
    try:
        describe(path)
        cloud = read(path)
        with about(path):
            result = label_cloud(
                cloud, lambda xyz, height, returns: np.linspace(0, 1, len(xyz), dtype=np.float32), "balanced"
            )[0]
        write(result, target)
    except LeafwoodError as error:
        said = str(error)
    else:
        return _checked(path, target, cloud, result)
    assert "\n" not in said, "a message of several lines"
    assert path.name in said or target.name in said, f"no file is named: {said}"
    assert not target.exists(), "a refused file has an output"
    return "refused"


def _checked(path: Path, target: Path, cloud: PointCloud, result: PointCloud) -> str:
    """Compare an output with what was written."""
    again = read(target)
    assert len(again) == len(cloud), f"{len(cloud)} points in, {len(again)} out"
    if len(cloud):  # a text without points has no line that could hold labels
        assert np.array_equal(again.columns["leafwood"], result.columns["leafwood"]), "other labels come back"
    describe(target)
    if target.suffix in (".las", ".laz") and (before := reads_in_laspy(path)) is not None:
        after = laspy.read(target)
        assert len(after) == len(before), f"laspy reads {len(before)} points in, {len(after)} out"
        assert np.array_equal(after["leafwood"], result.columns["leafwood"]), "laspy reads other labels"
    return "labelled"


def work(kind: str, seconds: float, seed: int, keep: Path) -> None:
    """Bend and try files of one format; prints a line of counts at the end, and one for each failure."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGPROF, _late)
    warnings.simplefilter("ignore")
    suffix = {"text": "txt", "copc": "copc.laz"}.get(kind, kind)
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stop = time.monotonic() + seconds
        for number, data in enumerate(mutants(kind, seeds(kind, folder), rng)):
            if time.monotonic() > stop:
                break
            path = keep / f"now.{suffix}"
            path.write_bytes(data)  # if the process dies, this is why
            signal.setitimer(signal.ITIMER_PROF, LIMIT)  # of the processor, as the machine may be busy
            try:
                counts[try_one(path, folder)] += 1
            except BaseException as error:
                signal.setitimer(signal.ITIMER_PROF, 0)
                if isinstance(error, KeyboardInterrupt):
                    raise
                counts["failed"] += 1
                (keep / f"{kind}-{seed}-{number}.{suffix}").write_bytes(data)
                where = traceback.extract_tb(error.__traceback__)[-1]
                print(f"FAILED {kind}-{seed}-{number}: {error!r} at {where.filename}:{where.lineno}", flush=True)
            signal.setitimer(signal.ITIMER_PROF, 0)
    print("COUNTS", counts["labelled"], counts["refused"], counts["failed"], flush=True)


def _late(*_: object) -> None:
    raise TimeoutError(f"more than {LIMIT} s")


def main() -> int:
    """Try the formats one after the other, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("seconds", type=float, help="of each format")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("out/fuzz"))
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.keep.mkdir(parents=True, exist_ok=True)
    if args.worker:
        work(args.formats[0], args.seconds, args.seed, args.keep)
        return 0
    failures = 0
    for kind in args.formats:
        if kind == "copc" and not COPC.is_dir():
            print("copc: left out, no file to begin with")
            continue
        command = [sys.executable, __file__, str(args.seconds), "--worker", "--formats", kind, "--seed", str(args.seed)]
        done = subprocess.run([*command, "--keep", str(args.keep)], stdout=subprocess.PIPE, text=True)
        lines = done.stdout.splitlines()
        counts = next((line.split()[1:] for line in lines if line.startswith("COUNTS")), None)
        for line in lines:
            if line.startswith("FAILED"):
                print(line)
        if counts is None:
            failures += 1
            print(f"FAILED {kind}: the process ended with {done.returncode}; the file is {args.keep}/now.*")
            continue
        failures += int(counts[2])
        print(f"{kind}: {counts[0]} labelled, {counts[1]} refused in one line, {counts[2]} failed")
    return min(failures, 99)


if __name__ == "__main__":
    sys.exit(main())
