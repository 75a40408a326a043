"""What a ledger knows, as frozen records. Digests, claims and ids of grants are hex without 0x, as in signed records.

Ids of works are integers, addresses text with check sum, times seconds since 1970, money the smallest unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from bailee.errors import InputError

NOBODY = "0x" + "0" * 40
NATIVE = NOBODY
"""The currency that is the chain's own."""
ZERO = "00" * 32
WHOLE = 10**9
"""All units of a work; a royalty or a share of use of one."""


class Kind(IntEnum):
    DATASET = 1
    MODEL = 2
    CONTENT = 3


class Status(IntEnum):
    GOOD = 1
    DISPUTED = 2
    VOID = 3


class Verdict(IntEnum):
    OPEN = 0
    UPHELD = 1
    REJECTED = 2


@dataclass(frozen=True)
class Naming:
    """Digests (hex) of a work and of what describes it; ZERO where there is no such document."""

    commitment: str
    schema: str = ZERO
    fingerprints: str = ZERO
    terms: str = ZERO
    metadata: str = ZERO

    def words(self) -> tuple[bytes, ...]:
        return tuple(map(word, (self.commitment, self.schema, self.fingerprints, self.terms, self.metadata)))

    @classmethod
    def from_words(cls, words: Iterable[bytes]) -> Naming:
        return cls(*(bytes(one).hex() for one in words))


@dataclass(frozen=True)
class Part:
    """A grant under which a work was made, and its work's share of use, of WHOLE."""

    grant: str
    share: int


@dataclass(frozen=True)
class Work:
    """since: block of the reservation, or of the registration; resale: basis points that ERC-2981 asks of a sale."""

    id: int
    kind: Kind
    naming: Naming
    since: int
    registered: int
    shares: str
    resale: int
    status: Status
    owner: str
    uri: str


@dataclass(frozen=True)
class Dispute:
    """The last one of a work: open where the work's status says so."""

    by: str
    earlier: int
    round: int


@dataclass(frozen=True)
class GrantState:
    """accepted, revoked: blocks, 0 for not. Limits and spending: epsilon in 10^-9, delta in 10^-18."""

    work: int
    builder: str
    accepted: int
    revoked: int
    not_before: int
    not_after: int
    royalty: int
    epsilon: int
    delta: int
    spent_epsilon: int
    spent_delta: int
    sessions: int


@dataclass(frozen=True)
class SpendingState:
    block: int
    epsilon: int
    delta: int
    anchor: str


@dataclass(frozen=True)
class Budget:
    epsilon: int
    delta: int
    spent_epsilon: int
    spent_delta: int


@dataclass(frozen=True)
class ClaimState:
    """since: time of the quorum or of the last rejected challenge, 0 for none; challenger: None without a challenge."""

    attesters: tuple[str, ...]
    since: int
    challenger: str | None
    rounds: int
    void: bool


@dataclass(frozen=True)
class VerifierState:
    """left: time, 0 for not; claims: those it attested that were open when it was last looked at."""

    bonded: bool
    left: int
    claims: tuple[str, ...]


def word(digest: str) -> bytes:
    """Thirty-two bytes of a hex digest. InputError for anything else."""
    try:
        found = bytes.fromhex(digest)
    except ValueError:
        found = b""
    if len(found) != 32 or len(digest) != 64:
        raise InputError(f"expected a digest or an id of 64 hex digits, got {digest[:80]!r}")
    return found


def work_id(registrant: str, commitment: str) -> int:
    """The id that a registration by that account gets."""
    return int.from_bytes(_hashed(("address", "bytes32"), (registrant, word(commitment))), "big")


def ticket(registrant: str, commitment: str, salt: str) -> str:
    """What `reserve` takes: priority for that registrant and commitment, without showing either."""
    types = ("address", "bytes32", "bytes32")
    return _hashed(types, (registrant, word(commitment), word(salt))).hex()


def claim_id(registry: str, registrant: str, commitment: str, parts: Sequence[Part]) -> str:
    """What verifiers attest: that a passport states these parts, before this account registers the model."""
    named = [(word(part.grant), part.share) for part in parts]
    types = ("address", "address", "bytes32", "(bytes32,uint256)[]")
    return _hashed(types, (registry, registrant, word(commitment), named)).hex()


def case_id(contract: str, subject: str, round_: int) -> str:
    """What arbiters vote on: `contract` is the Registry (subject: a work's id as 32 bytes) or Verifiers (a claim)."""
    return _hashed(("address", "bytes32", "uint256"), (contract, word(subject), round_)).hex()


def _hashed(types: Sequence[str], values: Sequence[object]) -> bytes:
    from eth_abi.abi import encode
    from eth_utils.crypto import keccak

    return keccak(encode(types, values))
