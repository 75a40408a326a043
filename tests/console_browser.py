"""Pages of the console in the browser of chromium.py: signed in, reached by keyboard."""

from __future__ import annotations

from typing import Any


class Visit:
    """A page of a browser that is signed in; what its console said wrong is kept."""

    def __init__(self, browser: Any, base: str, link: str, first: str = "/", **look: Any) -> None:
        self.base, self.problems = base, []
        self.context = browser.new_context(viewport=look.pop("viewport", {"width": 1280, "height": 800}), **look)
        self.context.set_default_timeout(120_000)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda said: self.problems.append(said.text) if said.type == "error" else None)
        self.page.goto(f"{base}/enter?link={link}")
        self.page.wait_for_url(f"{base}{first}")

    def go(self, path: str) -> Any:
        self.page.goto(self.base + path)
        return self.page


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.textContent.trim().replace(/\\s+/g, ' ')"))


def press_until(page: Any, there: Any) -> None:
    for _ in range(80):
        if there():
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"not reached by keyboard; the focus is on {focused(page)!r}")
