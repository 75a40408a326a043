"""Keystores: who can open them, and what is no keystore."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from eth_account import Account

from bailee.adapters.chain.accounts import create_account, find_account, list_accounts, open_account, read_passphrase
from bailee.errors import AuthorityError, InputError, NotFoundError, StorageError
from bailee.keys import Secret

PASSPHRASE = Secret("eine längere Losung".encode())
CHEAP = 2**10


def test_an_account_is_kept_and_opened(tmp_path: Path) -> None:
    made = create_account(tmp_path, "owner", PASSPHRASE, CHEAP)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert list_accounts(tmp_path) == [made] == [find_account(tmp_path, "owner")]
    account = open_account(tmp_path, "owner", PASSPHRASE)
    assert account.address == made.address
    key = account.key.hex()
    for shown in (repr(account), str(account), made.path.read_text(), repr(made)):
        assert key not in shown
    kept = json.loads(made.path.read_text())  # other wallets open it too
    assert Account.decrypt(kept, PASSPHRASE.reveal().decode()) == account.key


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    made = create_account(tmp_path, "owner", PASSPHRASE, CHEAP)
    with pytest.raises(InputError, match="a key is never replaced"):
        create_account(tmp_path, "owner", PASSPHRASE, CHEAP)
    assert find_account(tmp_path, "owner") == made


def test_who_may_not_is_refused(tmp_path: Path) -> None:
    made = create_account(tmp_path, "owner", PASSPHRASE, CHEAP)
    with pytest.raises(AuthorityError, match="this passphrase does not open the account owner"):
        open_account(tmp_path, "owner", Secret(b"another one"))
    made.path.chmod(0o640)
    with pytest.raises(StorageError, match=r"can be read by others \(mode 0640\); run: chmod 600"):
        open_account(tmp_path, "owner", PASSPHRASE)
    with pytest.raises(NotFoundError, match="has no account other; make one: bailee account new other"):
        open_account(tmp_path, "other", PASSPHRASE)
    for name in ("", "../owner", "Owner", ".hidden", "a" * 65):
        with pytest.raises(InputError, match="an account's name has 1 to 64"):
            find_account(tmp_path, name)
    assert list_accounts(tmp_path / "nowhere") == []


def test_damaged_and_hostile_files_are_refused(tmp_path: Path) -> None:
    path = create_account(tmp_path, "owner", PASSPHRASE, CHEAP).path
    good = json.loads(path.read_text())
    other = Account.create().address[2:].lower()

    def broken(**changes: object) -> None:
        path.write_text(json.dumps(good | changes))

    def with_parameters(**changes: object) -> None:
        crypto = good["crypto"]
        broken(crypto=crypto | {"kdfparams": crypto["kdfparams"] | changes})

    for spoil, words in (
        (lambda: broken(version=4), "is no keystore of version 3"),
        (lambda: path.write_text("[" * 9_000), "is no keystore of version 3"),
        (lambda: path.write_text("x" * 20_000), "is larger than 16384 bytes"),
        (lambda: broken(address="0x12"), "names no address"),
        (lambda: broken(crypto=1), "is no keystore of version 3"),
        (lambda: with_parameters(n=2**40), "asks for more memory or time"),
        (lambda: with_parameters(n="1"), "has no parameters that can be"),
        (lambda: broken(address=other), "its key is that of"),
    ):
        spoil()  # type: ignore[no-untyped-call]
        with pytest.raises(InputError, match=words):
            open_account(tmp_path, "owner", PASSPHRASE)


def test_passphrases_come_from_descriptors_files_and_terminals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"eine Losung\n")
    os.close(writing)
    assert read_passphrase(descriptor=reading) == Secret(b"eine Losung")
    os.close(reading)
    file = tmp_path / "passphrase"
    file.write_bytes(b"eine Losung\r\n")
    file.chmod(0o600)
    assert read_passphrase(file=file) == Secret(b"eine Losung")
    file.chmod(0o644)
    with pytest.raises(StorageError, match="can be read by others"):
        read_passphrase(file=file)
    answers = ["eine Losung", "eine Losung", "eine Losung", "eine andere"]
    monkeypatch.setattr("getpass.getpass", lambda _: answers.pop(0))
    assert read_passphrase(twice=True) == Secret(b"eine Losung")
    with pytest.raises(InputError, match="the two passphrases differ"):
        read_passphrase(twice=True)
    for told, words in ((b"short", "8 to 4096 bytes, this one 5"), (b"\xff" * 9, "is text in UTF-8")):
        file.write_bytes(told)
        file.chmod(0o600)
        with pytest.raises(InputError, match=words):
            read_passphrase(file=file)
    with pytest.raises(InputError, match="a descriptor or a file, not both"):
        read_passphrase(descriptor=0, file=file)
    with pytest.raises(InputError, match="cannot read a passphrase from file descriptor 987"):
        read_passphrase(descriptor=987)
