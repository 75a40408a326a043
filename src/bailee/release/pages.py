"""Sections as Markdown and as one HTML page. Both escape every text: names in a passport are strangers' words.

The page needs nothing from elsewhere: no script, no font, no image; its policy forbids them to the browser too.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from bailee.release.model_card import Section, Table

_MARKS = re.compile(r"[\\`*_\[\]{}<>#|~&!@$]|:(?=//)|(?<=www)\.", re.IGNORECASE)
"""What CommonMark and GitHub's Markdown make more than text of, in the middle of a line."""
_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "div{overflow-x:auto}table{border-collapse:collapse}"
    "th,td{border:1px solid #888;padding:.3rem .6rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def markdown(title: str, sections: Sequence[Section]) -> bytes:
    """GitHub's Markdown, UTF-8."""
    blocks = [f"# {_mark(title)}"]
    for section in sections:
        blocks.append(f"## {_mark(section.title)}")
        blocks += map(_mark, section.lines)
        if section.table is not None:
            blocks.append(_markdown_table(section.table))
    return ("\n\n".join(blocks) + "\n").encode()


def _markdown_table(table: Table) -> str:
    lines = [f"| {' | '.join(map(_mark, table.heads))} |", f"|{' --- |' * len(table.heads)}"]
    lines += [f"| {' | '.join(map(_mark, row))} |" for row in table.rows]
    return "\n".join(lines)


def page(title: str, sections: Sequence[Section]) -> bytes:
    """One HTML document, UTF-8."""
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        f'<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{html.escape(_POLICY)}">',
        '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">',
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head>",
        f"<body><main><h1>{_text(title)}</h1>",
    ]
    for section in sections:
        parts.append(f"<section><h2>{_text(section.title)}</h2>")
        parts += [f"<p>{_text(line)}</p>" for line in section.lines]
        if section.table is not None:
            parts.append(_html_table(section.table))
        parts.append("</section>")
    return ("\n".join([*parts, "</main></body>", "</html>"]) + "\n").encode()


def _html_table(table: Table) -> str:
    heads = "".join(f'<th scope="col">{_text(head)}</th>' for head in table.heads)
    rows = [
        f'<tr><th scope="row">{_text(row[0])}</th>{"".join(f"<td>{_text(cell)}</td>" for cell in row[1:])}</tr>'
        for row in table.rows
    ]
    return "\n".join([f"<div><table><thead><tr>{heads}</tr></thead><tbody>", *rows, "</tbody></table></div>"])


def _mark(text: str) -> str:
    return _MARKS.sub(lambda found: "\\" + found.group(), _shown(text))


def _text(text: str) -> str:
    return html.escape(_shown(text))


def _shown(text: str) -> str:
    """Control characters, line breaks and turned directions written out."""
    return "".join(letter if letter.isprintable() else ascii(letter).strip("'") for letter in text)
