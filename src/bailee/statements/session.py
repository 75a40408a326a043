"""What the messages of a session mean, whatever it trains: joint coins, digests of weights, what a proof is bound to.

Owner, builder and verifier compute these from the same public records; so they are written once, here.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR
from decimal import Decimal as Number

from blake3 import blake3

from bailee import tags
from bailee.records.canonical import Json, canonical, digest
from bailee.records.fields import decimal_text

COIN_BYTES = 32


def commit_coin(session: str, party: str, coin: bytes) -> str:
    """Hex commitment to a 32-byte coin, bound to session and party so that nobody can copy another's."""
    return blake3(bytes.fromhex(session) + bytes.fromhex(party) + coin, key=tags.COIN_COMMITMENT).hexdigest()


def opens_coin(session: str, party: str, coin: str, commitment: str) -> bool:
    """Whether `coin` (hex) is the one committed to."""
    return hmac.compare_digest(commit_coin(session, party, bytes.fromhex(coin)), commitment)


def joint_seed(
    session: str,
    invite: str,
    noise: Mapping[str, str],
    coins: Mapping[str, str],
    owner: str,
    beacon: str | None = None,
) -> bytes:
    """The bytes that the public half of one owner's noise is expanded from.

    noise: per owner, the digest of its signed NoiseCommitment; coins: per party, its 32-byte coin in hex. The digests
    of the signed Coin records stay out on purpose: whoever reveals last could sign its coin many times over and pick
    the signature whose digest draws the noise it likes. The commitments are all fixed before the first coin is known.
    beacon: of a plan that names a ledger, the hash of its block (hex): no party knew it when it committed to its coin.
    """
    said: dict[str, Json] = {
        "session": session, "invite": invite, "noise": dict(noise), "coins": dict(coins), "owner": owner
    }  # fmt: skip
    return canonical(said if beacon is None else {**said, "beacon": beacon})


def weights_digest(weights: Sequence[int]) -> str:
    """How a Round names the weights (scale 2^14) it was taken at."""
    return digest(canonical([int(value) for value in weights]))


@dataclass(frozen=True)
class Link:
    """The signed records one owner's proof is bound to, by digest."""

    session: str
    owner: str
    plan: str
    invite: str
    card: str
    grant: str
    noise: str
    closing: str


def context(statement: str, link: Link) -> bytes:
    """The canonical bytes an owner's proof is bound to; their digest is Proven.statement."""
    fields: dict[str, Json] = {name: getattr(link, name) for name in link.__dataclass_fields__}
    return canonical({"statement": statement, **fields})


def share(rows: int, total: int) -> str:
    """An owner's part of the whole by proven use, rows times rounds proven; all owners of a session prove all rounds.

    A decimal rounded down at 10^-9: the exact fraction is rows / total.
    """
    return decimal_text((Number(rows) / Number(total)).quantize(Number("0.000000001"), rounding=ROUND_FLOOR))


def transcript(messages: Sequence[str]) -> str:
    """One digest of the digests of all signed messages of a session, in the order in which they are listed."""
    return digest(canonical(list(messages)))
