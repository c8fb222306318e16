"""Files that lie on a server or in an object store: HTTP, S3 and whatever else fsspec reads.

An address travels as a :class:`~pathlib.Path` through code that knows files alone. ``Path("s3://bucket/a.laz")`` is
``s3:/bucket/a.laz``, which has the right name and suffix, and :func:`url_of` gives the address back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

from leafwood.errors import BadFile, LeafwoodError, MissingExtra, require

__all__ = ["NoRanges", "Remote", "file_name", "listed", "shown", "url_of"]

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/+(.+)", re.DOTALL)  # one letter is a drive of Windows
_BLOCK = 1 << 14  # bytes that are read ahead: the records before the points take a few kilobytes
_COPIED = 1 << 23  # bytes of a file that is read whole, at a time
_SILENCE = 60.0  # seconds without a byte after which a server is given up


def url_of(path: Path | str) -> str | None:
    """The address that a path stands for, or None for a file of this machine."""
    found = _ADDRESS.fullmatch(path.as_posix() if isinstance(path, Path) else path)
    return f"{found[1]}://{found[2]}" if found else None


def shown(path: Path) -> str:
    """A path as it may be printed and kept: an address without its user and its query, which may be secrets."""
    url = url_of(path)
    if url is None:
        return str(path)
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def file_name(path: Path) -> str:
    """The name of a file, which an address may have a query behind."""
    return Path(shown(path)).name if url_of(path) else path.name


class NoRanges(BadFile):
    """A server gives whole files alone."""


class Remote:
    """A file at an address.

    Args:
        path: its address, see :func:`url_of`.

    Raises:
        MissingExtra: what reads such addresses is not installed.
        BadFile: nothing reads such addresses.
    """

    def __init__(self, path: Path) -> None:
        url = url_of(path)
        assert url is not None
        self.said = shown(path)
        require("fsspec", f"{self.said}: reading it")
        from fsspec.core import url_to_fs

        with _in_one_line(self.said):
            self._fs, self._place = url_to_fs(url, **_options(url))

    def inside(self, several: bool, suffixes: tuple[str, ...]) -> list[Path]:
        """The files of a folder, or those that match where the address is a pattern; none where it is a file.

        Raises:
            BadFile: nothing is there.
        """
        with _in_one_line(self.said):
            if not several and self._fs.info(self._place).get("type") != "directory":
                return []
            found = sorted(self._fs.glob(self._place) if several else self._fs.find(self._place))
            files = [Path(self._fs.unstrip_protocol(name)) for name in found]
        files = [file for file in files if file_name(file).lower().endswith(suffixes)]
        if not files:
            raise BadFile(f"{self.said}: no point cloud there")
        return files

    def state(self) -> dict[str, Any]:
        """Size and, where the server tells, what changes with the content: tag, time."""
        with _in_one_line(self.said):
            self._fs.invalidate_cache()  # a listing from before says what was there then
            info = self._fs.info(self._place)
        if info.get("type") == "directory":
            raise BadFile(f"{self.said}: is a folder, not a file")
        kept = {name.lower().replace("-", ""): str(value) for name, value in info.items() if value is not None}
        return {"size": info.get("size")} | {name: kept[name] for name in ("etag", "lastmodified") if name in kept}

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The file as a stream in which one can seek; what is not looked at is not fetched.

        Raises:
            NoRanges: in the block, where the server gives whole files alone.
            BadFile: it is not there, may not be read, or the server ended the connection.
        """
        with _in_one_line(self.said), self._fs.open(self._place, block_size=_BLOCK, cache_type="readahead") as stream:
            yield stream

    def pieces(self, spans: list[tuple[int, int]]) -> list[bytes]:
        """The bytes of several (start, stop), fetched at the same time where the server allows it."""
        starts, stops = zip(*spans, strict=True)
        with _in_one_line(self.said):
            found = self._fs.cat_ranges([self._place] * len(spans), list(starts), list(stops), on_error="raise")
        for piece, (start, stop) in zip(found, spans, strict=True):
            if len(piece) != stop - start:
                raise BadFile(f"{self.said}: its server sent {len(piece):,} bytes for {stop - start:,}")
        return [bytes(piece) for piece in found]

    def blocks(self) -> Iterator[bytes]:
        """The whole file, some megabytes at a time."""
        with _in_one_line(self.said):
            stream = self._fs.open(self._place, block_size=_COPIED, cache_type="readahead")
        with stream:
            while True:
                with _in_one_line(self.said):
                    block = stream.read(_COPIED)
                if not block:
                    return
                yield block


def listed(path: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The files that an address stands for: itself, or what a folder holds, or what a pattern with ``*`` stands for.

    Args:
        path: the address.
        suffixes: of the files that are listed.

    Raises:
        BadFile: nothing is there.
        MissingExtra: what reads such addresses is not installed.
    """
    several = "*" in file_name(path)
    if not several and file_name(path).lower().endswith(suffixes):
        return [path]
    return Remote(path).inside(several, suffixes) or [path]


def _options(url: str) -> dict[str, Any]:
    """What fsspec should know beside an address: large files take longer than the five minutes it would give them."""
    if not url.startswith(("http:", "https:")):
        return {}
    require("aiohttp", f"{shown(Path(url))}: reading it")
    from aiohttp import ClientTimeout

    timeout = ClientTimeout(total=None, sock_connect=_SILENCE, sock_read=_SILENCE)
    return {"client_kwargs": {"timeout": timeout, "trust_env": True}}


@contextmanager
def _in_one_line(said: str) -> Iterator[None]:
    """Turn what the libraries of so many stores raise into one line."""
    try:
        yield
    except (LeafwoodError, MemoryError):
        raise
    except ImportError as error:
        raise MissingExtra(f'{said}: {error}; pip install "leafwood[remote]" brings S3 and HTTP') from error
    except FileNotFoundError as error:
        raise BadFile(f"{said}: does not exist, or may not be seen") from error
    except PermissionError as error:
        raise BadFile(f"{said}: may not be read; are there credentials for it?") from error
    except ValueError as error:  # of fsspec's files over HTTP
        raise NoRanges(f"{said}: cannot be read: {error}") from error
    except Exception as error:
        text = str(error).split("\n", 1)[0] or type(error).__name__
        raise BadFile(f"{said}: cannot be read: {text}") from error
