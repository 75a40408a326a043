"""Ethereum's execution specification (package `ethereum-execution`), fork Prague, and all that is changed in it.

Its inner functions are used, which no promise of its makers covers: so the version is pinned, a test asserts the names
and signatures used here, and whatever is changed is changed in this file:

1. the state is the package's own optimized one, an MDBX database, instead of tries in memory;
2. a storage destroyed twice in one transaction can be rolled back (the optimized state fails there);
3. the interpreter's loop and `charge_gas` do the same without making trace events that nobody collects, and look
   opcodes up in a table; pushes read their bytes at once; the analysis of jump destinations and the recovery of
   senders are remembered; whole numbers are made and compared, and records encoded, without detours;
4. the limit of recursion is raised only while something executes: the package raises it for good, and then a deeply
   nested JSON text, which Python else refuses, ends the process;
5. what a message call returned can be asked for afterwards; a path may hold any characters.

The changes are made in every module of the fork that has the changed function, so it does not matter who imported the
specification before. Others use it through the modules named here, by attribute.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import ethereum.prague
from ethereum.crypto import elliptic_curve
from ethereum_optimized.state_db import get_optimized_state_patches
from ethereum_rlp import rlp
from ethereum_types import numeric
from ethereum_types.numeric import U256, Uint

from bailee.adapters.chain import RECURSION_LIMIT
from bailee.errors import InputError

VERSION = "1.17.0"


def _part(name: str) -> Any:
    """A module of the fork. Untyped: what is changed in it has other types than its makers wrote."""
    return importlib.import_module(f"ethereum.prague.{name}")


address, blocks, bloom, fork, fork_types = map(_part, ("utils.address", "blocks", "bloom", "fork", "fork_types"))
gas, interpreter, message, requests = map(_part, ("vm.gas", "vm.interpreter", "utils.message", "requests"))
state, transactions, trie, vm, vm_exceptions = map(_part, ("state", "transactions", "trie", "vm", "vm.exceptions"))
_instructions, _runtime = _part("vm.instructions"), _part("vm.runtime")
_precompiled = _part("vm.precompiled_contracts.mapping").PRE_COMPILED_CONTRACTS


@contextmanager
def deep() -> Iterator[None]:
    """Contracts may call one another 1,024 deep inside, as the specification has it."""
    global _deep
    with _counting:
        _deep += 1
        sys.setrecursionlimit(max(RECURSION_LIMIT, _ENOUGH))
    try:
        yield
    finally:
        with _counting:
            _deep -= 1
            if not _deep:
                sys.setrecursionlimit(RECURSION_LIMIT)


def open_state(path: str | None) -> Any:
    """The state database at `path` (a new one if there is none), or one in memory; begun, as `State()` is."""
    import rust_pyspec_glue
    from rust_pyspec_glue.rust_pyspec_glue import ffi, lib

    opened = state.State.__new__(state.State)
    database = rust_pyspec_glue.DB.__new__(rust_pyspec_glue.DB)
    database.tx = database.db = None
    encoded = b"" if path is None else path.encode()  # the package's own encodes ASCII only
    database.db = lib.open_in_memory() if path is None else lib.open(ffi.from_buffer(encoded), len(encoded))
    opened.db = database
    opened.dirty_accounts, opened.dirty_storage, opened.destroyed_accounts = {}, {}, set()
    opened.tx_restore_points, opened.journal, opened.created_accounts = [], [], set()
    database.begin_mutable()
    return opened


def last_output() -> Any:
    """What the last message call of this thread gave: its error and its return data, which `fork` keeps to itself."""
    return _kept.output


def _process_message_call(told: Any) -> Any:
    _kept.output = output = _SPECIFIED_CALL(told)
    return output


def _destroy_storage(opened: Any, address_: Any) -> None:
    """The optimized state's, which notes an account once and forgets it at the first undoing; at a second it fails.

    Any contract could so stop a block from being made (two empty accounts made by SELFDESTRUCT, then a revert). What is
    destroyed already reads as zero where it was not written since; so here only that is set to zero.
    """
    if address_ not in opened.destroyed_accounts:
        _OPTIMIZED["destroy_storage"](opened, address_)
        return
    for key in list(opened.dirty_storage.get(address_, ())):
        state.set_storage(opened, address_, key, _ZERO_WORD)


def _execute_code(told: Any) -> Any:
    """`interpreter.execute_code` without trace events."""
    code = told.code
    evm = vm.Evm(
        pc=_ZERO, stack=[], memory=bytearray(), code=code, gas_left=told.gas,
        valid_jump_destinations=_jump_destinations(bytes(code)), logs=(), refund_counter=0, running=True, message=told,
        output=b"", accounts_to_delete=set(), return_data=b"", error=None,
        accessed_addresses=told.accessed_addresses, accessed_storage_keys=told.accessed_storage_keys,
    )  # fmt: skip
    try:
        precompiled = _precompiled.get(told.code_address)
        if precompiled is not None:
            if not told.disable_precompiles:
                precompiled(evm)
            return evm
        size = len(code)
        while evm.running:
            at = evm.pc._number
            if at >= size:
                break
            operation = _OPERATIONS[code[at]]
            if operation is None:
                raise vm_exceptions.InvalidOpcode(code[at])
            operation(evm)
    except vm_exceptions.ExceptionalHalt as error:
        evm.gas_left = _ZERO
        evm.output = b""
        evm.error = error
    except vm_exceptions.Revert as error:
        evm.error = error
    return evm


def _push(count: int) -> Callable[[Any], None]:
    """`stack.push_n` for one count: a third of what contracts execute."""
    cost = gas.GAS_VERY_LOW if count else gas.GAS_BASE

    def operation(evm: Any) -> None:
        if evm.gas_left._number < cost._number:
            raise vm_exceptions.OutOfGasError
        if len(evm.stack) == 1024:
            raise vm_exceptions.StackOverflowError
        evm.gas_left = evm.gas_left - cost
        after = evm.pc._number + 1 + count
        evm.stack.append(U256(int.from_bytes(evm.code[after - count : after].ljust(count, b"\0"), "big")))
        evm.pc = Uint(after)

    return operation


def _charge_gas(evm: Any, amount: Any) -> None:
    """`gas.charge_gas` without trace events."""
    if evm.gas_left._number < amount._number:
        raise vm_exceptions.OutOfGasError
    evm.gas_left = evm.gas_left - amount


def _change() -> None:
    """All changes, once, in each module of the fork that holds what is changed."""
    if version("ethereum-execution") != VERSION:
        raise InputError(
            f"the embedded chain needs ethereum-execution {VERSION}, got {version('ethereum-execution')}; "
            f"install the locked packages (script/setup), or pip install 'bailee[ledger]'"
        )
    changed: dict[int, Any] = {}
    for name, new in (_OPTIMIZED | {"destroy_storage": _destroy_storage}).items():
        if (old := getattr(state, name, None)) is not None:
            changed[id(old)] = (old, new)
        setattr(state, name, new)
    for old, new in (
        (interpreter.execute_code, _execute_code),
        (gas.charge_gas, _charge_gas),
        (elliptic_curve.secp256k1_recover, _recover),
        (interpreter.process_message_call, _process_message_call),
    ):
        changed[id(old)] = (old, new)
    _replace(changed)
    numeric.Unsigned.__init__ = _make_unsigned  # type: ignore[method-assign]
    numeric.Unsigned.__eq__ = _equal_unsigned  # type: ignore[method-assign]
    rlp.astuple = _shallow  # type: ignore[assignment, attr-defined]


def _make_unsigned(self: Any, value: Any) -> None:
    """`Unsigned.__init__`: an int, which it mostly is, needs no conversion."""
    number = value if type(value) is int else int(value)
    if not self._in_range(number):
        raise OverflowError
    self._number = number


def _equal_unsigned(self: Any, other: Any) -> Any:
    """`Unsigned.__eq__`: for an int without asking what else it may be, which is slow."""
    return self._number == other if type(other) is int else _SPECIFIED_EQUAL(self, other)


def _shallow(record: Any) -> tuple[Any, ...]:
    """`dataclasses.astuple` for RLP, which goes into the parts itself: without a copy of each."""
    return tuple(getattr(record, one.name) for one in fields(record))


def _replace(changed: dict[int, tuple[Any, Any]]) -> None:
    package = ethereum.prague
    names = [found.name for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    for name in names:
        module = sys.modules.get(name) or importlib.import_module(name)
        for attribute, value in list(vars(module).items()):
            pair = changed.get(id(value))
            if pair is not None and pair[0] is value:
                setattr(module, attribute, pair[1])


_ENOUGH = 1024 * 12  # what the package asks for
sys.setrecursionlimit(RECURSION_LIMIT)
_counting, _deep = threading.Lock(), 0
_kept = threading.local()
_ZERO, _ZERO_WORD = Uint(0), U256(0)
_SPECIFIED_EQUAL = numeric.Unsigned.__eq__
_SPECIFIED_CALL = interpreter.process_message_call
_OPTIMIZED: dict[str, Any] = get_optimized_state_patches("prague")
_OPERATIONS: list[Callable[[Any], None] | None] = [None] * 256
for _code, _operation in _instructions.op_implementation.items():
    _OPERATIONS[_code.value] = _operation
for _count in range(33):
    _OPERATIONS[_instructions.Ops.PUSH0.value + _count] = _push(_count)
_jump_destinations = lru_cache(maxsize=512)(_runtime.get_valid_jump_destinations)  # asked for with bytes only
_recover = lru_cache(maxsize=16_384)(elliptic_curve.secp256k1_recover)
_change()
