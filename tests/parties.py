"""Owners and a builder for tests: small datasets, an argument system that is only pretended, sessions in threads.

The pretended prover checks the witness and returns a hash of the claim; its verifier recomputes the hash. It keeps the
shape of the real one, so that sessions and passports are tested in seconds; `test_real_session` uses the real one.
Run as a program, it is one party in a process of its own: `python parties.py owner|builder FOLDER PORT [STOP_AT]`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3

from bailee.adapters.transport import Channel, Listener, join, memory_pair
from bailee.argument.commitment_record import Commitment
from bailee.errors import BaileeError, ProofError, StatementError
from bailee.keys import Identity, Secret
from bailee.records import Card, Grant, Invite, Passport, Signed, canonical, digest, open_signed, sign, time_text
from bailee.records.schema import Schema
from bailee.statements.card import card_context
from bailee.statements.logistic import compute_round
from bailee.statements.noise import combine, noise_table
from bailee.train.builder import Builder, Outcome
from bailee.train.events import Event
from bailee.train.holding import Holding, Setting
from bailee.train.ledger import Ledger
from bailee.train.owner import take_part
from bailee.train.plan import plan_from_toml
from bailee.train.proving import ProofCheck, ProofRequest, Proving

SCHEMA = Schema.from_json(
    {
        "version": 1,
        "name": "tumours",
        "label": "ill",
        "columns": [
            *(
                {"name": n, "type": "number", "min": "-1", "max": "1", "categories": [], "missing": None,
                 "positive": [], "positive_above": None}
                for n in ("size", "age", "dose")
            ),
            {"name": "ill", "type": "flag", "min": None, "max": None, "categories": [], "missing": None,
             "positive": [], "positive_above": None},
        ],
        "row_norm": None,
        "over_norm": "refuse",
        "missing_values": [""],
    }
)  # fmt: skip
PLAN = plan_from_toml(
    {
        "name": "tumours",
        "purpose": "research",
        "label": "ill",
        "rounds": 5,
        "learning_rate": "0.5",
        "momentum": "0.5",
        "privacy": {"epsilon": 8, "delta": "0.00001"},
    }
)
OPENINGS = 8


def root_of(*parts: bytes) -> bytes:
    return blake3(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()


def pretend_commit(values: Any, seed: bytes, openings: int) -> Commitment:
    return Commitment(root_of(np.ascontiguousarray(values).tobytes(), seed), (("rows", 10),), openings)


def claim_bytes(claim: Any) -> bytes:
    parts = [getattr(claim, name) for name in claim.__dataclass_fields__]
    return b"|".join(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode() for part in parts)


def pretend_prove(request: ProofRequest) -> bytes:
    claim = request.claim
    witness = request.witness
    noise = noise_table(claim.sigma).sample(combine(witness.noise.values, claim.coins))
    for weights, sums, drawn in zip(claim.weights, claim.sums, noise, strict=True):
        exact = compute_round(witness.matrix, claim.label, weights, claim.shift, claim.released)
        if not np.array_equal(sums, np.where(np.array(claim.released), exact + drawn, 0)):
            raise StatementError("a sum is not what rows, weights and noise give")
    dataset = pretend_commit(witness.matrix, witness.seed, witness.openings)
    return pretend_proof(claim, dataset, witness.opening, commit_noise(witness.noise), request.context)


def commit_noise(noise: Any) -> Commitment:
    return pretend_commit(noise.values, noise.seed, 1)


def pretend_proof(claim: Any, dataset: Commitment, opening: int, noise: Commitment, context: bytes) -> bytes:
    return root_of(claim_bytes(claim), dataset.root, bytes([opening]), noise.root, context) * 4


def pretend_verify(
    claim: Any, dataset: Commitment, opening: int, noise: Commitment, context: bytes, proof: bytes, plain: bool
) -> dict[str, float]:
    if proof != pretend_proof(claim, dataset, opening, noise, context):
        raise ProofError("the proof does not convince")
    return {"total": 100.0}


def pretend_check(item: ProofCheck) -> None:
    pretend_verify(item.claim, item.dataset, item.opening, item.noise, item.context, item.proof, False)


class PretendCards:
    """Card proofs are a hash of the context."""

    def valid(
        self, schema: Any, rows: int, commitment: Any, opening: int, context: bytes, proof: bytes, plain: bool
    ) -> None:
        if proof != root_of(context):
            raise ProofError("the card's proof does not convince")

    def equal(self, *args: Any) -> None:
        raise ProofError("no renewals here")


PRETENDED = Proving(commit_noise, pretend_prove)


def no_check(request: Any) -> None:
    """Permits everything."""


def rows_for(seed: int, rows: int) -> np.ndarray:
    """An encoded matrix of SCHEMA: three numbers, bias, label that depends on them."""
    random = np.random.default_rng(seed)
    values = random.uniform(-1, 1, (rows, 3))
    label = (values @ np.array([2.0, -1.0, 0.5]) + random.normal(0, 0.3, rows) > 0).astype(np.int64)
    encoded = np.rint(values * 4096).astype(np.int64)
    return np.column_stack([encoded, np.full(rows, 4096), label])


@dataclass(frozen=True)
class Cast:
    """A builder and owners with cards and grants, and where each keeps its sessions."""

    root: Path
    builder: Identity
    owners: tuple[Holding, ...]
    now: datetime
    plan: Any = PLAN
    node: Callable[[str], Any] | None = None
    """How a party (builder, owner0, ...) reaches the plan's ledger: see ledgers.py."""

    def ledger(self, place: int) -> Ledger:
        return Ledger(self.root / f"owner{place}" / "privacy.jsonl")

    def setting(self, name: str, resume: bool, watch: Callable[[Event], None]) -> Setting:
        home = self.root / name / "sessions"
        home.mkdir(parents=True, exist_ok=True)
        opened = None if self.node is None else self.node(name)
        return Setting(home, resume, watch, clock=lambda: self.now, patience=300.0, open_ledger=opened)


def make_owner(
    place: int, rows: int, builder: Identity, now: datetime, plan: Any = PLAN, identity: Identity | None = None
) -> Holding:
    identity = identity or Identity.generate(f"Hospital {place}")
    matrix = rows_for(place, rows)
    seed = bytes([place]) * 32
    draft = Card(
        owner=identity.public_key.hex(),
        name=SCHEMA.name,
        owner_name=identity.name,
        schema=SCHEMA.to_json(),
        rows=rows,
        columns=SCHEMA.layout.names,
        commitment=pretend_commit(matrix, seed, OPENINGS).to_json(),
        opening=0,
        proof="0" * 64,
        created=time_text(now - timedelta(days=1)),
        renews=None,
    )
    proof = root_of(card_context(draft))
    card = sign(replace(draft, proof=digest(proof)), identity)
    grant = sign(make_grant(card, builder, now, plan), identity)
    spent: dict[str, int] = {}
    return Holding(
        identity, card, proof, grant, matrix, Secret(seed), card.digest, no_check,
        lambda statement: spent.setdefault(statement, 1 + len(spent)),
    )  # fmt: skip


def make_grant(card: Signed[Card], builder: Identity, now: datetime, plan: Any = PLAN) -> Grant:
    return Grant(
        id="ab" * 16,
        owner=card.record.owner,
        card=card.digest,
        builder=builder.public_key.hex(),
        purpose=plan.purpose,
        plan=plan.digest,
        fields=card.record.columns,
        not_before=time_text(now - timedelta(hours=1)),
        not_after=time_text(now + timedelta(days=30)),
        max_epsilon="8",
        max_delta="0.00001",
    )


def make_cast(root: Path, sizes: Sequence[int] = (90, 60), plan: Any = PLAN) -> Cast:
    now = datetime.now(UTC).replace(microsecond=0)
    builder = Identity.generate("Builder")
    owners = tuple(make_owner(place, rows, builder, now, plan) for place, rows in enumerate(sizes))
    return Cast(root, builder, owners, now, plan)


class Killed(BaseException):
    """Stands for kill -9 in a thread."""


def run_session(
    cast: Cast,
    resume: bool = False,
    watch: Callable[[str, Event], None] = lambda name, event: None,
    owners: Sequence[Holding] | None = None,
    wrap: Callable[[str, Channel], Channel] = lambda name, channel: channel,
    revocations: Sequence[Any] = (),
    tcp: bool = False,
) -> tuple[Outcome | None, dict[str, Any]]:
    """All parties in threads. The outcome if there is one, and what each party raised or returned, by name."""
    holdings = cast.owners if owners is None else owners
    listener = Listener() if tcp else None
    pairs = [memory_pair() for _ in holdings]
    said: dict[str, Any] = {}

    def party(name: str, work: Callable[[], Any]) -> None:
        try:
            said[name] = work()
        except (BaileeError, Killed) as error:
            said[name] = error

    def owner(place: int) -> Any:
        name = f"owner{place}"
        end = join(*listener.address, 300.0) if listener else pairs[place][0]
        setting = cast.setting(name, resume, lambda event: watch(name, event))
        return take_part(holdings[place], wrap(name, end), PRETENDED, cast.ledger(place), setting)

    doors = iter([wrap(f"builder{place}", back) for place, (_, back) in enumerate(pairs)])
    builder = Builder(
        cast.builder, cast.plan, [holding.key for holding in cast.owners], pretend_check,
        cast.setting("builder", resume, lambda event: watch("builder", event)), revocations=revocations,
    )  # fmt: skip
    accept = listener.accept if listener else lambda timeout: next(doors)
    threads = [
        threading.Thread(target=party, args=(f"owner{place}", lambda place=place: owner(place)), daemon=True)
        for place in range(len(holdings))
    ]
    for thread in threads:
        thread.start()
    party("builder", lambda: builder.run(accept))
    for _, back in pairs:
        back.close()
    for thread in threads:
        thread.join(400)
    if listener:
        listener.close()
    outcome = said.get("builder")
    return (outcome if isinstance(outcome, Outcome) else None), said


def content(passport: Passport) -> dict[str, Any]:
    """What a passport says, without when it and its proofs were made."""
    return {
        "weights": passport.weights,
        "rounds": [part.rounds for part in passport.owners],
        "noise": [part.noise for part in passport.owners],
        "proof": [part.proof for part in passport.owners],
        "session": passport.session,
    }


def fix_shift(outcome: Outcome) -> int:
    """The lattice shift of a finished session, from its invite."""
    record = outcome.passport.record
    invite = open_signed((outcome.path.parent / "attachments" / record.invite).read_bytes(), Invite).record
    shift = invite.terms["shift"]
    assert isinstance(shift, int)
    return shift


def save(cast: Cast) -> None:
    """Everything a process needs to be one of these parties."""
    keys = cast.root / "keys"
    for name, identity in [("builder", cast.builder), *((f"owner{i}", o.identity) for i, o in enumerate(cast.owners))]:
        home = keys / name
        home.mkdir(parents=True)
        (home / "identity.json").write_bytes(identity.public.to_json())
        (home / "identity.pem").write_bytes(identity._to_pem())
        (home / "identity.pem").chmod(0o600)
    for place, holding in enumerate(cast.owners):
        (cast.root / f"card{place}").write_bytes(holding.card.envelope)
        (cast.root / f"grant{place}").write_bytes(holding.grant.envelope)
    (cast.root / "cast").write_bytes(
        canonical({"now": time_text(cast.now), "owners": [holding.key for holding in cast.owners]})
    )


def _load_owner(root: Path, place: int) -> Holding:
    identity = Identity.load(root / "keys" / f"owner{place}")
    card = open_signed((root / f"card{place}").read_bytes(), Card)
    grant = open_signed((root / f"grant{place}").read_bytes(), Grant)
    matrix = rows_for(place, card.record.rows)
    proof = root_of(card_context(card.record))
    return Holding(
        identity, card, proof, grant, matrix, Secret(bytes([place]) * 32), card.digest, no_check, lambda statement: 1
    )


def _main(role: str, folder: str, port: str, stop: str = "") -> None:
    root = Path(folder)
    from bailee.records import parse, parse_time

    known: Any = parse((root / "cast").read_bytes())
    now = parse_time(known["now"])

    def watch(event: Event) -> None:
        if stop == f"{event.stage}:{event.round}":
            os.kill(os.getpid(), signal.SIGKILL)

    home = root / role / "sessions"
    home.mkdir(parents=True, exist_ok=True)
    setting = Setting(home, (home / "begun").exists(), watch, clock=lambda: now, patience=300.0)
    (home / "begun").touch()
    if role == "builder":
        identity = Identity.load(root / "keys" / "builder")
        with Listener(port=int(port)) as door:
            Builder(identity, PLAN, known["owners"], pretend_check, setting).run(door.accept)
    else:
        place = int(role.removeprefix("owner"))
        ledger = Ledger(root / role / "privacy.jsonl")
        take_part(_load_owner(root, place), join("127.0.0.1", int(port), 300.0), PRETENDED, ledger, setting)


if __name__ == "__main__":
    try:
        _main(*sys.argv[1:])
    except BaileeError as failure:
        print(type(failure).__name__, failure, file=sys.stderr)
        sys.exit(failure.exit_code)
