"""What holds for every pipeline: it is listed, stands alone, and its settings load."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = sorted((ROOT / "pipelines").glob("*.py"))


def test_each_is_listed():
    listed = (ROOT / "pipelines" / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in PIPELINES if f"`{path.name}`" not in listed] == []


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_none_imports_another(path):
    others = {other.stem for other in PIPELINES}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not others & {name.name.split(".")[0] for name in node.names}
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in others


def test_settings_belong_to_a_pipeline():
    names = {path.stem for path in PIPELINES}
    assert {path.stem for path in (ROOT / "configs" / "pipelines").iterdir()} <= names
