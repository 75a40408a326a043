"""A session's rounds as a picture: a row for each owner, a square for each round, filled once its answer is here.

Colours are classes of `checking.css`: no style is in the drawing, so that the page's policy may forbid it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from bailee.party.followed import Followed

_CELL, _GAP, _TOP, _ROW, _LETTER = 14, 3, 26, 24, 8
MOST = 60
"""Columns; of a longer session the newest rounds are drawn."""
_MOST_ROWS = 24


@dataclass(frozen=True)
class RoundsPicture:
    """first, last: the rounds that are drawn, from 1; hidden: how many rounds and rows are not."""

    svg: Markup
    first: int
    last: int
    hidden_rounds: int
    hidden_rows: int


def rounds_picture(
    one: Followed, names: Callable[[str], str], title: str, label: Callable[[str, int], str]
) -> RoundsPicture | None:
    """None where nothing is counted. title: what the whole is; label: (row, the last round that is there) in words."""
    rows = _rows(one, names)
    total = max(one.rounds, max((number for _, there in rows for number in there), default=0))
    if not rows or not total:
        return None
    reached = max((number for _, there in rows for number in there), default=0)
    last = min(total, max(reached + MOST // 4, MOST))
    first = max(1, last - MOST + 1)
    shown = [(name if len(name) <= 24 else f"{name[:23]}…", there) for name, there in rows[:_MOST_ROWS]]
    left = 16 + max(sum(1 + (ord(letter) > 0x2E80) for letter in name) for name, _ in shown) * _LETTER
    width = left + (last - first + 1) * (_CELL + _GAP) + 10
    height = _TOP + len(shown) * _ROW + 6
    drawn = [
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-labelledby="rounds-title rounds-desc" class="rounds">',
        f'<title id="rounds-title">{escape(title)}</title>',
        f'<desc id="rounds-desc">{escape(_told(rows[:_MOST_ROWS], label))}</desc>',
    ]
    for number in range(first, last + 1):
        if number in (first, last) or number % 10 == 0:
            x = left + (number - first) * (_CELL + _GAP) + _CELL // 2
            drawn.append(f'<text class="soft" x="{x}" y="16" text-anchor="middle">{number}</text>')
    for at, (name, there) in enumerate(shown):
        y = _TOP + at * _ROW
        drawn.append(f'<text x="{left - 12}" y="{y + 12}" text-anchor="end">{escape(name)}</text>')
        for number in range(first, last + 1):
            x, done = left + (number - first) * (_CELL + _GAP), number in there
            kind = "there" if done else "ahead"
            drawn.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" rx="3"/>')
    drawn.append("</svg>")
    hidden = total - (last - first + 1)
    return RoundsPicture(Markup("".join(drawn)), first, last, hidden, len(rows) - len(shown))  # noqa: S704 - escaped above


def _rows(one: Followed, names: Callable[[str], str]) -> list[tuple[str, frozenset[int]]]:
    if one.leader.kind == "hidden":
        found = {
            stage: frozenset(step.round for step in one.steps if step.stage == stage and step.round)
            for stage in ("trained", "chunk-proved")
        }
        return [(names(stage), numbers) for stage, numbers in found.items() if numbers or stage == "trained"]
    if one.answered:
        return [
            (names(owner), frozenset(number for number, owners in one.answered.items() if owner in owners))
            for owner in one.leader.owners
        ]
    own = frozenset(step.round for step in one.steps if step.stage == "round" and step.round)
    return [(names("own"), own)] if one.leader.kind == "sums" else []


def _told(rows: Sequence[tuple[str, frozenset[int]]], label: Callable[[str, int], str]) -> str:
    return " ".join(label(name, max(there, default=0)) for name, there in rows)
