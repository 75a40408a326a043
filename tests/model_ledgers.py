"""Hidden-model runs under a plan that names a ledger, on the ledger in memory of `ledgers.py`: near and from afar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bailee.errors import SessionError
from bailee.records import Anchor, Signed, Spent, open_signed, sign, time_text
from bailee.records.model import CoinPromise, ModelCoin, ModelOpening
from bailee.statements.hidden.session import coin_for, promise_coin
from bailee.statements.network.plan import ModelPlan
from bailee.train.folder import Folder
from bailee.train.model import ModelRun
from bailee.train.model.lender import Lending, OpenedRun, check_run_anchor
from ledgers import NAME, MemoryLedger, MemoryNode
from model_cast import PLAN as OFF_LEDGER
from model_cast import Cast, make_cast
from parties import Killed

PLAN = replace(OFF_LEDGER, ledger=NAME)


def coin_of(place: int) -> bytes:
    return bytes([65 + place]) * 32


@dataclass
class World:
    """A cast whose grants were accepted on a ledger; the trainer's node on it, and one of each owner."""

    cast: Cast
    books: MemoryLedger
    node: MemoryNode
    owners: list[MemoryNode] = field(default_factory=list)

    def train(self, **more: Any) -> ModelRun:
        """All owners in the trainer's process, where they also spend."""
        given = {"open_ledger": self.node.opened, "spenders": [one.identity for one in self.cast.owners]} | more
        return self.cast.train(**given)

    @property
    def folder(self) -> Path:
        """The run begun last."""
        runs = self.cast.root / "runs"
        return runs / (runs / "newest").read_text()

    @property
    def opening(self) -> Signed[ModelOpening]:
        return open_signed((self.folder / "opening.json").read_bytes(), ModelOpening)

    @property
    def anchor(self) -> Signed[Anchor]:
        return open_signed((self.folder / "anchor.json").read_bytes(), Anchor)

    def lending(self, place: int, opening: Signed[ModelOpening] | None = None) -> Lending:
        """An owner's side, in a folder of its own."""
        run, owner = OpenedRun.read(opening or self.opening), self.cast.owners[place]
        folder = Folder.open(self.cast.root / f"owner{place}" / run.session, owner.card.digest, resume=True)
        return Lending(run, owner.identity, owner.card, owner.grant, folder)

    def spend(self, place: int, opening: Signed[ModelOpening] | None = None) -> Signed[Spent]:
        said = self.lending(place, opening).spend(self.owners[place], (), self.cast.now)
        return open_signed(said, Spent, self.cast.owners[place].identity.public_key)

    def show(self, place: int, anchor: Signed[Anchor] | None = None) -> Signed[ModelCoin]:
        """The owner's coin, after it has checked the anchor."""
        lending, found = self.lending(place), anchor or self.anchor
        check_run_anchor(self.owners[place], lending.run, found, [lending], 1.0)
        owner = self.cast.owners[place]
        return sign(coin_for(self.opening, found.digest, owner.key, coin_of(place).hex()), owner.identity)

    def afar(self, **more: Any) -> ModelRun:
        """The trainer alone: owners promised coins, and neither keys nor accounts of theirs are here."""
        promised = [
            sign(CoinPromise(one.key, self.cast.plan.digest, promise_coin(one.key, coin_of(place)), _now(self)),
                 one.identity)
            for place, one in enumerate(self.cast.owners)
        ]  # fmt: skip
        return self.cast.train(open_ledger=self.node.opened, coins=(), promised=promised, **more)

    def until(self, stage: str) -> None:
        """From afar, until the trainer waits for spendings or for coins."""
        wait_for(self, "spendings")
        if stage == "coins":
            spent = [self.spend(place) for place in range(len(self.cast.owners))]
            wait_for(self, "coins", spent=spent, resume=True)


def wait_for(world: World, what: str, **more: Any) -> str:
    """What the trainer says when it stops to wait."""
    with pytest.raises(SessionError, match=f"waiting for the {what} of") as stopped:
        world.afar(**more)
    return str(stopped.value)


def make_world(root: Path, sizes: Sequence[int] = (30, 20), plan: ModelPlan = PLAN) -> World:
    cast, books = make_cast(root, sizes, plan), MemoryLedger()
    for holding in cast.owners:
        books.accept(holding)
    return World(cast, books, MemoryNode(books), [MemoryNode(books) for _ in cast.owners])


def killing(who: str, number: int = 1) -> Any:
    """Watches a run, and kills it at the so-manieth event of a stage."""
    seen: list[str] = []

    def watch(event: Any) -> None:
        seen.append(event.stage)
        if event.stage == who and seen.count(who) == number:
            raise Killed

    return watch


def _now(world: World) -> str:
    return time_text(world.cast.now)
