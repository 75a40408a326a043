"""The console in a real Chromium, as people use it: by link, by keyboard, in the dark, in Chinese, on a small screen,
and read by axe-core as a screen reader would need it. Skipped where there is no Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bailee.party.home import PartyHome
from chromium import needs_chromium, open_chromium, violations
from console_browser import Visit, focused, press_until
from console_world import OWNER_PAGES, served

PAGES = (*OWNER_PAGES, "/datasets/tiny", f"/requests/{'00' * 16}", f"/requests/{'01' * 16}",
         f"/grants/{'30' * 16}/revoke", "/seal", "/nothing")  # fmt: skip
GRANT = "30" * 16


pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_chromium() as found:
        yield found


@pytest.fixture
def console(full_home: Path, tmp_path: Path) -> Iterator[Any]:
    shutil.copytree(full_home, tmp_path / "owner")
    with served(tmp_path / "owner") as (base, context):
        yield base, context


@pytest.fixture
def visit(browser: Any, console: Any) -> Iterator[Visit]:
    base, context = console
    made = Visit(browser, base, context.access.new_link())
    yield made
    made.context.close()
    assert made.problems == []


def test_the_link_signs_in_once(visit: Visit, browser: Any) -> None:
    assert visit.page.get_by_role("heading", name="Overview").is_visible()
    (cookie,) = visit.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    stranger = browser.new_context()
    stranger.set_default_timeout(120_000)
    page = stranger.new_page()
    page.goto(visit.base + "/datasets")
    assert page.get_by_role("heading", name="You are not signed in here").is_visible()
    stranger.close()


def test_revoking_by_keyboard_only(visit: Visit, console: Any) -> None:
    page = visit.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    press_until(page, lambda: focused(page) == "Grants")
    page.keyboard.press("Enter")
    page.wait_for_url("**/grants")
    press_until(page, lambda: focused(page).startswith("Revoke") and "30303030" in focused(page))
    page.keyboard.press("Enter")
    page.wait_for_url("**/revoke")
    assert page.get_by_text("What it does not undo").is_visible()
    press_until(page, lambda: focused(page) == "Revoke the grant")
    page.keyboard.press("Enter")
    page.wait_for_url("**/grants")
    assert page.get_by_role("status").get_by_text("is taken back since").is_visible()
    assert PartyHome(console[1].home).revocation(GRANT) is not None


def test_the_language_and_the_colours_are_switched(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="中文").click()
    page.wait_for_function("document.documentElement.lang === 'zh-Hans'")
    page.get_by_role("link", name="数据集", exact=True).click()
    page.wait_for_url("**/datasets")
    assert page.title().startswith("数据集")
    page.get_by_role("button", name="English").click()
    page.wait_for_function("document.documentElement.lang === 'en'")
    light = page.evaluate("getComputedStyle(document.body).color")
    page.get_by_role("button", name="Dark colours").click()
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert page.evaluate("getComputedStyle(document.body).color") != light
    assert page.url.endswith("/datasets")


def test_the_stores_are_asked_after_the_page_is_there(visit: Visit) -> None:
    visit.go("/")
    visit.page.get_by_text("All stores of the vault answer.").wait_for()


def test_a_table_is_sealed_by_hand(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("age,ill\n30,0\n44,1\n51,1\n")
    page = visit.go("/seal")
    page.get_by_label("A CSV file").set_input_files(tmp_path / "rows.csv")
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Name", exact=True).fill("by-hand")
    assert page.get_by_label("Largest").first.input_value() == "60"
    assert not page.get_by_label("Categories, one a line").first.is_visible()
    page.get_by_label("Type").first.select_option("category")
    assert page.get_by_label("Categories, one a line").first.is_visible()
    page.get_by_label("Type").first.select_option("integer")
    page.get_by_label("I have looked").check()
    page.get_by_role("button", name="Seal it").click()
    page.wait_for_url("**/datasets/by-hand", timeout=300_000)  # the page goes there by itself
    assert page.get_by_role("heading", name="by-hand").is_visible()


def test_without_javascript_everything_is_there(browser: Any, console: Any) -> None:
    base, context = console
    visit = Visit(browser, base, context.access.new_link(), java_script_enabled=False,
                  viewport={"width": 360, "height": 740})  # fmt: skip
    page = visit.go("/grants")
    assert page.get_by_role("link", name="Datasets").is_visible()  # the menu is open where nothing can open it
    page.get_by_role("link", name="Revoke").first.click()
    page.get_by_role("button", name="Revoke the grant").click()
    assert page.get_by_text("is taken back since").is_visible()
    visit.context.close()


def test_the_menu_of_a_small_screen(browser: Any, console: Any) -> None:
    base, context = console
    visit = Visit(browser, base, context.access.new_link(), viewport={"width": 360, "height": 740})
    page, places = visit.page, visit.page.get_by_role("navigation", name="Pages")
    assert not places.is_visible()
    menu = page.get_by_role("button", name="Menu")
    menu.press("Enter")
    assert places.is_visible()
    assert menu.get_attribute("aria-expanded") == "true"
    page.keyboard.press("Escape")
    assert not places.is_visible()
    assert visit.problems == []
    visit.context.close()


@pytest.mark.parametrize(
    "look",
    [{"color_scheme": "light"}, {"color_scheme": "dark", "viewport": {"width": 360, "height": 740}},
     {"color_scheme": "dark", "locale": "zh-CN"}],
    ids=["light", "dark-360", "dark-chinese"],
)  # fmt: skip
def test_nothing_stands_in_a_screen_readers_way(browser: Any, full_home: Path, look: dict[str, Any]) -> None:
    """No page breaks a rule of axe-core (WCAG A and AA, and its best practices), and none is wider than its screen."""
    with served(full_home) as (base, context):
        visit = Visit(browser, base, context.access.new_link(), **look)
        found = {}
        for path in PAGES:
            page = visit.go(path)
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            found[path] = ["wider than the screen"] if wide > 0 else []
            found[path] += violations(page)
        visit.context.close()
    assert {path: told for path, told in found.items() if told} == {}
