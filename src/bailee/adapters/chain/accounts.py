"""Ethereum accounts of a party: private keys, each in an encrypted keystore (scrypt) that only its owner can read.

The files are of the format that other wallets read (Web3 Secret Storage, version 3). A passphrase comes from a
terminal, an open file descriptor or a file; never from the command line, where other users of the machine would see it.
It should be long: whoever copies the file may guess at it for as long as they like.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bailee import json_text
from bailee.adapters.chain import recursion_kept
from bailee.adapters.files import read_bytes, storage_errors, sync_directory, write_new
from bailee.errors import AuthorityError, InputError, NotFoundError, StorageError
from bailee.keys import Secret

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

SCRYPT_N = 2**17
"""Half a second and 128 MB a guess."""
_MOST_MEMORY = 2**30
_FILE_LIMIT = 16_384
_PASSPHRASE_LIMIT = 4_096
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class AccountFile:
    """An account as its file names it, still closed. `address` with its check sum."""

    name: str
    address: str
    path: Path


def folder_of(home: Path) -> Path:
    """Where a home keeps its accounts."""
    return home / "accounts"


def create_account(home: Path, name: str, passphrase: Secret, scrypt_n: int = SCRYPT_N) -> AccountFile:
    """A new key, on disk when this returns. InputError where the name is taken: keys are never replaced."""
    with recursion_kept():
        from eth_account import Account

    path = _path(home, name)
    _check_passphrase(passphrase)
    account = Account.create()
    kept = Account.encrypt(account.key, passphrase.reveal().decode(), kdf="scrypt", iterations=scrypt_n)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists():
            raise InputError(f"{path} exists already; a key is never replaced: choose another name")
    write_new(path, json.dumps(kept, indent=2).encode() + b"\n", 0o600)
    with storage_errors(path):
        sync_directory(path.parent)
    return AccountFile(name, account.address, path)


def list_accounts(home: Path) -> list[AccountFile]:
    """By name; none where the home has no accounts."""
    folder = folder_of(home)
    with storage_errors(folder):
        names = sorted(path.stem for path in folder.glob("*.json")) if folder.is_dir() else []
    return [find_account(home, name) for name in names if _NAME.fullmatch(name)]


def find_account(home: Path, name: str) -> AccountFile:
    """NotFoundError where there is none; InputError where its file is no keystore."""
    path = _path(home, name)
    if not path.exists():
        raise NotFoundError(f"{home} has no account {name}; make one: bailee account new {name}")
    return AccountFile(name, _address(_keystore(path), path), path)


def open_account(home: Path, name: str, passphrase: Secret) -> LocalAccount:
    """The account, ready to sign; its key is in memory only, and its repr does not show it.

    AuthorityError where the passphrase is another; StorageError where others may read the file.
    """
    with recursion_kept():
        from eth_account import Account

    found = find_account(home, name)
    mode = stat.S_IMODE(found.path.stat().st_mode)
    if mode & 0o077:
        raise StorageError(f"{found.path} can be read by others (mode {mode:04o}); run: chmod 600 {found.path}")
    kept = _keystore(found.path)
    _check_cost(kept, found.path)
    try:
        account: LocalAccount = Account.from_key(Account.decrypt(kept, passphrase.reveal().decode()))
    except ValueError:
        raise AuthorityError(f"this passphrase does not open the account {name}; is it another account's?") from None
    except (KeyError, TypeError, NotImplementedError) as error:
        raise InputError(f"{found.path} is no keystore of version 3 ({type(error).__name__})") from None
    if account.address != found.address:
        raise InputError(
            f"{found.path} says {found.address}, its key is that of {account.address}; restore the original"
        )
    return account


def read_passphrase(descriptor: int | None = None, file: Path | None = None, twice: bool = False) -> Secret:
    """From an open file descriptor, from a file that only its owner can read, or asked for at the terminal.

    One line break at the end is not part of it. `twice`: ask again, for a new one. InputError, StorageError.
    """
    if descriptor is not None and file is not None:
        raise InputError("a passphrase comes from a descriptor or a file, not both")
    if descriptor is not None:
        try:
            with os.fdopen(descriptor, "rb", closefd=False) as opened:
                found = opened.read(_PASSPHRASE_LIMIT + 1)
        except OSError as error:
            raise InputError(f"cannot read a passphrase from file descriptor {descriptor}: {error.strerror}") from None
    elif file is not None:
        found = read_bytes(file, _PASSPHRASE_LIMIT, "the passphrase file")
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            raise StorageError(f"{file} can be read by others (mode {mode:04o}); run: chmod 600 {file}")
    else:
        found = _asked(twice)
    secret = Secret(found.removesuffix(b"\n").removesuffix(b"\r"))
    _check_passphrase(secret)
    return secret


def _asked(twice: bool) -> bytes:
    try:
        told = getpass.getpass("passphrase: ")
        if twice and told != getpass.getpass("again: "):
            raise InputError("the two passphrases differ; nothing was made")
    except EOFError:
        raise InputError("no passphrase: there is no terminal; give --passphrase-file or --passphrase-fd") from None
    return told.encode()


def _check_passphrase(passphrase: Secret) -> None:
    found = passphrase.reveal()
    try:
        found.decode()
    except UnicodeDecodeError:
        raise InputError("a passphrase is text in UTF-8") from None
    if not 8 <= len(found) <= _PASSPHRASE_LIMIT:
        raise InputError(f"a passphrase has 8 to {_PASSPHRASE_LIMIT} bytes, this one {len(found)}")


def _path(home: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise InputError(f"an account's name has 1 to 64 of a-z, 0-9, '.', '_' and '-', got {name!r}")
    return folder_of(home) / f"{name}.json"


def _keystore(path: Path) -> dict[str, Any]:
    try:
        found = json_text.load(read_bytes(path, _FILE_LIMIT, "the keystore"))
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("version") != 3:
        raise InputError(f"{path} is no keystore of version 3; restore the original")
    return found


def _address(kept: dict[str, Any], path: Path) -> str:
    from eth_utils.address import to_checksum_address

    told = kept.get("address")
    if not isinstance(told, str) or not re.fullmatch(r"(0x)?[0-9a-fA-F]{40}", told):
        raise InputError(f"{path} names no address; restore the original")
    return str(to_checksum_address("0x" + told.lower().removeprefix("0x")))


def _check_cost(kept: dict[str, Any], path: Path) -> None:
    """A file from elsewhere must not take all memory before it turns out to be none."""
    crypto = kept.get("crypto")
    parameters = crypto.get("kdfparams") if isinstance(crypto, dict) else None
    if not isinstance(parameters, dict):
        raise InputError(f"{path} is no keystore of version 3; restore the original")
    costs = [parameters.get(name, 1) for name in ("n", "r", "p", "c")]
    if not all(isinstance(cost, int) and cost > 0 for cost in costs):
        raise InputError(f"{path} has no parameters that can be; restore the original")
    n, r, p, c = costs
    if 128 * n * r > _MOST_MEMORY or p > 16 or c > 10**7:
        raise InputError(f"{path} asks for more memory or time than any wallet's; it is not opened")
