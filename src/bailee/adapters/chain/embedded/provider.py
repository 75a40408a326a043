"""A web3.py provider over an embedded chain in the same process."""

from __future__ import annotations

from typing import Any

from web3.providers.base import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from bailee.adapters.chain.embedded.ledger import EmbeddedLedger
from bailee.adapters.chain.embedded.methods import Methods


class EmbeddedProvider(BaseProvider):
    """`Web3(EmbeddedProvider(ledger))`. `ledger` stays open until whoever opened it closes it."""

    def __init__(self, ledger: EmbeddedLedger) -> None:
        super().__init__()
        self.ledger = ledger
        self._methods = Methods(ledger)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": _plain(list(params or []))}
        return self._methods.answer(request)  # type: ignore[return-value]

    def make_batch_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse] | RPCResponse:
        return [self.make_request(method, params) for method, params in requests]

    def is_connected(self, show_traceback: bool = False) -> bool:
        return "result" in self.make_request(RPCEndpoint("eth_chainId"), [])


def _plain(told: Any) -> Any:
    """As it were after a way through JSON."""
    if isinstance(told, (bytes, bytearray)):
        return f"0x{bytes(told).hex()}"
    if isinstance(told, dict) or hasattr(told, "items"):
        return {str(name): _plain(value) for name, value in told.items()}
    if isinstance(told, (list, tuple)):
        return [_plain(one) for one in told]
    return told
