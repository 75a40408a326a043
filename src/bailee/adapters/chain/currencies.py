"""What an ERC-20 says of itself where payers sign for it (EIP-712 and EIP-3009), checked against its own separator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bailee.adapters.chain.artefacts import artefact
from bailee.adapters.chain.refusals import outside
from bailee.errors import ChainError, InputError, RevertError

if TYPE_CHECKING:
    from bailee.adapters.chain.chain import Chain

_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_WANTED = "name an ERC-20 with EIP-3009, as USDC and EURC are"


def signing_name(chain: Chain, currency: str) -> tuple[str, str]:
    """Name and version of the currency's EIP-712 domain. InputError where it takes no authorizations."""
    from eth_utils.crypto import keccak

    if int(currency, 16) == 0:
        raise InputError(f"native money knows no authorizations: {_WANTED}")
    coin = chain.web3.eth.contract(address=currency, abi=artefact("Coin").abi)  # type: ignore[call-overload]
    try:
        with outside("a currency's domain"):
            kept = bytes(coin.functions.DOMAIN_SEPARATOR().call())
            coin.functions.authorizationState(currency, bytes(32)).call()
            name, version = str(coin.functions.name().call()), str(coin.functions.version().call())
    except (RevertError, ChainError) as error:
        raise InputError(f"{currency} on {chain.caip2} takes no authorizations ({error}): {_WANTED}") from None
    numbers = chain.chain_id.to_bytes(32, "big") + bytes.fromhex(currency[2:]).rjust(32, b"\0")
    if keccak(keccak(_DOMAIN.encode()) + keccak(name.encode()) + keccak(version.encode()) + numbers) != kept:
        raise InputError(f"{currency} signs in another way than by name, version, chain and address: {_WANTED}")
    return name, version


def authorization_used(chain: Chain, currency: str, payer: str, nonce: str) -> bool:
    """Whether the currency took the payer's authorization of that nonce (hex), or it was cancelled."""
    coin = chain.web3.eth.contract(address=currency, abi=artefact("Coin").abi)  # type: ignore[call-overload]
    with outside("an authorization"):
        return bool(coin.functions.authorizationState(payer, bytes.fromhex(nonce)).call())
