"""The shipped models: a ``.safetensors`` file, a ``.json`` card and a line in the model card (``README.md``) each.

This module imports nothing that takes time, so that the command line can name the models in its help.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["DEFAULT_MODEL", "FOLDER", "shipped_models"]

DEFAULT_MODEL = "uav"
FOLDER = Path(__file__).parent


def shipped_models() -> list[str]:
    """Names of the models inside the package, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))
