"""What the documentation shows works as it is printed: Python, commands, configurations, links and the site."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import yaml

from leafwood.cli.main import _COMMANDS, build_parser, main
from leafwood.shipped import config_file

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "pipelines" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SMALL = ("steps=4", "batch=2", "validate_every=4", "validation_crops=2")
KINDS = {"", "console", "json", "python", "r", "sh", "toml", "yaml"}

_BLOCK = re.compile(r"(?:<!-- not run: (?P<why>[^>]*?) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.M | re.S)
_INDENTED = re.compile(r"^ {4}(leafwood [^\n]*)", re.M)
_NAMED = re.compile(rf"`(?:leafwood )?({'|'.join(_COMMANDS)}) ([^`]*--[^`]*)`")
_PIPELINE = re.compile(r"python (pipelines/\w+\.py)((?:[^`\n]|\\\n)*)")


class Block(NamedTuple):
    """A fenced block.

    Attributes:
        kind: ``python``, ``sh``, ``yaml`` ...
        text: what is between the fences.
        why_not: why it is not run, or None.
    """

    kind: str
    text: str
    why_not: str | None


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    found = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [Block(block["kind"], block["text"], block["why"]) for block in found]


def commands_of(page: Path) -> list[list[str]]:
    """Words after `leafwood` of every command of a page, in a block or indented; synopses are left out."""
    lines = _INDENTED.findall(page.read_text(encoding="utf-8"))
    lines += [line for block in blocks_of(page) if block.kind in ("", "sh") for line in block.text.splitlines()]
    commands = [line.partition("#")[0].strip() for line in lines if line.startswith("leafwood ")]
    return [split(line)[1:] for line in commands if not re.search(r"\[-|\.\.\.|\b[A-Z]{4,}\b|[$\\]", line)]


def split(line: str) -> list[str]:
    """The words of a command."""
    return shlex.split(line)


def named(pages):
    return [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in pages]


def with_kind(kind):
    return named(page for page in PAGES if any(b.kind == kind and b.why_not is None for b in blocks_of(page)))


@pytest.mark.parametrize("page", named(PAGES))
def test_every_block_says_what_it_is_and_why_it_is_not_run(page):
    for block in blocks_of(page):
        assert block.kind in KINDS, block.text
        assert block.kind != "r" or block.why_not, "R is not run here: say so"
        assert block.why_not is None or len(block.why_not.split()) > 1


@pytest.mark.parametrize("page", with_kind("python"))
def test_python_runs(page, desk):
    xyz = np.loadtxt("tree.abc", comments="!")[:, :3]
    names = {"xyz": xyz, "__name__": "page"}
    for block in blocks_of(page):
        if block.kind == "python" and block.why_not is None:
            if "leafwood.write" in block.text:
                (desk / "scan_leafwood.laz").unlink()
            exec(compile(block.text, page.name, "exec"), names)


def test_the_documented_samplers(desk):
    names = {}
    page = ROOT / "docs" / "python.md"
    exec(next(b.text for b in blocks_of(page) if "DecaySampler" in b.text), names)
    cloud, sample, wood = (names[name] for name in ("cloud", "sample", "wood"))
    assert 0.2 * len(cloud) < len(sample.index) < 0.4 * len(cloud)
    np.testing.assert_allclose(sample.weight.mean(), 1, atol=1e-3)
    assert wood.shape == (len(cloud),)
    assert 0 < (wood > 0.5).mean() < 1


@pytest.mark.parametrize("page", named(page for page in PAGES if commands_of(page)))
def test_every_command_can_be_given(page):
    for words in commands_of(page):
        arguments = build_parser(words[0]).parse_args(words)
        assert arguments.command == words[0]
        if words[0] in ("train", "simulate"):
            configs = arguments.config if words[0] == "simulate" else [arguments.config]
            for config in configs:
                path = config_file(config, words[0])
                assert path.is_file() or not config.startswith("configs"), config


@pytest.mark.parametrize("page", named(page for page in PAGES if _NAMED.search(page.read_text(encoding="utf-8"))))
def test_options_that_are_named_in_a_sentence_are_there(page, capsys):
    for command, words in _NAMED.findall(page.read_text(encoding="utf-8")):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert options_of(words) <= options_of(capsys.readouterr().out), (command, words)


def options_of(words: str) -> set[str]:
    """The long options of a command line or of a help text."""
    return set(re.findall(r"(?<![\w-])--[a-z][\w-]*", words))


@pytest.mark.parametrize("page", named(PAGES))
def test_pipelines_targets_and_links_are_there(page):
    text = page.read_text(encoding="utf-8")
    for script, words in _PIPELINE.findall(text):
        assert options_of(words) <= options_of((ROOT / script).read_text(encoding="utf-8")), (script, words)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= {*targets}
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        assert link.startswith("http") or (page.parent / link).exists(), link


def test_the_configuration_of_the_page_on_training_is_one(tmp_path):
    from leafwood.config import load
    from leafwood.train.config import TrainConfig

    (text,) = [b.text for b in blocks_of(ROOT / "docs" / "train-your-own.md") if b.kind == "yaml"]
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    assert load(tmp_path / "mine.yaml", TrainConfig).labels == "column=lw,wood=1,leaf=2,ignore=0"


def test_the_pages_of_the_site_are_all_in_its_table():
    class Loader(yaml.SafeLoader):
        """Reads mkdocs.yml, whose tags stand for Python names."""

    Loader.add_multi_constructor("tag:yaml.org,2002:python/name", lambda loader, suffix, node: suffix)
    nav = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)["nav"]
    listed = set(re.findall(r"[\w/-]+\.md", str(nav)))
    there = {page.relative_to(ROOT / "docs").as_posix() for page in PAGES if ROOT / "docs" in page.parents}
    assert listed == there


@pytest.mark.slow
@pytest.mark.parametrize("page", with_kind("sh"))
def test_commands_run(page, desk):
    for block in blocks_of(page):
        if block.kind != "sh" or block.why_not is not None:
            continue
        for line in block.text.splitlines():
            words = split(line)
            if words[:2] == ["pip", "install"]:
                continue  # tests/packaging installs
            assert words[0] == "leafwood", line
            if words[1] == "train":
                words += [word for setting in SMALL for word in ("--set", setting)]
            if words[1] == "adapt":
                words += ["--steps", "3"]
            assert main(words[1:]) == 0, line


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install leafwood[docs]")
    words = ["build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", *words], capture_output=True, text=True, cwd=ROOT, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "preset_of" in (tmp_path / "site" / "api" / "index.html").read_text(encoding="utf-8")
