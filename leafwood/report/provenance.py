"""How the labels of a scan were made, as far as anybody knows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from leafwood._version import __version__

__all__ = ["Provenance", "citation", "file_hash"]


@dataclass(frozen=True)
class Provenance:
    """What is told of how labels were made.

    Attributes:
        source: the scan that was labelled, or the labelled file where its scan is not known.
        sha256: of that file.
        model: name of the model, or None where it is not known.
        model_sha256: of its weights.
        version: of leafwood, when it labelled the scan.
        settings: name -> value of what was asked for.
        seconds: that labelling took.
        unlike: how unlike the scans that the model was calibrated on the scan is, as
            :func:`leafwood.postprocess.likeness.unlike` gives it; NaN where the model does not say, None where nobody
            knows the model.
        warnings: what was odd on the way, a line each.
        command: a line that makes the same again.
    """

    source: Path
    sha256: str
    model: str | None = None
    model_sha256: str | None = None
    version: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    seconds: float | None = None
    unlike: float | None = None
    warnings: tuple[str, ...] = ()
    command: str | None = None

    @classmethod
    def of_file(cls, path: Path, command: str, warnings: Sequence[str] = ()) -> Provenance:
        """What a labelled file alone tells: not by which model."""
        return cls(source=path, sha256=file_hash(path), warnings=tuple(warnings), command=command)


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def citation(known: Provenance, *, profile: bool) -> list[str]:
    """What a paper should cite, a line each."""
    model = f", model {known.model} (SHA-256 {known.model_sha256})" if known.model else ""
    lines = [f"leafwood {known.version or __version__}: leaf/wood segmentation of forest lidar{model}."]
    if profile:
        lines.append(
            "MacArthur, R. H. & Horn, H. S. (1969). Foliage profile by vertical measurements. Ecology 50, 802-804: "
            "area density from contact frequency."
        )
    return lines
