"""`bailee account balance`: native money and any ERC-20, as the chain has it; what is no currency is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bailee.adapters.chain.accounts import open_account
from bailee.adapters.chain.ledger.facts import NATIVE
from bailee.adapters.chain.opening import open_chain
from commands import app, refused, run
from paid_works import PASSPHRASE, PaidWorks, new_paid_works

REFUSES = "0x6005600c60003960056000f3" + "60006000fd"
"""A contract that reverts, whatever it is asked."""


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> PaidWorks:
    return new_paid_works(tmp_path_factory.mktemp("home"))


def test_balances_are_the_chains(works: PaidWorks) -> None:
    made = works.run("consumer", "ledger", "coin", "2.5", "--to", works.addresses["owner"])[1]
    code, said = works.look("account", "balance", "owner", "--currency", made["currency"].lower())
    assert (code, said["currency"], said["chain"]) == (0, made["currency"], works.ledger.rpartition(":")[0])
    assert said["balances"] == [
        {"name": "owner", "address": works.addresses["owner"], "amount": "2500000", "words": "2.5 COIN"}
    ]
    code, said = works.look("account", "balance")
    assert (code, said["currency"]) == (0, NATIVE)
    with open_chain("embedded:", works.home) as chain:
        wei = {name: chain.web3.eth.get_balance(address) for name, address in works.addresses.items()}  # type: ignore[arg-type]
    assert {one["name"]: int(one["amount"]) for one in said["balances"]} == wei
    assert all(one["words"].endswith(" of native money") for one in said["balances"])
    shown = CliRunner().invoke(app, ["account", "balance", "owner", "--currency", made["currency"], "--home",
                                     str(works.home)]).stdout  # fmt: skip
    assert "2.5 COIN" in shown


def test_what_is_no_currency_is_said(works: PaidWorks) -> None:
    balance = ("account", "balance", "owner", "--currency")
    refused(works.look(*balance, "COIN"), 2, "RecordError", "expected an address")
    refused(works.look(*balance, works.addresses["owner"]), 2, "InputError", "is no contract on eip155")
    refused(works.look("account", "balance", "nobody"), 2, "NotFoundError", "no account nobody")
    with open_chain("embedded:", works.home) as chain:
        sent = chain.send({"data": REFUSES}, open_account(works.home, "remixer", PASSPHRASE))
    refused(works.look(*balance, str(sent["contractAddress"])), 3, "RevertError", "the contract refuses")


def test_a_home_without_a_ledger_makes_none(tmp_path: Path) -> None:
    refused(run("account", "balance", "--home", tmp_path), 2, "InputError", "--ledger", "bailee ledger use")
    assert list(tmp_path.iterdir()) == []
