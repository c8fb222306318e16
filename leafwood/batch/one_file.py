"""One scan from file to labelled file."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.batch.at_hand import at_hand
from leafwood.batch.pages import MadeBy, write_page
from leafwood.batch.plan import is_made
from leafwood.classes import check_preset
from leafwood.cloud import PointCloud
from leafwood.errors import BadCloud, BadConfig, FileWarning, LeafwoodError, NoPointCloud, about
from leafwood.inference.labelling import Progress
from leafwood.inference.segmenter import Quality
from leafwood.inference.trust import Doubt, doubts, is_table, spoils, too_sparse
from leafwood.io.bounds import Bounds
from leafwood.io.files import NAMED, is_product
from leafwood.io.labels import HEIGHT, LEAFWOOD
from leafwood.io.las.crs import parse_user_crs
from leafwood.io.las.read import read_las
from leafwood.io.las.stream import open_las, open_noting
from leafwood.io.loaders import check_suffix, is_las, read, write
from leafwood.io.remote import file_name, url_of
from leafwood.io.target import check_target, why_not_written
from leafwood.memory import as_bytes
from leafwood.models import CloudSegmenter, Device, load_segmenter
from leafwood.postprocess.abstain import abstain
from leafwood.postprocess.rule import Rule
from leafwood.report.notes import noted_warnings
from leafwood.report.paths import report_path
from leafwood.spatial.ground import find_ground
from leafwood.weights import DEFAULT_MODEL

if TYPE_CHECKING:
    from leafwood.canopy.profile import Canopy, CanopyConfig

__all__ = [
    "TABLES",
    "LabelOptions",
    "Labelled",
    "is_labelled",
    "label_file",
    "measure",
    "outputs",
    "read_cloud",
    "segmenter",
    "with_profile",
    "write_labelled",
]

_LOG = logging.getLogger(__name__)
_loaded = lru_cache(maxsize=1)(load_segmenter)
_AROUND = 10.0  # m beside the bounds that are seen too, so that labels inside are those of the whole scan
# The columns of a LAS file that decide what is labelled and how, and what an earlier run left.
_LOOKED_AT = ("classification", "withheld", "return_number", "number_of_returns", "leafwood", "wood_prob", "height_ag")
TABLES = (".asc", ".csv", ".txt")  # suffixes that tables, notes and rasters have as well as point clouds


@dataclass(frozen=True, kw_only=True)
class LabelOptions:
    """How scans are labelled and written.

    Attributes:
        model: name of a shipped model, or a ``.safetensors`` file.
        threads: processors to use for a scan; all that the process may use when None.
        memory: bytes that each process keeps within; half of the machine's and at most 4 GB when None.
        overwrite: replace existing outputs, never an input.
        resume: leave alone what is made already, and add what is missing beside it.
        force: label and measure what is refused otherwise, such as scans that are far too sparse.
        classify: write leaf, wood and found ground into `classification`, too.
        height: write the height above ground, too.
        labels: label preset that says what the codes in `classification` are, or None for the ASPRS meaning.
        upgrade: write point formats 0-5 as 6-10.
        crs: coordinate system to use and write in place of the file's.
        rule: how labels are made of probabilities; the model's own when None.
        quality: ``standard`` or ``high``; the model's own when None.
        device: ``cpu``, or ``cuda`` for a GPU.
        abstain: leave points undecided that are less sure than this.
        profile: also write leaf and wood area by height.
        report: also write a page to look at.
        bounds: label only what lies inside (LAS, LAZ and COPC); the output holds nothing else.

    Raises:
        BadConfig: a setting that would fail for every scan.
    """

    model: str = DEFAULT_MODEL
    threads: int | None = None
    memory: int | None = None
    overwrite: bool = False
    resume: bool = False
    force: bool = False
    classify: bool = False
    height: bool = False
    labels: str | None = None
    upgrade: bool = False
    crs: str | None = None
    rule: Rule | None = None
    quality: Quality | None = None
    device: Device = "cpu"
    abstain: float | None = None
    profile: bool = False
    report: bool = False
    bounds: Bounds | None = None

    def __post_init__(self) -> None:
        if self.abstain is not None and not 0.5 <= self.abstain <= 1:
            raise BadConfig(f"`abstain` must be a probability between 0.5 and 1, not {self.abstain:g}")
        if self.threads is not None and self.threads < 1:
            raise BadConfig("`threads` must be at least 1")
        if self.memory is not None:
            as_bytes(self.memory)
        if self.labels is not None:
            check_preset(self.labels)
        if self.crs is not None:
            parse_user_crs(self.crs)
        if self.bounds is not None:
            self.bounds.check()


class Labelled(NamedTuple):
    """What came of a scan.

    Attributes:
        counts: (3,) points not processed, leaf, wood; zeros where the labels were there already.
        canopy: what its profile says in a line, if one was asked for and could be made.
        no_profile: why the profile that was asked for is missing, or None. The labels are written all the same.
        doubts: reasons not to trust the answers, the severe ones first.
        seconds: that it took, or None where the labels were there already.
        unlike: how unlike the scans that the model was calibrated on it is; NaN where nobody knows.
    """

    counts: NDArray[np.int64]
    canopy: str | None = None
    no_profile: str | None = None
    doubts: tuple[Doubt, ...] = ()
    seconds: float | None = None
    unlike: float = np.nan


def label_file(source: Path, target: Path, options: LabelOptions, progress: Progress | None = None) -> Labelled:
    """Read a scan, label it, and write it again with its labels.

    With ``options.resume`` labels that are there and no older than the scan stay, and only a missing profile is added.

    Args:
        source: the scan.
        target: the labelled file to be, in a folder that is there.
        options: how.
        progress: called with the points done and the points to do after each tile.

    Raises:
        LeafwoodError: anything that is wrong with the scan, the target or the options. What is wrong with the profile
            alone is no failure but said in the result.
    """
    if options.resume and is_labelled(source, target):
        with noted_warnings() as remarks:
            labelled = read(target)
        if options.report and not report_path(target).exists():
            with at_hand(source, target.parent, options.bounds, _AROUND) as scan:
                write_page(labelled, source, target, options, scan=scan, remarks=remarks)
        return with_profile(Labelled(np.zeros(3, dtype=np.int64)), labelled, target, options)
    for file in outputs(target, options):  # now and not after the work
        check_target(file, source, options.overwrite)
    check_suffix(target, Path(file_name(source)) if url_of(source) else source)
    begun = time.perf_counter()
    with at_hand(source, target.parent, options.bounds, _AROUND) as scan:
        label = _label if options.bounds is None else _label_inside
        made = label(scan, source, target, options, progress)
    return made._replace(seconds=time.perf_counter() - begun)


def _label(scan: Path, source: Path, target: Path, options: LabelOptions, progress: Progress | None) -> Labelled:
    """The same for a scan that lies at hand, and what it is called."""
    from leafwood.batch.survey.large import is_large, label_large

    if is_large(scan, target, options):
        return label_large(scan, target, options, progress)
    begun = started = time.perf_counter()
    cloud, remarks = read_cloud(scan, options)
    _LOG.info("%s: %d points read in %.1f s", scan, len(cloud), time.perf_counter() - started)
    with about(scan):
        started = time.perf_counter()
        account = segmenter(options).segment_with_account(cloud, progress)
        result, far = account.cloud, account.unlike
        _LOG.info("%s: labelled in %.1f s", scan, time.perf_counter() - started)
        if options.abstain is not None:
            result = abstain(result, options.abstain)
    write_labelled(result, target, scan, options)
    _LOG.info("%s: written", target)
    if options.report:
        model = segmenter(options).model
        seconds = time.perf_counter() - begun
        made_by = MadeBy(model.name, model.sha256, seconds, far)
        write_page(result, source, target, options, scan=scan, remarks=remarks, made_by=made_by)
    found = tuple(doubts(result, remarks, far))
    for doubt in spoils(found, "labels"):
        warnings.warn(f"{scan}: do not trust the labels: {doubt.detail}; {doubt.advice}", FileWarning, stacklevel=2)
    made = Labelled(np.bincount(result.columns["leafwood"], minlength=3), doubts=found)
    return with_profile(made, result, target, options)


def _label_inside(scan: Path, source: Path, target: Path, options: LabelOptions, progress: Progress | None) -> Labelled:
    """The same for what lies inside the bounds, by a file that holds what lies around as well."""
    from leafwood.batch.survey.large import add_extras
    from leafwood.io.las.clip import clip

    assert options.bounds is not None
    begun = time.perf_counter()
    wide = scan.with_name(f"labelled-{target.name}")
    made = _label(scan, source, wide, replace(options, profile=False, report=False), progress)
    clip(wide, target, options.bounds, overwrite=options.overwrite)
    counts = np.zeros(3, dtype=np.int64)
    for _, columns in open_las(target, options.crs).chunks((LEAFWOOD,)):
        counts += np.bincount(columns[LEAFWOOD], minlength=3)
    wide.unlink()
    _, remarks = open_noting(scan, options.crs)
    made = made._replace(counts=counts, seconds=time.perf_counter() - begun)
    return add_extras(made, source, target, options, remarks, scan=scan)


def read_cloud(source: Path, options: LabelOptions) -> tuple[PointCloud, list[str]]:
    """Read a scan to be labelled, and what was odd about the file.

    Raises:
        NoPointCloud: a table of trees or of ground control points.
        BadCloud: far too sparse to be labelled, unless that is forced.
        LeafwoodError: it cannot be read.
    """
    with noted_warnings() as remarks:
        if is_las(source) and not (options.profile or options.report):  # which look at more
            cloud = read_las(source, _LOOKED_AT, crs=options.crs)
        else:
            cloud = read(source, crs=options.crs)
    if not options.force:
        if source.suffix.lower() in TABLES and is_table(cloud):
            raise NoPointCloud(f"{source}: its {len(cloud):,} rows are a table and no point cloud")
        if doubt := too_sparse(cloud):
            raise BadCloud(f"{source}: {doubt.detail}; {doubt.advice}; force=True labels it all the same")
    return cloud if options.labels is None else cloud.under_preset(options.labels), remarks


def write_labelled(result: PointCloud, target: Path, source: Path, options: LabelOptions) -> None:
    """Write a labelled cloud as the options say; see :func:`leafwood.io.loaders.write`."""
    write(
        result,
        target,
        like=source,
        extra=(HEIGHT,) if options.height else (),
        classify=options.classify,
        upgrade=options.upgrade,
        overwrite=options.overwrite,
        crs=options.crs,
    )


def with_profile(made: Labelled, result: PointCloud, target: Path, options: LabelOptions) -> Labelled:
    """The same with its profile, if one is asked for, or with why there is none."""
    if not options.profile:
        return made
    from leafwood.canopy.profile import CanopyConfig
    from leafwood.report.canopy import headline, write_canopy

    try:
        with about(target):
            canopy = measure(
                result, CanopyConfig(), doubts_of=made.doubts if made.counts.any() else None, force=options.force
            )
        files = write_canopy(canopy, target.parent, target.stem, overwrite=options.overwrite)
    except (LeafwoodError, OSError) as error:
        return made._replace(no_profile=why_not_written(error, target.parent) or str(error))
    return made._replace(canopy=f"{files[0]}: {headline(canopy)}")


def measure(
    cloud: PointCloud,
    config: CanopyConfig,
    labels: str = "leafwood",
    *,
    doubts_of: tuple[Doubt, ...] | None = None,
    force: bool = False,
) -> Canopy:
    """Measure the canopy of a labelled cloud, unless nobody should believe what comes out.

    Args:
        cloud: n points with labels.
        config: bins, coefficient, grid.
        labels: how leaf and wood are written.
        doubts_of: reasons not to trust the answer, if they are known already.
        force: measure all the same; the doubts are in what is written.

    Raises:
        BadCloud: see :func:`~leafwood.canopy.profile.measure_canopy`; or a scan that no leaf area follows from: from
            below, of a single tree, far too sparse.
    """
    from leafwood.canopy.profile import measure_canopy

    if "height_ag" not in cloud.columns:
        ground = find_ground(cloud)
        cloud = cloud.with_columns(height_ag=ground.height, ground=ground.mask)
    found = doubts(cloud) if doubts_of is None else doubts_of
    wrong = spoils(found, "profile")
    if wrong and not force:
        raise BadCloud(f"no leaf area follows from it: {wrong[0].detail}; {wrong[0].advice}; force=True measures it")
    canopy = measure_canopy(cloud, config, labels)
    return replace(canopy, doubts=tuple(doubt.title for doubt in found))


def is_labelled(source: Path, target: Path, files: Iterable[Path] = ()) -> bool:
    """Whether leafwood has labelled a scan already, and made the other files of it.

    A file of the same name that leafwood did not write is somebody else's, and is not what was to be made.

    Args:
        source: the scan.
        target: its labelled file.
        files: what else is made of it.
    """
    return is_made(source, [target, *files]) and (target.suffix.lower() not in NAMED or is_product(target))


def segmenter(options: LabelOptions) -> CloudSegmenter:
    """The segmenter that labels so; a process loads it once."""
    return _loaded(
        options.model,
        threads=options.threads,
        rule=options.rule,
        quality=options.quality,
        memory=options.memory,
        device=options.device,
    )


def outputs(target: Path, options: LabelOptions) -> list[Path]:
    """The files that are made of one scan, the labelled one first."""
    files = [target]
    if options.profile:
        from leafwood.canopy.profile import CanopyConfig
        from leafwood.report.canopy import canopy_files

        files += canopy_files(target.parent, target.stem, CanopyConfig())
    return [*files, report_path(target)] if options.report else files
