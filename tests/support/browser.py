"""The Chromium of this machine, driven by Playwright, for tests of pages."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
"""Commands that Chromium goes by."""


@contextmanager
def chromium() -> Iterator[Any]:  # Any: Playwright may not be installed
    """Run a browser; skip where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("Chromium is not installed: no browser to look at pages with")
    with sync_api.sync_playwright() as playwright:
        # Its sandbox refuses to be run by root; what it is shown here is our own.
        words = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=found, args=words)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def shown(browser: Any, path: Path, **settings: Any) -> Iterator[Any]:
    """Show a page; afterwards, it must have logged no error and asked nobody for anything."""
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **settings})
    requests: list[str] = []
    errors: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    try:
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path.as_uri())
        yield page
        assert errors == []
        asked = [url for url in requests if not url.startswith("data:")]
        assert asked == [path.as_uri()]
    finally:
        context.close()
