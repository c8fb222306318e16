"""A real browser without network or graphics card; see pipelines/page_browser.py."""

import pytest
from page_browser import browser as opened
from page_browser import is_installed


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    if not is_installed():
        pytest.skip("needs chromium and chromedriver; `make test-browser` installs them")
    pytest.importorskip("selenium.webdriver", reason="needs selenium; `make test-browser` installs it")
    with opened(tmp_path_factory.mktemp("chromium")) as page:
        yield page
