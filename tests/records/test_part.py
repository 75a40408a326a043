"""Shares of a passport as the integers of the ledger."""

from fractions import Fraction

import pytest
from eth_abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from bailee.errors import RecordError
from bailee.records.part import WHOLE, Part, claim_of, parts_of

A, B, C = ("aa" * 32, "bb" * 32, "cc" * 32)


def test_thirds_by_largest_remainder() -> None:
    third = Fraction(1, 3)
    assert parts_of([(C, third), (A, third), (B, third)]) == (
        Part(A, 333_333_334),
        Part(B, 333_333_333),
        Part(C, 333_333_333),
    )


def test_decimals_that_were_cut_off_lose_nothing() -> None:
    assert parts_of([(A, "0.333333"), (B, "0.666666")]) == (Part(A, 333_333_333), Part(B, 666_666_667))


def test_a_grant_named_twice_and_one_of_next_to_nothing() -> None:
    assert parts_of([(A, "0.25"), (B, "0.5"), (A, "0.25"), (C, "0")]) == (Part(A, 5 * 10**8), Part(B, 5 * 10**8))
    assert parts_of([(A, Fraction(1)), (B, Fraction(1, 10**12))]) == (Part(A, WHOLE),)


@given(st.dictionaries(st.binary(min_size=32, max_size=32), st.integers(1, 10**12), min_size=1, max_size=64))
def test_they_add_up_stay_near_and_do_not_depend_on_the_order(uses: dict[bytes, int]) -> None:
    total = sum(uses.values())
    shares = [(grant.hex(), Fraction(rows, total)) for grant, rows in uses.items()]
    parts = parts_of(shares)
    assert sum(part.share for part in parts) == WHOLE
    assert parts == parts_of(shares[::-1])
    found = {part.grant: part.share for part in parts}
    assert all(abs(found.get(grant, 0) - share * WHOLE) < 1 for grant, share in shares)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ([], "expected 1 to 64 grants with shares above zero in all, got 0"),
        ([(A, "0")], "expected 1 to 64 grants with shares above zero in all, got 1"),
        ([(A, "-1")], "expected shares of zero or more, got -1 of grant aaaaaaaaaaaaaaaa..."),
        ([("AA" * 32, "1")], "expected a part's grant as 64 hexadecimal digits in lower case, got '" + "AA" * 32 + "'"),
    ],
)
def test_shares_that_are_refused(shares: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(RecordError) as caught:
        parts_of(shares)
    assert str(caught.value) == message


def test_a_claim_is_the_contracts_encoding() -> None:
    registry, registrant = "0x" + "11" * 20, "0x" + "22" * 20
    parts = (Part(A, 1), Part(B, WHOLE - 1))
    rows = [(bytes.fromhex(part.grant), part.share) for part in parts]
    wanted = encode(
        ["address", "address", "bytes32", "(bytes32,uint256)[]"], [registry, registrant, bytes.fromhex(C), rows]
    )
    assert claim_of(registry, registrant, C, parts) == keccak(wanted)
