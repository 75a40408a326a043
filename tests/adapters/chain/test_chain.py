"""Sending, reading and waiting, the same on each engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from eth_account import Account

from bailee.adapters.chain.chain import Chain
from bailee.adapters.chain.opening import open_chain
from bailee.errors import ChainError, InputError, RevertError
from chains import RICH, Engine, engine  # noqa: F401

# Init code that deploys 5 bytes: `PUSH1 0 PUSH1 0 REVERT`, so each call of it reverts without data.
REVERTS = "0x6460006000fd6000526005601bf3"
# Reverts with Error("no"): stores selector, offset, length and text, then REVERT(0, 100).
_ERROR = "08c379a0" + f"{32:064x}" + f"{2:064x}" + b"no".hex().ljust(64, "0")


def says_no() -> str:
    """Init code of a contract that reverts each call with Error("no")."""
    # PUSH1 100, PUSH1 12, PUSH1 0, CODECOPY; PUSH1 100, PUSH1 0, REVERT; then the data
    runtime = "6064600c60003960646000fd" + _ERROR
    size = len(runtime) // 2
    return "0x" + f"60{size:02x}600c60003960{size:02x}6000f3" + runtime


def test_money_is_sent_and_its_receipt_given(engine: Engine) -> None:  # noqa: F811
    chain, stranger = engine.chain, Account.create()
    receipt = chain.send({"to": stranger.address, "value": 5}, engine.accounts[0])
    assert (receipt["status"], receipt["gasUsed"]) == (1, 21_000)
    assert chain.web3.eth.get_balance(stranger.address) == 5
    block = chain.block()
    assert (block.number, block.hash) == (receipt["blockNumber"], bytes(receipt["blockHash"]))
    assert chain.block(block.number - 1).hash == block.parent
    assert chain.caip2 == f"eip155:{chain.chain_id}"


def test_several_senders_with_one_key_lose_nothing(engine: Engine) -> None:  # noqa: F811
    """Threads of one chain, and of a second one that knows nothing of the first: as two processes would.

    Where both send at the same moment, one may take the other's place; that one is told, and nothing of it happened.
    """
    chain, sender, stranger = engine.chain, engine.accounts[1], Account.create()
    chains = [chain, Chain(chain.web3)]
    before = chain.web3.eth.get_transaction_count(sender.address)

    def send(number: int) -> int:
        try:
            return chains[number % 2].send({"to": stranger.address, "value": 1}, sender)["status"]
        except ChainError as error:
            if "was replaced by another one of the same nonce" not in str(error):
                raise
            return 0

    with ThreadPoolExecutor(4) as pool:
        done = sum(pool.map(send, range(12)))
    assert done > 6
    assert chain.web3.eth.get_balance(stranger.address) == done
    assert chain.web3.eth.get_transaction_count(sender.address) == before + done


def test_a_refusal_costs_nothing_and_says_why(engine: Engine) -> None:  # noqa: F811
    chain, sender = engine.chain, engine.accounts[2]
    refuser = chain.send({"data": says_no()}, sender)["contractAddress"]
    before = chain.web3.eth.get_balance(sender.address)
    with pytest.raises(RevertError, match="the contract refuses: no") as caught:
        chain.send({"to": refuser}, sender)
    assert (caught.value.reason, caught.value.data.hex()) == ("no", _ERROR)
    assert chain.web3.eth.get_balance(sender.address) == before
    silent = chain.send({"data": REVERTS}, sender)["contractAddress"]
    with pytest.raises(RevertError, match="it gave no reason"):
        chain.send({"to": silent}, sender)


def test_a_transaction_executed_in_vain_says_why(engine: Engine) -> None:  # noqa: F811
    chain, sender = engine.chain, engine.accounts[3]
    refuser = chain.send({"data": says_no()}, sender)["contractAddress"]
    with pytest.raises(RevertError, match=r"was executed in block \d+ and reverted: no"):
        chain.send({"to": refuser, "gas": 100_000}, sender)


def test_who_has_no_money_is_told(engine: Engine) -> None:  # noqa: F811
    poor = Account.create()
    with pytest.raises(InputError, match="has not the money"):
        engine.chain.send({"to": engine.accounts[0].address, "value": 1, "gas": 21_000}, poor)
    with pytest.raises(InputError, match="has not the money"):
        engine.chain.send({"to": poor.address, "value": 2 * RICH, "gas": 21_000}, engine.accounts[4])


def test_a_used_nonce_is_refused(engine: Engine) -> None:  # noqa: F811
    chain, sender = engine.chain, engine.accounts[5]
    chain.send({"to": sender.address}, sender)
    with pytest.raises(ChainError, match="has the nonce 0"):
        chain.send({"to": sender.address, "nonce": 0}, sender)


def test_blocks_are_waited_for(engine: Engine) -> None:  # noqa: F811
    chain = engine.chain
    now = chain.block().number
    with pytest.raises(ChainError, match=f"has no block {now + 2} yet"):
        chain.block(now + 2)
    with pytest.raises(ChainError, match=f"has not come to block {now + 2} in time; it is at {now}"):
        chain.wait_block(now + 2, patience=0.05)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(chain.wait_block, now + 2)
        engine.mine(2)
        assert waiting.result().number == now + 2


def test_a_batch_is_sent_together(engine: Engine) -> None:  # noqa: F811
    chain, sender, stranger = engine.chain, engine.accounts[7], Account.create()
    refuser = chain.send({"data": says_no()}, sender)["contractAddress"]
    with chain.batch() as batch:
        names = [batch.send({"to": stranger.address, "value": 1}, sender) for _ in range(5)]
        names.append(batch.send({"to": refuser, "gas": 50_000}, sender))
        with pytest.raises(RevertError, match="the contract refuses: no"):
            batch.send({"to": refuser}, sender)
        names.append(batch.send({"to": stranger.address, "value": 1}, sender))
    assert [bytes(one["transactionHash"]) for one in batch.receipts] == names
    assert [one["status"] for one in batch.receipts] == [1, 1, 1, 1, 1, 0, 1]
    assert chain.web3.eth.get_balance(stranger.address) == 6
    blocks = {one["blockNumber"] for one in batch.receipts}
    assert engine.name != "embedded" or len(blocks) == 1


def test_time_can_be_moved(engine: Engine) -> None:  # noqa: F811
    before = engine.chain.block().time
    engine.advance(1_000)
    assert before + 1_000 <= engine.chain.block().time < before + 1_100


def test_a_snapshot_is_gone_back_to(engine: Engine) -> None:  # noqa: F811
    chain, sender = engine.chain, engine.accounts[6]
    taken = engine.snapshot()
    chain.send({"to": sender.address}, sender)
    engine.revert(taken)
    assert chain.web3.eth.get_transaction_count(sender.address) == 0
    chain.send({"to": sender.address}, sender)


def test_urls_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"expected a chain as embedded:, http://\.\.\. or https://\.\.\., got 'ftp:x'"
    ):
        open_chain("ftp:x")
    with pytest.raises(ChainError, match="the chain does not answer when asked for the chain's id"):
        open_chain("http://127.0.0.1:9")
