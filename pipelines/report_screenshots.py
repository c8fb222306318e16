"""Pictures of the example reports for the documentation, taken in a real browser.

    python pipelines/example_reports.py ../shared/data out/reports
    python pipelines/report_screenshots.py out/reports docs/img

Needs chromium (`make test-browser` installs it). A page that is not there is left out, and said so.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from PIL import Image

from leafwood.report.browser import DESKTOP, DRAWN, PHONE, Browser, browser

SMALL = (900, 620)  # pixels, still with two columns
COLOURS = 256  # of a picture's palette: enough for text, charts and points


@dataclass(frozen=True)
class Shot:
    """One picture.

    Attributes:
        page: below the folder of the reports.
        size: of the screen, pixels.
        dark: on a screen in dark colours.
        media: ``print`` as a printer gets it.
        first: what is done before the picture is taken.
    """

    page: str
    size: tuple[int, int] = DESKTOP
    dark: bool = False
    media: str = ""
    first: Callable[[Browser], None] | None = None


def bare(page: Browser) -> None:
    """Switch the leaves off."""
    page.find("input[name=kind-1]").click()


def by_doubt(page: Browser) -> None:
    """Colour by doubt."""
    page.driver.execute_script(
        "const one = document.querySelector('select[name=colour]');"
        "one.value = [...one.options].find(o => o.text === 'doubt').value; one.dispatchEvent(new Event('change'))"
    )


def by_density(page: Browser) -> None:
    """Colour the map of a survey by points per m²."""
    page.driver.execute_script(
        "const one = document.querySelector('select[name=map]');"
        "one.value = 'density'; one.dispatchEvent(new Event('change'))"
    )


def to_crops(page: Browser) -> None:
    """Scroll to the worst crops."""
    page.driver.execute_script("document.querySelector('#worst').scrollIntoView()")


def to_charts(page: Browser) -> None:
    """Scroll to the charts."""
    page.driver.execute_script("document.querySelector('.charts').previousElementSibling.scrollIntoView()")


# Name of a picture -> what it shows, from left to right.
SHOTS = {
    "reports": (Shot("drone_plot_report.html", SMALL), Shot("airborne_tile_report.html", SMALL)),
    "report_drone": (Shot("drone_plot_report.html"),),
    "report_drone_wood": (Shot("drone_plot_report.html", first=bare),),
    "report_drone_dark": (Shot("drone_plot_report.html", dark=True, first=by_doubt),),
    "report_charts": (Shot("drone_plot_report.html", first=to_charts),),
    "report_print": (Shot("drone_plot_report.html", (794, 1123), media="print"),),
    "report_airborne": (Shot("airborne_tile_report.html"),),
    "report_tree": (Shot("terrestrial_tree_report.html"),),
    "report_phone": (Shot("terrestrial_tree_report.html", PHONE),),
    "report_phone_dark": (Shot("airborne_tile_report.html", PHONE, dark=True),),
    "report_compared": (Shot("terrestrial_tree_compared.html"),),
    "report_survey": (Shot("plot_in_tiles/leafwood_survey.html", (1280, 1260), first=by_density),),
    "report_crops": (Shot("few_steps/report.html", (1280, 900), first=to_crops),),
    "report_training": (Shot("few_steps/report.html", (1280, 1000)),),
}


def take(page: Browser, shot: Shot, path: Path) -> Image.Image:
    """One picture."""
    page.open(path, shot.size, media=shot.media, dark=shot.dark)
    if page.run("document.querySelector('figure.viewer') !== null"):
        page.wait(DRAWN)
    if shot.first:
        shot.first(page)
    page.settle()
    return Image.open(io.BytesIO(page.driver.get_screenshot_as_png())).convert("RGB")


def beside(left: Image.Image, right: Image.Image) -> Image.Image:
    """Two pictures of one height side by side."""
    both = Image.new("RGB", (left.width + right.width, left.height))
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    return both


def save(picture: Image.Image, target: Path) -> None:
    """Write a picture with a palette of its own."""
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
    print(f"{target}: {target.stat().st_size / 1000:.0f} kB", flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Take all pictures, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", type=Path, help="folder that pipelines/example_reports.py has filled")
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--only", nargs="+", choices=sorted(SHOTS), default=sorted(SHOTS), help="these pictures")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, browser(Path(profile)) as page:
        for name in args.only:
            paths = [args.reports / shot.page for shot in SHOTS[name]]
            if missing := [path for path in paths if not path.is_file()]:
                print(f"{name}: {missing[0]} is not there; left out", file=sys.stderr)
                continue
            pictures = [take(page, shot, path) for shot, path in zip(SHOTS[name], paths, strict=True)]
            save(reduce(beside, pictures), args.out / f"{name}.png")


if __name__ == "__main__":
    main()
