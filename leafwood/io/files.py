"""Which files a user meant: files, folders and patterns."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path

from leafwood.errors import FileProblem
from leafwood.io.loaders import suffixes

__all__ = ["list_files"]


def list_files(paths: Iterable[Path]) -> list[Path]:
    """Files of a list of files, folders (searched below, too) and glob patterns.

    Args:
        paths: what the user wrote; a shell may or may not have filled in the patterns.

    Returns:
        Files in the order asked for, those of a folder or pattern sorted; none twice.

    Raises:
        FileProblem: something that is not there, or a folder without a file that can be read.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and p.name.lower().endswith(suffixes()))
            if not inside:
                raise FileProblem(f"{path}: no point cloud in this folder")
        elif path.exists():
            inside = [path]
        else:
            inside = sorted(Path(p) for p in glob.glob(str(path), recursive=True))
            if not inside:
                raise FileProblem(f"{path}: no such file or folder")
        found.update(dict.fromkeys(inside))
    return list(found)
