"""Amounts as people write them, of native money and of any ERC-20."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailee.adapters.chain.artefacts import artefact
from bailee.adapters.chain.ledger.facts import NATIVE
from bailee.errors import InputError, RecordError
from bailee.party.amounts import currency_address, in_words, money, parse_money, smallest_units
from chains import Engine, engine  # noqa: F401


@given(st.integers(0, 2**112 - 1), st.integers(0, 40))
def test_money_is_written_exactly(amount: int, decimals: int) -> None:
    assert parse_money(money(amount, decimals), decimals) == amount


def test_money_is_written_as_people_do() -> None:
    assert [money(one, 6) for one in (0, 1, 10, 3_500_000, 100_000_000)] == ["0", "0.000001", "0.00001", "3.5", "100"]
    assert (parse_money("3.50", 6), parse_money("07"), parse_money("12.000", 2)) == (3_500_000, 7 * 10**18, 1_200)


@pytest.mark.parametrize("text", ["", "-1", "1e5", "1.", ".5", "0x1", "1,5", "1" * 35, " 1", "1\n", "½"])
def test_what_is_no_money_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"expected an amount such as 10 or 0\.5"):
        parse_money(text)


def test_what_no_currency_has_is_refused() -> None:
    with pytest.raises(InputError, match=r"at most 6 digits behind the point, got '1\.0000001'"):
        parse_money("1.0000001", 6)
    with pytest.raises(InputError, match=r"below 2\^112 of the smallest unit"):
        parse_money("1" * 17)


def test_a_currency_is_meant_by_its_address() -> None:
    right = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    assert (currency_address(None), currency_address(right.lower())) == (NATIVE, right)
    with pytest.raises(RecordError, match="wrong check sum"):
        currency_address(right.replace("aA", "Aa"))
    with pytest.raises(RecordError, match="expected an address"):
        currency_address("COIN")


def test_a_currency_is_asked_for_its_decimals(engine: Engine) -> None:  # noqa: F811
    chain, payer = engine.chain, engine.accounts[0]
    creation = "0x" + artefact("Coin").created_by(payer.address).hex()
    coin = str(chain.send({"data": creation}, payer)["contractAddress"])
    assert smallest_units(chain, coin, "3.50") == 3_500_000
    assert in_words(chain, coin, 3_500_000) == "3.5 COIN"
    assert in_words(chain, NATIVE, 10**16) == "0.01 of native money"
    with pytest.raises(InputError, match="is no contract on eip155"):
        smallest_units(chain, payer.address, "1")
    silent = str(
        chain.send({"data": "0x600a600c600039600a6000f3" + "60006000fd".ljust(20, "0")}, payer)["contractAddress"]
    )
    assert in_words(chain, silent, 7) == f"7 smallest units of {silent}"
    lying = str(chain.send({"data": "0x600a600c600039600a6000f3" + "60ff60005260206000f3"}, payer)["contractAddress"])
    assert in_words(chain, lying, 7) == f"7 smallest units of {lying}"
