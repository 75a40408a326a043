"""Accounts that are a party's: its own account/v1 records under `links/`, and those that others handed out."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bailee.adapters.files import read_bytes
from bailee.errors import InputError, SignatureError
from bailee.party.home import PartyHome
from bailee.records import Signed, open_signed, time_text
from bailee.records.account import AccountRecord, link_account
from bailee.records.caip import AccountName, check_address, parse_account

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

FOLDER = "links"
_LIMIT = 1 << 16


def kept_link(party: PartyHome, name: str, address: str, chain_id: int) -> tuple[Signed[AccountRecord] | None, Path]:
    """The record that says that account to be this party's on that chain, if it was made; and where it is kept."""
    path = party.path / FOLDER / f"{name}-{chain_id}.json"
    if not path.is_file():
        return None, path
    found, wanted = _opened(path), f"eip155:{chain_id}:{address.lower()}"
    same = (found.record.account, found.record.identity) == (wanted, party.public.public_key.hex())
    return (found if same else None), path


def make_link(
    party: PartyHome, name: str, account: LocalAccount, chain_id: int, now: datetime
) -> tuple[Signed[AccountRecord], Path]:
    """Sign and keep it, with the identity's key and the account's. One that is there stays."""
    kept, path = kept_link(party, name, account.address, chain_id)
    if kept is None:
        kept = link_account(party.identity, account, chain_id, time_text(now))
        party.keep(FOLDER, path.stem, kept.envelope)
    return kept, path


def find_link(place: Path, chain_id: int) -> Signed[AccountRecord]:
    """The record in a file, or the only one for that chain in a party's folder. InputError, RecordError."""
    if not place.is_dir():
        return _opened(place)
    found = [_opened(path) for path in sorted((place / FOLDER).glob("*.json"))]
    found = [one for one in found if parse_account(one.record.account).chain.chain_id == chain_id]
    if len(found) != 1:
        raise InputError(
            f"expected one linked account for eip155:{chain_id} in {place}, found {len(found)}; its owner makes one "
            "with `bailee account link`, and hands its file out"
        )
    return found[0]


def account_of(told: str, chain_id: int, party: str | None = None) -> tuple[str, Signed[AccountRecord] | None]:
    """The address (with check sum) that somebody named, and the record that shows whose it is, where one was given.

    told: an address, a CAIP-10 account, or the file or folder of an account/v1; party: raw public key (hex) that the
    account must be of, where one is known. RecordError, InputError; SignatureError where the record is another party's.
    """
    from eth_utils.address import to_checksum_address

    if told.startswith("0x"):
        check_address(told)
        return str(to_checksum_address(told.lower())), None
    link = None if told.startswith("eip155:") else find_link(Path(told), chain_id)
    named: AccountName = parse_account(told if link is None else link.record.account)
    if named.chain.chain_id != chain_id:
        raise InputError(f"the account {named} is named on {named.chain}, and the ledger is on eip155:{chain_id}")
    if link is not None and party is not None and link.record.identity != party:
        raise SignatureError(
            f"the account {named.address} is that of the party {link.record.identity[:16]}..., and the grant is for "
            f"{party[:16]}...: ask that builder for its account record"
        )
    return str(to_checksum_address(named.address.lower())), link


def _opened(path: Path) -> Signed[AccountRecord]:
    return open_signed(read_bytes(path, _LIMIT, "account record"), AccountRecord)
