"""What the site has that docs/ has not: README, changelog, examples as pages; every link led to where the site has it.

A hook of MkDocs (mkdocs.yml names it). Pages stay as they are in the repository, where their links lead to files; here
the same links lead to pages. Lists of decisions and errors are read from their folders, so no page is forgotten.
"""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = {"README.md": "readme.md", "CHANGELOG.md": "changelog.md", "SECURITY.md": "security.md"}
"""Markdown outside docs/, and what the page is called."""
_LINK = re.compile(r"(!?\[[^\]\n]*\]\()([^)\s#]*)(#[^)\s]*)?\)")
_SHOWN = {
    ".py": "python",
    ".toml": "toml",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".sh": "bash",
    ".service": "ini",
    "": "text",
}
"""Other files that pages link to become pages that show them. By suffix: how they are coloured."""
_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_ITEM = re.compile(r"(?:[-*]|\d+\.) ")
_DRAWN = re.compile(r"<p><img alt=\"[^\"]*\" src=\"([^\"]*diagrams/[^\"]+\.svg)\" /></p>")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """In the navigation `decisions/` and `errors/` stand for all pages of the folder, `*` for those not named."""
    placed = set(re.findall(r"[\w/.-]+\.md", str(config.nav)))
    docs = ROOT / "docs"
    left = [str(path.relative_to(docs)) for path in sorted([*docs.glob("*.md"), *docs.glob("howto/*.md")])]
    nav = [_unfolded(part, [page for page in left if page not in placed]) for part in config.nav or []]
    config.nav = [part for part in nav if part not in ({"More": []}, [])]
    return config


def _unfolded(part: Any, left: list[str]) -> Any:
    if isinstance(part, dict):
        return {name: _unfolded(inner, left) for name, inner in part.items()}
    if isinstance(part, list):
        return [_unfolded(inner, left) for inner in part]
    if part == "*":
        return left
    if part.endswith("/"):
        found = sorted(path.name for path in (ROOT / "docs" / part).glob("*.md") if path.name != "index.md")
        return [part + "index.md", *(part + name for name in found)]
    return part


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for source, name in PAGES.items():
        files.append(File.generated(config, name, content=(ROOT / source).read_text("utf-8")))
    for source in sorted(_linked()):
        files.append(File.generated(config, _shown(source), content=_as_page(source)))
    if files.get_file_from_path("decisions/index.md") is None:
        files.append(File.generated(config, "decisions/index.md", content=_decisions()))
    return files


def _linked() -> set[str]:
    """Files outside docs/ that pages link to."""
    found = set()
    for page in [*(ROOT / name for name in PAGES), *(ROOT / "docs").rglob("*.md")]:
        for _, link, _ in _LINK.findall(_FENCE.sub("", page.read_text("utf-8"))):
            if link and re.match(r"[a-z]+:", link) is None:
                target = posixpath.normpath(posixpath.join(page.parent.relative_to(ROOT).as_posix(), link))
                if target not in PAGES and not target.startswith("docs/") and (ROOT / target).is_file():
                    found.add(target)
    return found


def _shown(source: str) -> str:
    return f"files/{source}.md"


def _as_page(source: str) -> str:
    kind, text = _SHOWN.get(Path(source).suffix, "text"), (ROOT / source).read_text("utf-8")
    shown = _cells(text) if source.endswith(".ipynb") else f"# {source}\n\n````{kind}\n{text.rstrip()}\n````"
    return f"---\nsearch:\n  exclude: true\n---\n{shown}\n"


def _cells(notebook: str) -> str:
    """A notebook as Markdown: what is said, and what is run."""
    found = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(notebook)["cells"]]
    return "\n\n".join(text if kind == "markdown" else f"````python\n{text}\n````" for kind, text in found)


def _decisions() -> str:
    lines = ["# Decisions", "", "What was chosen, why, and what was rejected. The newest is last.", ""]
    for path in sorted((ROOT / "docs/decisions").glob("*.md")):
        title = path.read_text("utf-8").split("\n", 1)[0].lstrip("# ")
        lines.append(f"- [{title}](decisions/{path.name})")
    return "\n".join(lines) + "\n"


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    source = next((path for path, name in PAGES.items() if name == page.file.src_uri), "docs/" + page.file.src_uri)
    if page.file.src_uri == "decisions/index.md":
        source = "docs/index.md"
    if page.file.src_uri.startswith("files/"):
        return markdown
    return _outside_fences(markdown, lambda text: _as_github(_led(text, source, page.file.src_uri)))


def _outside_fences(text: str, change: Any) -> str:
    parts, at = [], 0
    for found in _FENCE.finditer(text):
        parts += [change(text[at : found.start()]), found[0]]
        at = found.end()
    return "".join([*parts, change(text[at:])])


def _led(text: str, source: str, page: str) -> str:
    """source: the file in the repository that links are relative to; page: where it is on the site."""

    def lead(found: re.Match[str]) -> str:
        head, link, part = found[1], found[2], found[3] or ""
        if not link or re.match(r"[a-z]+:", link):
            return found[0]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
        return f"{head}{posixpath.relpath(_on_site(target, source), posixpath.dirname(page) or '.')}{part})"

    return _LINK.sub(lead, text)


def _on_site(target: str, source: str) -> str:
    if target in PAGES:
        return PAGES[target]
    if target.startswith("docs/"):
        inner = target.removeprefix("docs/")
        return inner + "/index.md" if (ROOT / target).is_dir() else inner
    if (ROOT / target).is_file():
        return _shown(target)
    raise ValueError(f"{source} links to {target}, which is neither a page nor a file that the site could show")


def _as_github(text: str) -> str:
    """A list or a table may follow a line of text at once, as on GitHub; Python-Markdown wants an empty line."""
    lines: list[str] = []
    inside = ""
    for line in text.split("\n"):
        kind = "list" if _ITEM.match(line) else "table" if line.startswith("|") else ""
        before = lines[-1] if lines else ""
        if kind and kind != inside and before.strip() and not before.startswith(" "):
            lines.append("")
        inside = kind or (inside if line.startswith(" ") else "")
        lines.append(line)
    return "\n".join(lines)


def on_page_content(html: str, **_: Any) -> str:
    """Diagrams go into the page itself: as pictures of their own they would not know whether it is light or dark."""

    def drawn(found: re.Match[str]) -> str:
        name = posixpath.basename(found[1])
        return f'<div class="bailee-diagram">{(ROOT / "docs/diagrams" / name).read_text("utf-8")}</div>'

    return _DRAWN.sub(drawn, html)
