"""What script/tools fetches starts: a browser that shows Latin and Chinese letters; axe-core finds faults."""

from __future__ import annotations

from pathlib import Path

from chromium import needs_chromium, open_chromium, violations

pytestmark = needs_chromium
_STRICT = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'\">"


def test_letters_of_both_languages_have_a_font() -> None:
    with open_chromium() as browser:
        page = browser.new_page()
        page.set_content("<p>data</p><p>数据</p>")
        door = page.context.new_cdp_session(page)
        door.send("DOM.enable")
        door.send("CSS.enable")
        root = door.send("DOM.getDocument", {"depth": -1})["root"]["nodeId"]
        fonts = []
        for node in door.send("DOM.querySelectorAll", {"nodeId": root, "selector": "p"})["nodeIds"]:
            (font,) = door.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
            fonts.append(font["familyName"])
    assert fonts[0].startswith("DejaVu")
    assert fonts[1] == "WenQuanYi Micro Hei"


def test_axe_finds_faults_on_a_page_that_allows_no_script(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.html", tmp_path / "good.html"
    bad.write_text(
        f"<!doctype html><html lang='en'><title>a</title>{_STRICT}<main><h1>a</h1><img src='x'></main></html>"
    )
    good.write_text(f"<!doctype html><html lang='en'><title>a</title>{_STRICT}<main><h1>a</h1></main></html>")
    with open_chromium() as browser:
        page = browser.new_page()
        page.goto(bad.as_uri())
        assert [one.partition(":")[0] for one in violations(page)] == ["image-alt"]
        page.goto(good.as_uri())
        assert violations(page) == []
