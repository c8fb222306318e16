"""One scan from file to labelled file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafwood.canopy.profile import CanopyConfig, measure_canopy
from leafwood.errors import BadConfig, about
from leafwood.inference.labelling import Progress
from leafwood.inference.model_file import DEFAULT_MODEL
from leafwood.inference.segmenter import Quality
from leafwood.io.las.crs import parse_user_crs
from leafwood.io.loaders import check_suffix, read, write
from leafwood.io.target import check_target
from leafwood.models import CloudSegmenter, load_segmenter
from leafwood.postprocess.abstain import abstain
from leafwood.postprocess.rule import Rule
from leafwood.report.canopy import canopy_files, headline, write_canopy

__all__ = ["LabelOptions", "Labelled", "label_file", "outputs", "segmenter"]


@dataclass(frozen=True, kw_only=True)
class LabelOptions:
    """How scans are labelled and written.

    Attributes:
        model: name of a shipped model, or a ``.safetensors`` file.
        threads: processors to use for a scan; all that the process may use when None.
        overwrite: replace existing outputs, never an input.
        keep_classification: leave `classification` as it is.
        upgrade: write point formats 0-5 as 6-10.
        crs: coordinate system to use and write in place of the file's.
        rule: how labels are made of probabilities; the model's own when None.
        quality: ``standard`` or ``high``; the model's own when None.
        abstain: leave points undecided that are less sure than this.
        profile: also write leaf and wood area by height.

    Raises:
        BadConfig: a setting that would fail for every scan.
    """

    model: str = DEFAULT_MODEL
    threads: int | None = None
    overwrite: bool = False
    keep_classification: bool = False
    upgrade: bool = False
    crs: str | None = None
    rule: Rule | None = None
    quality: Quality | None = None
    abstain: float | None = None
    profile: bool = False

    def __post_init__(self) -> None:
        if self.abstain is not None and not 0.5 <= self.abstain <= 1:
            raise BadConfig(f"--abstain must be a probability between 0.5 and 1, not {self.abstain:g}")
        if self.threads is not None and self.threads < 1:
            raise BadConfig("--threads must be at least 1")
        if self.crs is not None:
            parse_user_crs(self.crs)


class Labelled(NamedTuple):
    """What came of a scan.

    Attributes:
        counts: (3,) points not processed, leaf, wood.
        canopy: what its profile says in a line, if one was asked for.
    """

    counts: NDArray[np.int64]
    canopy: str | None = None


def label_file(source: Path, target: Path, options: LabelOptions, progress: Progress | None = None) -> Labelled:
    """Read a scan, label it, and write it again with its labels.

    Args:
        source: the scan.
        target: the labelled file to be, in a folder that is there.
        options: how.
        progress: called with the points done and the points to do after each tile.

    Raises:
        LeafwoodError: anything that is wrong with the scan, the target or the options.
    """
    for file in outputs(target, options):  # now and not after the work
        check_target(file, source, options.overwrite)
    check_suffix(target, source)
    cloud = read(source, crs=options.crs)
    with about(source):
        result = segmenter(options).segment(cloud, progress)
        if options.abstain is not None:
            result = abstain(result, options.abstain)
    write(
        result,
        target,
        like=source,
        keep_classification=options.keep_classification,
        upgrade=options.upgrade,
        overwrite=options.overwrite,
        crs=options.crs,
    )
    counts = np.bincount(result.columns["leafwood"], minlength=3)
    if not options.profile:
        return Labelled(counts)
    with about(target):
        canopy = measure_canopy(result)
    files = write_canopy(canopy, target.parent, target.stem, overwrite=options.overwrite)
    return Labelled(counts, f"{files[0]}: {headline(canopy)}")


@lru_cache(maxsize=1)
def segmenter(options: LabelOptions) -> CloudSegmenter:
    """The segmenter that labels so; a process loads it once."""
    return load_segmenter(options.model, threads=options.threads, rule=options.rule, quality=options.quality)


def outputs(target: Path, options: LabelOptions) -> list[Path]:
    """The files that are made of one scan, the labelled one first."""
    return [target] + (canopy_files(target.parent, target.stem, CanopyConfig()) if options.profile else [])
