"""Folders that come from an enemy: pipes, links, huge and deep files; and homes that others may write to."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from bailee import keys
from bailee.errors import BaileeError, InputError, PassportError, RecordError
from bailee.keys import Identity
from bailee.records import Card, Passport, open_signed
from bailee.records.canonical import parse
from bailee.records.fields import Name, check
from bailee.verify.passport import verify_passport
from parties import PretendCards, make_cast, pretend_verify, run_session


def verify(path: Path) -> Any:
    return verify_passport(path, cards=PretendCards(), gradients=pretend_verify)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outcome, said = run_session(make_cast(tmp_path_factory.mktemp("made"), (20,)))
    assert outcome is not None, said
    return outcome.path


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made.parent / "attachments", tmp_path / "attachments")
    shutil.copy(made, tmp_path / "passport.json")
    return tmp_path / "passport.json"


def test_a_pipe_in_place_of_an_attachment_does_not_hang_the_reader(copy: Path) -> None:
    passport = open_signed(copy.read_bytes(), Passport).record
    place = copy.parent / "attachments" / passport.owners[0].card
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(PassportError, match="cannot be read"):
        verify(copy)


def test_what_nobody_named_costs_a_reader_nothing(copy: Path) -> None:
    folder = copy.parent / "attachments"
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "folder").mkdir()
    (folder / "deep").write_bytes(b"[" * 60_000)
    with (folder / "huge").open("wb") as file:
        file.truncate(1 << 34)
    assert verify(copy).rows == 20


def test_an_attachment_that_is_too_large_is_not_read_whole(copy: Path) -> None:
    passport = open_signed(copy.read_bytes(), Passport).record
    with (copy.parent / "attachments" / passport.owners[0].grant).open("r+b") as file:
        file.truncate(1 << 34)
    with pytest.raises(PassportError, match="larger than"):
        verify(copy)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 1_000_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"[" * 34 + b"]" * 34,
        b"9" * 100_000,
        b"1e9",
        b"-0",
        b'"\\ud800"',
        b'{"a":1,"a":1}',
        b" 1",
        b"\xff",
        b"\xef\xbb\xbf1",
        b'{"b":1,"a":1}',
        b"NaN",
    ],
    ids=range(13),
)
def test_bombs_and_second_spellings_are_errors(data: bytes) -> None:
    with pytest.raises(RecordError):
        parse(data)
    with pytest.raises(BaileeError):
        open_signed(data, Card)


@pytest.mark.parametrize(
    "name",
    ["a\u202eb", "a\u200bb", "a\nb", "a\x1b[2Jb", " a", "a\u00a0", "", "a" * 201, "a\u2028b", "\ud800"],
)
def test_names_that_hide_something_are_refused(name: str) -> None:
    """Direction marks, zero widths, line ends, terminal escapes. (Look-alike letters are not seen: docs/attacks.md.)"""
    with pytest.raises(RecordError):
        check(Name, name, "name")


def test_a_link_laid_for_the_key_catches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, trap = tmp_path / "home", tmp_path / "trap"
    home.mkdir()
    (home / f".identity.pem.{os.getpid()}").symlink_to(trap)
    Identity.create(home, "Anna")
    assert not trap.exists()
    mode = stat.S_IMODE((home / "identity.pem").stat().st_mode)
    assert mode == 0o600
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setattr(keys.secrets, "token_hex", lambda size: "guessed")
    (other / ".identity.json.guessed").symlink_to(trap)
    with pytest.raises((InputError, BaileeError)):
        Identity.create(other, "Anna")
    assert not trap.exists()
