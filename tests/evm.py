"""Contracts in tests, near to the machine: transactions with fixed gas, comparable receipts, reasons of refusals.

Over any engine of `chains`. Stand-ins are compiled here, once a process; what Bailee ships is taken from its artefacts.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi import decode, encode
from eth_account.signers.local import LocalAccount
from eth_utils.abi import collapse_if_tuple
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chains import Engine

NOBODY = "0x" + "00" * 20
NATIVE = NOBODY
WHOLE = 10**9
MOST = 2**112 - 1
_ROOT = Path(__file__).resolve().parents[1]
_ARTEFACTS = _ROOT / "src/bailee/adapters/chain/artefacts"
_DOUBLES = _ROOT / "tests/contracts/doubles"
_GAS = 12_000_000


@dataclass(frozen=True)
class Artefact:
    abi: list[dict[str, Any]]
    bytecode: bytes


@cache
def shipped(name: str) -> Artefact:
    found = json.loads((_ARTEFACTS / f"{name}.json").read_bytes())
    return Artefact(found["abi"], bytes.fromhex(found["bytecode"].removeprefix("0x")))


@cache
def double(name: str) -> Artefact:
    """A stand-in of `tests/contracts/doubles`."""
    import warnings

    from vyper.compiler import compile_code
    from vyper.compiler.settings import Settings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SELFDESTRUCT is deprecated, and still there
        found = compile_code(
            (_DOUBLES / f"{name}.vy").read_text(),
            output_formats=["abi", "bytecode"],
            settings=Settings(evm_version="cancun"),
            no_bytecode_metadata=True,
        )
    return Artefact(found["abi"], bytes.fromhex(found["bytecode"].removeprefix("0x")))


@dataclass(frozen=True)
class Log:
    address: str
    name: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Receipt:
    status: int
    gas: int
    raw_logs: tuple[tuple[str, tuple[str, ...], str], ...]

    def logs(self, *contracts: Contract) -> list[Log]:
        """Those of the contracts' events, decoded, in order."""
        found = []
        for address, topics, data in self.raw_logs:
            for contract in contracts:
                if contract.address.lower() == address and topics and topics[0] in contract.events:
                    found.append(_decoded(contract, topics, data))
        return found


class Refused(Exception):  # noqa: N818
    """A call that reverted, with its reason."""


@dataclass(frozen=True)
class Contract:
    address: str
    abi: list[dict[str, Any]] = field(repr=False, compare=False)
    events: dict[str, dict[str, Any]] = field(init=False, repr=False, compare=False)
    functions: dict[str, tuple[bytes, list[str], list[str]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "events", {"0x" + keccak(_signature(e).encode()).hex(): e for e in self.abi if e["type"] == "event"}
        )
        functions = {
            entry["name"]: (
                keccak(_signature(entry).encode())[:4],
                [collapse_if_tuple(one) for one in entry["inputs"]],
                [collapse_if_tuple(one) for one in entry["outputs"]],
            )
            for entry in self.abi
            if entry["type"] == "function"
        }
        object.__setattr__(self, "functions", functions)

    def data(self, name: str, *arguments: Any) -> bytes:
        selector, inputs, _ = self.functions[name]
        return selector + encode(inputs, arguments)

    def result(self, name: str, answer: bytes) -> Any:
        found = decode(self.functions[name][2], answer)
        return found[0] if len(found) == 1 else found


@dataclass
class Evm:
    """Sends with fixed gas and price, so that the same scenario uses the same gas on each engine."""

    engine: Engine
    nonces: dict[str, int] = field(default_factory=dict)

    @property
    def accounts(self) -> list[LocalAccount]:
        return self.engine.accounts

    def ask(self, method: str, *parameters: Any) -> Any:
        answer = self.engine.chain.web3.provider.make_request(method, list(parameters))  # type: ignore[arg-type]
        if "error" in answer:
            raise Refused(_reason(answer["error"]))
        return answer["result"]

    def transact(
        self, sender: LocalAccount, to: str | None, data: bytes, value: int = 0, gas: int = _GAS
    ) -> dict[str, Any]:
        nonce = self.nonces.get(sender.address)
        if nonce is None:
            nonce = int(_text(self.ask("eth_getTransactionCount", sender.address, "latest")), 16)
        transaction: dict[str, Any] = {
            "type": 2,
            "chainId": self.engine.chain.chain_id,
            "nonce": nonce,
            "gas": gas,
            "maxFeePerGas": 100 * 10**9,
            "maxPriorityFeePerGas": 0,
            "value": value,
            "data": data,
        }
        if to is not None:
            transaction["to"] = to_checksum_address(to)
        signed = sender.sign_transaction(transaction)
        name = self.ask("eth_sendRawTransaction", "0x" + signed.raw_transaction.hex())
        self.nonces[sender.address] = nonce + 1
        return self._mined(_text(name))

    def _mined(self, name: str) -> dict[str, Any]:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            receipt: dict[str, Any] | None = self.ask("eth_getTransactionReceipt", name)
            if receipt is not None:
                return receipt
            time.sleep(0.001)
        raise RuntimeError(f"transaction {name} is not executed")

    def send(self, sender: LocalAccount, contract: Contract, name: str, *arguments: Any, value: int = 0) -> Receipt:
        """Executed in a block of its own; it may have reverted: see `status`."""
        return _receipt(self.transact(sender, contract.address, contract.data(name, *arguments), value))

    def do(self, sender: LocalAccount, contract: Contract, name: str, *arguments: Any, value: int = 0) -> Receipt:
        """The same, and it must go through."""
        receipt = self.send(sender, contract, name, *arguments, value=value)
        if receipt.status != 1:
            raise AssertionError(f"{name} reverted: {self.refusal(sender, contract, name, *arguments, value=value)}")
        return receipt

    def call(self, contract: Contract, name: str, *arguments: Any, sender: str = NOBODY, value: int = 0) -> Any:
        """What it answers, without a transaction. Refused where it reverts."""
        asked = {
            "from": sender,
            "to": contract.address,
            "data": "0x" + contract.data(name, *arguments).hex(),
            "value": hex(value),
        }
        return contract.result(name, bytes.fromhex(_text(self.ask("eth_call", asked, "latest")).removeprefix("0x")))

    def refusal(self, sender: LocalAccount, contract: Contract, name: str, *arguments: Any, value: int = 0) -> str:
        """The reason why a call would revert now; '' where it would go through."""
        try:
            self.call(contract, name, *arguments, sender=sender.address, value=value)
        except Refused as error:
            return str(error) or "(no reason)"
        return ""

    def balance(self, address: str) -> int:
        return int(_text(self.ask("eth_getBalance", address, "latest")), 16)

    def deploy(self, artefact: Artefact, *arguments: Any, sender: LocalAccount | None = None) -> Contract:
        inputs = next((one["inputs"] for one in artefact.abi if one["type"] == "constructor"), [])
        data = artefact.bytecode + encode([collapse_if_tuple(one) for one in inputs], arguments)
        receipt = self.transact(sender or self.accounts[9], None, data)
        assert int(_text(receipt["status"]), 16) == 1, "the constructor reverted"
        return Contract(to_checksum_address(_text(receipt["contractAddress"])), artefact.abi)

    def snapshot(self) -> tuple[Any, dict[str, int]]:
        return self.engine.snapshot(), dict(self.nonces)

    def revert(self, snapshot: tuple[Any, dict[str, int]]) -> None:
        self.engine.revert(snapshot[0])
        self.nonces = dict(snapshot[1])


@dataclass(frozen=True)
class World:
    """What most tests of money stand on: the stand-in for the registry, a coin with EIP-3009, and somebody who owns."""

    evm: Evm
    works: Contract
    coin: Contract
    owner: LocalAccount
    implementation: Contract

    def make(self, work: int, units: dict[str, int], currencies: tuple[str, ...] = ()) -> Contract:
        arguments = (work, self.owner.address, list(units), list(units.values()), list(currencies))
        self.evm.do(self.owner, self.works, "make", *arguments)
        return Contract(to_checksum_address(self.evm.call(self.works, "sharesOf", work)), shipped("Shares").abi)

    def give(self, token: Contract, who: LocalAccount, amount: int, spender: Contract | None = None) -> None:
        """Mint for somebody and, with a spender, let that take it."""
        self.evm.do(self.owner, token, "mint", who.address, amount)
        if spender is not None:
            self.evm.do(who, token, "approve", spender.address, 2**256 - 1)


def new_world(engine: Engine) -> World:
    evm = Evm(engine)
    owner = evm.accounts[9]
    implementation = evm.deploy(shipped("Shares"))
    works = evm.deploy(double("Works"), implementation.address)
    coin = evm.deploy(shipped("Coin"), owner.address)
    return World(evm, works, coin, owner, implementation)


def _signature(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(collapse_if_tuple(one) for one in entry['inputs'])})"


def _text(value: Any) -> str:
    """web3.py's providers give hex strings, some of its layers bytes and ints."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int):
        return hex(value)
    return str(value)


def _receipt(found: dict[str, Any]) -> Receipt:
    logs = tuple(
        (_text(log["address"]).lower(), tuple(_text(topic) for topic in log["topics"]), _text(log["data"]))
        for log in found["logs"]
    )
    return Receipt(int(_text(found["status"]), 16), int(_text(found["gasUsed"]), 16), logs)


def _decoded(contract: Contract, topics: tuple[str, ...], data: str) -> Log:
    event = contract.events[topics[0]]
    indexed = [one for one in event["inputs"] if one["indexed"]]
    others = [one for one in event["inputs"] if not one["indexed"]]
    values: dict[str, Any] = {}
    for one, topic in zip(indexed, topics[1:], strict=True):
        values[one["name"]] = decode([one["type"]], bytes.fromhex(topic[2:]))[0]
    found = decode([collapse_if_tuple(one) for one in others], bytes.fromhex(data.removeprefix("0x")))
    values |= dict(zip([one["name"] for one in others], found, strict=True))
    return Log(contract.address, event["name"], values)


def _reason(error: Any) -> str:
    data = error.get("data") if isinstance(error, dict) else None
    if isinstance(data, str) and data.startswith("0x08c379a0"):
        return str(decode(["string"], bytes.fromhex(data[10:]))[0])
    return "" if data == "0x" else str(error)
