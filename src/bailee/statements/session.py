"""What the messages of a session mean: joint coins, digests of weights, and the claim an owner proves at the end.

Owner, builder and verifier compute these from the same public records; so they are written once, here.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR
from decimal import Decimal as Number

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from bailee import tags
from bailee.errors import RecordError
from bailee.records.canonical import Json, canonical, digest
from bailee.records.fields import decimal_text
from bailee.statements.fixed_point import NOISE_BITS
from bailee.statements.gradient import GradientClaim
from bailee.statements.plan import Terms

COIN_BYTES = 32


def commit_coin(session: str, party: str, coin: bytes) -> str:
    """Hex commitment to a 32-byte coin, bound to session and party so that nobody can copy another's."""
    return blake3(bytes.fromhex(session) + bytes.fromhex(party) + coin, key=tags.COIN_COMMITMENT).hexdigest()


def opens_coin(session: str, party: str, coin: str, commitment: str) -> bool:
    """Whether `coin` (hex) is the one committed to."""
    return hmac.compare_digest(commit_coin(session, party, bytes.fromhex(coin)), commitment)


def joint_coins(
    session: str,
    invite: str,
    noise: Mapping[str, str],
    coins: Mapping[str, str],
    owner: str,
    shape: tuple[int, int],
) -> NDArray[np.uint64]:
    """V: the public half of one owner's noise, 60 bits each; uint64 (T, d).

    noise: per owner, the digest of its signed NoiseCommitment; coins: per party, its 32-byte coin in hex. The digests
    of the signed Coin records stay out on purpose: whoever reveals last could sign its coin many times over and pick
    the signature whose digest draws the noise it likes. The commitments are all fixed before the first coin is known.
    """
    seed = canonical({"session": session, "invite": invite, "noise": dict(noise), "coins": dict(coins), "owner": owner})
    rounds, columns = shape
    stream = blake3(seed, key=tags.COINS).digest(length=8 * rounds * columns)
    drawn: NDArray[np.uint64] = np.frombuffer(stream, dtype="<u8").astype(np.uint64) & np.uint64((1 << NOISE_BITS) - 1)
    return drawn.reshape(shape)


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


def context(link: Link) -> bytes:
    """The canonical bytes a gradient proof is bound to; their digest is Proven.statement."""
    fields: dict[str, Json] = {name: getattr(link, name) for name in link.__dataclass_fields__}
    return canonical({"statement": "bailee/gradients/v1", **fields})


def share(rows: int, total: int) -> str:
    """An owner's part of the whole by proven use, rows times rounds proven; all owners of a session prove all rounds.

    A decimal rounded down at 10^-9: the exact fraction is rows / total.
    """
    return decimal_text((Number(rows) / Number(total)).quantize(Number("0.000000001"), rounding=ROUND_FLOOR))


def transcript(messages: Sequence[str]) -> str:
    """One digest of the digests of all signed messages of a session, in the order in which they are listed."""
    return digest(canonical(list(messages)))


def gradient_claim(
    terms: Terms,
    rows: int,
    weights: Sequence[Sequence[int]],
    sums: Sequence[Sequence[int]],
    coins: NDArray[np.uint64],
) -> GradientClaim:
    """What one owner proves: these sums, at these weights, over its `rows` committed rows. One entry a round."""
    columns = len(terms.columns)
    if len(weights) != len(sums) or coins.shape != (len(weights), columns):
        raise RecordError(f"a claim of {len(weights)} weights, {len(sums)} sums and {coins.shape} coins does not fit")
    return GradientClaim(
        rows=rows,
        columns=columns,
        label=terms.label,
        released=terms.released,
        weights=np.array(weights, dtype=np.int64).reshape(-1, columns),
        sums=np.array(sums, dtype=np.int64).reshape(-1, columns),
        coins=coins,
        shift=terms.shift,
        sigma=terms.sigma,
    )
