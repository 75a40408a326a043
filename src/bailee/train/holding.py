"""What a party brings to a session: its rows and what it allows of them, and where and with what it runs."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bailee.keys import Identity, Secret
from bailee.records import Card, Grant, Invite, Signed
from bailee.statements.privacy import Loss
from bailee.statements.task import TaskPlan
from bailee.train.consent import OpenLedger
from bailee.train.events import Watch, ignore


@dataclass(frozen=True)
class Request:
    """What a session asks of an owner: for the owner's own decision against its own copy of the grant."""

    invite: Signed[Invite]
    grant: Signed[Grant]
    plan: TaskPlan
    fields: tuple[str, ...]
    """Encoded columns whose sums would be released."""
    loss: Loss
    now: datetime


@dataclass(frozen=True)
class Holding:
    """An owner's sealed dataset, opened, with what it may be used for.

    permit raises GrantError (or another AuthorityError) for what the owner has not allowed; it is asked on every
    start and resume and before every answer. spend marks an opening of the dataset commitment as used for a statement
    (hex digest) and returns its index; asked again for the same statement it returns the same. dataset names the rows
    in the ledger.
    """

    identity: Identity
    card: Signed[Card]
    card_proof: bytes
    grant: Signed[Grant]
    matrix: NDArray[np.int64] = field(repr=False)
    seed: Secret
    dataset: str
    permit: Callable[[Request], None]
    spend: Callable[[str], int]

    @property
    def key(self) -> str:
        return self.identity.public_key.hex()


@dataclass(frozen=True)
class Setting:
    """Where and with what an owner or a builder runs: all that touches the world comes in here."""

    home: Path
    """Folder that holds one folder a session."""
    resume: bool = False
    watch: Watch = ignore
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    entropy: Callable[[int], bytes] = secrets.token_bytes
    patience: float = 600.0
    """Seconds to wait for one message of another party; proofs may take as long."""
    open_ledger: OpenLedger | None = None
    """How to reach the ledger that a plan names; None: this party takes part in no such session."""
