"""A registration under way: all that it says is on disk before anything is sent, so that it can be stopped anywhere.

works/CHAIN-GRANTS/ID/   of the home; ID is the number that the work gets, in hex
  registration.json      what is sent, with the salt of the reservation: for the owner alone
  fingerprint            as registered           fingerprint.secret   of a withheld one: opens it for arbiters
  metadata.json          what the work's link must lead to; croissant.json, schema.json, terms: what it names

How far it is, the ledger says: a reservation and a registration are made once, whoever asks again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bailee.adapters.files import lock, move_directory, new_directory, read_bytes, write_new
from bailee.errors import ConflictError, InputError, NotFoundError, RecordError, StorageError
from bailee.own.metadata import Documents
from bailee.records.caip import parse_account
from bailee.records.canonical import MAX_BYTES, Json, canonical, digest, parse
from bailee.records.fingerprint import MAX_BYTES as PRINT_BYTES

if TYPE_CHECKING:
    from bailee.adapters.chain.ledger import Ledger
    from bailee.adapters.chain.ledger.facts import Work

REGISTRATION, FINGERPRINT, SECRET, METADATA = "registration.json", "fingerprint", "fingerprint.secret", "metadata.json"
_NAMING = ("commitment", "schema", "fingerprints", "terms", "metadata")


@dataclass(frozen=True)
class Registration:
    """What is sent. naming: five digests; parts: (grant, share of use) of a derived work; asked: digest of the wish."""

    folder: Path
    ledger: str
    account: str
    kind: int
    naming: tuple[str, ...]
    uri: str
    resale: int
    currencies: tuple[str, ...]
    parts: tuple[tuple[str, int], ...]
    salt: str
    asked: str

    @property
    def commitment(self) -> str:
        return self.naming[0]

    @property
    def fingerprint(self) -> bytes:
        return read_bytes(self.folder / FINGERPRINT, PRINT_BYTES, "fingerprint")


def folder_of(home: Path, ledger: str, work: int) -> Path:
    """Where a home keeps what it registered as that work of a ledger (its CAIP-10 name)."""
    name = parse_account(ledger)
    return home / "works" / f"{name.chain.chain_id}-{name.address[2:10].lower()}" / f"{work:064x}"


def asked_digest(wish: Mapping[str, Json]) -> str:
    """What is asked for, in one word: the same wish goes on with what was prepared."""
    return digest(canonical(wish))


def read_registration(folder: Path) -> Registration | None:
    """What was prepared there; None where nothing was. StorageError where it is damaged."""
    path = folder / REGISTRATION
    if not path.is_file():
        return None
    try:
        fields: Any = parse(read_bytes(path, MAX_BYTES, "registration"))
        return Registration(
            folder, fields["ledger"], fields["account"], fields["kind"], tuple(fields["naming"]), fields["uri"],
            fields["resale"], tuple(fields["currencies"]), tuple((grant, share) for grant, share in fields["parts"]),
            fields["salt"], fields["asked"],
        )  # fmt: skip
    except (RecordError, KeyError, TypeError, ValueError):
        raise StorageError(f"{path} is damaged; restore it: without its salt the reservation is of no use") from None


def keep_registration(
    folder: Path,
    ledger: str,
    account: str,
    kind: int,
    documents: Documents,
    asked: str,
    *,
    seen: Registration | None,
    uri: str = "",
    resale: int = 0,
    currencies: Sequence[str] = (),
    parts: Sequence[tuple[str, int]] = (),
    secret: bytes | None = None,
    files: Mapping[str, bytes] | None = None,
) -> Registration:
    """All of it on disk, at once. What was prepared there before is moved aside; the salt of its reservation stays.

    seen: what `read_registration` gave. ConflictError where another command has prepared the work since: it may be
    sending what it prepared, and the folder must hold the documents of what is sent.
    """
    with lock(folder.parent):
        if read_registration(folder) != seen:
            raise ConflictError(f"another command has prepared {folder} meanwhile; when it is done, run this one again")
        aside = [path for n in range(1, 1000) if (path := folder.with_name(f"{folder.name}.{n}")).exists()]
        places = [folder, *reversed(aside)]
        before = next((found for path in places if (found := read_registration(path)) is not None), None)
        salt = before.salt if before is not None else secrets.token_hex(32)
        if folder.exists():
            move_directory(folder, folder.with_name(f"{folder.name}.{len(aside) + 1}"))
        naming = tuple(getattr(documents.naming, name) for name in _NAMING)
        made = Registration(
            folder, ledger, account, kind, naming, uri, resale, tuple(currencies), tuple(parts), salt, asked
        )  # fmt: skip
        fields = {name: value for name, value in asdict(made).items() if name != "folder"}
        with new_directory(folder) as draft:
            write_new(draft / REGISTRATION, canonical(_listed(fields)), 0o600)
            write_new(draft / FINGERPRINT, documents.fingerprint)
            write_new(draft / METADATA, documents.token)
            if documents.croissant is not None:
                write_new(draft / "croissant.json", documents.croissant)
            if secret is not None:
                write_new(draft / SECRET, secret, 0o600)
            for name, data in (files or {}).items():
                write_new(draft / name, data)
        return made


def sender(ledger: Ledger) -> str:
    """Address of the account that acts."""
    if ledger.account is None:
        raise InputError("registering needs an account: name one with --account")
    return str(ledger.account.address)


def reserve(ledger: Ledger, wanted: Registration) -> None:
    """Priority from now on; nothing where it is reserved already. Its block is known to the ledger alone."""
    try:
        ledger.registry.reserve(wanted.commitment, wanted.salt)
    except ConflictError:
        return


def registered(ledger: Ledger, wanted: Registration) -> Work | None:
    """The work, where it is on the ledger already."""
    try:
        return ledger.registry.work(ledger.registry.id_of(wanted.commitment, wanted.account))
    except NotFoundError:
        return None


def carry_out(ledger: Ledger, wanted: Registration, say: Callable[[str], None]) -> Work:
    """Reserve and register, or derive, whatever of it is not done yet. Raises what the ledger says."""
    from bailee.adapters.chain.ledger.facts import Kind, Naming, Part

    found = registered(ledger, wanted)
    if found is None:
        reserve(ledger, wanted)
        say("reserved: from this block on the work has priority")
        kind, naming, described = Kind(wanted.kind), Naming(*wanted.naming), wanted.fingerprint
        more = (described, wanted.uri, wanted.resale, wanted.salt, wanted.currencies)
        try:
            if wanted.parts:
                parts = [Part(grant, share) for grant, share in wanted.parts]
                ledger.registry.derive(kind, naming, parts, *more)
            else:
                ledger.registry.register(kind, naming, *more)
        except ConflictError:
            found = registered(ledger, wanted)  # sent before a crash, and executed since
            if found is None:
                raise
        say("registered")
    found = found or registered(ledger, wanted)
    if found is None:
        raise StorageError("the work was registered, and the node does not have it: does it lag behind? Run it again")
    return found


def require_same(prepared: Registration, asked: str) -> None:
    """InputError where other documents were prepared than are asked for now."""
    if prepared.asked != asked:
        raise InputError(
            f"{prepared.folder} was prepared with other options: give the same again, or --afresh to make the "
            "documents anew (what was prepared is moved aside)"
        )


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _listed(one) for name, one in value.items()}
    return [_listed(one) for one in value] if isinstance(value, tuple | list) else value
