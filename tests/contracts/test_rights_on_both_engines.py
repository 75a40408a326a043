"""One life of rights on anvil and on the embedded chain: receipts, events, balances, one by one; gas as written."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from bailee.adapters.chain.embedded.memory import MemoryLedger
from bailee.adapters.chain.opening import embedded_chain
from chains import RICH, Engine, open_engine
from contracts.rights_story import REFUSED, Story
from evm import WHOLE, Receipt
from rights import new_rights

SNAPSHOT = Path(__file__).parents[2] / "contracts/gas.toml"
CONTRACTS = ("registry", "grants", "verifiers", "arbiters")
CHAIN_ID = 31337
"""anvil's. Ids of grants depend on it, and so do signatures: with the same, every byte can be compared."""


@pytest.fixture(scope="module")
def embedded() -> Any:
    """The story there, and the block before it."""
    with embedded_chain(MemoryLedger(chain_id=CHAIN_ID)) as chain:
        engine = Engine("embedded", chain)
        for one in engine.accounts:
            engine.fund(one.address, RICH)
        first = chain.block().number
        story = Story(new_rights(engine)).tell()
        yield first, story.receipts, story.balances()


def test_gas_of_rights_is_as_written(embedded: tuple[int, dict[str, Receipt], Any]) -> None:
    _, receipts, _ = embedded
    snapshot = tomllib.loads(SNAPSHOT.read_text())
    written = {name: gas for contract in CONTRACTS for name, gas in snapshot[contract].items()}
    del written["derive_64_parts"]
    found = {name: receipts[name].gas for name in written}
    assert found == written, "if that is meant: write the new numbers there"
    assert not REFUSED & written.keys()


def test_what_is_refused_is_refused(embedded: tuple[int, dict[str, Receipt], Any]) -> None:
    assert {name for name, receipt in embedded[1].items() if not receipt.status} == REFUSED


def test_the_engines_agree_on_every_receipt_event_and_balance(
    embedded: tuple[int, dict[str, Receipt], Any], tmp_path: Path
) -> None:
    first, receipts, balances = embedded
    with open_engine("anvil", tmp_path) as engine:
        assert engine.chain.chain_id == CHAIN_ID
        engine.mine(first - engine.chain.block().number)  # events name blocks
        story = Story(new_rights(engine)).tell()
        for name, receipt in receipts.items():
            assert story.receipts[name] == receipt, name  # status, gas, logs
        assert story.receipts.keys() == receipts.keys()
        assert _without_times(story.balances()) == _without_times(balances)
        _check_most_parts(story)
    assert sum(len(receipt.raw_logs) for receipt in receipts.values()) > 100


def _check_most_parts(story: Story) -> None:
    """On anvil alone: 113 transactions that take the embedded chain five seconds."""
    rights, made = story.rights, story.most_parts()
    written = tomllib.loads(SNAPSHOT.read_text())["registry"]["derive_64_parts"]
    assert story.receipts["derive_64_parts"].gas == written
    held = [rights.evm.call(rights.shares(made), "balanceOf", rights.shares(work).address) for work in story.works]
    assert held == [WHOLE // 640] * 64


def _without_times(balances: dict[str, Any]) -> dict[str, Any]:
    """`left` of a verifier is a time; the engines' clocks are two."""
    return balances | {"verifiers": [(one[0], bool(one[1]), one[2]) for one in balances["verifiers"]]}
