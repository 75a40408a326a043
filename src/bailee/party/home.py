"""A party's folder, as every face finds it. Stages know nothing of it: they are given paths and records.

identity.pem, identity.json   keys (`bailee.keys`)
datasets/NAME/                sealed datasets            grants/ID.json        grants given
sessions/ID/, models/ID/      what was said, to resume   revocations/ID.json   grants taken back
privacy.jsonl                 what sessions cost         waivers/ID.json       privacy waived beside a grant
coins/PROMISE.*               coins promised and shown   offers/ID.json        offers on a ledger, made or accepted
links/NAME-CHAIN.json         accounts that are this party's
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bailee.adapters.files import read_bytes, storage_errors, write_atomic
from bailee.errors import InputError, NotFoundError
from bailee.grant import open_grant, open_revocation
from bailee.keys import Identity, PublicIdentity
from bailee.party.identities import own_identity, read_public
from bailee.records import Grant, Revocation, Signed, open_signed
from bailee.records.model import Waiver
from bailee.seal import Dataset, open_dataset
from bailee.seal.card import CARD_FILE
from bailee.train.ledger import Ledger

_RECORD_LIMIT = 1 << 20
_GRANT_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class PartyHome:
    path: Path

    @property
    def identity(self) -> Identity:
        """Raises InputError that says how to make keys where there are none."""
        return own_identity(self.path)

    @property
    def public(self) -> PublicIdentity:
        return read_public(self.path)

    @property
    def sessions(self) -> Path:
        return self.path / "sessions"

    def ledger(self, limit: str | None = None) -> Ledger:
        return Ledger(self.path / "privacy.jsonl", limit)

    def new_dataset(self, name: str) -> Path:
        """Where a dataset of that name will be. Raises InputError for a name that is no plain file name."""
        if not name or name.startswith(".") or "/" in name or "\0" in name:
            raise InputError(f"a dataset cannot be kept under the name {name!r}; give another with --as")
        return self.path / "datasets" / name

    def dataset(self, name: str) -> Dataset:
        """The dataset called `name`, or the one in the directory `name`."""
        for directory in (self.path / "datasets" / name, Path(name)):
            if (directory / CARD_FILE).is_file():
                return open_dataset(directory)
        known = ", ".join(dataset.directory.name for dataset in self.datasets()) or "none; make one with: bailee seal"
        raise InputError(f"no sealed dataset {name!r} in {self.path}; there are: {known}")

    def own_dataset(self, name: str) -> Dataset:
        """The dataset kept here under exactly that name. Nothing else is looked at: the name may be a stranger's."""
        if name in {path.name for path in (self.path / "datasets").glob("[!.]*")}:
            directory = self.path / "datasets" / name
            if (directory / CARD_FILE).is_file():
                return open_dataset(directory)
        raise NotFoundError(f"no sealed dataset of the name {name[:100]!r}; list them to see which there are")

    def datasets(self) -> Iterator[Dataset]:
        for directory in sorted((self.path / "datasets").glob("[!.]*")):
            if (directory / CARD_FILE).is_file():
                yield open_dataset(directory)

    def dataset_of(self, grant: Signed[Grant]) -> Dataset:
        """The dataset that a grant is about. Raises InputError where it is not here."""
        for dataset in self.datasets():
            if dataset.card.digest == grant.record.card:
                return dataset
        raise InputError(
            f"the dataset of grant {grant.record.id} is not in {self.path}: its card is {grant.record.card[:16]}...; "
            "a resealed dataset needs a new grant"
        )

    def origin(self, dataset: Dataset, among: Iterable[Dataset] | None = None) -> str:
        """Root (hex) of the first commitment to a dataset's rows: resealing does not make privacy spent unspent.

        among: the folder's datasets, where they are at hand already.
        """
        from bailee.argument.commitment_record import Commitment  # with NumPy, which most commands do without

        by_card = {other.card.digest: other for other in (self.datasets() if among is None else among)}
        commitment = dataset.card.record.commitment
        renewal = dataset.card.record.renews
        while renewal is not None:
            commitment = renewal.commitment
            before = by_card.get(renewal.card)
            renewal = None if before is None else before.card.record.renews
        return Commitment.from_json(commitment).root.hex()

    def grants(self) -> Iterator[Signed[Grant]]:
        for path in sorted((self.path / "grants").glob("*.json")):
            yield open_grant(read_bytes(path, _RECORD_LIMIT, "grant"))

    def grant(self, name: str) -> Signed[Grant]:
        """The grant whose id begins with `name`, or the one in the file `name`."""
        if Path(name).is_file():
            return open_grant(read_bytes(Path(name), _RECORD_LIMIT, "grant"))
        found = [grant for grant in self.grants() if grant.record.id.startswith(name)]
        if len(found) != 1:
            known = ", ".join(grant.record.id for grant in self.grants()) or "none; give one with: bailee grant"
            problem = f"{len(found)} grants begin with {name!r}" if found else f"no grant {name!r}"
            raise InputError(f"{problem} in {self.path}; there are: {known}")
        return found[0]

    def own_grant(self, grant_id: str) -> Signed[Grant]:
        """The grant kept here under exactly that id (32 hex digits)."""
        if _GRANT_ID.fullmatch(grant_id) is not None:
            path = self.path / "grants" / f"{grant_id}.json"
            if path.is_file():
                return open_grant(read_bytes(path, _RECORD_LIMIT, "grant"))
        raise NotFoundError(f"no grant of the id {grant_id[:100]!r}; list them to see which there are")

    def revocation(self, grant_id: str) -> Signed[Revocation] | None:
        """What took that grant back, if anything did."""
        path = self.path / "revocations" / f"{grant_id}.json"
        return open_revocation(read_bytes(path, _RECORD_LIMIT, "revocation")) if path.is_file() else None

    def keep_grant(self, grant: Signed[Grant]) -> Path:
        return self.keep("grants", grant.record.id, grant.envelope)

    def keep_waiver(self, waiver: Signed[Waiver], grant_id: str) -> Path:
        return self.keep("waivers", grant_id, waiver.envelope)

    def waiver(self, grant: Signed[Grant]) -> Signed[Waiver] | None:
        """The waiver beside a grant, if one was signed."""
        path = self.path / "waivers" / f"{grant.record.id}.json"
        return open_signed(read_bytes(path, _RECORD_LIMIT, "waiver"), Waiver) if path.is_file() else None

    @property
    def coins(self) -> Path:
        """Coins promised (sealed) and shown (signed), by promise."""
        return self.path / "coins"

    def revocations(self) -> tuple[Signed[Revocation], ...]:
        paths = sorted((self.path / "revocations").glob("*.json"))
        return tuple(open_revocation(read_bytes(path, _RECORD_LIMIT, "revocation")) for path in paths)

    def keep_revocation(self, revocation: Signed[Revocation], grant_id: str) -> Path:
        return self.keep("revocations", grant_id, revocation.envelope)

    def keep(self, folder: str, name: str, data: bytes) -> Path:
        """The file of that name, on disk when this returns."""
        path = self.path / folder / f"{name}.json"
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)
        return path
