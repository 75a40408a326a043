"""What a registration says is on disk before it is sent, and nothing takes its place unseen."""

from __future__ import annotations

from pathlib import Path
from threading import Barrier, Thread

import pytest

from bailee.errors import ConflictError, StorageError
from bailee.own.metadata import Documents, Naming
from bailee.party.registrations import METADATA, Registration, folder_of, keep_registration, read_registration

LEDGER, ACCOUNT = "eip155:1:0x" + "ab" * 20, "0x" + "cd" * 20


def kept(folder: Path, letter: str, seen: Registration | None) -> Registration:
    naming = Naming(*(letter * 64 for _ in range(5)))
    documents = Documents(naming, b'{"name":"%s"}' % letter.encode(), None, letter.encode() * 9)
    return keep_registration(folder, LEDGER, ACCOUNT, 1, documents, letter * 64, seen=seen)


def test_what_was_prepared_is_moved_aside_and_keeps_its_salt(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, LEDGER, 7)
    first = kept(folder, "a", None)
    assert read_registration(folder) == first
    second = kept(folder, "b", first)
    assert (second.salt, second.fingerprint) == (first.salt, b"b" * 9)
    assert (folder.with_name(f"{folder.name}.1") / METADATA).read_bytes() == b'{"name":"a"}'


def test_what_another_command_prepared_meanwhile_stays(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, LEDGER, 7)
    first = kept(folder, "a", None)
    with pytest.raises(ConflictError, match="another command has prepared"):
        kept(folder, "b", None)
    assert (read_registration(folder), first.fingerprint) == (first, b"a" * 9)


def test_of_two_at_once_one_goes_on_with_its_own_documents(tmp_path: Path) -> None:
    for number in range(20):
        folder, begin = folder_of(tmp_path, LEDGER, number), Barrier(2)
        made: list[Registration] = []

        def prepare(
            letter: str, folder: Path = folder, begin: Barrier = begin, made: list[Registration] = made
        ) -> None:
            begin.wait()
            try:
                made.append(kept(folder, letter, None))
            except (ConflictError, StorageError):  # the other was there, or is there now
                return

        both = [Thread(target=prepare, args=(letter,)) for letter in "ab"]
        for one in both:
            one.start()
        for one in both:
            one.join()
        assert len(made) == 1
        assert read_registration(folder) == made[0]
        assert made[0].fingerprint == made[0].naming[0][:9].encode()
