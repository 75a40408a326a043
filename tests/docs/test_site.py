"""The docs as a site: no warning, no page forgotten, nothing fetched from anywhere else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs")
ROOT = Path(__file__).parents[2]
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\ssrc=[\"']?(?:https?:)?//|<link\b[^>]*\bhref=[\"']?(?:https?:)?//"
)
_OWN = re.compile(r"<link\b[^>]*rel=[\"']?canonical\b[^>]*>")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(made)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    return made


def test_every_page_is_there(site: Path) -> None:
    for path in (ROOT / "docs").rglob("*.md"):
        page = path.relative_to(ROOT / "docs").with_suffix("")
        assert (site / (page.parent if page.name == "index" else page) / "index.html").is_file(), page
    for name in ("readme", "changelog", "security", "errors/GrantError", "files/examples/heart/plan.toml",
                 "files/examples/notebook/three_parties.ipynb"):  # fmt: skip
        assert (site / name / "index.html").is_file(), name


def test_nothing_comes_from_elsewhere(site: Path) -> None:
    """A reader offline sees all of it, and nobody else learns what is read."""
    pages = list(site.rglob("*.html"))
    assert len(pages) > 60
    for page in pages:
        text = _OWN.sub("", page.read_text("utf-8"))
        assert (found := _FETCHED.search(text)) is None, (page, found)
    for style in site.rglob("*.css"):
        assert re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", style.read_text("utf-8")) is None, style


def test_links_of_the_readme_lead_to_pages(site: Path) -> None:
    text = (site / "readme/index.html").read_text("utf-8")
    assert 'href="../guarantees/#the-demos-numbers"' in text
    assert 'href="../files/examples/heart/schema.toml/"' in text
    assert "docs/howto" not in re.sub(r"<code>.*?</code>|<pre>.*?</pre>", "", text, flags=re.DOTALL)


def test_diagrams_are_drawn_in_the_page(site: Path) -> None:
    """As a part of the page they follow its colours; as a picture they could not."""
    assert "<svg" in (site / "architecture/index.html").read_text("utf-8").split("<article", 1)[1]
