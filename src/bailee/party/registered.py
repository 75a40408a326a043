"""Which registered work a person means: by its number, its commitment, or the name of a sealed dataset of the home."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bailee.adapters.chain.accounts import list_accounts
from bailee.adapters.files import read_bytes
from bailee.errors import InputError, NotFoundError
from bailee.grant import open_card
from bailee.party.home import PartyHome
from bailee.records.canonical import MAX_BYTES, canonical, digest
from bailee.seal.card import CARD_FILE

if TYPE_CHECKING:
    from bailee.adapters.chain.ledger import Ledger

_DIGEST = re.compile(r"(0x)?[0-9a-fA-F]{64}")


def work_named(ledger: Ledger, home: Path, text: str) -> int:
    """The number of the work that `text` means. InputError, NotFoundError.

    The name of a dataset means the registration by an account of this home, where there is one that is not void, else
    the earliest good one of its commitment, as a commitment does. Of 64 hex digits that are both a work's number and
    another one's commitment, the number counts.
    """
    if (found := dataset_commitment(home, text)) is not None:
        return _of_commitment(ledger, home, found, text, own=True)
    if _DIGEST.fullmatch(text):
        # An id cannot be made to equal a commitment; a commitment can be chosen to equal an id, to get its payments.
        with suppress(NotFoundError):
            return ledger.registry.work(int(text[-64:], 16)).id
        return _of_commitment(ledger, home, text[-64:].lower(), text, own=False)
    if text.isascii() and text.isdecimal() and len(text) < 79 and int(text) < 2**256:
        return ledger.registry.work(int(text)).id
    known = ", ".join(one.directory.name for one in PartyHome(home).datasets()) or "none"
    raise InputError(
        f"expected a work's number, its commitment of 64 hex digits, or a sealed dataset of {home} ({known}), "
        f"got {text[:80]!r}"
    )


def dataset_commitment(home: Path, name: str) -> str | None:
    """What the sealed dataset of that name is registered by; None where the home has none."""
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        return None
    path = home / "datasets" / name / CARD_FILE
    if not path.is_file():
        return None
    card = open_card(read_bytes(path, MAX_BYTES, "card"))
    return digest(canonical(card.record.commitment))


def own_registrations(ledger: Ledger, home: Path, commitment: str) -> list[int]:
    """Works that accounts of this home registered by that commitment: the earliest first, void ones last."""
    from bailee.adapters.chain.ledger.facts import Status

    works = []
    for account in list_accounts(home):
        try:
            works.append(ledger.registry.work(ledger.registry.id_of(commitment, account.address)))
        except NotFoundError:
            continue
    return [one.id for one in sorted(works, key=lambda one: (one.status == Status.VOID, one.since, one.id))]


def _of_commitment(ledger: Ledger, home: Path, commitment: str, text: str, own: bool) -> int:
    from bailee.adapters.chain.ledger.facts import Status

    mine, first = own_registrations(ledger, home, commitment), ledger.registry.first(commitment)
    if mine and own and ledger.registry.work(mine[0]).status != Status.VOID:
        return mine[0]
    if first is not None:
        return first
    if mine:
        return mine[0]
    raise NotFoundError(
        f"{text[:80]} is not registered on {ledger.name} (or every registration is void); register it with: "
        "bailee work register"
    )
