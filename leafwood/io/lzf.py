"""LZF decompression (Marc Lehmann's liblzf format), as PCD's ``binary_compressed`` uses it."""

from __future__ import annotations

__all__ = ["MOST_GROWTH", "decompress"]

MOST_GROWTH = 88  # a reference of 3 bytes copies at most 264
_LITERALS = 32
_LONG = 7


def decompress(packed: bytes, size: int) -> bytes:
    """Unpack an LZF stream.

    A control byte below 32 is followed by that many literal bytes and one more. Any other holds a length in its upper
    three bits (7: one more byte adds to it) and, with the byte behind it, the distance of an earlier piece to copy.

    Args:
        packed: the stream.
        size: bytes it must give.

    Raises:
        ValueError: the stream is damaged, or gives another number of bytes.
    """
    out = bytearray()
    at, stop = 0, len(packed)
    try:
        while at < stop:
            control = packed[at]
            at += 1
            if control < _LITERALS:
                out += packed[at : at + control + 1]
                at += control + 1
                continue
            length = control >> 5
            if length == _LONG:
                length += packed[at]
                at += 1
            start = len(out) - ((control & 0x1F) << 8) - packed[at] - 1
            at += 1
            if start < 0:
                raise ValueError("an LZF reference leads before the start")
            _copy(out, start, length + 2)
            if len(out) > size:
                break
    except IndexError as error:
        raise ValueError("the LZF stream is cut short") from error
    if at > stop or len(out) != size:
        raise ValueError(f"the LZF stream gives {len(out)} bytes in place of {size}")
    return bytes(out)


def _copy(out: bytearray, start: int, length: int) -> None:
    """Append `length` bytes from `start` on; a piece that reaches into itself repeats."""
    piece = out[start : start + length]
    if len(piece) < length:
        piece = (piece * (length // len(piece) + 1))[:length]
    out += piece
