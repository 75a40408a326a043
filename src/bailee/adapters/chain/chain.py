"""A chain as the rest of Bailee sees it: send a transaction and get its receipt, read a block, wait for one.

The same over the embedded chain and over JSON-RPC. Everything else (`contract`, `call`, logs) is web3.py's, at `.web3`.

Sending is safe with several senders: one nonce is taken at a time, and where another process with the same key was
quicker, so that the node refuses the nonce, the transaction is signed anew for the next one. What a node has accepted
is never sent again: where another transaction took its nonce afterwards (it paid more), that is an error. Signatures
are deterministic, so two senders of the same thing would make the very same transaction, once executed and twice
believed: limits of gas and fee, which nobody pays for, are therefore a little random.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bailee.adapters.chain.any_text import any_text
from bailee.adapters.chain.refusals import decoded, is_known, is_nonce_taken, outside
from bailee.errors import ChainError, InputError, RevertError
from bailee.records.caip import ChainName

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3 import Web3
    from web3.contract.contract import ContractConstructor, ContractFunction
    from web3.types import TxReceipt

    Call = Mapping[str, Any] | ContractFunction | ContractConstructor

_SPARE_GAS = 5
"""A fifth more gas than was estimated: the state may move until the transaction is executed."""
_LOOSE_GAS = 4096
_TRIES = 16
"""How often another sender with the same key may be quicker."""
_LAST_TIME = 253_402_300_799
"""The last second of the year 9999."""
_MOST_GAS_PRICE = 10**13
"""10,000 gwei, far above what public chains have asked for. The node names the fees: it shall not take all there is."""
_LOOKS = 8
"""Looks, some two seconds, before a missing receipt counts as missing: several nodes may answer at one URL."""


@dataclass(frozen=True)
class ChainBlock:
    """A block's name and time. `time` in seconds since 1970, as its maker said."""

    number: int
    hash: bytes
    parent: bytes
    time: int


class Chain:
    """An open chain. `patience`: seconds that `send` and `wait_block` wait at most, by default."""

    def __init__(self, web3: Web3, close: Callable[[], None] | None = None, patience: float = 180.0) -> None:
        web3.codec = any_text()
        self.web3, self._close, self._patience = web3, close, patience
        with outside("the chain's id"):
            self.chain_id = int(web3.eth.chain_id)
        self._taking: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @property
    def caip2(self) -> str:
        return str(ChainName(self.chain_id))

    def close(self) -> None:
        if self._close is not None:
            self._close()

    def __enter__(self) -> Chain:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(
        self, transaction: Call, account: LocalAccount, value: int | None = None, most_gas: int | None = None
    ) -> TxReceipt:
        """Sign, send and wait; the receipt of a transaction that was executed and did not revert.

        transaction: a contract's function or constructor with its arguments (web3.py's), or a mapping of `to`, `data`,
        `value`, and of `gas`, `maxFeePerGas`, `maxPriorityFeePerGas`, `nonce` where these must not be chosen here.
        most_gas: what needs more is not sent: a stranger's contract shall not burn the account's money.
        RevertError where the contract refuses, mostly before anything is sent or paid; InputError where the account has
        not the money; ChainError where the chain does not answer, or not in time.
        """
        wanted, name, nonce = self._post(transaction, account, value, most_gas)
        receipt = self._receipt(name, nonce, account.address, time.monotonic() + self._patience)
        if receipt["status"] != 1:
            raise self._why_reverted(wanted, receipt)
        return receipt

    @contextmanager
    def batch(self) -> Iterator[Batch]:
        """Many transactions without waiting for each: `batch.send(...)`; then `batch.receipts`, in the same order.

        On the embedded chain they come into one block, or as few as have room, on disk when this ends; on others they
        are sent one after the other and waited for at the end. Those that reverted have status 0 and raise nothing.
        """
        batch = Batch(self)
        together = getattr(getattr(self.web3.provider, "ledger", None), "batch", nullcontext)
        with together():
            yield batch
        deadline = time.monotonic() + self._patience
        batch.receipts = [self._receipt(*sent, deadline) for sent in batch.sent]

    def _post(
        self, transaction: Call, account: LocalAccount, value: int | None, most_gas: int | None = None
    ) -> tuple[dict[str, Any], bytes, int]:
        """Sign and send: what was sent, its hash and nonce."""
        wanted = _as_mapping(transaction, value) | {"from": account.address, "chainId": self.chain_id}
        wanted = self._priced(wanted)
        if "gas" not in wanted:
            wanted["gas"] = self._estimated(wanted)
        if most_gas is not None and wanted["gas"] > most_gas:
            reason = f"it would take {wanted['gas']:,} of gas, and at most {most_gas:,} is spent on it"
            raise RevertError(f"not sent: {reason}", reason)
        for _ in range(_TRIES):
            with self._taking[account.address]:
                sent = self._sent(wanted, account)
            if sent is not None:
                return wanted, *sent
            if "nonce" in wanted:
                raise ChainError(f"another transaction of {account.address} has the nonce {wanted['nonce']}")
        raise ChainError(f"another sender with the key of {account.address} was quicker {_TRIES} times; give up")

    def block(self, which: int | Literal["latest"] = "latest") -> ChainBlock:
        """ChainError where there is none of that number, or not yet."""
        found = self._block(which)
        if found is None:
            raise ChainError(f"{self.caip2} has no block {which} yet")
        return found

    def wait_block(self, number: int, patience: float | None = None) -> ChainBlock:
        """The block of that number, once it is there. ChainError after `patience` seconds."""
        deadline = time.monotonic() + (self._patience if patience is None else patience)
        for _ in _pauses(deadline):
            if (found := self._block(number)) is not None:
                return found
        raise ChainError(f"{self.caip2} has not come to block {number} in time; it is at {self.block().number}")

    def _block(self, which: int | Literal["latest"]) -> ChainBlock | None:
        from web3.exceptions import BlockNotFound

        with outside(f"block {which}"):
            try:
                found = self.web3.eth.get_block(which)
            except BlockNotFound:
                return None
            told = ChainBlock(
                int(found["number"]), bytes(found["hash"]), bytes(found["parentHash"]), int(found["timestamp"])
            )
        if not 0 <= told.time <= _LAST_TIME:
            raise ChainError(
                f"the node says that block {told.number} was made {told.time} seconds after 1970: ask another"
            )
        return told

    def _priced(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """With fees: the base fee may double until it is executed, and what is not used is not paid (EIP-1559)."""
        if "gasPrice" in wanted or "maxFeePerGas" in wanted:
            return wanted
        with outside("the fees"):
            base = self.web3.eth.get_block("latest").get("baseFeePerGas")
            if base is None:  # a chain from before EIP-1559
                return wanted | {"gasPrice": _bearable(int(self.web3.eth.gas_price))}
            tip = int(wanted.get("maxPriorityFeePerGas", self.web3.eth.max_priority_fee))
        most = _bearable(2 * int(base) + tip)
        return wanted | {
            "maxPriorityFeePerGas": tip,
            "maxFeePerGas": most + secrets.randbelow(1 + most // 64),
            "type": 2,
        }

    def _estimated(self, wanted: dict[str, Any]) -> int:
        # Without fees: nodes would else cap the gas by what the account can pay, and say that as a revert.
        asked = {name: value for name, value in wanted.items() if name in ("from", "to", "data", "value", "accessList")}
        with outside("an estimate of gas"):
            needed = self.web3.eth.estimate_gas(asked)  # type: ignore[arg-type]
        return needed + needed // _SPARE_GAS + secrets.randbelow(_LOOSE_GAS)

    def _sent(self, wanted: dict[str, Any], account: LocalAccount) -> tuple[bytes, int] | None:
        """The hash and the nonce of what was sent; None where another transaction has the nonce already."""
        from web3.exceptions import Web3RPCError

        with outside("the next nonce"):
            nonce = wanted.get("nonce")
            if nonce is None:
                nonce = self.web3.eth.get_transaction_count(account.address, "pending")
        with outside("a transaction"):  # of a nonce and gas that the node named, which may be none
            signed = account.sign_transaction({k: v for k, v in wanted.items() if k != "from"} | {"nonce": nonce})
            try:
                self.web3.eth.send_raw_transaction(signed.raw_transaction)
            except Web3RPCError as error:
                if is_known(error):
                    return bytes(signed.hash), nonce
                if is_nonce_taken(error):
                    return None
                raise
        return bytes(signed.hash), nonce

    def _receipt(self, name: bytes, nonce: int, address: str, deadline: float) -> TxReceipt:
        from web3.exceptions import TransactionNotFound

        told = f"transaction 0x{name.hex()} (nonce {nonce} of {address})"
        missed = 0
        for _ in _pauses(deadline):
            with outside("a receipt"):
                taken = self.web3.eth.get_transaction_count(address, "latest") > nonce  # type: ignore[arg-type]
                try:
                    return self.web3.eth.get_transaction_receipt(name)  # type: ignore[arg-type]
                except TransactionNotFound:  # the count was asked for first, so that ours would be found if it counts
                    missed += taken
            if missed == _LOOKS:
                raise ChainError(
                    f"{told} was replaced by another one of the same nonce, and not executed; send it again"
                )
        raise ChainError(
            f"{told} is not executed after {self._patience:.0f} s; it may still be: look it up before you send it again"
        )

    def _why_reverted(self, wanted: dict[str, Any], receipt: TxReceipt) -> RevertError:
        """What a transaction that was executed in vain says when it is called again on the state before its block."""
        again = {name: value for name, value in wanted.items() if name in ("from", "to", "data", "value", "gas")}
        told = f"transaction 0x{bytes(receipt['transactionHash']).hex()} was executed in block {receipt['blockNumber']}"
        if kept := receipt.get("revertReason"):  # besu and the embedded chain keep it
            data = bytes.fromhex(str(kept).removeprefix("0x"))
            reason = decoded(data)
            return RevertError(f"{told} and reverted: {reason}", reason, data)
        try:
            with outside("a call"):
                self.web3.eth.call(again, int(receipt["blockNumber"]) - 1)  # type: ignore[arg-type]
        except RevertError as error:
            return RevertError(f"{told} and reverted: {error.reason}", error.reason, error.data)
        except (ChainError, InputError):
            pass  # nodes forget old states
        spent = receipt["gasUsed"] >= wanted["gas"]
        reason = "out of gas" if spent else "reverted"
        return RevertError(f"{told} and reverted: {reason}", reason)


class Batch:
    """What one `Chain.batch` sends. `receipts` are there when it has ended."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self.sent: list[tuple[bytes, int, str]] = []
        self.receipts: list[TxReceipt] = []

    def send(self, transaction: Call, account: LocalAccount, value: int | None = None) -> bytes:
        """Its hash. RevertError where it would revert on what was sent so far, unless `gas` is given with it."""
        _, name, nonce = self._chain._post(transaction, account, value)
        self.sent.append((name, nonce, account.address))
        return name


def _as_mapping(transaction: Call, value: int | None) -> dict[str, Any]:
    if isinstance(transaction, Mapping):
        wanted = dict(transaction)
    elif hasattr(transaction, "data_in_transaction"):
        wanted = {"data": transaction.data_in_transaction}
    else:
        wanted = {"to": transaction.address, "data": transaction._encode_transaction_data()}
    if value is not None:
        wanted["value"] = value
    return {"value": 0, "data": "0x"} | wanted


def _bearable(price: int) -> int:
    if not 0 <= price <= _MOST_GAS_PRICE:
        raise ChainError(
            f"the node asks for {price / 10**9:,.0f} gwei for each unit of gas, and at most "
            f"{_MOST_GAS_PRICE // 10**9:,} are paid: nothing was sent; ask another node"
        )
    return price


def _pauses(deadline: float) -> Iterator[None]:
    """Once at once, then with growing pauses until the deadline."""
    pause = 0.01
    while True:
        yield
        if time.monotonic() >= deadline:
            return
        time.sleep(pause)
        pause = min(2 * pause, 1.0)
