"""The same LAS file again, plus labels: what must not change is copied as bytes, chunk by chunk.

Changed are: two (to four) extra dimensions and their descriptors, the generating software (appended), offsets that move
because records grew, and, when asked for, `classification` where vegetation or nothing stood, format and CRS. COPC
loses its octree records: the file is plain LAZ afterwards.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import DEFAULT_CLASSES, ClassMap
from leafwood.errors import BadCloud, BadConfig, BadFile, FileWarning
from leafwood.io.labels import LEAFWOOD
from leafwood.io.las.labels import Labels, write_classes
from leafwood.io.las.laszip import LASZIP
from leafwood.io.las.layout import RECORD_SIZES, read_layout
from leafwood.io.las.plan import Plan, make_plan, plan_header, plan_vlrs
from leafwood.io.las.points import LasSink, LazSink, read_records
from leafwood.io.las.standard import standard_columns
from leafwood.io.las.tail import copy_tail
from leafwood.io.las.upgrade import UPGRADES, upgrade_records
from leafwood.io.target import check_target, writing

__all__ = ["is_laz", "relabel"]


def relabel(
    source: Path | str,
    target: Path | str,
    leafwood: NDArray[Any],
    wood_prob: NDArray[Any],
    *,
    extra: Mapping[str, NDArray[Any]] | None = None,
    classify: bool = False,
    ground: NDArray[np.bool_] | None = None,
    class_map: ClassMap = DEFAULT_CLASSES,
    upgrade: bool = False,
    overwrite: bool = False,
    crs: str | None = None,
) -> None:
    """Write a copy of a LAS or LAZ file with every point labelled.

    Args:
        source: LAS, LAZ or COPC.
        target: ``.las`` or ``.laz``; appears only once it is complete.
        leafwood: (n,) codes 0 not processed, 1 leaf, 2 wood, in file order.
        wood_prob: (n,) P(wood), 0 to 1.
        extra: at most two more (n,) columns by name.
        classify: write leaf, wood and ground into `classification`, too, where vegetation or nothing stood.
        ground: (n,) ground points, for `classify`.
        class_map: codes for `classification`; only point formats 6 and above can hold them.
        upgrade: turn point formats 0-5 into 6-10 of LAS 1.4 with a WKT CRS.
        overwrite: replace an existing target (never the source).
        crs: a CRS to write in place of the file's own.

    Raises:
        BadFile: the source is damaged.
        TargetExists: the target is there, or is the source.
        FileProblem: the target cannot be written.
        BadCloud: labels that do not fit the file.
        BadConfig: a class code, a CRS, a suffix or a name that cannot be written.
    """
    source, target = Path(source), Path(target)
    compressed = is_laz(target)
    _check_class_map(class_map)
    check_target(target, source, overwrite)
    layout = read_layout(source)
    names = standard_columns(UPGRADES.get(layout.point_format, layout.point_format) if upgrade else layout.point_format)
    labels = Labels.of(source, layout.count, leafwood, wood_prob, extra or {}, names)
    if ground is not None and ground.shape != (layout.count,):
        raise BadCloud(f"{source}: ground has shape {ground.shape} for {layout.count} points")
    plan, notes = make_plan(layout, labels, compressed, upgrade, crs, classify)
    for line in notes:
        warnings.warn(f"{source}: {line}", FileWarning, stacklevel=2)
    with writing(target, source, overwrite) as stream:
        _write(stream, plan, labels, _Classes(class_map, ground) if classify and plan.point_format >= 6 else None)


def is_laz(target: Path) -> bool:
    """Whether a target is to be compressed.

    Raises:
        BadConfig: it is neither .las nor .laz, or is to be COPC.
    """
    name = target.name.lower()
    if name.endswith(".copc.laz"):
        raise BadConfig(f"{target}: leafwood cannot write COPC; name it .laz (untwine or pdal make it COPC again)")
    if target.suffix.lower() not in (".las", ".laz"):
        raise BadConfig(f"{target}: labels of a LAS file are written to .las or .laz")
    return target.suffix.lower() == ".laz"


def _check_class_map(class_map: ClassMap) -> None:
    if not all(0 <= code <= 255 for code in class_map) or class_map.leaf == class_map.wood:
        raise BadConfig(f"class codes are two numbers from 0 to 255, not {class_map.leaf} and {class_map.wood}")


class _Classes(NamedTuple):
    """What is written into `classification`.

    Attributes:
        codes: for leaf and wood.
        ground: (n,) ground points, or None where they are not known.
    """

    codes: ClassMap
    ground: NDArray[np.bool_] | None


def _write(stream: BinaryIO, plan: Plan, labels: Labels, classes: _Classes | None) -> None:
    vlrs = plan_vlrs(plan)
    header = plan_header(plan, vlrs)
    stream.write(header)
    for vlr in vlrs:
        stream.write(vlr.head + vlr.body)
    stream.write(plan.layout.gap)
    zip_vlr = next((v for v in vlrs if v.key == LASZIP), None)
    sink = LazSink(stream, zip_vlr.body) if zip_vlr else LasSink(stream)
    start = 0
    for records in _checked(plan, read_records(plan.source)):
        part = slice(start, start + len(records))
        columns = labels.part(part)
        out = _rewrite(plan, records, columns)
        if classes is not None:
            earlier = plan.earlier.values(records) if plan.earlier else None
            ground = classes.ground[part] if classes.ground is not None else None
            write_classes(out, columns[LEAFWOOD], earlier, classes.codes, ground)
        sink.write(out)
        start = part.stop
    sink.close()
    with plan.source.path.open("rb") as original:
        copy_tail(stream, plan.source, original, plan.kept, bytearray(header))


def _checked(plan: Plan, chunks: Iterator[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    """The chunks, refused where LAZ would not give the waveform fields back.

    lazrs 0.8.2 mixes up wave packets as soon as the scanner channel changes (found by round trips of random records;
    every other field of every format came back).
    """
    exposed = plan.source.point_format in (9, 10) and (plan.compressed or plan.source.compressed)
    first: int | None = None
    for records in chunks:
        if exposed and len(records):
            channels = records[:, 15] & 0x30
            first = int(channels[0]) if first is None else first
            if (channels != first).any():
                raise BadFile(
                    f"{plan.source.path}: has waveforms of several scanner channels, which LAZ would damage; "
                    "uncompress it with LASzip and name the output .las"
                )
        yield records


def _rewrite(plan: Plan, records: NDArray[np.uint8], columns: Mapping[str, NDArray[Any]]) -> NDArray[np.uint8]:
    if plan.point_format != plan.source.point_format:
        records = upgrade_records(records, plan.source.point_format)
    out = np.empty((len(records), plan.record_length), dtype=np.uint8)
    if plan.moves is not None:
        base = RECORD_SIZES[plan.point_format]
        out[:, :base] = records[:, :base]
        for start, to, size in plan.moves:
            out[:, to : to + size] = records[:, start : start + size]
    else:
        out[:, : records.shape[1]] = records
    for name, dim in plan.ours.items():
        column = np.ascontiguousarray(columns[name])
        out[:, dim.start : dim.start + dim.size] = column.view(np.uint8).reshape(len(column), dim.size)
    return out
