"""The secret order of a run: coins, claims and contexts of its shuffles, the same bytes for trainer and verifier.

What a shuffle's proof says is in `bailee.statements.shuffle`; docs/sessions.md (secret order) is the specification.
"""

from __future__ import annotations

from collections.abc import Mapping

from blake3 import blake3

from bailee import tags
from bailee.argument.commitment_record import Commitment
from bailee.records.canonical import canonical, digest
from bailee.statements.hidden.session import beacon_member
from bailee.statements.hidden.terms import Setup
from bailee.statements.noise import uniform_words
from bailee.statements.shuffle import KEY_BITS, ShuffleClaim

STATEMENT = "https://bailee.dev/shuffle/v1"
SHUFFLED_OPENING = 0
"""Of the shuffled rows, spent on the shuffle; the others are the chunks'."""


def shuffle_claim(
    setup: Setup, session: str, opening: str, coins: Mapping[str, str], dataset: int, beacon: str | None = None
) -> ShuffleClaim:
    """What one dataset's shuffle says. coins: per party, its coin in hex, as for noise; opening: digest; beacon too.

    Each row's coin is a word of BLAKE3's extended output, little-endian, its four highest bits dropped.
    """
    rows = setup.terms.rows[dataset]
    seed = {"session": session, "opening": opening, "coins": dict(coins), "dataset": dataset, **beacon_member(beacon)}
    octets = blake3(canonical(seed), key=tags.MODEL_ORDER).digest(length=8 * rows)
    return ShuffleClaim(rows, len(setup.terms.columns), uniform_words(octets, KEY_BITS))


def shuffle_context(
    session: str, opening: str, dataset: int, card: str, spent: int, order: Commitment, shuffled: Commitment
) -> bytes:
    """The canonical bytes a shuffle's proof is bound to. spent: the opening of the card's commitment."""
    return canonical(
        {
            "statement": STATEMENT,
            "session": session,
            "opening": opening,
            "dataset": dataset,
            "card": card,
            "openings": [spent, SHUFFLED_OPENING],
            "order": order.to_json(),
            "shuffled": shuffled.to_json(),
        }
    )


def shuffle_spending(session: str, card: str) -> str:
    """How an opening ledger names what an opening of the dataset of `card` (digest) was spent for."""
    return digest(canonical({"session": session, "shuffle": True, "card": card}))
