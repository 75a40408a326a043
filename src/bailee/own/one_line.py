"""Strangers' words within a line of ours: a link that somebody registered must not look like a line of its own."""

from __future__ import annotations


def one_line(text: str) -> str:
    """Breaks, control characters and turned directions are written out, as a terminal and a page may be given them."""
    return "".join(letter if letter.isprintable() else ascii(letter).strip("'") for letter in text)
