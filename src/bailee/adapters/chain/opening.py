"""A chain by one setting: `http://` or `https://` of a node, or nothing for the embedded chain of a home."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bailee.adapters.chain.chain import Chain
from bailee.errors import InputError

if TYPE_CHECKING:
    from web3 import Web3

_TIMEOUT = 30.0
"""Seconds that one request to a node may take."""


def open_chain(url: str = "embedded:", home: Path | None = None, patience: float = 180.0) -> Chain:  # noqa: ARG001
    """The chain at `url`: a node's JSON-RPC over HTTP, or `embedded:`, kept under `home`.

    InputError for another kind of URL, or where the extra `ledger` is not installed; ChainError where nothing answers.
    """
    try:
        import web3  # noqa: F401
    except ImportError as error:
        raise InputError(f"a ledger needs: pip install 'bailee[ledger]' ({error.name} is missing)") from None
    if url.startswith(("http://", "https://")):
        return Chain(_by_rpc(url), patience=patience)
    raise InputError(f"expected a chain as embedded:, http://... or https://..., got {url.partition('@')[2] or url!r}")


def _by_rpc(url: str) -> Web3:
    from web3 import HTTPProvider, Web3
    from web3.middleware import ExtraDataToPOAMiddleware

    provider = HTTPProvider(url, request_kwargs={"timeout": _TIMEOUT})
    return _guarded(Web3(provider), ExtraDataToPOAMiddleware)


def _guarded(web3: Web3, poa: type) -> Web3:
    # A contract's answer must not make this process fetch addresses of the contract's choice (EIP-3668).
    web3.provider.global_ccip_read_enabled = False
    # Chains with proof of authority keep signatures in a field that web3.py would else call too long.
    web3.middleware_onion.inject(poa, layer=0)
    return web3
