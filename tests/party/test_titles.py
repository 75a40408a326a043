"""Titles of works: what the home itself registered, by number, and nothing that a terminal or a page obeys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bailee.party.registrations import folder_of
from bailee.party.titles import titled, titles_of

LEDGER, OTHER = (f"eip155:31337:0x{byte * 20}" for byte in ("11", "22"))


def put(home: Path, work: int, metadata: bytes, name: str | None = None) -> None:
    folder = folder_of(home, LEDGER, work)
    folder = folder if name is None else folder.with_name(name)
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_bytes(metadata)


def test_titles_are_those_of_the_home_on_that_ledger(tmp_path: Path) -> None:
    assert titles_of(tmp_path, LEDGER) == {}
    put(tmp_path, 7, b'{"name":"Heart disease"}')
    put(tmp_path, 8, b'{"name":"Moved aside"}', name=f"{8:064x}.1")
    assert titles_of(tmp_path, LEDGER) == {7: "Heart disease"}
    assert titles_of(tmp_path, OTHER) == {}
    assert (titled(7, {7: "x"}), titled(8, {7: "x"})) == ("7 (x)", "8")


@pytest.mark.parametrize(
    "metadata",
    [b"", b"[]", b"{", b'{"name":7}', b'{"name":""}', b'{"name":" \\n"}', b'{"other":"x"}', b"[" * 100_000, b"\xff"],
)
def test_what_says_no_title_has_none(tmp_path: Path, metadata: bytes) -> None:
    put(tmp_path, 7, metadata)
    assert titles_of(tmp_path, LEDGER) == {}


def test_a_title_is_one_line_and_short(tmp_path: Path) -> None:
    put(tmp_path, 7, json.dumps({"name": "a\u202eb\x1b[2Jc\nd"}).encode())
    put(tmp_path, 8, json.dumps({"name": "x" * 5000}).encode())
    assert titles_of(tmp_path, LEDGER) == {7: "a\\u202eb\\x1b[2Jc\\nd", 8: "x" * 79 + "…"}
