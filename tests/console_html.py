"""Reads a page strictly: what a browser would mend silently is an error here, and so is what the policy forbids."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_ALONE = {"p": {"p", "div", "ul", "ol", "dl", "table", "form", "section", "h1", "h2", "h3", "pre", "fieldset"}}
"""Elements that end where one of these begins in them."""


class HtmlError(AssertionError):
    pass


@dataclass
class Page:
    """ids: of all elements; links: hrefs; forms: (method, action); text: all text, joined."""

    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    forms: list[tuple[str, str]] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""


class _Strict(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.open: list[str] = []
        self.points: list[tuple[str, str]] = []
        self.foreign = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._begin(tag, attrs)
        if tag in VOID:
            return
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if "svg" not in self.open and tag not in VOID:
            raise HtmlError(f"<{tag}/> closes itself, which is for SVG only")
        self._begin(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            raise HtmlError(f"</{tag}> at {self.getpos()} while {self.open[-3:]} are open")
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if "script" in self.open or "style" in self.open:
            raise HtmlError(f"inline {self.open[-1]}: {data[:50]!r}")
        self.page.text += data

    def _begin(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(set(names)) != len(names):
            raise HtmlError(f"<{tag}> at {self.getpos()} has an attribute twice: {names}")
        found = {name: value or "" for name, value in attrs}
        if tag == "style" or "style" in found or any(name.startswith("on") for name in names):
            raise HtmlError(f"<{tag}> at {self.getpos()}: inline style or script")
        if tag == "script" and not found.get("src", "").startswith("/static/"):
            raise HtmlError("a script from elsewhere")
        if self.open and tag in _ALONE.get(self.open[-1], ()):
            raise HtmlError(f"<{tag}> in <{self.open[-1]}> at {self.getpos()}")
        for name in ("src", "href", "action", "data-stream"):
            if name in found and tag not in ("use",) and not found[name].startswith(("/", "#")):
                raise HtmlError(f"<{tag} {name}={found[name]!r}> leads elsewhere")
        if "id" in found:
            self.page.ids.append(found["id"])
        for name in ("for", "aria-controls", "aria-labelledby", "aria-describedby", "form"):
            self.points += [(name, one) for one in found.get(name, "").split()]
        if tag == "a":
            self.page.links.append(found.get("href", ""))
        if tag == "form":
            self.page.forms.append((found.get("method", "get"), found.get("action", "")))
        if tag in ("input", "select", "textarea"):
            self.page.fields.append((found.get("name", ""), found.get("value", "")))


def read_page(text: str) -> Page:
    """Raises HtmlError for anything but a sound page."""
    if not text.lstrip().lower().startswith("<!doctype html>"):
        raise HtmlError("no doctype")
    reader = _Strict()
    reader.feed(text)
    reader.close()
    if reader.open:
        raise HtmlError(f"never closed: {reader.open}")
    page = reader.page
    if len(set(page.ids)) != len(page.ids):
        raise HtmlError(f"ids twice: {sorted(one for one in page.ids if page.ids.count(one) > 1)}")
    lost = [point for point in reader.points if point[1] not in page.ids]
    if lost:
        raise HtmlError(f"pointing nowhere: {lost}")
    return page
