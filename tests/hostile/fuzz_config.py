"""Fuzzing of model cards and YAML: whatever is in them, loading ends in time with an object or one clear line.

    python tests/hostile/fuzz_config.py [--seconds 600] [--seed 0]

Cards are the shipped one with values put in, taken out and moved; YAML files are the repository's configurations with
lines changed, and texts of pieces that YAML gives a meaning to. A traceback of another kind, or more than ten seconds
of processor time for one input, is printed with the input and counted as bad.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import leafwood
from leafwood.config import load
from leafwood.errors import LeafwoodError
from leafwood.inference.model_file import load_model

ROOT = Path(leafwood.__file__).resolve().parents[1]
WEIGHTS = ROOT / "leafwood" / "weights" / "uav.safetensors"
SLOWEST = 10.0  # seconds of processor time
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1,
    16.5,
    10**9,
    10**400,
    -(10**400),
    1e308,
    1e-308,
    float("nan"),
    float("inf"),
    "",
    "16",
]
ODD += [
    "\x00",
    "ä" * 1000,
    [],
    [[]],
    {},
    {"a": 1},
    [1] * 1000,
    [0.0] * 54,
    ["eigen"],
    [None],
    ["returns"] * 2,
    "NaN",
    "soul",
]
PIECES = [
    "a: ",
    "&a ",
    "*a",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "- ",
    "? ",
    ": ",
    "\n",
    "  ",
    "<<: ",
    "!!python/object:os.system ",
    "|",
    ">",
]
PIECES += [
    "9" * 4500,
    "1e999",
    ".nan",
    "2020-99-99",
    "1:2:3",
    "0x" + "f" * 5000,
    "'",
    '"',
    "#",
    "%YAML 9.9\n",
    "---\n",
    "...\n",
    "\t",
    "\ufeff",
]


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places in nested mappings and lists."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [found for key, item in inside for found in paths_in(item, (*path, key))]


def odd_card(rng: random.Random, card: Any) -> str:
    """The card with some places changed."""
    card = json.loads(json.dumps(card))
    for _ in range(rng.randint(1, 4)):
        *parents, last = rng.choice(paths_in(card)[1:])
        place = card
        for parent in parents:
            place = place[parent]
        way = rng.random()
        if way < 0.6:
            place[last] = copy.deepcopy(rng.choice(ODD))
        elif way < 0.75:
            del place[last]
        elif way < 0.9 and isinstance(place[last], list):
            place[last] = place[last] * rng.choice((0, 2, 50))
        elif isinstance(place, dict):
            place[rng.choice(("k", "kind", "features", "columns", "odd"))] = copy.deepcopy(place[last])
        if not paths_in(card)[1:]:
            break
    text = json.dumps(card)
    if rng.random() < 0.1:
        at = rng.randrange(len(text))
        text = (
            text[:at] + rng.choice(("[" * 50_000, '{"a":' * 50_000, "}", "\x00", "")) + text[at + rng.randint(0, 50) :]
        )
    return text


def odd_yaml(rng: random.Random, texts: list[str]) -> str:
    """A configuration with lines changed, or pieces of YAML at random."""
    if rng.random() < 0.3:
        return "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 60)))
    lines = rng.choice(texts).splitlines()
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(lines)) if lines else 0
        lines[at : at + rng.randint(0, 2)] = [
            rng.choice(("", "  ")) + "".join(rng.choices(PIECES, k=rng.randint(1, 5)))
        ]
        if rng.random() < 0.3 and lines:
            key = rng.choice(lines).partition(":")[0]
            lines.append(f"{key}: {rng.choice(ODD)}")
    return "\n".join(lines)


def tried(work: Callable[[], object], text: str, counts: Counter[str]) -> None:
    """Do the work, and count how it ended."""
    started = time.process_time()
    try:
        work()
        how = "loaded"
    except LeafwoodError as error:
        how = "one line" if "\n" not in str(error) and len(str(error)) < 2000 else "a long message"
    except BaseException as error:
        how = f"{type(error).__name__}"
    if time.process_time() - started > SLOWEST:
        how = "slow"
    counts[how] += 1
    if how not in ("loaded", "one line"):
        print(f"BAD ({how}): {text[:2000]!r}", flush=True)
        if how == "KeyboardInterrupt":
            raise KeyboardInterrupt


def main() -> int:
    """Fuzz cards for a time, and YAML for as long; exit 1 if anything was bad."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0, help="of cards, and of YAML")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    from leafwood.simulate.stands.config import StandConfig
    from leafwood.simulate.surveys.survey import SurveyConfig

    rng = random.Random(args.seed)
    card = json.loads(WEIGHTS.with_suffix(".json").read_text())
    texts = [path.read_text() for path in sorted((ROOT / "configs").rglob("*.yaml"))]
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        model, config = Path(folder) / "m.safetensors", Path(folder) / "c.yaml"
        shutil.copy(WEIGHTS, model)

        def one_card() -> None:
            text = odd_card(rng, card)
            model.with_suffix(".json").write_text(text)
            tried(lambda: load_model(model), text, cards)

        def one_yaml() -> None:
            text = odd_yaml(rng, texts)
            config.write_text(text, errors="surrogatepass")
            tried(lambda: load(config, rng.choice((StandConfig, SurveyConfig))), text, yamls)

        cards, yamls = Counter[str](), Counter[str]()
        for name, counts, step in (("model cards", cards, one_card), ("YAML", yamls, one_yaml)):
            until = time.monotonic() + args.seconds
            while time.monotonic() < until:
                step()
            bad += sum(number for how, number in counts.items() if how not in ("loaded", "one line"))
            print(f"{name}: {sum(counts.values())} tried, {dict(counts)}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
