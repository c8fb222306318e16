"""What a relabelled LAS file will look like: header, records and dimensions, decided before a byte is written."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace

from leafwood._version import __version__
from leafwood.errors import BadConfig, BadFile
from leafwood.io.las.crs import PROJECTION, FileCrs, crs_of, parse_user_crs
from leafwood.io.las.earlier import fields_of_earlier_run
from leafwood.io.las.extra import EXTRA_BYTES, ExtraDim, describe_records, extra_vlr, place
from leafwood.io.las.labels import Labels, place_dims
from leafwood.io.las.laszip import LASZIP, laszip_body
from leafwood.io.las.layout import RECORD_SIZES, Layout
from leafwood.io.las.records import Record, Vlr
from leafwood.io.las.upgrade import UPGRADES, WKT_BIT, upgrade_header, wkt_vlr

__all__ = ["Plan", "make_plan", "plan_header", "plan_vlrs"]

_EXTERNAL_BIT = 0x04
_MOST_RECORD = 65535
_SOFTWARE_BYTES = 32


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything decided before the first byte is written.

    Attributes:
        source: the file as it is.
        layout: header and records as they will be, offsets not yet moved.
        point_format: point format of the output.
        dims: descriptors of the output.
        moves: where a record's extra bytes go from the source (upgraded where it is to be) to the output, as
            (from, to, bytes); None where they stay where they are.
        ours: where our values go.
        earlier: where an earlier run left its codes in the source's records, or None.
        record_length: record length of the output.
        compressed: whether LAZ is written.
        kept: extended records that are copied.
    """

    source: Layout
    layout: Layout
    point_format: int
    dims: list[ExtraDim]
    moves: tuple[tuple[int, int, int], ...] | None
    ours: Mapping[str, ExtraDim]
    earlier: ExtraDim | None
    record_length: int
    compressed: bool
    kept: tuple[Record, ...]


def make_plan(
    source: Layout, labels: Labels, compressed: bool, upgrade: bool, crs: str | None, classify: bool
) -> tuple[Plan, list[str]]:
    """Decide what the output looks like.

    Args:
        source: the input.
        labels: what is added.
        compressed: whether LAZ is written.
        upgrade: whether point formats 0 to 5 become 6 to 10.
        crs: a CRS in place of the file's own, or None.
        classify: whether classes are written, too.

    Returns:
        The plan, and what the user should know about it, one line each.

    Raises:
        BadFile: no room for more dimensions.
        BadConfig: a CRS that cannot be written.
    """
    notes = []
    if len(source.evlrs) < source.evlr_count:
        notes.append(f"{source.evlr_count - len(source.evlrs)} EVLRs cannot be read and are not copied")
    new_format = UPGRADES.get(source.point_format, source.point_format) if upgrade else source.point_format
    dims, left_out = describe_records(source, new_format)
    if left_out:
        notes.append(f"{left_out} of its extra byte descriptors do not fit the records and are left out")
    left = fields_of_earlier_run(source, dims, labels)
    renamed = [dim for dim in dims if dim.said is not None and dim.name not in left.dropped]
    notes += [f"has a dimension {_said(dim)}, which is now called {dim.name}" for dim in renamed]
    layout = source
    if upgrade and source.point_format in UPGRADES:
        layout, more = upgrade_header(source, parse_user_crs(crs) if crs else crs_of(source))
        notes += more
    if crs:
        layout = _with_crs(layout, parse_user_crs(crs), new_format)
    base = RECORD_SIZES[new_format]
    shift = base - source.base_length
    old = [dim for dim in dims if dim.name not in left.dropped]
    kept_dims = place(old, base)
    moves = (
        tuple((a.start + shift, b.start, a.size) for a, b in zip(old, kept_dims, strict=True)) if left.dropped else ()
    )
    stop = base + sum(d.size for d in kept_dims)
    dims, ours, more_notes = place_dims(kept_dims, labels, stop, left.names)
    length = stop + sum(d.size for d in dims[len(kept_dims) :])
    if length > _MOST_RECORD or len(dims) * 192 > _MOST_RECORD:
        raise BadFile(f"{source.path}: its {len(kept_dims)} extra dimensions leave no room for labels")
    notes += [*more_notes, *_format_notes(source, layout, new_format, classify)]
    kept = tuple(r for r in source.evlrs if not _is_moved(r) and not (crs and r.user == PROJECTION))
    changed = moves if left.dropped else None
    return Plan(source, layout, new_format, dims, changed, ours, left.codes, length, compressed, kept), notes


def _said(dim: ExtraDim) -> str:
    return f"{dim.said!r} (a name that is taken)" if dim.said else "without a name"


def _is_moved(record: Record) -> bool:
    """Extended records that are not copied: COPC's octree, and descriptors, which end up in one record."""
    return _is_copc(record) or record.key == EXTRA_BYTES


def _is_copc(record: Vlr | Record) -> bool:
    return record.user == "copc"


def _format_notes(source: Layout, layout: Layout, point_format: int, classify: bool) -> list[str]:
    notes = []
    if layout.minor < 4:
        notes.append(
            f"is LAS 1.{layout.minor}, where some programs misread extra dimensions; upgrade=True writes LAS 1.4"
        )
    if point_format < 6 and classify:
        notes.append(
            "its point format has no room for leaf and wood classes (upgrade=True makes it): they are not written"
        )
    if source.is_copc:
        notes.append("is COPC; the output is plain LAZ (untwine or pdal make it COPC again)")
    if point_format in (4, 5, 9, 10) and source.global_encoding & _EXTERNAL_BIT:
        notes.append(f"its waveforms are in {source.path.with_suffix('.wdp').name}: keep a copy beside the output")
    declared = max([source.points_stop, *(r.stop for r in source.evlrs), *(source.waveform or ())])
    if not source.compressed and declared < source.size:
        notes.append(f"{source.size - declared} bytes at its end belong to no record and are not copied")
    return notes


def _with_crs(layout: Layout, crs: FileCrs, point_format: int) -> Layout:
    others = tuple(v for v in layout.vlrs if v.user != PROJECTION)
    header = bytearray(layout.header)
    encoding = layout.global_encoding
    if layout.minor >= 4 or point_format >= 6:
        new: tuple[Vlr, ...] = (wkt_vlr(crs),)
        struct.pack_into("<H", header, 6, encoding | WKT_BIT)
    else:
        new = _geotiff_vlrs(crs)
        struct.pack_into("<H", header, 6, encoding & ~WKT_BIT)
    return replace(layout, header=bytes(header), vlrs=(*others, *new))


def _geotiff_vlrs(crs: FileCrs) -> tuple[Vlr, ...]:
    from laspy.vlrs.geotiff import create_geotiff_projection_vlrs

    assert crs.crs is not None
    plane = (crs.crs.sub_crs_list or [crs.crs])[0]
    try:
        keys, text = create_geotiff_projection_vlrs(plane)
    except Exception as error:  # pyproj's and laspy's own, and those of Python for what is no ASCII
        raise BadConfig(
            f"{plane.name} cannot be written before LAS 1.4; upgrade=True makes it that ({error})"
        ) from error
    return tuple(
        Vlr.new(PROJECTION, vlr.official_record_ids()[0], vlr.record_data_bytes(), what)
        for vlr, what in ((keys, "GeoTIFF GeoKeyDirectoryTag"), (text, "GeoTIFF GeoAsciiParamsTag"))
    )


def plan_vlrs(plan: Plan) -> list[Vlr]:
    """Records in their old order: ours replace their like, new ones follow."""
    out: list[Vlr] = []
    extra_base = RECORD_SIZES[plan.point_format]
    zip_body = laszip_body(plan.point_format, plan.record_length - extra_base) if plan.compressed else b""
    done: set[tuple[str, int]] = set()
    for vlr in plan.layout.vlrs:
        if _is_copc(vlr) or vlr.key in done or (vlr.key == LASZIP and not plan.compressed):
            continue
        if vlr.key == EXTRA_BYTES:
            vlr = extra_vlr(plan.dims, vlr)
            done.add(EXTRA_BYTES)
        elif vlr.key == LASZIP:
            vlr = vlr.with_body(zip_body)
            done.add(LASZIP)
        out.append(vlr)
    if EXTRA_BYTES not in done:
        out.append(extra_vlr(plan.dims, None))
    if plan.compressed and LASZIP not in done:
        out.append(Vlr.new(*LASZIP, zip_body, "by laz-rs"))
    return out


def _software(old: bytes) -> bytes:
    """The 32 bytes of the generating software with our name at the end, once."""
    text = old.split(b"\0", 1)[0].rstrip()
    ours = f"leafwood {__version__}".encode()
    at = text.find(b"leafwood ")
    before = text[:at].rstrip(b"; ") if at >= 0 else text
    line = before[: _SOFTWARE_BYTES - len(ours) - 2] + b"; " + ours if before else ours
    return line[:_SOFTWARE_BYTES].ljust(_SOFTWARE_BYTES, b"\0")


def plan_header(plan: Plan, vlrs: list[Vlr]) -> bytes:
    """The header with offsets as far as they are known before the points are written."""
    header = bytearray(plan.layout.header)
    header[58:90] = _software(bytes(header[58:90]))
    start = len(header) + sum(len(v.head) + len(v.body) for v in vlrs) + len(plan.layout.gap)
    struct.pack_into("<II", header, 96, start, len(vlrs))
    struct.pack_into("<BH", header, 104, plan.point_format | (0x80 if plan.compressed else 0), plan.record_length)
    return bytes(header)
