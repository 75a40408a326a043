"""Coins, seeds, contexts and claims of a hidden-model run: the same bytes for trainer and verifier."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence

from blake3 import blake3

from bailee import tags
from bailee.argument.commitment_record import Commitment
from bailee.records.canonical import Json, canonical, digest
from bailee.records.envelope import Signed
from bailee.records.fields import encode
from bailee.records.model import AnchoredModelCoin, ModelCoin, ModelOpening
from bailee.statements.hidden.schedule import Chunk
from bailee.statements.hidden.terms import Setup
from bailee.statements.network.chunk import ChunkClaim, Part
from bailee.statements.network.optimizer import State, initial_state
from bailee.statements.network.plan import ModelPlan

STATEMENT = "https://bailee.dev/chunk/v1"
COIN_BYTES = 32


def promise_coin(party: str, coin: bytes) -> str:
    """Hex commitment to a 32-byte coin, bound to the party so that nobody can copy another's.

    A coin is shown for one opening only, by a signature that names it; so the promise need not know the run.
    """
    return blake3(bytes.fromhex(party) + coin, key=tags.MODEL_PROMISE).hexdigest()


def keeps_promise(party: str, coin: str, promise: str) -> bool:
    return hmac.compare_digest(promise_coin(party, bytes.fromhex(coin)), promise)


def coin_for(opening: Signed[ModelOpening], anchor: str | None, party: str, coin: str) -> ModelCoin:
    """What a party says of its coin (hex). anchor: digest of the run's, where its plan names a ledger."""
    session = opening.record.session
    if anchor is None:
        return ModelCoin(session, party, opening.digest, coin)
    return AnchoredModelCoin(session, party, opening.digest, coin, anchor)


def chunk_coins(session: str, opening: str, coins: Mapping[str, str], chunk: int, beacon: str | None = None) -> bytes:
    """The public half of a chunk's noise: 32 bytes that nobody could know before the opening (digest) was signed.

    coins: per party, its coin in hex. Who reveals last could sign its coin again and again; so signatures stay out.
    beacon: hash of the block after the last spending, where the plan names a ledger.
    """
    seed = {"session": session, "opening": opening, "coins": dict(coins), "chunk": chunk, **beacon_member(beacon)}
    return blake3(canonical(seed), key=tags.MODEL_COINS).digest()


def beacon_member(beacon: str | None) -> dict[str, Json]:
    """What a seed has more where the plan names a ledger."""
    return {} if beacon is None else {"beacon": beacon}


def start_seeds(plan: ModelPlan) -> tuple[bytes, bytes]:
    """(seed of the first weights, seed of their commitment): public, so the run's beginning is the plan's."""
    first = blake3(bytes.fromhex(plan.digest), key=tags.MODEL_START).digest(length=64)
    return first[:32], first[32:]


def start_state(setup: Setup) -> State:
    return initial_state(setup.architecture, start_seeds(setup.plan)[0], setup.rule.momentum > 0)


def chunk_claim(setup: Setup, chunk: Chunk, openings: Sequence[int], coins: bytes) -> ChunkClaim:
    """What one chunk's proof says; `openings` of its datasets, in the order of its slices."""
    parts = tuple(
        Part(part.rows, part.steps, part.batch, part.first, opening)
        for part, opening in zip(chunk.slices, openings, strict=True)
    )
    return ChunkClaim(setup.architecture, setup.rule_of(chunk), parts, coins)


def chunk_context(session: str, opening: str, chunk: Chunk, claim: ChunkClaim, ends: Sequence[Commitment]) -> bytes:
    """The canonical bytes a chunk's proof is bound to. `ends` are the boundaries before and after it."""
    architecture, rule = claim.architecture, claim.rule
    said: dict[str, Json] = {
        "architecture": encode(architecture),
        "rule": {
            "shift": rule.shift,
            "lift": rule.lift,
            "momentum": str(rule.momentum),
            "decay": str(rule.decay),
            "clip": encode(rule.clip),
            "noise": encode(rule.noise),
            "multipliers": [str(value) for value in rule.multipliers],
        },
        "parts": [encode(part) for part in claim.parts],
        "coins": claim.coins.hex(),
    }
    return canonical(
        {
            "statement": STATEMENT,
            "session": session,
            "opening": opening,
            "chunk": chunk.index,
            "boundaries": [end.to_json() for end in ends],
            "claim": digest(canonical(said)),
        }
    )


def spending(session: str, chunk: int, card: str) -> str:
    """How an opening ledger names what an opening of the dataset of `card` (digest) was spent for."""
    return digest(canonical({"session": session, "chunk": chunk, "card": card}))
