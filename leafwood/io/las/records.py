"""Variable length records: those before the points with their bodies, the extended ones behind them left in place."""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["EVLR_HEADER", "VLR_HEADER", "Record", "Vlr", "field_text", "parse_vlrs"]

VLR_HEADER = struct.Struct("<H16sHH32s")
EVLR_HEADER = struct.Struct("<H16sHQ32s")


def field_text(raw: bytes) -> str:
    """The text of a field that is filled up with zero bytes."""
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip()


@dataclass(frozen=True)
class Vlr:
    """A variable length record: its 54 header bytes and its body."""

    head: bytes
    body: bytes

    @classmethod
    def new(cls, user: str, record_id: int, body: bytes, description: str) -> Vlr:
        """A record with a fresh header."""
        head = VLR_HEADER.pack(0, user.encode("ascii"), record_id, len(body), description.encode("ascii"))
        return cls(head, body)

    def with_body(self, body: bytes) -> Vlr:
        """The same record with other content."""
        return Vlr(self.head[:20] + struct.pack("<H", len(body)) + self.head[22:], body)

    @property
    def user(self) -> str:
        """Who defined the record, such as ``LASF_Spec``."""
        return field_text(self.head[2:18])

    @property
    def record_id(self) -> int:
        """The record's number among its user's."""
        return int.from_bytes(self.head[18:20], "little")

    @property
    def description(self) -> str:
        """Free text."""
        return field_text(self.head[22:54])

    @property
    def key(self) -> tuple[str, int]:
        """User and number, which say what the record is."""
        return self.user, self.record_id


@dataclass(frozen=True)
class Record:
    """An extended record after the points; its body stays in the file."""

    user: str
    record_id: int
    description: str
    start: int
    length: int

    @property
    def key(self) -> tuple[str, int]:
        """User and number, which say what the record is."""
        return self.user, self.record_id

    @property
    def stop(self) -> int:
        """Where the next record starts, in bytes from the start of the file."""
        return self.start + EVLR_HEADER.size + self.length


def parse_vlrs(block: bytes, promised: int) -> tuple[list[Vlr], int]:
    """The records in the bytes between header and points, as many as can be read, and how many bytes they take."""
    vlrs: list[Vlr] = []
    used = 0
    while len(vlrs) < promised and used + VLR_HEADER.size <= len(block):
        length = int.from_bytes(block[used + 20 : used + 22], "little")
        stop = used + VLR_HEADER.size + length
        if stop > len(block):
            break
        vlrs.append(Vlr(block[used : used + VLR_HEADER.size], block[used + VLR_HEADER.size : stop]))
        used = stop
    return vlrs, used
