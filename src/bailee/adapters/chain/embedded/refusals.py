"""What the embedded chain refuses, in the words and codes of other nodes, so that web3.py and wallets know them."""

from __future__ import annotations

from typing import Any

from bailee.adapters.chain.embedded import specification as spec
from bailee.adapters.chain.refusals import decoded

REVERTED = 3
_WORDS = {
    "OutOfGasError": "out of gas",
    "StackUnderflowError": "stack underflow",
    "StackOverflowError": "stack limit reached 1024 (1023)",
    "StackDepthLimitError": "max call depth exceeded",
    "InvalidJumpDestError": "invalid jump destination",
    "WriteInStaticContext": "write protection",
    "OutOfBoundsRead": "return data out of bounds",
    "InvalidContractPrefix": "invalid code: must not begin with 0xef",
    "AddressCollision": "contract address collision",
}


class RpcError(Exception):
    """An error that JSON-RPC answers with."""

    def __init__(self, message: str, code: int = -32000, data: str | None = None) -> None:
        super().__init__(message)
        self.message, self.code, self.data = message, code, data

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"code": self.code, "message": self.message}
        return told if self.data is None else told | {"data": self.data}


def why(error: Any, output: bytes) -> RpcError:
    """The answer to a call that failed with an error of the specification's."""
    if isinstance(error, spec.vm_exceptions.Revert):
        reason = decoded(output)
        words = "execution reverted" + (f": {reason}" if reason and not reason.startswith("error 0x") else "")
        return RpcError(words, REVERTED, f"0x{output.hex()}")
    name = type(error).__name__
    if name == "InvalidOpcode":
        return RpcError(f"invalid opcode: 0x{error.code:02x}")
    return RpcError(_WORDS.get(name, name))
