"""What of a list of scans is still to be done, and what comes of it, by what the manifest knows."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leafwood.batch.manifest import Manifest, Settings
from leafwood.batch.one_file import Labelled, LabelOptions, is_labelled, outputs, segmenter
from leafwood.batch.prints import Print, print_of, prints_of
from leafwood.batch.units import surveys_of
from leafwood.errors import FileProblem, FileWarning, TargetExists
from leafwood.io.files import is_product
from leafwood.io.remote import shown, url_of

__all__ = ["ToDo", "noted", "settings_of", "to_do"]

Outcome = tuple[Path, Labelled | Exception]

# Options that no label depends on.
_NO_LABELS = frozenset({"model", "threads", "memory", "overwrite", "resume", "force", "profile", "report"})


@dataclass(frozen=True)
class ToDo:
    """Scans by what is to be done with them; scan -> labelled file.

    Attributes:
        making: to label.
        adding: labelled, but something that is made of the labels is missing.
        there: nothing.
        refused: another file lies where the labels would go.
    """

    making: dict[Path, Path] = field(default_factory=dict)
    adding: dict[Path, Path] = field(default_factory=dict)
    there: list[Path] = field(default_factory=list)
    refused: dict[Path, TargetExists] = field(default_factory=dict)


def settings_of(jobs: Iterable[Path], known: Iterable[Path], options: LabelOptions) -> dict[Path, Settings]:
    """What the labels of each scan depend on beside the scan itself and the version.

    That is the model's hash, every option that was given, and the other scans of its survey.

    Args:
        jobs: the scans.
        known: all scans of the run, which may belong to the same survey as one of `jobs`.
        options: how they are labelled.
    """
    common = _common_settings(options)
    surveys = surveys_of([*jobs, *known], options)
    prints = prints_of(surveys)
    found: dict[Path, Settings] = {}
    for scan in jobs:
        others = sorted((path.name, str(prints[path])) for path in surveys.get(scan, ()) if path != scan)
        beside = {"beside": hashlib.sha256(str(others).encode()).hexdigest()} if others else {}
        found[scan] = common | beside
    return found


def _common_settings(options: LabelOptions) -> Settings:
    """The model's hash, and every option that was given and that labels depend on."""
    settings: Settings = {"model": segmenter(options).model.sha256}
    for entry in dataclasses.fields(options):
        value = getattr(options, entry.name)
        if entry.name not in _NO_LABELS and value != entry.default:
            settings[entry.name] = value if isinstance(value, (bool, int, float, str)) else str(value)
    return settings


def to_do(
    jobs: Mapping[Path, Path],
    options: LabelOptions,
    manifest: Manifest,
    settings: Mapping[Path, Settings],
    *,
    again: bool,
) -> ToDo:
    """Sort scans by what is to be done with them.

    Args:
        jobs: scan -> labelled file.
        options: how they are labelled.
        manifest: of the folder that is written to.
        settings: of each scan, from :func:`settings_of`.
        again: whether to replace labels that no run with these settings has noted; they are left alone otherwise.
    """
    found = ToDo()
    unknown = 0
    for source, target in jobs.items():
        others = outputs(target, options)[1:]
        if manifest.confirms(source, target, settings[source]):
            made = target.stat().st_mtime
            whole = all(file.exists() and file.stat().st_mtime >= made for file in others)
            if whole:
                found.there.append(source)
            else:
                found.adding[source] = target
        elif again:
            if os.path.lexists(target) and not (is_product(target) or manifest.wrote(target)):
                text = f"{target}: is there already, and leafwood did not write it; overwrite=True replaces it"
                found.refused[source] = TargetExists(text)
            else:
                found.making[source] = target
        elif is_labelled(source, target, others):
            found.there.append(source)
            unknown += 1
        elif is_labelled(source, target):
            found.adding[source] = target
            unknown += 1
        else:
            found.making[source] = target
    if unknown:
        text = f"left alone: {unknown} labelled files that no run with these settings has noted"
        text += "; resume=True labels them again"
        warnings.warn(text, FileWarning, stacklevel=2)
    return found


def noted(
    outcomes: Iterable[Outcome],
    jobs: Mapping[Path, Path],
    options: LabelOptions,
    manifest: Manifest,
    settings: Mapping[Path, Settings],
) -> Iterator[Outcome]:
    """Note in the manifest what comes of scans that are labelled.

    Labels of a scan that was changed or taken away meanwhile are nobody's: they are removed, and the scan has failed.

    Args:
        outcomes: scans with what came of each; nothing is asked of it before this has looked at the scans.
        jobs: scan -> labelled file, of all of them.
        options: how they are labelled.
        manifest: of the folder that is written to.
        settings: of each scan, from :func:`settings_of`.

    Yields:
        The same, or the failure.
    """
    before = prints_of(jobs)
    for source, outcome in outcomes:
        target, known = jobs[source], before[source]
        more: dict[str, Any] = {}
        if isinstance(outcome, Labelled):
            if known is not None and _is_still(source, known):
                more = {"seconds": outcome.seconds, "input_print": known, "output_print": print_of(target)}
            else:
                for file in outputs(target, options):
                    file.unlink(missing_ok=True)
                outcome = FileProblem(
                    f"{shown(source)}: was changed or taken away while it was labelled; its labels are removed again"
                )
        if isinstance(outcome, Exception):
            manifest.note(source, target, settings[source], "failed", error=f"{type(outcome).__name__}: {outcome}")
        else:
            manifest.note(source, target, settings[source], "done", **more)
        yield source, outcome


def _is_still(source: Path, known: Print) -> bool:
    """Whether a scan is what it was; one that was fetched whole before may have gone since."""
    now = print_of(source)
    return now == known or (now is None and url_of(source) is not None)
