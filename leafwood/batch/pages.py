"""The pages of labelled scans: one of each, and one of all."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from leafwood._version import __version__
from leafwood.cloud import PointCloud
from leafwood.errors import about
from leafwood.io.remote import shown
from leafwood.report.paths import common_folder, report_path
from leafwood.report.provenance import Provenance, file_hash

if TYPE_CHECKING:
    from leafwood.batch.one_file import LabelOptions

__all__ = ["MadeBy", "write_page", "write_pages_of_all"]


class MadeBy(NamedTuple):
    """What is known of labels only while they are made.

    Attributes:
        model: name of the model.
        sha256: of its weights.
        seconds: that labelling took, or None where nobody knows.
        unlike: how unlike the scans that the model was calibrated on the scan is; NaN where the model does not say.
    """

    model: str
    sha256: str
    seconds: float | None
    unlike: float


def write_page(
    result: PointCloud,
    source: Path,
    target: Path,
    options: LabelOptions,
    *,
    scan: Path | None = None,
    remarks: Sequence[str],
    made_by: MadeBy | None = None,
) -> None:
    """Write the page of a labelled scan beside it.

    Args:
        result: n points with labels.
        source: the scan.
        target: the labelled file.
        options: how it was labelled.
        scan: the file that was read of it, where that is another one (see :func:`leafwood.batch.at_hand.at_hand`).
        remarks: what was odd about the file.
        made_by: what is known of the labelling; None where an earlier run has labelled the scan.

    Raises:
        LeafwoodError: the page cannot be made or written.
    """
    from leafwood.report.single import write_report

    asked = {
        field.name.replace("_", "-"): getattr(options, field.name)
        for field in dataclasses.fields(options)
        if getattr(options, field.name) != field.default and field.name not in ("overwrite", "resume")
    }
    words = [f"--{name}" if value is True else f"--{name}={value}" for name, value in asked.items()]
    known = Provenance(
        source=Path(shown(source)),
        sha256=file_hash(scan or source),
        model=made_by.model if made_by else None,
        model_sha256=made_by.sha256 if made_by else None,
        version=__version__,
        settings={name: "yes" if value is True else str(value) for name, value in asked.items()},
        seconds=made_by.seconds if made_by else None,
        unlike=made_by.unlike if made_by else None,
        warnings=tuple(remarks),
        command=shlex.join(["leafwood", "segment", shown(source), "-o", str(target), *words]),
    )
    with about(source):
        write_report(result, report_path(target), known, overwrite=options.overwrite)


def write_pages_of_all(jobs: Mapping[Path, Path], failures: Mapping[Path, str], output: Path | None) -> Path:
    """Write the page of a survey from those of its scans, those of an earlier run included.

    Args:
        jobs: scan -> labelled file.
        failures: scan -> why it could not be labelled.
        output: folder for the page; the lowest folder that holds all scans when None.

    Returns:
        The page.
    """
    from leafwood.report.row import failed_row, read_row
    from leafwood.report.survey import write_survey

    folder = output or common_folder(list(jobs))
    pages = [report_path(target) for source, target in jobs.items() if source not in failures]
    rows = [row for page in pages if page.exists() and (row := read_row(page, folder)) is not None]
    rows += [failed_row(source, failure) for source, failure in failures.items()]
    return write_survey(rows, folder, overwrite=True)[0]
