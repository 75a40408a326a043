"""A chain by one setting: `http://` or `https://` of a node, or nothing for the embedded chain of a home."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bailee.adapters.chain import recursion_kept
from bailee.adapters.chain.chain import Chain
from bailee.errors import InputError

if TYPE_CHECKING:
    from web3 import Web3

    from bailee.adapters.chain.embedded.ledger import EmbeddedLedger

EMBEDDED = "embedded:"
_TIMEOUT = 30.0
"""Seconds that one request to a node may take."""


def open_chain(
    url: str = EMBEDDED, home: Path | None = None, patience: float = 180.0, timeout: float | None = None
) -> Chain:
    """The chain at `url`: a node's JSON-RPC over HTTP, or `embedded:`, kept under `home` and made if it is not there.

    patience: seconds to wait for a transaction; timeout: seconds that one request to a node may take, 30 by default.
    InputError for another kind of URL, or where the extra `ledger` is not installed; ChainError where nothing answers;
    StorageError where another process has the embedded chain open.
    """
    try:
        with recursion_kept():
            import eth_account  # noqa: F401
            import web3  # noqa: F401
    except ImportError as error:
        raise InputError(f"a ledger needs: pip install 'bailee[ledger]' ({error.name} is missing)") from None
    if url.startswith(("http://", "https://")):
        return Chain(_by_rpc(url, timeout or _TIMEOUT), patience=patience)
    if url == EMBEDDED:
        if home is None:
            raise InputError("the embedded chain is kept in a home; say which")
        return embedded_chain(_opened(home), patience)
    raise InputError(f"expected a chain as embedded:, http://... or https://..., got {url.partition('@')[2] or url!r}")


def embedded_chain(ledger: EmbeddedLedger, patience: float = 180.0) -> Chain:
    """An open embedded chain as others see chains; closing it closes the ledger."""
    from web3 import Web3

    from bailee.adapters.chain.embedded.provider import EmbeddedProvider

    provider = EmbeddedProvider(ledger)
    provider.global_ccip_read_enabled = False
    return Chain(Web3(provider), close=ledger.close, patience=patience)


def folder_of(home: Path) -> Path:
    """Where a home keeps its embedded chain."""
    return home / "ledger"


def _opened(home: Path) -> EmbeddedLedger:
    try:
        from bailee.adapters.chain.embedded.ledger import open_ledger
    except ImportError as error:
        raise InputError(f"the embedded chain needs: pip install 'bailee[ledger]' ({error.name} is missing)") from None
    return open_ledger(folder_of(home))


def _by_rpc(url: str, timeout: float) -> Web3:
    from web3 import HTTPProvider, Web3
    from web3.middleware import ExtraDataToPOAMiddleware

    provider = HTTPProvider(url, request_kwargs={"timeout": timeout})
    return _guarded(Web3(provider), ExtraDataToPOAMiddleware)


def _guarded(web3: Web3, poa: type) -> Web3:
    # A contract's answer must not make this process fetch addresses of the contract's choice (EIP-3668).
    web3.provider.global_ccip_read_enabled = False
    # Chains with proof of authority keep signatures in a field that web3.py would else call too long.
    web3.middleware_onion.inject(poa, layer=0)
    return web3
