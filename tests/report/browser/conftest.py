"""A real browser without network or graphics card: Debian's chromium, driven by selenium."""

import io
import shutil
import time

import pytest

FLAGS = (
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
PATIENCE = 120  # seconds; the machine may be busy


class Browser:
    """What the tests do with a page."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, path, size=DESKTOP):
        device = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", device)
        self.driver.get_log("browser")  # of the page before
        self.driver.get(path.as_uri())

    def run(self, script, *arguments):
        return self.driver.execute_script(f"return {script}", *arguments)

    def wait(self, script):
        end = time.monotonic() + PATIENCE
        while not (value := self.run(script)):
            assert time.monotonic() < end, f"waited in vain for {script}"
            time.sleep(0.1)
        return value

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def errors(self):
        """What the console says, remarks of the software renderer about its own speed apart."""
        said = [entry["message"] for entry in self.driver.get_log("browser")]
        return [message for message in said if "GL Driver Message" not in message]

    def canvas(self):
        """What the canvas shows, (h, w, 3), once it has been drawn again."""
        from matplotlib.image import imread

        self.driver.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 300)))"
        )
        return imread(io.BytesIO(self.find("canvas").screenshot_as_png))[..., :3]


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("needs chromium and chromedriver; `make test-browser` installs them")
    selenium = pytest.importorskip("selenium.webdriver", reason="needs selenium; `make test-browser` installs it")
    from selenium.webdriver.chrome.service import Service

    options = selenium.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    started = selenium.Chrome(options=options, service=Service(driver))
    started.set_script_timeout(PATIENCE)
    yield Browser(started)
    started.quit()
