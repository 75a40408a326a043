"""JSON-RPC: what is answered and in which words refused; web3.py reads all of it."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from web3 import Web3
from web3.exceptions import BlockNotFound, ContractCustomError, ContractLogicError, TransactionNotFound, Web3RPCError

from adapters.chain.programs import ERROR_NO, calls_itself, init_code, logs, says_no
from bailee.adapters.chain.embedded import genesis
from bailee.adapters.chain.embedded.memory import MemoryLedger
from bailee.adapters.chain.embedded.methods import HISTORY_AT_ONCE, Methods
from bailee.adapters.chain.embedded.provider import EmbeddedProvider
from bailee.errors import ChainError
from chains import account

SENDER = account(0)


class World:
    """A chain with money and a few contracts, made once."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger(chain_id=31_337)
        self.ledger.fund(bytes.fromhex(SENDER.address[2:]), 10**21)
        self.web3 = Web3(EmbeddedProvider(self.ledger))
        self.methods = Methods(self.ledger)
        self.logs, self.no, self.itself = (self.send(data=code)["contractAddress"] for code in
                                           (logs(), says_no(), calls_itself()))  # fmt: skip

    def send(self, **told: Any) -> Any:
        eth = self.web3.eth
        wanted = {"nonce": eth.get_transaction_count(SENDER.address), "gas": 1_000_000, "gasPrice": eth.gas_price,
                  "chainId": 31_337, "value": 0, "data": "0x"} | told  # fmt: skip
        raw = SENDER.sign_transaction(wanted).raw_transaction
        return eth.get_transaction_receipt(eth.send_raw_transaction(raw))

    def ask(self, method: str, *parameters: Any) -> Any:
        return self.methods.answer({"jsonrpc": "2.0", "id": 7, "method": method, "params": list(parameters)})

    def code(self, method: str, *parameters: Any) -> tuple[int, str]:
        error = self.ask(method, *parameters)["error"]
        return error["code"], error["message"]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_blocks_and_transactions_are_what_web3_reads(world: World) -> None:
    eth = world.web3.eth
    receipt = world.send(to=world.logs, data="0x12", type=1, accessList=[])
    block = eth.get_block(receipt["blockNumber"], full_transactions=True)
    assert block == eth.get_block(receipt["blockHash"], full_transactions=True)
    (sent,) = block["transactions"]
    assert sent == eth.get_transaction(receipt["transactionHash"])
    assert sent == eth.get_transaction_by_block(receipt["blockNumber"], 0)
    assert (sent["from"], sent["type"], sent["chainId"]) == (SENDER.address, 1, 31_337)
    assert eth.get_block_transaction_count("latest") == 1
    assert world.ask("eth_getBlockReceipts", "latest")["result"] == [
        world.ask("eth_getTransactionReceipt", receipt["transactionHash"].to_0x_hex())["result"]
    ]
    assert eth.get_block("earliest")["number"] == 0
    assert block["parentHash"] == eth.get_block(block["number"] - 1)["hash"]
    with pytest.raises(BlockNotFound):
        eth.get_block(10_000)
    with pytest.raises(TransactionNotFound):
        eth.get_transaction_receipt("0x" + "12" * 32)  # type: ignore[arg-type]


def test_reverts_come_as_nodes_give_them(world: World) -> None:
    call = {"to": world.no, "data": "0x"}
    assert world.ask("eth_call", call)["error"] == {
        "code": 3, "message": "execution reverted: no", "data": "0x" + ERROR_NO
    }  # fmt: skip
    with pytest.raises(ContractLogicError, match="execution reverted: no"):
        world.web3.eth.call(call)  # type: ignore[arg-type]
    custom = world.send(data=init_code("63deadbeef6000526004601cfd"))["contractAddress"]
    with pytest.raises(ContractCustomError, match="0xdeadbeef"):
        world.web3.eth.call({"to": custom})
    with pytest.raises(ContractCustomError, match="0xdeadbeef"):
        world.web3.eth.estimate_gas({"to": custom})
    failed = world.send(to=custom)
    assert (failed["status"], failed["revertReason"]) == (0, "0xdeadbeef")
    bad = world.send(data=init_code("fe"))["contractAddress"]
    assert world.code("eth_call", {"to": bad, "gas": "0x10000"}) == (-32000, "invalid opcode: 0xfe")
    assert world.code("eth_call", {"to": world.no, "gas": "0x5210"}) == (-32000, "out of gas")
    assert world.code("eth_call", {"to": world.no, "gas": "0x1"})[1].startswith("intrinsic gas too low")
    poor = {"from": Account.create().address, "to": world.no, "value": "0x1"}
    assert world.code("eth_call", poor)[1].startswith("insufficient funds for gas * price + value")


def test_a_call_changes_nothing(world: World) -> None:
    before = world.ledger.head
    value = world.ask("eth_getStorageAt", world.itself, "0x0")
    assert world.ask("eth_call", {"to": world.itself, "gas": "0x100000"})["result"] == "0x"
    assert world.ask("eth_getStorageAt", world.itself, "0x0") == value
    assert world.ledger.head is before
    assert int(world.send(to=world.itself, gas=5_000_000)["status"]) == 1
    assert world.ask("eth_getStorageAt", world.itself, "0x0") != value


def test_an_estimate_is_enough_and_hardly_more(world: World) -> None:
    for told in ({"to": world.logs, "data": "0x12"}, {"to": SENDER.address}, {"data": logs()},
                 {"to": world.itself}):  # fmt: skip
        gas = int(world.ask("eth_estimateGas", {"from": SENDER.address, **told})["result"], 16)
        receipt = world.send(**(told | {"gas": gas}))
        assert receipt["status"] == 1
        assert receipt["gasUsed"] <= gas
        if told.get("to") != world.itself:  # which takes what it gets
            assert gas <= 1.1 * receipt["gasUsed"] + 3_000
    assert world.code("eth_estimateGas", {"to": world.logs, "gas": hex(21_100)})[1] == "out of gas"


def test_only_the_latest_state_is_there(world: World) -> None:
    head = world.ledger.head
    for method, parameters in (("eth_call", [{"to": world.no}]), ("eth_getBalance", [SENDER.address])):
        code, message = world.code(method, *parameters, hex(head.number - 1))
        assert (code, f"the state after block {head.number - 1} is not kept" in message) == (-32000, True)
        assert world.code(method, *parameters, hex(head.number + 1)) == (-32000, "block not found")
    named: list[Any] = ["latest", "pending", "safe", "finalized", hex(head.number)]
    named += [{"blockHash": f"0x{head.hash.hex()}"}, {"blockNumber": hex(head.number)}]  # EIP-1898
    told = {world.ask("eth_getBalance", SENDER.address, one)["result"] for one in named}
    assert len(told) == 1
    assert world.ask("eth_getCode", "0x4e59b44847b379578588920cA78FbF26c0B4956C")["result"] == "0x" + next(
        reversed(genesis.CONTRACTS.values())
    )


def test_logs_are_filtered(world: World) -> None:
    receipt = world.send(to=world.logs, data="0x34")
    block, word = receipt["blockNumber"], "0x" + "0" * 63
    here: dict[str, Any] = {"fromBlock": hex(block), "toBlock": hex(block)}

    def found(**asked: Any) -> list[int]:
        return [int(one["logIndex"], 16) for one in world.ask("eth_getLogs", here | asked)["result"]]

    assert found() == [0, 1, 2]
    assert found(topics=[]) == [0, 1, 2]
    assert found(topics=[None]) == [1, 2]  # as geth has it: a place that is asked for must be there
    assert found(topics=[[word + "1", word + "7"]]) == [1, 2]
    assert found(topics=[[word + "1", word + "7"], word + "2"]) == [2]
    assert found(topics=[None, None, None, word + "4"]) == [2]
    assert found(address=[SENDER.address]) == []
    by_hash = world.ask("eth_getLogs", {"blockHash": receipt["blockHash"].to_0x_hex()})["result"]
    assert [one["transactionHash"] for one in by_hash] == [receipt["transactionHash"].to_0x_hex()] * 3
    assert world.code("eth_getLogs", {"blockHash": "0x" + "12" * 32}) == (-32000, "unknown block")
    for wrong in ({"topics": [word] * 5}, {"topics": ["0x12"]}, {"address": "0x12"}, {"fromBlock": "0x01"}):
        assert world.code("eth_getLogs", wrong)[0] == -32602
    assert world.code("eth_getLogs", here | {"blockHash": "0x" + "12" * 32})[0] == -32602


def test_fees_are_told_for_the_next_block(world: World) -> None:
    eth = world.web3.eth
    history = eth.fee_history(3, "latest", [50])
    assert len(history["baseFeePerGas"]) == 4
    assert history["reward"] == [[0]] * 3
    world.ledger.mine()
    assert eth.get_block("latest")["baseFeePerGas"] == history["baseFeePerGas"][-1]
    assert eth.gas_price > eth.fee_history(1, "latest")["baseFeePerGas"][-1]
    assert world.code("eth_feeHistory", hex(HISTORY_AT_ONCE + 1), "latest")[0] == -32602
    assert world.code("eth_feeHistory", "0x1", hex(10_000))[1].startswith("request beyond head block")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (None, -32600), ({}, -32600), ({"method": 5}, -32600), ({"method": "eth_chainid"}, -32601),
        ({"method": "eth_getBalance"}, -32602), ({"method": "eth_getBalance", "params": ["0x12"]}, -32602),
        ({"method": "eth_getBalance", "params": {"a": 1}}, -32602), ({"method": "eth_chainId", "params": [1]}, -32602),
        ({"method": "eth_getBlockByNumber", "params": ["0xzz", False]}, -32602),
        ({"method": "eth_getBlockByNumber", "params": [True, False]}, -32602),
        ({"method": "eth_sendRawTransaction", "params": ["0x1"]}, -32602),
        ({"method": "eth_sendRawTransaction", "params": ["0x02c0"]}, -32602),
        ({"method": "eth_call", "params": [{"data": "0x1"}]}, -32602),
        ({"method": "eth_call", "params": [{"data": "0x11", "input": "0x12"}]}, -32602),
        ({"method": "eth_call", "params": [{"value": "0x" + "f" * 65}]}, -32602),
        ({"method": "eth_call", "params": [{"value": "0x1" + "0" * 64}]}, -32602),
        ({"method": "eth_call", "params": [{"accessList": [1]}]}, -32602),
        ({"method": "eth_call", "params": [{}, "latest", {"0x": {}}]}, -32602),
        ({"method": "eth_call", "params": [{"gas": "0x" + "f" * 40}]}, None),
        ({"method": "bailee_fund", "params": ["0x", "0x1"]}, -32601),
        ({"method": "_snapshot"}, -32601),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(world: World, request_: Any, code: int | None) -> None:
    answer = world.methods.answer(request_)
    assert answer.get("error", {}).get("code") == code, answer


def test_sent_twice_is_known(world: World) -> None:
    eth = world.web3.eth
    told = {"nonce": eth.get_transaction_count(SENDER.address), "gas": 21_000, "gasPrice": eth.gas_price,
            "chainId": 31_337, "to": SENDER.address, "value": 0}  # fmt: skip
    raw = SENDER.sign_transaction(told).raw_transaction
    eth.send_raw_transaction(raw)
    with pytest.raises(Web3RPCError, match="already known"):
        eth.send_raw_transaction(raw)


def test_a_faucet_is_there_only_where_it_was_asked_for(world: World) -> None:
    there = Methods(world.ledger, faucet=True)
    poor = Account.create().address
    assert "result" in there.answer({"id": 1, "method": "bailee_fund", "params": [poor, hex(10**18)]})
    assert world.web3.eth.get_balance(poor) == 10**18


def test_a_chain_in_memory_goes_back(world: World) -> None:
    head, place = world.ledger.head, world.ask("evm_snapshot")["result"]
    world.send(data=says_no())
    world.send(to=world.itself, gas=200_000)
    assert world.ask("evm_revert", place)["result"] is True
    assert world.ledger.head == head
    assert world.ask("evm_revert", place)["result"] is False


def test_a_chain_in_memory_goes_back_after_calls_that_wrote_and_failed(world: World) -> None:
    """A call is rolled back; what it wrote to stays noted as if it were to be written: it must not come back."""
    head, place = world.ledger.head, world.ask("evm_snapshot")["result"]
    made = world.send(data=init_code("6001600055" + "60006000fd"))["contractAddress"]
    assert "execution reverted" in world.code("eth_call", {"to": made}, "latest")[1]
    assert world.ask("evm_revert", place)["result"] is True
    assert world.ledger.head == head
    assert world.web3.eth.get_code(made) == b""


def test_a_closed_chain_says_so() -> None:
    ledger = MemoryLedger()
    methods = Methods(ledger)
    ledger.close()
    with pytest.raises(ChainError, match="was closed"):
        ledger.mine()
    assert (
        "was closed"
        in methods.answer({"id": 1, "method": "eth_getBalance", "params": [SENDER.address]})["error"]["message"]
    )
