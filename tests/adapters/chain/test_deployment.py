"""A ledger's addresses follow from its configuration; deploying is repeated, resumed, and checks what is there."""

from dataclasses import replace
from typing import Any

import pytest
from eth_abi import encode

from bailee.adapters.chain.artefacts import NAMES, artefact
from bailee.adapters.chain.deployment import (
    PROXY,
    Configuration,
    addresses,
    check,
    deploy,
    found_at,
    ledger_name,
)
from bailee.errors import ChainError, InputError, RecordError
from chains import DEPLOYMENT_PROXY, Engine, account, engine  # noqa: F401

COURT = tuple(account(number).address for number in (6, 7, 8))
CONFIGURATION = Configuration(COURT, threshold=2, quorum=2, window=1000, verifier_bond=10**18, dispute_bond=10**17)


def test_each_setting_is_in_the_addresses() -> None:
    changes: list[dict[str, Any]] = [
        {"arbiters": COURT[:2]}, {"threshold": 3}, {"quorum": 3}, {"window": 1001}, {"verifier_bond": 1}
    ]  # fmt: skip
    base = addresses(CONFIGURATION)
    for change in changes:
        other = addresses(replace(CONFIGURATION, **change))
        assert (other.verifiers, other.registry, other.grants, other.shares) != (
            base.verifiers, base.registry, base.grants, base.shares
        )  # fmt: skip
        assert other.registry != base.registry
    moved = addresses(replace(CONFIGURATION, dispute_bond=1))
    assert (moved.verifiers == base.verifiers, moved.registry == base.registry) == (True, False)
    spelled = replace(CONFIGURATION, arbiters=tuple(one.lower() for one in COURT))
    assert addresses(spelled) == base


def test_deployed_once_found_again(engine: Engine) -> None:  # noqa: F811
    chain, payer = engine.chain, engine.accounts[0]
    snapshot = engine.snapshot()
    assert PROXY == DEPLOYMENT_PROXY
    with pytest.raises(ChainError, match="no ledger answers"):
        found_at(chain, addresses(CONFIGURATION).grants)
    with pytest.raises(ChainError, match="is not that of Arbiters"):
        check(chain, addresses(CONFIGURATION))
    found = deploy(chain, payer, CONFIGURATION)
    assert found == addresses(CONFIGURATION) == found_at(chain, found.grants)
    before = chain.web3.eth.get_transaction_count(payer.address)
    assert deploy(chain, payer, CONFIGURATION) == found
    assert deploy(chain, engine.accounts[1], CONFIGURATION) == found  # whoever asks
    assert chain.web3.eth.get_transaction_count(payer.address) == before
    assert ledger_name(chain.chain_id, found) == f"eip155:{chain.chain_id}:{found.grants.lower()}"
    # A second ledger with other bonds shares what it can.
    other = deploy(chain, payer, replace(CONFIGURATION, dispute_bond=10**16))
    assert chain.web3.eth.get_transaction_count(payer.address) == before + 1
    # Contracts of two ledgers mixed are noticed, and so is code that is not ours.
    with pytest.raises(ChainError, match="name other neighbours"):
        check(chain, replace(found, grants=other.grants))
    with pytest.raises(ChainError, match="is not that of Registry"):
        check(chain, replace(found, registry=found.verifiers))
    with pytest.raises(ChainError, match="not the blueprint"):
        check(chain, replace(found, blueprint=found.shares))
    with pytest.raises(ChainError, match="no ledger answers"):
        found_at(chain, found.registry)
    engine.revert(snapshot)


@pytest.mark.parametrize("done", [1, 3])
def test_a_deployment_that_was_cut_off_goes_on(engine: Engine, done: int, monkeypatch: Any) -> None:  # noqa: F811
    chain, payer = engine.chain, engine.accounts[0]
    snapshot, left, send = engine.snapshot(), [done], chain.send

    def until(*arguments: Any, **named: Any) -> Any:
        if not left[0]:
            raise ChainError("the line was cut")
        left[0] -= 1
        return send(*arguments, **named)

    monkeypatch.setattr(chain, "send", until)
    with pytest.raises(ChainError, match="the line was cut"):
        deploy(chain, payer, CONFIGURATION)
    monkeypatch.undo()
    before = chain.web3.eth.get_transaction_count(payer.address)
    deploy(chain, payer, CONFIGURATION)
    assert chain.web3.eth.get_transaction_count(payer.address) - before == 5 - done
    engine.revert(snapshot)


def test_two_who_deploy_at_once(engine: Engine, monkeypatch: Any) -> None:  # noqa: F811
    """The other one was quicker after we had looked: theirs is the very same."""
    chain, snapshot, send = engine.chain, engine.snapshot(), engine.chain.send

    def overtaken(transaction: Any, sender: Any, value: int | None = None) -> Any:
        send(transaction, engine.accounts[1])
        return send(transaction, sender)

    monkeypatch.setattr(chain, "send", overtaken)
    assert deploy(chain, engine.accounts[0], CONFIGURATION) == addresses(CONFIGURATION)
    engine.revert(snapshot)


def test_a_chain_without_the_proxy(engine: Engine, monkeypatch: Any) -> None:  # noqa: F811
    monkeypatch.setattr("bailee.adapters.chain.deployment.PROXY", engine.accounts[5].address)
    with pytest.raises(InputError, match="has no deterministic deployment proxy at 0x"):
        deploy(engine.chain, engine.accounts[0], CONFIGURATION)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"arbiters": ()}, "expected 1 to 15 arbiters"),
        ({"arbiters": (COURT[0], COURT[0].lower())}, "each named once"),
        ({"arbiters": ("0x" + "0" * 40,), "threshold": 1}, "zero address"),
        ({"arbiters": ("0x12",)}, "an arbiter: expected an address"),
        ({"threshold": 1}, "a majority of 3"),
        ({"threshold": 4}, "a majority of 3"),
        ({"quorum": 0}, "quorum of 1 to 16"),
        ({"quorum": 17}, "quorum of 1 to 16"),
        ({"window": 0}, "window of 1 to"),
        ({"window": 2**32 + 1}, "window of 1 to"),
        ({"verifier_bond": 0}, "bonds of at least one wei"),
        ({"dispute_bond": 2**112}, "bonds of at least one wei"),
    ],
)
def test_configurations_that_make_no_sense(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        replace(CONFIGURATION, **changed)


def test_addresses_that_are_mistyped() -> None:
    with pytest.raises(RecordError, match="wrong check sum"):
        replace(addresses(CONFIGURATION), grants=addresses(CONFIGURATION).grants.swapcase().replace("0X", "0x"))


def test_what_is_shipped_and_that_it_fits_on_a_chain() -> None:
    for name in NAMES:
        found = artefact(name)
        assert found.name == name
        assert found.compiler.startswith("vyper 0.4.3 ")
        assert len(found.creation) < 2 * 24_576
        assert found.blueprint[10:] == b"\xfe\x71\x00" + found.creation
    assert len(artefact("Grants").blueprint) - 10 <= 24_576  # a blueprint is code
    made = artefact("Arbiters").created_by([COURT[0]], 1)
    assert made.endswith(encode(["address[]", "uint256"], [[COURT[0]], 1]))


def test_code_that_an_artefact_left_behind() -> None:
    found = artefact("Shares")
    assert not found.made(b"")
    assert not found.made(b"\x00" * 40)
    assert not found.made(artefact("Grants").creation[20:])
