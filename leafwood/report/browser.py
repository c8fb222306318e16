"""A report in a real browser, without network, graphics card or display: Debian's chromium, driven by selenium.

Pages are tested and pictures of them taken through it; nobody needs it to write a report.
"""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DESKTOP", "DRAWN", "FIRST", "PHONE", "Browser", "browser", "is_installed"]

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # nothing is found by name
)
DESKTOP, PHONE = (1280, 860), (390, 800)
# When the 3D view has its first picture, and when it has all points; ms since the page was asked for.
FIRST = "document.querySelector('figure.viewer').dataset.drawn"
DRAWN = "document.querySelector('figure.viewer').dataset.complete"
_PATIENCE = 120  # seconds; the machine may be busy


class Browser:
    """What is done with a page.

    Args:
        driver: selenium's.
    """

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, path: Path, size: tuple[int, int] = DESKTOP, *, media: str = "", dark: bool = False) -> None:
        """Open a file, on a screen of that size (pixels), in light or dark, or as for print."""
        device = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", device)
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": size == PHONE})
        self.emulate(media, dark=dark)
        self.driver.get_log("browser")  # of the page before
        self.driver.get(path.resolve().as_uri())

    def emulate(self, media: str = "", *, dark: bool = False) -> None:
        """Look at the page as a reader with such a screen, or a printer, would."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": [scheme]})

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of an expression in the page."""
        return self.driver.execute_script(f"return {script}", *arguments)

    def wait(self, script: str) -> Any:
        """The value of an expression, once it is true."""
        end = time.monotonic() + _PATIENCE
        while not (value := self.run(script)):
            assert time.monotonic() < end, f"waited in vain for {script}"
            time.sleep(0.1)
        return value

    def find(self, selector: str) -> Any:
        """The first element of a selector."""
        return self.driver.find_element("css selector", selector)

    def errors(self) -> list[str]:
        """What the console says, remarks of the software renderer about its own speed apart."""
        said = [entry["message"] for entry in self.driver.get_log("browser")]
        return [message for message in said if "GL Driver Message" not in message]

    def settle(self) -> None:
        """Wait until what was asked for is drawn."""
        self.driver.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 300)))"
        )

    def canvas(self) -> NDArray[np.float32]:
        """What the canvas shows, (h, w, 3), once it has been drawn again."""
        from matplotlib.image import imread

        self.settle()
        return np.asarray(imread(io.BytesIO(self.find("canvas").screenshot_as_png))[..., :3])


def is_installed() -> bool:
    """Whether chromium and its driver are there."""
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser that is closed in the end; `profile` is an empty folder for what it writes."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.set_script_timeout(_PATIENCE)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
