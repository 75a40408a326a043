"""Names of chains and accounts: what is a name, and what is nearly one."""

from __future__ import annotations

import pytest

from bailee.errors import RecordError
from bailee.records.caip import AccountName, ChainName, check_address, parse_account, parse_chain

# From the text of CAIP-10 (test cases) and of EIP-55 (test cases).
CAIP_10 = "eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb"
EIP_55 = (
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)


def test_names_are_read_and_written_back() -> None:
    assert parse_chain("eip155:31337") == ChainName(31337)
    assert parse_account(CAIP_10) == AccountName(ChainName(1), CAIP_10.rpartition(":")[2])
    assert str(parse_account(CAIP_10)) == CAIP_10
    assert parse_account(CAIP_10.lower()).address == CAIP_10.lower().rpartition(":")[2]


@pytest.mark.parametrize(
    "text", ["", "eip155", "eip155:", "eip155:0", "eip155:01", "cosmos:1", "eip155:1\n", "eip155:1:0x"]
)
def test_what_is_no_chain_is_refused(text: str) -> None:
    with pytest.raises(RecordError, match=r"expected a chain as eip155:<number> \(CAIP-2\), got"):
        parse_chain(text)


@pytest.mark.parametrize("text", ["eip155:1", CAIP_10 + "0", CAIP_10[:-1], CAIP_10 + "\n", CAIP_10.replace("0x", "")])
def test_what_is_no_account_is_refused(text: str) -> None:
    with pytest.raises(RecordError, match=r"expected an account as eip155:<number>:0x<40 hexadecimal digits>"):
        parse_account(text)


@pytest.mark.parametrize("address", EIP_55)
def test_a_wrong_check_sum_is_found(address: str) -> None:
    check_address(address)
    check_address(address.lower())
    swapped = address[:-1] + address[-1].swapcase()
    wrong = swapped if swapped != address else address[:2] + address[2:].swapcase()
    with pytest.raises(RecordError, match="has a wrong check sum"):
        check_address(wrong)
    with pytest.raises(RecordError, match="expected an address"):
        check_address(address[:-1])
