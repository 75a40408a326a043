"""Chromium for the console's tests: found, signed in, read as a screen reader would need it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
AXE = Path(os.environ.get("BAILEE_AXE") or ROOT / ".tools/node_modules/axe-core/axe.min.js")


def chromium() -> str | None:
    named = os.environ.get("BAILEE_CHROMIUM")
    for found in (named, str(ROOT / ".tools/chromium"), shutil.which("chromium"), shutil.which("chromium-browser")):
        if found and Path(found).is_file():
            return found
    return None


@contextmanager
def launched(playwright: Any) -> Iterator[Any]:
    """A browser, by `playwright.sync_api`."""
    with playwright.sync_playwright() as program:
        # Chromium's own sandbox does not start for root; the pages are our own.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        found = program.chromium.launch(executable_path=chromium(), args=arguments)
        yield found
        found.close()


class Visit:
    """A page of a browser that is signed in; what its console said wrong is kept."""

    def __init__(self, browser: Any, base: str, link: str, first: str = "/", **look: Any) -> None:
        self.base, self.problems = base, []
        self.context = browser.new_context(viewport=look.pop("viewport", {"width": 1280, "height": 800}), **look)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda said: self.problems.append(said.text) if said.type == "error" else None)
        self.page.goto(f"{base}/enter?link={link}")
        self.page.wait_for_url(f"{base}{first}")

    def go(self, path: str) -> Any:
        self.page.goto(self.base + path)
        return self.page


def violations(page: Any) -> list[str]:
    page.evaluate(AXE.read_text())  # by the debugger: the policy lets no page load it
    told = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in told["violations"]]


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.textContent.trim().replace(/\\s+/g, ' ')"))


def press_until(page: Any, there: Any) -> None:
    for _ in range(80):
        if there():
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"not reached by keyboard; the focus is on {focused(page)!r}")
