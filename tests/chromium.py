"""Chromium and axe-core for tests of pages, as script/tools fetched them; BAILEE_CHROMIUM and BAILEE_AXE name others.

    with open_chromium() as browser:              # playwright.sync_api.Browser
        page = browser.new_page()
        ...
        assert violations(page) == []             # what axe-core finds to hinder people

Tests that need them: `pytestmark = needs_chromium`. Pages reach this machine only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright

_TOOLS = Path(__file__).resolve().parents[1] / ".tools"
CHROMIUM = Path(os.environ.get("BAILEE_CHROMIUM") or _TOOLS / "chromium")
AXE = Path(os.environ.get("BAILEE_AXE") or _TOOLS / "node_modules" / "axe-core" / "axe.min.js")


def _why_not() -> str:
    if not AXE.is_file():
        return "axe-core is not in .tools; script/tools fetches it"
    system, fetched = Path("/usr/bin/chromium"), _TOOLS / "usr" / "lib" / "chromium" / "chromium"
    if not CHROMIUM.is_file() or ("BAILEE_CHROMIUM" not in os.environ and not system.exists() and not fetched.exists()):
        return "Chromium is not here; script/tools fetches it"
    return ""


needs_chromium = pytest.mark.skipif(bool(_why_not()), reason=_why_not())


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """Headless, without its sandbox: it opens only pages of this repository."""
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=CHROMIUM,
            args=["--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"],
        )
        try:
            yield browser
        finally:
            with suppress(Error):  # it is gone already: the test says why
                browser.close()


def violations(page: Page) -> list[str]:
    """What axe-core finds on the page as it is now: rule, then the first element that breaks it. Empty when it is good.

    The page's own content security policy forbids a foreign script, so axe-core is run through the debugger's door.
    """
    session = page.context.new_cdp_session(page)
    try:
        session.send("Runtime.evaluate", {"expression": AXE.read_text()})
        asked = {"expression": "axe.run()", "awaitPromise": True, "returnByValue": True}
        found = session.send("Runtime.evaluate", asked)["result"]["value"]["violations"]
    finally:
        session.detach()
    return [f"{one['id']}: {one['nodes'][0]['target'][0]} ({one['help']})" for one in found]
