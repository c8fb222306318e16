"""A scan that does not fit into memory: whether it is one, and what can be made of it all the same."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from leafwood.batch.one_file import Labelled, LabelOptions, segmenter, with_profile
from leafwood.batch.pages import MadeBy, write_page
from leafwood.batch.workers import InTurn
from leafwood.errors import FileWarning
from leafwood.inference.labelling import Progress
from leafwood.inference.segmenter import Segmenter
from leafwood.io.las.layout import read_layout
from leafwood.io.loaders import is_las, read
from leafwood.memory import default_memory, fits

__all__ = ["add_extras", "is_large", "label_large"]


def is_large(scan: Path, target: Path, options: LabelOptions) -> bool:
    """Whether a scan does not fit into memory, and can be labelled tile by tile from disk."""
    if not (is_las(scan) and target.suffix.lower() in (".las", ".laz") and isinstance(segmenter(options), Segmenter)):
        return False
    return not fits(read_layout(scan).count, options.memory or default_memory())


def label_large(scan: Path, target: Path, options: LabelOptions, progress: Progress | None) -> Labelled:
    """Label it, as a survey of one file.

    Raises:
        LeafwoodError: it cannot be read, labelled or written.
    """
    from leafwood.batch.survey.engine import label_survey

    ((_, outcome),) = label_survey({scan: target}, options, InTurn(), progress)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def add_extras(
    made: Labelled,
    source: Path,
    target: Path,
    options: LabelOptions,
    remarks: Sequence[str],
    scan: Path | None = None,
) -> Labelled:
    """Add page and profile to a file that was labelled tile by tile or is a part, as far as it fits into memory.

    Args:
        made: what came of it.
        source: the scan.
        target: its labelled file.
        options: how it was labelled.
        remarks: what was odd about the file.
        scan: the file that was read of it, where that is another one.
    """
    if not (options.profile or options.report):
        return made
    points = int(made.counts.sum())
    if not fits(points, options.memory or default_memory()):
        why = f"its {points:,} points do not fit into memory; give less of it (bounds) or more memory"
        if options.report:
            warnings.warn(f"{source}: no page is made of it: {why}", FileWarning, stacklevel=2)
        return made._replace(no_profile=why) if options.profile else made
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FileWarning)  # they have been said of the scan
        labelled = read(target)
    if options.report:
        model = segmenter(options).model
        made_by = MadeBy(model.name, model.sha256, made.seconds, made.unlike)
        write_page(labelled, source, target, options, scan=scan or source, remarks=remarks, made_by=made_by)
    return with_profile(made, labelled, target, options)
