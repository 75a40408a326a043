"""Which parts of a model's earnings belong to whom: a verified passport's shares as the integers that the ledger takes.

A part names the grant under which a work was used, and that work's share of use. What an attestation of verifiers is
about is `claim_of` them: whoever re-runs `bailee verify` comes to the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from bailee.errors import RecordError
from bailee.records.caip import check_address

WHOLE = 10**9
"""A share of use of one."""
MOST_PARTS = 64


@dataclass(frozen=True, order=True)
class Part:
    """grant: its id on the ledger, hex; share: of WHOLE."""

    grant: str
    share: int

    def __post_init__(self) -> None:
        _word("a part's grant", self.grant)
        if not 0 <= self.share <= WHOLE:
            raise RecordError(f"expected a part's share from 0 to {WHOLE}, got {self.share}")


def parts_of(shares: Sequence[tuple[str, str | Decimal | Fraction]]) -> tuple[Part, ...]:
    """Grants with their exact shares as parts that add up to WHOLE, by largest remainder; in the order of the grants.

    Shares are taken as parts of their sum, so that decimals cut off in a passport lose nothing. Equal remainders go to
    the smaller grant id first, so the order of `shares` has no part in it. A grant that is named twice has both shares
    together, what comes out as nothing is left out. RecordError: no share above zero, one below, more than 64 parts.
    """
    exact: dict[str, Fraction] = {}
    for grant, share in shares:
        value = Fraction(share)
        if value < 0:
            raise RecordError(f"expected shares of zero or more, got {share} of grant {grant[:16]}...")
        exact[grant] = exact.get(grant, Fraction(0)) + value
    total = sum(exact.values())
    if not total or len(exact) > MOST_PARTS:
        raise RecordError(f"expected 1 to {MOST_PARTS} grants with shares above zero in all, got {len(exact)}")
    due = {grant: value * WHOLE / total for grant, value in exact.items()}
    units = {grant: value.numerator // value.denominator for grant, value in due.items()}
    left = WHOLE - sum(units.values())
    for grant in sorted(due, key=lambda grant: (units[grant] - due[grant], grant))[:left]:
        units[grant] += 1
    return tuple(Part(grant, units[grant]) for grant in sorted(units) if units[grant])


def claim_of(registry: str, registrant: str, commitment: str, parts: Sequence[Part]) -> bytes:
    """keccak256(abi.encode(registry, registrant, commitment, parts)): what verifiers attest, 32 bytes.

    registry, registrant: addresses; commitment: hex. The order of the parts counts: it is the one of `parts_of`.
    """
    from eth_utils.crypto import keccak

    for address in (registry, registrant):
        check_address(address)
    head = b"".join(bytes.fromhex(address[2:]).rjust(32, b"\0") for address in (registry, registrant))
    head += _word("a commitment", commitment) + (4 * 32).to_bytes(32, "big") + len(parts).to_bytes(32, "big")
    return keccak(head + b"".join(bytes.fromhex(part.grant) + part.share.to_bytes(32, "big") for part in parts))


def _word(what: str, text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32 or text != found.hex():
        raise RecordError(f"expected {what} as 64 hexadecimal digits in lower case, got {text[:80]!r}")
    return found
