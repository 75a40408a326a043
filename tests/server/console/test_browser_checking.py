"""Checking, watching and drawing in a real Chromium: a passport dropped and chosen, by keyboard, read by axe-core."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bailee.party.ledger_view import refresh_view
from bailee.party.planning import keep_plan
from chromium import needs_chromium, open_chromium, violations
from commands import PLAN
from console_browser import Visit, focused, press_until
from console_world import served
from paid_works import new_paid_works
from trained_home import PASSPORT, files_of, tampered, zipped

pytestmark = needs_chromium
PAGES = ("/verify", "/find", "/asks", "/plans", "/plans/new", "/plans/spring", "/sessions", "/models",
         f"/models/{PASSPORT}", "/royalties", "/lineage", "/events")  # fmt: skip
DROP = """async ([name, encoded]) => {
  const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name));
  document.querySelector('[data-papers]').dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true}));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_chromium() as found:
        yield found


@pytest.fixture(scope="module")
def rich(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A builder's home with a model, a plan, and a ledger that was asked."""
    home = tmp_path_factory.mktemp("rich") / "builder"
    shutil.copytree(trained / "builder", home)
    keep_plan(home, "spring", PLAN)
    new_paid_works(home)
    refresh_view(home, datetime.now(UTC))
    return home


def test_a_dropped_passport_is_checked_and_said_aloud(browser: Any, trained: Path, tmp_path: Path) -> None:
    """At a console without keys."""
    import base64

    with served(tmp_path / "nobody") as (base, context):
        visit = Visit(browser, base, context.access.new_link(), first="/welcome")
        page = visit.page
        page.get_by_role("link", name="Verify a passport").click()
        good = zipped(files_of(trained / "passport"))
        page.evaluate(DROP, ["good.zip", base64.b64encode(good).decode()])
        page.wait_for_url("**/verify/*")
        page.locator(".verdict.good").wait_for(timeout=300_000)
        assert page.locator("[aria-live]").first.inner_text().strip() == "The passport holds."
        assert page.locator(".checks > .good").count() == 17
        assert page.get_by_role("heading", name="What is not proven").is_visible()
        assert visit.problems == []
        visit.context.close()


def test_a_tampered_passport_by_keyboard(browser: Any, trained: Path, tmp_path: Path) -> None:
    with served(tmp_path / "nobody") as (base, context):
        visit = Visit(browser, base, context.access.new_link(), first="/welcome", java_script_enabled=False)
        page = visit.go("/verify")
        (tmp_path / "bad.zip").write_bytes(zipped(tampered(trained / "passport")))
        page.get_by_label("or a zip, or the files").set_input_files(tmp_path / "bad.zip")
        page.get_by_role("button", name="Check it").focus()
        page.keyboard.press("Enter")
        page.locator(".verdict.bad").wait_for(timeout=300_000)  # without a script, the page loads itself again
        assert page.locator(".checks > .bad").count() == 1
        assert "was changed" in page.locator(".broken").inner_text()
        visit.context.close()


def test_a_plan_is_estimated_while_it_is_typed(browser: Any, rich: Path) -> None:
    with served(rich) as (base, context):
        visit = Visit(browser, base, context.access.new_link())
        page = visit.go("/plans/new")
        assert not page.get_by_label("Widths of hidden layers").is_visible()
        page.get_by_label("Epsilon").fill("1")
        page.get_by_text("73.1 %").wait_for(timeout=300_000)
        page.get_by_text("Network or linear model").click()
        assert page.get_by_label("Widths of hidden layers").is_visible()
        assert not page.get_by_label("Rounds").is_visible()
        assert visit.problems == []
        visit.context.close()


def test_nodes_of_pictures_are_reached_by_keyboard(browser: Any, rich: Path) -> None:
    with served(rich) as (base, context):
        visit = Visit(browser, base, context.access.new_link())
        page = visit.go("/lineage")
        press_until(page, lambda: focused(page).startswith("dataset") and "40 %" not in focused(page))
        page.keyboard.press("Enter")
        assert "#w" in page.url
        assert page.locator("tr:target").is_visible()
        visit.context.close()


@pytest.mark.parametrize(
    "look",
    [{"color_scheme": "light"},
     {"color_scheme": "dark", "locale": "zh-CN", "viewport": {"width": 360, "height": 740}}],
    ids=["light", "dark-chinese-360"],
)  # fmt: skip
def test_nothing_stands_in_a_screen_readers_way(browser: Any, rich: Path, look: dict[str, Any]) -> None:
    session = next(path.name for path in (rich / "sessions").iterdir() if path.is_dir())
    with served(rich) as (base, context):
        visit = Visit(browser, base, context.access.new_link(), **look)
        found = {}
        for path in (*PAGES, f"/sessions/{session}"):
            page = visit.go(path)
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            found[path] = ["wider than the screen"] if wide > 0 else []
            found[path] += violations(page)
        visit.context.close()
    assert {path: told for path, told in found.items() if told} == {}
