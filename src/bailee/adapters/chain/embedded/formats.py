"""What goes into JSON-RPC and comes out of it: quantities, bytes, names, blocks, transactions, receipts, logs.

By the execution API's specification (github.com/ethereum/execution-apis, CC0).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ethereum_rlp import rlp
from ethereum_types.bytes import Bytes0

from bailee.adapters.chain.embedded import specification as spec
from bailee.adapters.chain.embedded.blocks import KeptBlock, KeptLog, KeptTransaction
from bailee.adapters.chain.embedded.execution import Request, TransactionTypes, decode
from bailee.adapters.chain.embedded.refusals import RpcError

_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]*)")
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
TAGS = ("latest", "pending", "safe", "finalized", "earliest")


def wrong(what: str, got: object) -> RpcError:
    return RpcError(f"invalid params: expected {what}, got {str(got)[:100]!r}", -32602)


def quantity(value: int) -> str:
    return hex(value)


def data(value: bytes) -> str:
    return f"0x{value.hex()}"


def as_quantity(told: object, what: str = "a quantity") -> int:
    """`0x`-hexadecimal without leading zeros; plain numbers, as some programs send, pass too. RpcError."""
    if isinstance(told, int) and not isinstance(told, bool) and told >= 0:
        return told
    if not isinstance(told, str) or not _QUANTITY.fullmatch(told) or len(told) > 66:
        raise wrong(what, told)
    return int(told, 16)


def as_data(told: object, what: str = "bytes", size: int | None = None) -> bytes:
    """RpcError, also where it has not `size` bytes."""
    if not isinstance(told, str) or not _DATA.fullmatch(told):
        raise wrong(what, told)
    found = bytes.fromhex(told[2:])
    if size is not None and len(found) != size:
        raise wrong(f"{what} of {size} bytes", told)
    return found


def as_address(told: object) -> bytes:
    return as_data(told, "an address", 20)


def as_request(told: object) -> Request:
    """What is asked of a call. Unknown fields, and what a call has no use for, are passed over."""
    if not isinstance(told, dict):
        raise wrong("a transaction", told)
    inputs = [as_data(told[name]) for name in ("input", "data") if told.get(name) is not None]
    if len(set(inputs)) > 1:
        raise wrong("the same in data and input", told)
    price = told.get("maxFeePerGas", told.get("gasPrice"))
    return Request(
        sender=as_address(told["from"]) if told.get("from") else bytes(20),
        to=as_address(told["to"]) if told.get("to") else b"",
        data=inputs[0] if inputs else b"",
        value=as_quantity(told.get("value") or 0),
        gas=as_quantity(told["gas"]) if told.get("gas") is not None else None,
        price=as_quantity(price) if price is not None else 0,
        access=tuple(_access(one) for one in told.get("accessList") or ()),
    )


def _access(told: Any) -> tuple[bytes, tuple[bytes, ...]]:
    if not isinstance(told, dict) or not isinstance(told.get("storageKeys"), list):
        raise wrong("an access list", told)
    return as_address(told.get("address")), tuple(as_data(key, "a storage key", 32) for key in told["storageKeys"])


def as_topics(told: object) -> list[list[bytes]]:
    """For each place the alternatives, none for any."""
    if told is None:
        return []
    if not isinstance(told, list) or len(told) > 4:
        raise wrong("at most four topics", told)
    places = [one if isinstance(one, list) else [] if one is None else [one] for one in told]
    return [[] if None in place else [as_data(one, "a topic", 32) for one in place] for place in places]


def block_json(block: KeptBlock, transactions: Sequence[KeptTransaction], whole: bool) -> dict[str, Any]:
    header = block.header
    told = {
        "number": quantity(block.number), "hash": data(block.hash), "parentHash": data(header.parent_hash),
        "sha3Uncles": data(header.ommers_hash), "miner": data(header.coinbase), "stateRoot": data(header.state_root),
        "transactionsRoot": data(header.transactions_root), "receiptsRoot": data(header.receipt_root),
        "logsBloom": data(header.bloom), "difficulty": "0x0", "gasLimit": quantity(int(header.gas_limit)),
        "gasUsed": quantity(int(header.gas_used)), "timestamp": quantity(int(header.timestamp)),
        "extraData": data(header.extra_data), "mixHash": data(header.prev_randao), "nonce": data(header.nonce),
        "baseFeePerGas": quantity(int(header.base_fee_per_gas)), "withdrawalsRoot": data(header.withdrawals_root),
        "blobGasUsed": quantity(int(header.blob_gas_used)), "excessBlobGas": quantity(int(header.excess_blob_gas)),
        "parentBeaconBlockRoot": data(header.parent_beacon_block_root), "requestsHash": data(header.requests_hash),
        "size": quantity(len(block_rlp(block, transactions))), "uncles": [],
        "withdrawals": [
            {
                "index": quantity(int(one.index)), "validatorIndex": quantity(int(one.validator_index)),
                "address": data(one.address), "amount": quantity(int(one.amount)),
            }
            for one in block.withdrawals
        ],
    }  # fmt: skip
    told["transactions"] = [transaction_json(one, block) if whole else data(one.hash) for one in transactions]
    return told


def block_rlp(block: KeptBlock, transactions: Sequence[KeptTransaction]) -> bytes:
    """The whole block as Ethereum's nodes send it to one another, and as the specification reads it."""
    return bytes(rlp.encode(whole_block(block, transactions)))


def whole_block(block: KeptBlock, transactions: Sequence[KeptTransaction]) -> Any:
    """The specification's block."""
    decoded = tuple(decode(one.raw) if one.raw[:1] > b"\x7f" else one.raw for one in transactions)
    return spec.blocks.Block(block.header, decoded, (), block.withdrawals)


def transaction_json(kept: KeptTransaction, block: KeptBlock) -> dict[str, Any]:
    told = decode(kept.raw)
    number = TransactionTypes[type(told)]
    shown: dict[str, Any] = {
        "type": quantity(number), "hash": data(kept.hash), "blockHash": data(block.hash),
        "blockNumber": quantity(kept.block), "transactionIndex": quantity(kept.position), "from": data(kept.sender),
        "to": None if isinstance(told.to, Bytes0) else data(told.to), "nonce": quantity(int(told.nonce)),
        "gas": quantity(int(told.gas)), "value": quantity(int(told.value)), "input": data(told.data),
        "gasPrice": quantity(kept.price), "r": quantity(int(told.r)), "s": quantity(int(told.s)),
    }  # fmt: skip
    if number == 0:
        shown["v"] = quantity(int(told.v))
        if told.v > 28:
            shown["chainId"] = quantity((int(told.v) - 35) // 2)
        return shown
    parity = quantity(int(told.y_parity))
    shown |= {"v": parity, "yParity": parity, "chainId": quantity(int(told.chain_id))}
    shown["accessList"] = [
        {"address": data(one.account), "storageKeys": [data(slot) for slot in one.slots]} for one in told.access_list
    ]
    if number >= 2:
        shown["maxFeePerGas"] = quantity(int(told.max_fee_per_gas))
        shown["maxPriorityFeePerGas"] = quantity(int(told.max_priority_fee_per_gas))
    if number == 4:
        shown["authorizationList"] = [
            {
                "chainId": quantity(int(one.chain_id)), "address": data(one.address),
                "nonce": quantity(int(one.nonce)), "yParity": quantity(int(one.y_parity)),
                "r": quantity(int(one.r)), "s": quantity(int(one.s)),
            }
            for one in told.authorizations
        ]  # fmt: skip
    return shown


def receipt_json(kept: KeptTransaction, block: KeptBlock, logs: Sequence[KeptLog]) -> dict[str, Any]:
    """With `revertReason`, as besu tells it, where a transaction reverted with data."""
    told = decode(kept.raw)
    bloom = spec.bloom.logs_bloom(
        tuple(spec.blocks.Log(spec.fork_types.Address(one.address), one.topics, one.data) for one in logs)
    )
    shown = {
        "transactionHash": data(kept.hash), "transactionIndex": quantity(kept.position), "blockHash": data(block.hash),
        "blockNumber": quantity(kept.block), "from": data(kept.sender),
        "to": None if isinstance(told.to, Bytes0) else data(told.to),
        "cumulativeGasUsed": quantity(kept.cumulative_gas), "gasUsed": quantity(kept.gas_used),
        "contractAddress": None if kept.contract is None else data(kept.contract),
        "logs": [log_json(one, kept.hash, block.hash) for one in logs], "logsBloom": data(bloom),
        "type": quantity(TransactionTypes[type(told)]), "status": quantity(int(kept.succeeded)),
        "effectiveGasPrice": quantity(kept.price),
    }  # fmt: skip
    if kept.output:
        shown["revertReason"] = data(kept.output)
    return shown


def log_json(log: KeptLog, transaction: bytes, block: bytes) -> dict[str, Any]:
    return {
        "address": data(log.address), "topics": [data(one) for one in log.topics], "data": data(log.data),
        "blockNumber": quantity(log.block), "blockHash": data(block), "transactionHash": data(transaction),
        "transactionIndex": quantity(log.in_transaction), "logIndex": quantity(log.position), "removed": False,
    }  # fmt: skip
