"""How things look: a few lines in a terminal, a small table in a notebook. Neither has colours of its own.

Names come from strangers: what is no printable letter is written out, and HTML gets nothing unescaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TypeAlias

from bailee.own.one_line import one_line

Rows: TypeAlias = Sequence[Mapping[str, object]]
_CELL = "text-align:left;vertical-align:top;padding:0.15em 0.8em 0.15em 0"
_LONG = _CELL + ";overflow-wrap:anywhere;min-width:16ch"
"""Of a cell with a key or a digest: it is cut where the line ends, and what is beside it keeps its words whole."""
_UNBROKEN = 24
"""Letters without a space that any screen has room for."""
_CAPTION = "text-align:left;caption-side:top;padding:0.6em 0 0 0"
_MOST = 100
"""Rows of a table that are shown; a notebook with thousands of sessions must open, too."""


class Shown:
    """Says what it is by `_title`, `_facts` and `_tables`, and never a secret."""

    def _title(self) -> str:
        raise NotImplementedError

    def _facts(self) -> Mapping[str, object]:
        """Name and value, for people."""
        raise NotImplementedError

    def _tables(self) -> Mapping[str, Rows]:
        """Tables below the facts, by their title."""
        return {}

    def __repr__(self) -> str:
        facts = {_text(name): _text(value) for name, value in self._facts().items()}
        width = max(map(len, facts), default=0)
        lines = [_text(self._title()), *(f"  {name:{width}}  {value}" for name, value in facts.items())]
        for title, rows in self._tables().items():
            lines.append(f"  {_text(title)}")
            lines += [
                "    " + ", ".join(f"{_head(name)} {_text(cell)}" for name, cell in row.items()) for row in rows[:_MOST]
            ]
            lines += [f"    and {len(rows) - _MOST} more"] if len(rows) > _MOST else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        facts = "".join(
            f'<tr><th scope="row" style="{_CELL}">{_html(name)}</th>{_cell(value)}</tr>'
            for name, value in self._facts().items()
        )
        # No caption: browsers would break a title where its table ends.
        found = [f"<strong>{_html(self._title())}</strong><table><tbody>{facts}</tbody></table>"]
        found += [_table(title, rows) for title, rows in self._tables().items() if rows]
        return f'<div class="bailee">{"".join(found)}</div>'


def _table(title: str, rows: Rows) -> str:
    heads = "".join(f'<th scope="col" style="{_CELL}">{_html(_head(name))}</th>' for name in rows[0])
    body = "".join("<tr>" + "".join(map(_cell, row.values())) + "</tr>" for row in rows[:_MOST])
    more = f"<p>and {len(rows) - _MOST} more</p>" if len(rows) > _MOST else ""
    caption = f'<caption style="{_CAPTION}">{_html(title)}</caption>'
    return f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: object) -> str:
    long = any(len(word) > _UNBROKEN for word in _text(value).split())
    return f'<td style="{_LONG if long else _CELL}">{_html(value)}</td>'


def _head(name: str) -> str:
    """The name of a fact, as people write it."""
    return _text(name).replace("_", " ")


def _text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(map(_text, value)) or "none"
    return one_line(str(value))


def _html(value: object) -> str:
    return escape(_text(value), quote=True)
