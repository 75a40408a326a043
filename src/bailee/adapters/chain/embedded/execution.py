"""A block being made, executed by the specification; calls that change nothing; estimates of gas.

Nothing here knows where blocks are kept. The caller holds the state alone while it works here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ethereum.crypto.hash import keccak256
from ethereum.exceptions import EthereumException
from ethereum_rlp import rlp
from ethereum_rlp.exceptions import RLPException
from ethereum_types.bytes import Bytes0, Bytes8, Bytes32
from ethereum_types.numeric import U64, U256, Uint

from bailee.adapters.chain.embedded import specification as spec
from bailee.adapters.chain.embedded.refusals import RpcError, why
from bailee.errors import ChainError

TransactionTypes = {
    spec.transactions.LegacyTransaction: 0,
    spec.transactions.AccessListTransaction: 1,
    spec.transactions.FeeMarketTransaction: 2,
    spec.transactions.SetCodeTransaction: 4,
}


@dataclass(frozen=True)
class Outcome:
    """An executed transaction and its receipt. `contract`: what it made or would have; `output`: of a failed one."""

    hash: bytes
    raw: bytes
    sender: bytes
    succeeded: bool
    gas_used: int
    cumulative_gas: int
    price: int
    contract: bytes | None
    output: bytes
    logs: tuple[Any, ...]


@dataclass(frozen=True)
class Sealed:
    """A finished block: its header (the specification's), its hash, transactions with outcomes, and withdrawals."""

    header: Any
    hash: bytes
    outcomes: tuple[Outcome, ...]
    withdrawals: tuple[Any, ...] = ()


def header_hash(header: Any) -> bytes:
    return bytes(keccak256(rlp.encode(header)))


def decode(raw: bytes) -> Any:
    """The transaction in `raw`, as `eth_sendRawTransaction` takes it. RpcError."""
    if raw[:1] == b"\x03":  # blobs are kept by a network that is not here
        raise RpcError("transaction type not supported")
    try:
        if raw[:1] > b"\x7f":
            return rlp.decode_to(spec.transactions.LegacyTransaction, raw)
        return spec.transactions.decode_transaction(raw)
    except (EthereumException, RLPException, IndexError, OverflowError, ValueError, TypeError) as error:
        raise RpcError(f"rlp: {error or 'no transaction'}", -32602) from None


def encoded(transaction: Any) -> bytes:
    """What `decode` reads."""
    told = spec.transactions.encode_transaction(transaction)
    return told if isinstance(told, bytes) else rlp.encode(told)


def sender_of(transaction: Any, chain_id: int) -> bytes:
    """Who signed it. RpcError."""
    try:
        return bytes(spec.transactions.recover_sender(U64(chain_id), transaction))
    except (EthereumException, ValueError, OverflowError) as error:
        raise RpcError(f"invalid sender: {error}") from None


def next_base_fee(parent: Any) -> int:
    return int(
        spec.fork.calculate_base_fee_per_gas(
            parent.gas_limit, parent.gas_limit, parent.gas_used, parent.base_fee_per_gas
        )
    )


def environment(state: Any, chain_id: int, parent: Any, hashes: list[bytes], time: int, prev_randao: bytes) -> Any:
    """Of the block after `parent`. `hashes`: of the 256 blocks before it at most, oldest first."""
    return spec.vm.BlockEnvironment(
        chain_id=U64(chain_id), state=state, block_gas_limit=parent.gas_limit,
        block_hashes=[Bytes32(one) for one in hashes], coinbase=spec.fork_types.Address(bytes(20)),
        number=parent.number + Uint(1), base_fee_per_gas=Uint(next_base_fee(parent)), time=U256(time),
        prev_randao=Bytes32(prev_randao), excess_blob_gas=spec.gas.calculate_excess_blob_gas(parent),
        parent_beacon_block_root=Bytes32(bytes(32)),
    )  # fmt: skip


@dataclass
class OpenBlock:
    """A block being made. `add` executes at once; the state is that after all that was added."""

    env: Any
    parent_hash: bytes
    outcomes: list[Outcome] = field(default_factory=list)
    output: Any = field(default_factory=lambda: spec.vm.BlockOutput())

    @spec.deep()
    def begin(self) -> None:
        """What comes before the transactions."""
        for target, data in (
            (spec.fork.BEACON_ROOTS_ADDRESS, self.env.parent_beacon_block_root),
            (spec.fork.HISTORY_STORAGE_ADDRESS, self.env.block_hashes[-1]),
        ):
            spec.fork.process_unchecked_system_transaction(block_env=self.env, target_address=target, data=data)

    @property
    def gas_left(self) -> int:
        return int(self.env.block_gas_limit - self.output.block_gas_used)

    def check(self, transaction: Any, sender: bytes) -> None:
        """RpcError, in the words that nodes use, where it cannot be executed; the state is as it was then."""
        account = spec.state.get_account(self.env.state, spec.fork_types.Address(sender))
        needed, floor = spec.transactions.calculate_intrinsic_cost(transaction)
        if int(transaction.gas) > int(self.env.block_gas_limit):
            raise RpcError(f"exceeds block gas limit: {transaction.gas} of {self.env.block_gas_limit}")
        if (least := max(needed, floor)) > transaction.gas:
            raise RpcError(f"intrinsic gas too low: gas {transaction.gas}, minimum needed {least}")
        if int(transaction.nonce) < int(account.nonce):
            raise RpcError(f"nonce too low: next nonce {account.nonce}, tx nonce {transaction.nonce}")
        if int(transaction.nonce) > int(account.nonce):
            raise RpcError(f"nonce too high: next nonce {account.nonce}, tx nonce {transaction.nonce}")
        most = price_cap(transaction)
        base = int(self.env.base_fee_per_gas)
        if most < base:
            raise RpcError(f"max fee per gas less than block base fee: maxFeePerGas {most}, baseFee {base}")
        cost = int(transaction.gas) * most + int(transaction.value)
        if int(account.balance) < cost:
            raise RpcError(
                f"insufficient funds for gas * price + value: address 0x{sender.hex()} "
                f"have {account.balance} want {cost}"
            )

    @spec.deep()
    def add(self, transaction: Any, raw: bytes, sender: bytes) -> Outcome:
        """Execute a transaction that `check` let pass. RpcError for the rest that the specification refuses."""
        index, before = len(self.outcomes), self.output.block_gas_used
        try:
            spec.fork.process_transaction(self.env, self.output, transaction, Uint(index))
        except EthereumException as error:
            # Refused before the state was touched; but the transaction is noted already.
            spec.trie.trie_set(self.output.transactions_trie, rlp.encode(Uint(index)), None)
            raise RpcError(f"invalid transaction: {error or type(error).__name__}") from None
        told = spec.last_output()
        makes = isinstance(transaction.to, Bytes0)
        made = Outcome(
            hash=bytes(keccak256(raw)), raw=raw, sender=sender, succeeded=told.error is None,
            gas_used=int(self.output.block_gas_used - before), cumulative_gas=int(self.output.block_gas_used),
            price=effective_price(transaction, int(self.env.base_fee_per_gas)),
            contract=contract_address(sender, int(transaction.nonce)) if makes else None,
            output=bytes(told.return_data) if told.error is not None else b"",
            logs=() if told.error is not None else told.logs,
        )  # fmt: skip
        self.outcomes.append(made)
        return made

    @spec.deep()
    def seal(self, withdrawals: tuple[Any, ...] = ()) -> Sealed:
        """The finished block, with its state's root; nothing is written to the disk."""
        env, output = self.env, self.output
        spec.fork.process_withdrawals(env, output, withdrawals)
        spec.fork.process_general_purpose_requests(block_env=env, block_output=output)
        root = spec.trie.root
        header = spec.blocks.Header(
            parent_hash=Bytes32(self.parent_hash), ommers_hash=spec.fork.EMPTY_OMMER_HASH, coinbase=env.coinbase,
            state_root=spec.state.state_root(env.state), transactions_root=root(output.transactions_trie),
            receipt_root=root(output.receipts_trie), bloom=spec.bloom.logs_bloom(output.block_logs),
            difficulty=Uint(0), number=env.number, gas_limit=env.block_gas_limit, gas_used=output.block_gas_used,
            timestamp=env.time, extra_data=b"bailee", prev_randao=env.prev_randao, nonce=Bytes8(bytes(8)),
            base_fee_per_gas=env.base_fee_per_gas, withdrawals_root=root(output.withdrawals_trie),
            blob_gas_used=output.blob_gas_used, excess_blob_gas=env.excess_blob_gas,
            parent_beacon_block_root=env.parent_beacon_block_root,
            requests_hash=spec.requests.compute_requests_hash(output.requests),
        )  # fmt: skip
        return Sealed(header, header_hash(header), tuple(self.outcomes), withdrawals)


@spec.deep()
def execute_again(
    state: Any,
    chain_id: int,
    parent: Any,
    hashes: list[bytes],
    header: Any,
    raws: list[bytes],
    withdrawals: tuple[Any, ...],
) -> None:
    """Bring the state from before a kept block to after it. ChainError where it comes out otherwise."""
    env = environment(state, chain_id, parent, hashes, int(header.timestamp), bytes(header.prev_randao))
    transactions = tuple(raw if raw[:1] <= b"\x7f" else decode(raw) for raw in raws)
    spec.fork.apply_body(block_env=env, transactions=transactions, withdrawals=withdrawals)
    root = spec.state.state_root(state)
    if root != header.state_root:
        raise ChainError(
            f"block {header.number} executed again gives the state {root.hex()}, not {header.state_root.hex()}; "
            f"the chain's files are damaged, or were written by another ethereum-execution than {spec.VERSION}"
        )


def withdrawal(index: int, address: bytes, gwei: int) -> Any:
    return spec.blocks.Withdrawal(U64(index), U64(0), spec.fork_types.Address(address), U256(gwei))


def price_cap(transaction: Any) -> int:
    """The most that it pays a unit of gas, in wei."""
    return int(transaction.max_fee_per_gas if hasattr(transaction, "max_fee_per_gas") else transaction.gas_price)


def effective_price(transaction: Any, base_fee: int) -> int:
    """What it pays a unit of gas, in wei (EIP-1559)."""
    if not hasattr(transaction, "max_fee_per_gas"):
        return int(transaction.gas_price)
    return min(int(transaction.max_fee_per_gas), base_fee + int(transaction.max_priority_fee_per_gas))


def contract_address(sender: bytes, nonce: int) -> bytes:
    return bytes(spec.address.compute_contract_address(spec.fork_types.Address(sender), Uint(nonce)))


@dataclass(frozen=True)
class Request:
    """What `eth_call` and `eth_estimateGas` ask. `to` empty: a contract would be made of `data`."""

    sender: bytes = bytes(20)
    to: bytes = b""
    data: bytes = b""
    value: int = 0
    gas: int | None = None
    price: int = 0
    access: tuple[tuple[bytes, tuple[bytes, ...]], ...] = ()


@dataclass(frozen=True)
class Answer:
    """`gas`: with what the call itself cost, before any refund. `error` is the specification's, or None."""

    output: bytes
    gas: int
    error: Any


@spec.deep()
def call(env: Any, asked: Request, gas: int) -> Answer:
    """What a transaction would do, as a call with `gas` in all; the state is as it was then.

    RpcError where it could not be executed at all: too little gas for its data, too little money for its value.
    """
    state = env.state
    transaction = spec.transactions.FeeMarketTransaction(
        chain_id=env.chain_id, nonce=U256(0), max_priority_fee_per_gas=Uint(0), max_fee_per_gas=Uint(asked.price),
        gas=Uint(gas), to=spec.fork_types.Address(asked.to) if asked.to else Bytes0(), value=U256(asked.value),
        data=asked.data, access_list=_access(asked), y_parity=U256(0), r=U256(0), s=U256(0),
    )  # fmt: skip
    intrinsic, floor = spec.transactions.calculate_intrinsic_cost(transaction)
    if (least := max(intrinsic, floor)) > transaction.gas:
        raise RpcError(f"intrinsic gas too low: gas {gas}, minimum needed {least}")
    sender = spec.fork_types.Address(asked.sender)
    depth = len(state.tx_restore_points)
    spec.state.begin_transaction(state)
    try:
        if int(spec.state.get_account(state, sender).balance) < asked.value + gas * asked.price:
            raise RpcError(f"insufficient funds for gas * price + value: address 0x{asked.sender.hex()}")
        spec.state.increment_nonce(state, sender)
        access = {(one.account, slot) for one in transaction.access_list for slot in one.slots}
        told = spec.fork.process_message_call(
            spec.message.prepare_message(
                env,
                spec.vm.TransactionEnvironment(
                    origin=sender, gas_price=Uint(asked.price), gas=transaction.gas - intrinsic,
                    access_list_addresses={env.coinbase, *(one.account for one in transaction.access_list)},
                    access_list_storage_keys=access, transient_storage=spec.state.TransientStorage(),
                    blob_versioned_hashes=(), authorizations=(), index_in_block=Uint(0), tx_hash=None, traces=[],
                ),
                transaction,
            )
        )  # fmt: skip
    finally:
        while len(state.tx_restore_points) > depth:  # more than one, where an error came out of the middle
            spec.state.rollback_transaction(state)
    output = bytes(told.return_data)
    return Answer(output, max(int(transaction.gas - told.gas_left), int(floor)), told.error)


def estimate(env: Any, asked: Request, limit: int) -> int:
    """The least gas with which it succeeds, or a little more. RpcError where it does with none, and why.

    What is used before refunds is nearly always enough; where it is not, because a call is given all but a 64th of what
    is left (EIP-150) or a contract asks for its gas, the least is searched for, to 1.5 %.
    """
    most = min(asked.gas or limit, limit)
    first = call(env, asked, most)
    if first.error is not None:
        raise why(first.error, first.output)
    low = first.gas - 1
    tried = min(first.gas, most)
    while True:
        if call(env, asked, tried).error is None:
            high = tried
            break
        low = tried
        tried = min(tried + max(tried // 63, 2_300), most)
        if low == most:
            raise RpcError(f"gas required exceeds allowance ({most})")
    while low + 1 < high and (high - low) * 1_000 > 15 * high:
        middle = (low + high) // 2
        if call(env, asked, middle).error is None:
            high = middle
        else:
            low = middle
    return high


def _access(asked: Request) -> tuple[Any, ...]:
    return tuple(
        spec.transactions.Access(spec.fork_types.Address(address), tuple(Bytes32(slot) for slot in slots))
        for address, slots in asked.access
    )
