"""The JSON-RPC methods that the embedded chain answers, from one thread or many.

Only the latest state is kept: calls, balances, codes and storage are of it. Blocks, transactions and logs are kept all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ethereum.crypto.hash import keccak256
from ethereum_types.bytes import Bytes32

from bailee import __version__
from bailee.adapters.chain.embedded import formats
from bailee.adapters.chain.embedded import specification as spec
from bailee.adapters.chain.embedded.blocks import LOGS_AT_ONCE, Blocks, KeptBlock, KeptLog
from bailee.adapters.chain.embedded.execution import call, estimate, next_base_fee
from bailee.adapters.chain.embedded.formats import as_address, as_data, as_quantity, data, quantity, wrong
from bailee.adapters.chain.embedded.ledger import EmbeddedLedger
from bailee.adapters.chain.embedded.memory import MemoryLedger
from bailee.adapters.chain.embedded.refusals import RpcError, why
from bailee.errors import BaileeError

HISTORY_AT_ONCE = 1_024
Answer = dict[str, Any]


class Methods:
    """Answers for one chain. `faucet`: whoever asks may bring money in (`bailee_fund`)."""

    def __init__(self, ledger: EmbeddedLedger, faucet: bool = False) -> None:
        self.ledger = ledger
        self._known: dict[str, Callable[..., Any]] = {
            name: method for name, method in _METHODS.items() if not name.startswith(("evm_", "anvil_", "bailee_"))
        }
        if isinstance(ledger, MemoryLedger):
            self._known |= {name: method for name, method in _METHODS.items() if name.startswith("evm_")}
        if faucet:
            self._known["bailee_fund"] = _fund

    def answer(self, request: object) -> Answer:
        """The answer to one request, an error too; never raises."""
        identity = request.get("id") if isinstance(request, dict) else None
        answer: Answer = {"jsonrpc": "2.0", "id": identity if isinstance(identity, (str, int)) else None}
        try:
            return answer | {"result": self.result(request)}
        except RpcError as error:
            return answer | {"error": error.as_json()}
        except BaileeError as error:
            return answer | {"error": RpcError(str(error)).as_json()}
        except Exception:  # whatever it is, the chain goes on for the others
            logging.getLogger(__name__).exception("a request to the embedded chain failed")
            return answer | {"error": RpcError("internal error", -32603).as_json()}

    def result(self, request: object) -> Any:
        """RpcError, or an error of Bailee's tree."""
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            raise RpcError("invalid request", -32600)
        method, parameters = self._known.get(request["method"]), request.get("params") or []
        if method is None:
            raise RpcError(f"the method {request['method'][:100]} does not exist/is not available", -32601)
        if not isinstance(parameters, list) or len(parameters) > 8:
            raise wrong("a list of parameters", parameters)
        try:
            return method(self.ledger, *parameters)
        except TypeError as error:
            if "positional argument" in str(error):
                raise RpcError(f"invalid params: {request['method']} takes others", -32602) from None
            raise


def _chain_id(ledger: EmbeddedLedger) -> str:
    return quantity(ledger.chain_id)


def _version(_: EmbeddedLedger) -> str:
    return f"bailee/{__version__}/ethereum-execution-{spec.VERSION}-prague"


def _found(ledger: EmbeddedLedger, blocks: Blocks, which: object) -> KeptBlock | None:
    """The block that a parameter names: a tag, a number, a hash, or an object with one of these (EIP-1898)."""
    if isinstance(which, dict):
        if "blockHash" in which:
            return blocks.block(as_data(which["blockHash"], "a block's hash", 32))
        which = which.get("blockNumber")
    if isinstance(which, str) and len(which) == 66:
        return blocks.block(as_data(which, "a block's hash", 32))
    number = _number(ledger, which)
    return ledger.head if number == ledger.head.number else blocks.block(number)


def _number(ledger: EmbeddedLedger, which: object) -> int:
    if which == "earliest":
        return 0
    return ledger.head.number if which in formats.TAGS else as_quantity(which, "a block")


def _check_latest(ledger: EmbeddedLedger, which: object) -> bool:
    """Is the block after the latest meant? RpcError where another than the latest state is asked for."""
    with ledger.alone() as blocks:
        found = _found(ledger, blocks, which)
    if found is None:
        raise RpcError("block not found")
    if found.number != ledger.head.number:
        raise RpcError(
            f"the state after block {found.number} is not kept: the embedded chain has only that after the latest, "
            f"{ledger.head.number}"
        )
    return which == "pending"


def _balance(ledger: EmbeddedLedger, address: object, which: object = "latest") -> str:
    return quantity(int(_account(ledger, address, which).balance))


def _code(ledger: EmbeddedLedger, address: object, which: object = "latest") -> str:
    return data(_account(ledger, address, which).code)


def _count(ledger: EmbeddedLedger, address: object, which: object = "latest") -> str:
    return quantity(int(_account(ledger, address, which).nonce))


def _account(ledger: EmbeddedLedger, address: object, which: object) -> Any:
    _check_latest(ledger, which)
    with ledger.state() as env:
        return spec.state.get_account(env.state, spec.fork_types.Address(as_address(address)))


def _storage(ledger: EmbeddedLedger, address: object, slot: object, which: object = "latest") -> str:
    _check_latest(ledger, which)
    if isinstance(slot, str) and len(slot) == 66:
        place = as_data(slot, "a slot", 32)
    else:
        place = as_quantity(slot, "a slot").to_bytes(32, "big")
    with ledger.state() as env:
        found = spec.state.get_storage(env.state, spec.fork_types.Address(as_address(address)), Bytes32(place))
    return data(int(found).to_bytes(32, "big"))


def _call(ledger: EmbeddedLedger, asked: object, which: object = "latest", overrides: object = None) -> str:
    if overrides:
        raise wrong("no overrides of the state", overrides)
    request = formats.as_request(asked)
    with ledger.state(following=_check_latest(ledger, which)) as env:
        told = call(env, request, min(request.gas or int(env.block_gas_limit), int(env.block_gas_limit)))
    if told.error is not None:
        raise why(told.error, told.output)
    return data(told.output)


def _estimate(ledger: EmbeddedLedger, asked: object, which: object = "latest", overrides: object = None) -> str:
    """In the block that would follow: there the transaction would be executed."""
    if overrides:
        raise wrong("no overrides of the state", overrides)
    _check_latest(ledger, which)
    request = formats.as_request(asked)
    with ledger.state(following=True) as env:
        return quantity(estimate(env, request, int(env.block_gas_limit)))


def _send_raw(ledger: EmbeddedLedger, raw: object) -> str:
    sent = as_data(raw, "a signed transaction")
    name = bytes(keccak256(sent))
    with ledger.alone() as blocks:
        if blocks.transaction(name) is not None:
            raise RpcError("already known")
    return data(ledger.send(sent))


def _gas_price(ledger: EmbeddedLedger) -> str:
    base = next_base_fee(ledger.head.header)
    return quantity(base + base // 8 + 1)  # enough for the block after the next too


def _fee_history(ledger: EmbeddedLedger, count: object, newest: object, percentiles: object = None) -> Answer:
    wanted = as_quantity(count, "a number of blocks")
    asked = percentiles or []
    if not 1 <= wanted <= HISTORY_AT_ONCE or not isinstance(asked, list):
        raise wrong(f"1 to {HISTORY_AT_ONCE} blocks and a list of percentiles", (count, percentiles))
    last = _number(ledger, newest)
    if last > ledger.head.number:
        raise RpcError(f"request beyond head block: requested {last}, head {ledger.head.number}")
    with ledger.alone() as blocks:
        numbers = range(max(0, last - wanted + 1), last + 1)
        headers = [found.header for number in numbers if (found := blocks.block(number)) is not None]
    fees = [int(one.base_fee_per_gas) for one in headers] + [next_base_fee(headers[-1])]
    told: Answer = {
        "oldestBlock": quantity(numbers[0]),
        "baseFeePerGas": [quantity(fee) for fee in fees],
        "gasUsedRatio": [int(one.gas_used) / int(one.gas_limit) for one in headers],
        "baseFeePerBlobGas": ["0x1"] * (len(headers) + 1), "blobGasUsedRatio": [0.0] * len(headers),
    }  # fmt: skip
    if asked:
        told["reward"] = [["0x0"] * len(asked)] * len(headers)  # nobody need tip
    return told


def _block(ledger: EmbeddedLedger, which: object, whole: object = False) -> Answer | None:
    with ledger.alone() as blocks:
        found = _found(ledger, blocks, which)
        if found is None:
            return None
        return formats.block_json(found, blocks.transactions(found.number), whole is True)


def _transaction_count(ledger: EmbeddedLedger, which: object) -> str | None:
    with ledger.alone() as blocks:
        found = _found(ledger, blocks, which)
        return None if found is None else quantity(len(blocks.transactions(found.number)))


def _transaction(ledger: EmbeddedLedger, name: object) -> Answer | None:
    with ledger.alone() as blocks:
        found = blocks.transaction(as_data(name, "a transaction's hash", 32))
        block = None if found is None else blocks.block(found.block)
        return None if found is None or block is None else formats.transaction_json(found, block)


def _transaction_in(ledger: EmbeddedLedger, which: object, position: object) -> Answer | None:
    with ledger.alone() as blocks:
        block = _found(ledger, blocks, which)
        found = None if block is None else blocks.transaction_at(block.number, as_quantity(position))
        return None if found is None or block is None else formats.transaction_json(found, block)


def _receipt(ledger: EmbeddedLedger, name: object) -> Answer | None:
    with ledger.alone() as blocks:
        found = blocks.transaction(as_data(name, "a transaction's hash", 32))
        block = None if found is None else blocks.block(found.block)
        if found is None or block is None:
            return None
        return formats.receipt_json(found, block, blocks.logs_of_transaction(found.block, found.position))


def _receipts(ledger: EmbeddedLedger, which: object) -> list[Answer] | None:
    with ledger.alone() as blocks:
        block = _found(ledger, blocks, which)
        if block is None:
            return None
        logs: dict[int, list[KeptLog]] = {}
        for log in blocks.logs_of_block(block.number):
            logs.setdefault(log.in_transaction, []).append(log)
        found = blocks.transactions(block.number)
        return [formats.receipt_json(one, block, logs.get(one.position, [])) for one in found]


def _logs(ledger: EmbeddedLedger, asked: object) -> list[Answer]:
    if not isinstance(asked, dict):
        raise wrong("a filter", asked)
    addresses = asked.get("address") or []
    addresses = [as_address(one) for one in (addresses if isinstance(addresses, list) else [addresses])]
    topics = formats.as_topics(asked.get("topics"))
    if len(addresses) + sum(len(place) for place in topics) > 1_000:
        raise wrong("at most 1000 addresses and topics", "more")
    with ledger.alone() as blocks:
        if asked.get("blockHash") is not None:
            if asked.get("fromBlock") is not None or asked.get("toBlock") is not None:
                raise wrong("a block's hash or a range", "both")
            block = blocks.block(as_data(asked["blockHash"], "a block's hash", 32))
            if block is None:
                raise RpcError("unknown block")
            first = last = block.number
        else:
            first, last = (_number(ledger, asked.get(name) or "latest") for name in ("fromBlock", "toBlock"))
        found = blocks.logs(first, min(last, 2**62), addresses, topics)
        if len(found) > LOGS_AT_ONCE:
            raise RpcError(f"query returned more than {LOGS_AT_ONCE} results; ask for fewer blocks", -32005)
        hashes: dict[int, bytes] = {}
        names: dict[tuple[int, int], bytes] = {}
        for log in found:
            if log.block not in hashes and (block := blocks.block(log.block)) is not None:
                hashes[log.block] = block.hash
            at = (log.block, log.in_transaction)
            if at not in names and (kept := blocks.transaction_at(*at)) is not None:
                names[at] = kept.hash
        return [formats.log_json(one, names[one.block, one.in_transaction], hashes[one.block]) for one in found]


def _fund(ledger: EmbeddedLedger, address: object, wei: object) -> str:
    return data(ledger.fund(as_address(address), as_quantity(wei)))


def _mine(ledger: EmbeddedLedger, *_: object) -> str:
    ledger.mine()
    return "0x0"


def _increase_time(ledger: MemoryLedger, seconds: object) -> str:
    return quantity(ledger.later(as_quantity(seconds)))


def _snapshot(ledger: MemoryLedger) -> str:
    return quantity(ledger.snapshot())


def _revert(ledger: MemoryLedger, snapshot: object) -> bool:
    return ledger.revert(as_quantity(snapshot))


_METHODS: dict[str, Callable[..., Any]] = {
    "web3_clientVersion": _version,
    "net_version": lambda ledger: str(ledger.chain_id),
    "net_listening": lambda _: True,
    "eth_chainId": _chain_id,
    "eth_syncing": lambda _: False,
    "eth_accounts": lambda _: [],
    "eth_blockNumber": lambda ledger: quantity(ledger.head.number),
    "eth_getBalance": _balance,
    "eth_getCode": _code,
    "eth_getTransactionCount": _count,
    "eth_getStorageAt": _storage,
    "eth_call": _call,
    "eth_estimateGas": _estimate,
    "eth_sendRawTransaction": _send_raw,
    "eth_gasPrice": _gas_price,
    "eth_maxPriorityFeePerGas": lambda _: "0x0",
    "eth_blobBaseFee": lambda _: "0x1",
    "eth_feeHistory": _fee_history,
    "eth_getBlockByNumber": _block,
    "eth_getBlockByHash": _block,
    "eth_getBlockTransactionCountByNumber": _transaction_count,
    "eth_getBlockTransactionCountByHash": _transaction_count,
    "eth_getTransactionByHash": _transaction,
    "eth_getTransactionByBlockNumberAndIndex": _transaction_in,
    "eth_getTransactionByBlockHashAndIndex": _transaction_in,
    "eth_getTransactionReceipt": _receipt,
    "eth_getBlockReceipts": _receipts,
    "eth_getLogs": _logs,
    "evm_mine": _mine,
    "evm_increaseTime": _increase_time,
    "evm_snapshot": _snapshot,
    "evm_revert": _revert,
}
