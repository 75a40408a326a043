"""What web3.py and nodes say when something is wrong, as errors of Bailee's tree.

Nodes share no codes for these; the words are geth's, which anvil, reth, erigon, besu and the embedded chain follow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from bailee.errors import BaileeError, ChainError, InputError, RevertError

_POOR = re.compile(r"insufficient (funds|balance)|not enough funds", re.IGNORECASE)
_TAKEN = re.compile(r"nonce too low|nonce is too low|replacement transaction|transaction underpriced", re.IGNORECASE)
_REVERTED = re.compile(r"revert|out of gas|invalid opcode|EVM error|gas required exceeds", re.IGNORECASE)
_ERROR_STRING, _PANIC = bytes.fromhex("08c379a0"), bytes.fromhex("4e487b71")


@contextmanager
def outside(what: str) -> Iterator[None]:
    """Every failure of web3.py and of the node inside becomes RevertError, InputError or ChainError about `what`."""
    import requests
    from eth_abi.exceptions import DecodingError
    from web3.exceptions import Web3Exception

    try:
        yield
    except BaileeError:
        raise
    except Web3Exception as error:
        raise refusal(error, what) from None
    except (requests.RequestException, OSError) as error:
        raise ChainError(
            f"the chain does not answer when asked for {what}: {_trouble(error)}; is its URL right?"
        ) from None
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, DecodingError) as error:
        # A node may answer anything, and web3.py takes much of it for what it should be.
        raise ChainError(f"the chain answers {what} with what is no answer: {type(error).__name__}: {error}") from None


def refusal(error: Exception, what: str) -> BaileeError:
    """The error of our tree that says what `error` of web3.py says."""
    from web3.exceptions import ContractLogicError, Web3RPCError

    if isinstance(error, ContractLogicError):
        data = _bytes(error.data)
        reason = decoded(data) or str(error.message or "").removeprefix("execution reverted").removeprefix(": ")
        reason = reason or "it gave no reason"
        return RevertError(f"the contract refuses: {reason}", reason, data)
    if isinstance(error, Web3RPCError):
        told = _message(error)
        if _POOR.search(told):
            return InputError(f"the account has not the money for it and its gas: {told}")
        if _REVERTED.search(told):
            return RevertError(f"the contract refuses: {told}", told)
        return ChainError(f"the chain refuses {what}: {told}")
    return ChainError(f"the chain answers {what} with what is no answer: {type(error).__name__}: {error}")


def _trouble(error: Exception) -> str:
    """Without the URL, which requests repeats: it may hold a key to the node."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if status is not None:
        return f"HTTP {status}"
    if reason is not None:
        return str(reason)
    return type(error).__name__ if "http" in str(error) else str(error)


def is_nonce_taken(error: Exception) -> bool:
    """Another transaction of the sender has the nonce, executed or waiting with a fee as good."""
    return bool(_TAKEN.search(str(error)))


def is_known(error: Exception) -> bool:
    """The node has this very transaction already."""
    return bool(re.search(r"already (known|imported)|known transaction", str(error), re.IGNORECASE))


def decoded(data: bytes) -> str:
    """The words of a revert: of `Error(string)` and `Panic(uint256)`; of others their selector. Empty without any."""
    if data[:4] == _ERROR_STRING and len(data) >= 68:
        size = int.from_bytes(data[36:68], "big")
        return data[68 : 68 + size].decode("utf-8", "replace")
    if data[:4] == _PANIC and len(data) == 36:
        return f"panic 0x{int.from_bytes(data[4:], 'big'):02x}"
    return f"error 0x{data[:4].hex()}" if len(data) >= 4 else ""


def _bytes(data: object) -> bytes:
    if isinstance(data, str) and re.fullmatch(r"0x([0-9a-fA-F]{2})*", data):
        return bytes.fromhex(data[2:])
    return b""


def _message(error: Exception) -> str:
    response = getattr(error, "rpc_response", None)
    told = response.get("error") if isinstance(response, dict) else None
    return str(told.get("message")) if isinstance(told, dict) else str(error)
