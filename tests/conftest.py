"""Shared fixtures: where the real scans are, when they are there at all."""

from __future__ import annotations

import contextlib
import re
import runpy
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from leafwood.io.las.extra import ExtraDim
from leafwood.io.las.layout import Layout, read_layout
from leafwood.io.las.points import read_records
from leafwood.io.las.relabel import relabel

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans beside the checkout; tests that need it are skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"no real scans at {SHARED}")
    return SHARED


_HEADER_SIZES = {0: 227, 1: 227, 2: 227, 3: 235, 4: 375, 5: 393}
_RECORD_SIZES = (20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67)


def _build_las(
    *,
    minor: int = 4,
    point_format: int = 6,
    records: np.ndarray | None = None,
    n: int = 10,
    seed: int = 0,
    extra: tuple[bytes, ...] = (),
    extra_length: int | None = None,
    vlrs: tuple[tuple[str, int, bytes], ...] = (),
    evlrs: tuple[tuple[str, int, bytes], ...] = (),
    gap: bytes = b"",
    scale: tuple[float, float, float] = (0.001, 0.001, 0.001),
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0),
    count: int | None = None,
    encoding: int = 0,
    header_extra: bytes = b"",
) -> bytes:
    """An uncompressed LAS file, byte by byte, with whatever lies the caller wants told."""
    length = _RECORD_SIZES[point_format]
    length += sum(_extra_size(d) for d in extra) if extra_length is None else extra_length
    if records is None:
        records = np.random.default_rng(seed).integers(0, 256, (n, length), dtype=np.uint8)
        if point_format >= 9:
            records[:, 15] &= 0xCF  # one scanner channel: LAZ damages waveforms of several
    n = len(records)
    all_vlrs = [("LASF_Spec", 4, b"".join(extra))] if extra else []
    block = b"".join(
        struct.pack("<H16sHH32s", 0xAABB, u.encode(), i, len(b), b"made for a test") + b
        for u, i, b in [*all_vlrs, *vlrs]
    )
    header_size = _HEADER_SIZES[minor] + len(header_extra)
    start = header_size + len(block) + len(gap)
    tail = b"".join(struct.pack("<H16sHQ32s", 7, u.encode(), i, len(b), b"extended") + b for u, i, b in evlrs)
    head = bytearray(header_size)
    head[:4] = b"LASF"
    struct.pack_into("<HH16sBB32s32s", head, 4, 77, encoding, bytes(range(16)), 1, minor, b"sys\0odd", b"maker 1.0")
    struct.pack_into("<HHHII", head, 90, 123, 2020, header_size, start, len(vlrs) + len(all_vlrs))
    promised = n if count is None else count
    struct.pack_into("<BHI", head, 104, point_format, length, promised & 0xFFFFFFFF if point_format < 6 else 0)
    struct.pack_into("<12d", head, 131, *scale, *offset, 9, -9, 8, -8, 7, -7)
    if minor >= 4:
        struct.pack_into("<QIQ", head, 235, start + n * length if evlrs else 0, len(evlrs), promised)
    if header_extra:
        head[-len(header_extra) :] = header_extra
    return bytes(head) + block + gap + records.tobytes() + tail


def _extra_size(descriptor: bytes) -> int:
    kind = descriptor[2]
    sizes = (1, 1, 2, 2, 4, 4, 8, 8, 4, 8)
    return descriptor[3] if kind == 0 else sizes[(kind - 1) % 10] * ((kind - 1) // 10 + 1)


@pytest.fixture(scope="session")
def build_las() -> Callable[..., bytes]:
    """Builds an uncompressed LAS file as bytes; see `_build_las` for what can be chosen."""
    return _build_las


def records_of(layout: Layout) -> np.ndarray:
    return np.concatenate([np.empty((0, layout.record_length), np.uint8), *read_records(layout)])


def random_labels(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 3, count).astype(np.uint8), rng.random(count).astype(np.float32)


@pytest.fixture(scope="session")
def labels() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    return random_labels


@pytest.fixture(scope="session")
def records() -> Callable[[Layout], np.ndarray]:
    return records_of


@pytest.fixture
def las_file(tmp_path: Path, build_las: Callable[..., bytes]) -> Callable[..., Path]:
    """Writes a built LAS file and gives its path."""

    def make(name: str = "in.las", **choices: object) -> Path:
        path = tmp_path / name
        path.write_bytes(build_las(**choices))
        return path

    return make


@pytest.fixture
def laz_file(tmp_path: Path, las_file: Callable[..., Path]) -> Callable[..., Path]:
    """The same as LAZ; it carries labels already, as leafwood is what compresses it."""

    def make(name: str = "in.laz", **choices: object) -> Path:
        plain = las_file(f"{name}.las", **choices)
        count = read_layout(plain).count
        relabel(plain, tmp_path / name, *random_labels(count))
        return tmp_path / name

    return make


@pytest.fixture(scope="session")
def descriptor() -> Callable[..., bytes]:
    """The 192 bytes of an extra dimension."""

    def make(name: str, dtype: str = "<u2", scale: float | None = None) -> bytes:
        return ExtraDim.new(name, dtype, "a test's", 0, scale).raw

    return make


@pytest.fixture(scope="session")
def write_copc() -> Callable[..., Path]:
    """Writes a LAS file of point format 6 to 8 as COPC of three levels: ``pipelines/write_copc.py``."""
    place = Path(__file__).resolve().parents[1] / "pipelines" / "write_copc.py"
    found: Callable[..., Path] = runpy.run_path(str(place))["write_copc"]
    return found


class _Server(ThreadingHTTPServer):
    """Serves a folder, and counts what it sends."""

    def __init__(self, folder: Path, *, ranges: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.ranges, self.sent, self.asked = folder, ranges, 0, 0
        self.cut = -1  # bytes of a whole file after which the connection ends

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(send=False)

    def do_GET(self) -> None:
        self._answer(send=True)

    def _answer(self, *, send: bool) -> None:
        path = self.server.folder / unquote(self.path.partition("?")[0]).lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        data, asked = path.read_bytes(), self.headers.get("Range")
        whole = len(data)
        part = re.fullmatch(r"bytes=(\d+)-(\d+)", asked) if asked and self.server.ranges else None
        if part:
            start, stop = int(part[1]), min(int(part[2]) + 1, whole)
            data = data[start:stop]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{whole}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{zlib.crc32(path.read_bytes())}"')
        if not self.server.ranges:
            self.send_header("Accept-Ranges", "none")
        self.end_headers()
        if send:
            data = data if part or self.server.cut < 0 else data[: self.server.cut]
            self.server.asked += 1
            self.server.sent += len(data)
            with contextlib.suppress(OSError):
                self.wfile.write(data)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[_Server]:
    """A server of the folder `tmp_path / "served"`."""
    (tmp_path / "served").mkdir()
    server = _Server(tmp_path / "served")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
