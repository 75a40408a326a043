"""A party's folder, which all verbs of a `Party` are about, and what they take: places, parties, times, accounts."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from bailee.errors import InputError
from bailee.keys import PublicIdentity
from bailee.party.accounts import opened_account
from bailee.party.granting import moment
from bailee.party.home import PartyHome
from bailee.party.identities import read_public
from bailee.verbs.sealed import Dataset, Grant
from bailee.verbs.showing import Shown

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

Place: TypeAlias = str | os.PathLike[str]
_WHERE = "BAILEE_PASSPHRASE_FILE"


@dataclass(frozen=True, repr=False)
class PartyFolder(Shown):
    """A party's folder, with its keys. quiet: no progress is shown."""

    home: Path
    quiet: bool = field(default=False, compare=False)

    @property
    def name(self) -> str:
        return self._inside.public.name

    @property
    def key(self) -> str:
        """Its public key, hex: by it others know the party."""
        return self._inside.public.public_key.hex()

    @property
    def identity(self) -> Path:
        """identity.json, to be handed to others."""
        return self.home / "identity.json"

    def dataset(self, name: Dataset | str) -> Dataset:
        """The sealed dataset of that name. InputError says which there are."""
        if isinstance(name, Dataset):
            return name
        if not isinstance(name, str):
            raise InputError(f"expected a sealed dataset or its name, got {type(name).__name__}; seal a table first")
        return Dataset(self.home, self._inside.dataset(name))

    @property
    def _inside(self) -> PartyHome:
        return PartyHome(self.home)

    def _given(self, grant: Grant | str) -> Grant:
        return grant if isinstance(grant, Grant) else Grant(self.home, self._inside.grant(grant))

    def _title(self) -> str:
        return f"Party {self.name}"


def public_of(who: PartyFolder | PublicIdentity | Place) -> PublicIdentity:
    """Of a Party, or of an identity.json. InputError for anything else."""
    if isinstance(who, PartyFolder):
        return who._inside.public
    if isinstance(who, PublicIdentity):
        return who
    if isinstance(who, str | os.PathLike):
        return read_public(Path(who))
    raise InputError(f"expected a Party or an identity.json, got {type(who).__name__}")


def moment_of(when: date | str, of_day: time) -> datetime:
    """UTC; a text or a date without a time of day is at `of_day`. InputError."""
    if isinstance(when, str):
        return moment(when, of_day)
    if not isinstance(when, datetime):
        return datetime.combine(when, of_day.replace(microsecond=0), UTC)
    if when.tzinfo is None:
        raise InputError("expected a time with its zone, such as datetime(2027, 1, 31, tzinfo=UTC)")
    return when.astimezone(UTC)


def now() -> datetime:
    return datetime.now(UTC)


def passphrase_of(file: Place | None) -> Path | None:
    """Where an account's passphrase is: in that file, or in that of BAILEE_PASSPHRASE_FILE; None: it is asked for."""
    found = file or os.environ.get(_WHERE)
    return None if found is None else Path(found)


def spender(home: Path, account: str | None, passphrase_file: Place | None) -> LocalAccount:
    """The account of that name, or the only one, ready to sign. InputError, AuthorityError, StorageError."""
    return opened_account(home, account, passphrase_of(passphrase_file))
