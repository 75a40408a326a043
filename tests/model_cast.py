"""Hidden-model runs for tests: small datasets, a chunk's proof that is only pretended, real integers and records.

The pretended proof is a hash of everything it is bound to; its verifier recomputes it. `test_model_real` uses real
ones. Run as a program, it trains in a process of its own and kills itself: `python model_cast.py FOLDER STAGE:NUMBER`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bailee.argument.commitment_record import Commitment
from bailee.errors import BudgetError, ProofError, StatementError
from bailee.keys import Identity
from bailee.records import canonical, digest, parse, parse_time, sign, time_text
from bailee.records.model import Waiver
from bailee.seal.card import ArgumentProver
from bailee.statements.card import card_context
from bailee.statements.hidden.permission import ModelUse
from bailee.statements.network.plan import ModelPlan
from bailee.statements.network.run import run_steps
from bailee.statements.shuffle import draw_uniforms, ranking
from bailee.train.holding import Holding
from bailee.train.ledger import Ledger
from bailee.train.model import ModelHolding, ModelRun, ModelSetting, model_plan_from_toml, train_model
from bailee.train.model.engine import Engine
from bailee.train.model.events import ModelEvent
from bailee.verify.model import verify_model_passport
from bailee.verify.model_statement import ProvenModel
from parties import OPENINGS, SCHEMA, PretendCards, make_grant, make_owner, pretend_commit, root_of

PLAN_FIELDS: dict[str, Any] = {
    "name": "tumours", "purpose": "research", "label": "ill", "loss": "logistic", "hidden": [4], "batch": 16,
    "epochs": 2, "learning_rate": "0.5", "schedule": "cosine", "momentum": "0.5",
    "privacy": {"mode": "private", "clip": "1", "delta": "0.00001", "epsilon": 8},
}  # fmt: skip
PLAN = model_plan_from_toml(PLAN_FIELDS)
UNPROTECTED = model_plan_from_toml({**PLAN_FIELDS, "privacy": {"mode": "unprotected"}})
FULL = model_plan_from_toml({**PLAN_FIELDS, "hidden": [], "batch": "full", "epochs": 5})
SMALL_CHUNKS = 1_800_000
"""Memory that lets a chunk have only a few steps."""


def pretend_boundary(architecture: Any, state: Any, openings: int, seed: bytes) -> Commitment:
    values = [*state.weights.values(), *state.velocity.values()]
    return Commitment(root_of(*(one.tobytes() for one in values), seed), (("weight1", 8),), openings)


def pretend_noise(architecture: Any, rule: Any, seed: bytes) -> Commitment:
    return Commitment(root_of(repr(rule).encode(), seed), (("noise", 8),), 1)


def pretend_draw(architecture: Any, rule: Any, seed: bytes, coins: bytes) -> dict[str, Any]:
    random = np.random.default_rng(list(seed + coins))
    return {
        one.name: random.integers(-300, 300, (len(rule.multipliers), *one.shape)) for one in architecture.parameters
    }


def pretend_proof(claim: Any, commitments: Sequence[Commitment | None], context: bytes) -> bytes:
    return root_of(repr(claim).encode(), *(one.root for one in commitments if one), context) * 4


def pretend_prove(claim: Any, secrets: Any, context: bytes) -> bytes:
    noise = pretend_noise(claim.architecture, claim.rule, secrets.noise.reveal()) if secrets.noise else None
    rows = [one.commitment for one in secrets.rows]
    return pretend_proof(claim, (*rows, secrets.before.commitment, secrets.after.commitment, noise), context)


def pretend_check(claim: Any, commitments: Any, context: bytes, proof: bytes, plain: bool = False) -> dict[str, float]:
    named = (*commitments.datasets, commitments.before, commitments.after, commitments.noise)
    if proof != pretend_proof(claim, named, context):
        raise ProofError("the proof does not convince")
    return {"total": 100.0}


def pretend_order(rows: int, seed: bytes) -> Commitment:
    return pretend_commit(draw_uniforms(rows, seed), seed, 1)


def pretend_shuffle_proof(claim: Any, roots: Sequence[bytes], spent: int, context: bytes) -> bytes:
    return root_of(claim.coins.tobytes(), *roots, bytes([spent]), context) * 4


def pretend_shuffle(claim: Any, secrets: Any, context: bytes) -> bytes:
    uniforms = draw_uniforms(claim.rows, secrets.order.reveal())
    if not np.array_equal(secrets.rows.matrix[ranking(uniforms, claim.coins)], secrets.shuffled.matrix):
        raise StatementError("the shuffled rows are not the dataset's in the order drawn")
    order = pretend_order(claim.rows, secrets.order.reveal())
    roots = [one.root for one in (secrets.rows.commitment, order, secrets.shuffled.commitment)]
    return pretend_shuffle_proof(claim, roots, secrets.spent, context)


def pretend_shuffle_check(
    claim: Any, rows: Any, spent: int, order: Any, moved: Any, at: int, context: bytes, proof: bytes, plain: bool
) -> dict[str, float]:
    if proof != pretend_shuffle_proof(claim, [rows.root, order.root, moved.root], spent, context):
        raise ProofError("the proof does not convince")
    return {"total": 100.0}


def pretend_engine() -> Engine:
    return Engine(
        data=lambda matrix, openings, seed: pretend_commit(matrix, seed, openings),
        boundary=pretend_boundary,
        noise=pretend_noise,
        draw=pretend_draw,
        train=run_steps,
        prove=pretend_prove,
        verify=pretend_check,
        order=pretend_order,
        shuffle=pretend_shuffle,
        verify_shuffle=lambda claim, of, context, proof: pretend_shuffle_check(
            claim, of.rows, of.spent, of.order, of.shuffled, 0, context, proof, False
        ),
    )


def verify(path: Path, **more: Any) -> ProvenModel:
    """With the stand-ins for proofs and commitments."""
    return verify_model_passport(
        path, cards=PretendCards(), chunks=pretend_check, shuffles=pretend_shuffle_check,
        recommit=lambda *of: pretend_boundary(*of[:4]), **more,
    )  # fmt: skip


@dataclass
class Spending:
    """An openings ledger in memory: of OPENINGS, one went to the card, the last is kept."""

    total: int = OPENINGS
    spent: dict[str, int] = field(default_factory=dict)

    def spend(self, statement: str) -> int:
        if statement not in self.spent and not self.remaining():
            raise BudgetError("all openings are spent")
        return self.spent.setdefault(statement, 1 + len(self.spent))

    def remaining(self) -> int:
        return self.total - 2 - len(self.spent)


@dataclass(frozen=True)
class Cast:
    """A trainer with the opened data of its owners."""

    root: Path
    trainer: Identity
    owners: tuple[Holding, ...]
    holdings: tuple[ModelHolding, ...]
    now: datetime
    plan: ModelPlan

    def setting(self, **more: Any) -> ModelSetting:
        given = {
            "coins": [one.identity for one in self.owners], "memory": SMALL_CHUNKS, "engine": pretend_engine(),
            "clock": lambda: self.now, "model_openings": 4,
        } | more  # fmt: skip
        return ModelSetting(self.trainer, self.root / "runs", **given)

    def train(self, plan: ModelPlan | None = None, holdings: Sequence[ModelHolding] = (), **more: Any) -> ModelRun:
        return train_model(holdings or self.holdings, plan or self.plan, self.setting(**more))


def lend(
    owner: Holding,
    plan: ModelPlan,
    now: datetime,
    root: Path,
    permit: Callable[[ModelUse, datetime], None] | None = None,
) -> ModelHolding:
    """An owner's dataset, as the trainer holds it."""
    waiver = None
    if not plan.private:
        waiver = sign(Waiver(owner.key, owner.grant.digest, plan.digest, time_text(now)), owner.identity)
    spending = Spending()
    ledger = Ledger(root / owner.key[:8] / "privacy.jsonl")
    allowed = owner.grant.record.max_epsilon, owner.grant.record.max_delta
    return ModelHolding(
        card=owner.card, card_proof=owner.card_proof, grant=owner.grant, matrix=owner.matrix, seed=owner.seed,
        dataset=owner.dataset, permit=permit or (lambda use, now: None), spend=spending.spend,
        remaining=spending.remaining, charge=lambda entry: ledger.charge(entry, allowed), waiver=waiver,
    )  # fmt: skip


def make_cast(root: Path, sizes: Sequence[int] = (90, 60), plan: ModelPlan = PLAN) -> Cast:
    now = datetime.now(UTC).replace(microsecond=0)
    trainer = Identity.generate("Trainer")
    owners = tuple(make_owner(place, rows, trainer, now, plan) for place, rows in enumerate(sizes))
    return Cast(root, trainer, owners, tuple(lend(one, plan, now, root) for one in owners), now, plan)


def sealed(holding: Holding, builder: Identity, cast: Cast) -> Holding:
    """The same rows under a real commitment, with a real proof on the card."""
    prover, seed = ArgumentProver(), holding.seed.reveal()
    commitment = prover.commit(holding.matrix, OPENINGS, seed)
    draft = replace(holding.card.record, commitment=commitment.to_json())
    proof = prover.valid(SCHEMA, holding.matrix, seed, OPENINGS, 0, card_context(draft))
    card = sign(replace(draft, proof=digest(proof)), holding.identity)
    grant = sign(make_grant(card, builder, cast.now, cast.plan), holding.identity)
    return replace(holding, card=card, card_proof=proof, grant=grant, dataset=card.digest)


def real_cast(root: Path, plan: ModelPlan, sizes: tuple[int, ...] = (30, 20)) -> Cast:
    cast = make_cast(root, sizes, plan)
    owners = tuple(sealed(one, cast.trainer, cast) for one in cast.owners)
    return replace(cast, owners=owners, holdings=tuple(lend(one, cast.plan, cast.now, root) for one in owners))


def save(cast: Cast) -> None:
    """Everything a process needs to train as this cast does."""
    for name, identity in (
        ("trainer", cast.trainer),
        *((f"owner{n}", one.identity) for n, one in enumerate(cast.owners)),
    ):
        home = cast.root / "keys" / name
        home.mkdir(parents=True)
        (home / "identity.json").write_bytes(identity.public.to_json())
        (home / "identity.pem").write_bytes(identity._to_pem())
        (home / "identity.pem").chmod(0o600)
    (cast.root / "cast").write_bytes(
        canonical({"now": time_text(cast.now), "rows": [o.card.record.rows for o in cast.owners]})
    )


def _main(folder: str, stop: str = "") -> None:
    root = Path(folder)
    known: Any = parse((root / "cast").read_bytes())
    now, trainer = parse_time(known["now"]), Identity.load(root / "keys" / "trainer")
    owners = tuple(
        make_owner(place, rows, trainer, now, PLAN, Identity.load(root / "keys" / f"owner{place}"))
        for place, rows in enumerate(known["rows"])
    )
    cast = Cast(root, trainer, owners, tuple(lend(one, PLAN, now, root) for one in owners), now, PLAN)
    seen: list[str] = []

    def watch(event: ModelEvent) -> None:
        seen.append(event.stage)
        if stop == f"{event.stage}:{seen.count(event.stage)}":
            os.kill(os.getpid(), signal.SIGKILL)

    print(cast.train(watch=watch, resume=True).path)


if __name__ == "__main__":
    _main(*sys.argv[1:])
