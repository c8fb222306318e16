"""`leafwood report`: a page to look at and to send, of one labelled scan, of many, or of two labellings of one."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from pathlib import Path

from leafwood.cli.options import label_columns
from leafwood.errors import BadConfig

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill in the command's arguments."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="LABELLED", help="labelled files, or folders of them")
    parser.add_argument(
        "-o", "--output", type=Path, help="HTML file to write, or folder for several (default: beside each file)"
    )
    parser.add_argument(
        "--against", type=Path, metavar="OTHER", help="show where the labels differ from those, or the truth, of OTHER"
    )
    parser.add_argument(
        "--labels", help="how OTHER's labels are written: gt_wood, leafwood, for-instance ... (default: as found)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")


def run(args: argparse.Namespace) -> int:
    """Write the page, or a page a file and one of the survey.

    Returns:
        0 all done, 1 some file failed; the failure of an only file is raised.
    """
    from leafwood.classes import check_preset
    from leafwood.report.paths import labelled_files, report_path

    if args.labels is not None:
        check_preset(args.labels)
        if args.against is None:
            raise BadConfig("--labels says how the labels of --against are written; give --against OTHER too")
    files = labelled_files(args.paths)
    several = len(files) > 1 or any(path.is_dir() for path in args.paths)
    if args.against is not None:
        if several:
            raise BadConfig("--against compares one labelled file with another: give one file and no folder")
        return _compare(files[0], args)
    if not several:
        target = args.output or report_path(files[0])
        _report(files[0], target, args)
        print(target)
        return 0
    return _survey(files, args)


def _report(path: Path, target: Path, args: argparse.Namespace) -> None:
    from leafwood.errors import about
    from leafwood.io.loaders import read
    from leafwood.io.target import check_target
    from leafwood.report.notes import noted_warnings
    from leafwood.report.paths import check_html
    from leafwood.report.provenance import Provenance
    from leafwood.report.single import write_report

    check_html(target)
    check_target(target, path, args.overwrite)
    with noted_warnings() as lines:
        cloud = read(path)
    command = shlex.join(["leafwood", "report", str(path), "-o", str(target)])
    with about(path):
        write_report(cloud, target, Provenance.of_file(path, command, lines), overwrite=args.overwrite)


def _compare(path: Path, args: argparse.Namespace) -> int:
    from leafwood.io.loaders import read
    from leafwood.io.target import check_target
    from leafwood.report.comparison_page import write_comparison
    from leafwood.report.paths import check_html

    target = args.output or path.with_name(f"{path.stem}_compared.html")
    check_html(target)
    check_target(target, path, args.overwrite)
    found = write_comparison(
        read(path), read(args.against, extra=label_columns(args.labels)), target, args.labels, overwrite=args.overwrite
    )
    print(f"{target}: {found.headline}")
    for name, value in found.scores.items():
        print(f"{name}: {value:.3f}")
    return 0


def _survey(files: list[Path], args: argparse.Namespace) -> int:
    """Pages of several files, one by one, and the page of all."""
    from leafwood.batch.plan import failures_below
    from leafwood.cli.one_by_one import collect, each
    from leafwood.report.paths import common_folder, report_path
    from leafwood.report.row import failed_row, read_row
    from leafwood.report.survey import write_survey

    folder = args.output or common_folder(files)
    if folder.suffix == ".html":
        raise BadConfig(f"-o {folder}: several files make several pages; give a folder")
    folder.mkdir(parents=True, exist_ok=True)
    targets = {path: report_path(path, args.output) for path in files}
    if len(set(targets.values())) < len(files):
        raise BadConfig("two of the files have the same name: their reports would overwrite each other")
    failures: dict[Path, object] = dict(failures_below(args.paths))

    def work(path: Path) -> Path:
        _report(path, targets[path], args)
        print(targets[path], flush=True)
        return targets[path]

    def noted() -> Iterator[tuple[Path, Path | Exception]]:
        for path, outcome in each(files, work):
            if isinstance(outcome, Exception):
                failures[path] = outcome
            yield path, outcome

    done = collect(noted(), stop=args.debug)
    rows = [row for target in done.values() if (row := read_row(target, folder)) is not None]
    rows += [failed_row(path, reason) for path, reason in failures.items()]
    print(write_survey(rows, folder, overwrite=True)[0])
    return 0 if len(done) == len(files) else 1
