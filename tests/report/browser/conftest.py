"""A real browser without network or graphics card; see leafwood/report/browser.py."""

import pytest

from leafwood.report.browser import browser as opened
from leafwood.report.browser import is_installed


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    if not is_installed():
        pytest.skip("needs chromium and chromedriver; `make test-browser` installs them")
    pytest.importorskip("selenium.webdriver", reason="needs selenium; `make test-browser` installs it")
    with opened(tmp_path_factory.mktemp("chromium")) as page:
        yield page
