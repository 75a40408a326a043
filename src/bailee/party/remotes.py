"""Other parties' servers, as a folder knows them: HOME/remotes/NAME.json, and NAME.pem where one has a CA of its own.

A server is known by its party's key, which came some other way than from the server: what answers at the address and
has not that key is not believed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bailee import json_text
from bailee.adapters.files import read_bytes, storage_errors, write_atomic
from bailee.adapters.places import is_here
from bailee.errors import InputError, NotFoundError, StorageError
from bailee.keys import PublicIdentity

FOLDER = "remotes"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LIMIT = 1 << 16
_CA_LIMIT = 1 << 20


@dataclass(frozen=True)
class Remote:
    """url: without a path's last slash; ca: PEM file of who signs the server's certificate, None for the system's."""

    name: str
    url: str
    identity: PublicIdentity
    ca: Path | None = None


def remotes(home: Path) -> list[Remote]:
    """All of a folder, by name. Raises StorageError for one that is damaged."""
    found = sorted((home / FOLDER).glob("*.json"))
    return [_read(path) for path in found if _NAME.fullmatch(path.stem)]


def find_remote(home: Path, name: str) -> Remote:
    """Raises NotFoundError."""
    path = home / FOLDER / f"{name}.json"
    if _NAME.fullmatch(name) is None or not path.is_file():
        known = ", ".join(one.name for one in remotes(home)) or "none; add one with: bailee remote add"
        raise NotFoundError(f"no remote {name[:80]!r} in {home}; there are: {known}")
    return _read(path)


def remote_of(home: Path, key: str) -> Remote | None:
    """The one whose party has that raw public key (hex)."""
    return next((one for one in remotes(home) if one.identity.public_key.hex() == key), None)


def add_remote(home: Path, name: str, url: str, identity: PublicIdentity, ca: bytes | None = None) -> Remote:
    """Keep one; the same again changes nothing. ca: PEM. InputError where the name is taken by another."""
    if _NAME.fullmatch(name) is None:
        raise InputError(f"expected a name of small letters, digits, '.', '_', '-', got {name[:80]!r}")
    url = checked_url(url)
    if ca is not None and (b"-----BEGIN CERTIFICATE-----" not in ca or len(ca) > _CA_LIMIT):
        raise InputError("expected the CA's certificate as PEM")
    path = home / FOLDER / f"{name}.json"
    if path.is_file():
        kept = _read(path)
        pem = None if kept.ca is None else read_bytes(kept.ca, _CA_LIMIT, "the CA's certificate")
        if (kept.url, kept.identity, pem) == (url, identity, ca):
            return kept
        raise InputError(f"there is another remote {name!r}, at {kept.url}; remove it first: bailee remote rm {name}")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    if ca is not None:
        write_atomic(path.with_suffix(".pem"), ca)
    told = {"url": url, "ca": ca is not None, "identity": json_text.load(identity.to_json())}
    write_atomic(path, json.dumps(told, indent=2, ensure_ascii=False).encode() + b"\n")
    return _read(path)


def remove_remote(home: Path, name: str) -> None:
    """Raises NotFoundError."""
    path = home / FOLDER / f"{find_remote(home, name).name}.json"
    with storage_errors(path):
        path.unlink()
        path.with_suffix(".pem").unlink(missing_ok=True)


def checked_url(text: str) -> str:
    """An address of a server. InputError for one with a name, a query, or without TLS to another machine."""
    try:
        found = urlsplit(text)
        port = found.port
    except ValueError:
        raise InputError(f"expected an address like https://clinic.example:8443, got {text[:80]!r}") from None
    host = found.hostname or ""
    plain = text.isprintable() and text.isascii() and " " not in text
    if found.scheme not in ("http", "https") or not host or not plain or found.username is not None or port == 0:
        raise InputError(f"expected an address like https://clinic.example:8443, got {text[:80]!r}")
    if found.query or found.fragment:
        raise InputError("an address has no query and no fragment; leave out what follows ? or #")
    if found.scheme == "http" and not is_here(host):
        raise InputError(
            f"{text[:80]} has no TLS and is another machine: who sees the network would have your token; use https "
            "(the server: bailee serve --certificate --private-key)"
        )
    return text.rstrip("/")


def _read(path: Path) -> Remote:
    try:
        told = json_text.load(read_bytes(path, _LIMIT, "a remote's entry"))
        identity = PublicIdentity.from_json(json.dumps(told["identity"]).encode())
        return Remote(path.stem, checked_url(told["url"]), identity, path.with_suffix(".pem") if told["ca"] else None)
    except (ValueError, KeyError, TypeError, AttributeError, InputError) as error:
        raise StorageError(
            f"{path} is damaged ({type(error).__name__}); remove it and add it again: bailee remote add"
        ) from None
