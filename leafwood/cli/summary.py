"""What came of a run of `leafwood segment`, file by file and together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leafwood.classes import OUT_LEAF, OUT_NONE, OUT_WOOD
from leafwood.cli.messages import in_flags, one_line, say
from leafwood.cli.one_by_one import in_words, is_passed_over
from leafwood.io.remote import shown

if TYPE_CHECKING:
    from leafwood.batch.one_file import Labelled

__all__ = ["Summary"]


class Summary:
    """Says what came of each file as it comes, and of all of them in the end.

    Args:
        jobs: scan -> labelled file to be.
        stop: raise a failure and do not go on.
    """

    def __init__(self, jobs: Mapping[Path, Path], *, stop: bool) -> None:
        self._jobs = jobs
        self._stop = stop
        self._done: dict[Path, Labelled] = {}
        self._there: list[Path] = []
        self._passed: dict[Path, str] = {}
        self._errors: dict[Path, str] = {}

    @property
    def failed(self) -> list[Path]:
        """Scans that have no labels now."""
        return list(self._errors)

    @property
    def failures(self) -> dict[Path, str]:
        """Scans that have no labels now, each with why."""
        return dict(self._errors)

    def skip(self, sources: Iterable[Path]) -> None:
        """These are there already."""
        self._there.extend(sources)

    def take(self, source: Path, outcome: Labelled | Exception, words: str) -> None:
        """Note what came of a scan and say it.

        Args:
            source: the scan.
            outcome: its labels, or what went wrong.
            words: how far the run has come.

        Raises:
            Exception: the failure, where the run is to stop with it.
        """
        if isinstance(outcome, Exception):
            if (len(self._jobs) > 1 or not self._stop) and is_passed_over(source, outcome):
                self._passed[source] = one_line(in_words(source, outcome))
                say(f"passed over: {self._passed[source]}")
                return
            if self._stop:
                raise outcome
            self._errors[source] = one_line(in_flags(in_words(source, outcome)))
            say(self._errors[source])
            return
        self._done[source] = outcome
        target, counts = self._jobs[source], outcome.counts
        if len(self._jobs) > 1 and counts.any():
            print(f"{target}: {counts.sum():,} points, wood share: {_wood_share(counts)} ({words})", flush=True)
        if outcome.canopy:
            print(outcome.canopy, flush=True)
        if outcome.no_profile:
            say(f"{target}: labelled, but without a profile: {outcome.no_profile}")

    def entry(self, source: Path) -> dict[str, Any]:
        """What a program should know of a scan."""
        entry: dict[str, Any] = {"event": "file", "file": shown(source), "output": str(self._jobs[source])}
        if source in self._passed:
            return entry | {"outcome": "passed over", "error": self._passed[source]}
        if source in self._errors:
            return entry | {"outcome": "failed", "error": self._errors[source]}
        made = self._done[source]
        entry |= {"outcome": "labelled", "not_processed": int(made.counts[OUT_NONE])}
        entry |= {"leaf": int(made.counts[OUT_LEAF]), "wood": int(made.counts[OUT_WOOD])}
        entry |= {"doubts": [doubt.name for doubt in made.doubts], "profile": made.canopy, "error": made.no_profile}
        return entry

    def numbers(self) -> dict[str, int]:
        """Files by what came of them."""
        no_profile = sum(made.no_profile is not None for made in self._done.values())
        found = {"labelled": len(self._done), "there already": len(self._there), "failed": len(self._errors)}
        return found | {"passed over": len(self._passed), "without a profile": no_profile}

    def status(self) -> int:
        """Exit status of the command."""
        numbers = self.numbers()
        nothing = not numbers["labelled"] and not numbers["there already"]
        return 1 if numbers["failed"] or numbers["without a profile"] or nothing else 0

    def show(self, seconds: float) -> None:
        """Files, points by label, doubts, time, and where to look."""
        targets = [self._jobs[source] for source in self._done]
        if self._is_one:
            print(targets[0])
        counts = np.sum([made.counts for made in self._done.values()] or [np.zeros(3, dtype=np.int64)], axis=0)
        rows = [*self._files(), *self._doubts(), *_of_points(counts, seconds)]
        wide, most = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
        for name, value in rows:
            print(f"{name:<{wide}}  {value:>{most}}")
        if counts.any():
            where = targets[0].name if self._is_one else "each file"
            print(f"Labels: field `leafwood` of {where}; P(wood): `wood_prob`.")
            print("CloudCompare: open it and choose the scalar field `leafwood`.")
            print("QGIS: style by attribute `leafwood`, or by Classification (64 wood, 65 leaf) after --classify.")

    @property
    def _is_one(self) -> bool:
        """Whether an only file was labelled."""
        return len(self._done) == len(self._jobs) == 1

    def _files(self) -> Iterator[tuple[str, str]]:
        """Files by what came of them, where there was more than one."""
        if self._is_one:
            return
        for name, number in self.numbers().items():
            if number or name in ("labelled", "there already", "failed"):
                yield f"files {name}", f"{number:,}"

    def _doubts(self) -> Iterator[tuple[str, str]]:
        """The doubts that some file raises, with how many files where there are several."""
        found = Counter((d.severe, d.title) for made in self._done.values() for d in made.doubts)
        for (severe, title), number in sorted(found.items(), key=lambda item: (not item[0][0], item[0][1])):
            yield "do not trust it" if severe else "mind", f"{title}: {number} files" if len(self._jobs) > 1 else title


def _of_points(counts: NDArray[np.int64], seconds: float) -> Iterator[tuple[str, str]]:
    """Points by label (3,), and how long they took; nothing where no file was labelled."""
    if not counts.any():
        return
    for name, code in (("leaf", OUT_LEAF), ("wood", OUT_WOOD), ("not processed", OUT_NONE)):
        yield f"{name} (leafwood = {code})", f"{counts[code]:,}"
    yield "wood share of labelled points", _wood_share(counts)
    yield "seconds", f"{seconds:.1f}"
    yield "points/s", f"{counts.sum() / seconds:,.0f}"


def _wood_share(counts: NDArray[np.int64]) -> str:
    """Wood among the labelled points, in words."""
    labelled = counts[OUT_LEAF] + counts[OUT_WOOD]
    return f"{counts[OUT_WOOD] / labelled:.1%}" if labelled else "no vegetation found"
