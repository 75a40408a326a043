"""What a trainer holds of an owner's, what it must ask before it uses it, and where and with what it runs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bailee.keys import Identity, Secret
from bailee.records import Card, Grant, Signed, Spent
from bailee.records.model import CoinPromise, ModelCoin, Waiver
from bailee.statements.hidden.permission import ModelUse
from bailee.train.consent import OpenLedger
from bailee.train.ledger import Entry
from bailee.train.model.engine import Engine, real_engine
from bailee.train.model.events import Watch, ignore


@dataclass(frozen=True)
class ModelHolding:
    """An owner's sealed dataset, opened, with what its owner signed for it.

    matrix: int64 (rows, columns of the card); seed: of the dataset's commitment; dataset: names the rows in a ledger.
    waiver: the owner's, for an unprotected plan. permit raises an AuthorityError for what is not allowed (revoked, say)
    and is asked at every start and resume, beside the grant itself. spend writes an opening off for a statement (hex
    digest) before its proof is made, and returns its index, the same again for the same statement; remaining counts
    those left. charge writes down what the run costs before it trains; a run is charged once. None: no ledger is kept.
    """

    card: Signed[Card]
    card_proof: bytes
    grant: Signed[Grant]
    matrix: NDArray[np.int64] = field(repr=False)
    seed: Secret
    dataset: str
    permit: Callable[[ModelUse, datetime], None]
    spend: Callable[[str], int]
    remaining: Callable[[], int]
    charge: Callable[[Entry], None] | None = None
    waiver: Signed[Waiver] | None = None


@dataclass(frozen=True)
class ModelSetting:
    """Where and with what a trainer runs: all that touches the world comes in here.

    identity: the trainer's, whom grants name as builder. coins: who draws the noise's public half in this process;
    promised: what parties elsewhere promised, and answers: their coins, once they have seen the opening; the trainer
    alone if there are none of either. home holds one folder a run; memory bounds what proving a chunk takes, in bytes
    (None: a fifth of the machine's). With `reveal` the finished model is published; model_openings: how many proofs
    the model's commitment will bear (one for the run, the others for predictions and evaluations).
    Where the plan names a ledger: open_ledger reaches it at the trainer's node; spenders: owners in this process who
    spend by the account that it was opened with; spent: what owners elsewhere said that they spent.
    """

    identity: Identity
    home: Path
    coins: Sequence[Identity] = ()
    promised: Sequence[Signed[CoinPromise]] = ()
    answers: Sequence[Signed[ModelCoin]] = ()
    resume: bool = False
    reveal: bool = False
    memory: int | None = None
    model_openings: int = 16
    open_ledger: OpenLedger | None = None
    spenders: Sequence[Identity] = ()
    spent: Sequence[Signed[Spent]] = ()
    watch: Watch = ignore
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    entropy: Callable[[int], bytes] = secrets.token_bytes
    engine: Engine = field(default_factory=real_engine)

    @property
    def parties(self) -> tuple[Identity, ...]:
        """Who draws coins in this process."""
        return tuple(self.coins) or (() if self.promised else (self.identity,))
