"""x402, version 2, scheme `exact` on EVM chains: the three documents that go over HTTP as base64 of JSON.

Read and written by the specification at github.com/x402-foundation/x402; version 1 is not spoken: its names of
networks are a fixed list. Payments by Permit2 and by contracts' signatures are not taken.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from bailee import json_text
from bailee.errors import PaymentError
from bailee.settle.authorization import Authorization, read_authorization
from bailee.settle.pricing import Price

VERSION = 2
REQUIRED, SIGNATURE, RESPONSE = "payment-required", "payment-signature", "payment-response"
"""Headers: the server asks, the client pays, the server says what came of it."""
MOST_HEADER = 16_384


def requirements(price: Price) -> dict[str, Any]:
    """One way to pay, as a client must repeat it."""
    return {
        "scheme": "exact",
        "network": price.currency.network,
        "asset": _checked(price.currency.address),
        "amount": str(price.amount),
        "payTo": _checked(price.shares),
        "maxTimeoutSeconds": price.patience,
        "extra": {
            "name": price.currency.name,
            "version": price.currency.version,
            "assetTransferMethod": "eip3009",
        },
    }


def payment_required(price: Price, url: str, description: str, media: str, error: str) -> bytes:
    """The value of REQUIRED."""
    return _packed(
        {
            "x402Version": VERSION,
            "error": error,
            "resource": {"url": url, "description": description, "mimeType": media},
            "accepts": [requirements(price)],
        }
    )


def payment_response(price: Price, payer: str, transaction: str) -> bytes:
    """The value of RESPONSE, of a payment that was settled."""
    return _packed(
        {
            "success": True,
            "transaction": "0x" + transaction,
            "network": price.currency.network,
            "payer": _checked(payer),
            "amount": str(price.amount),
        }
    )


def read_payment(header: bytes, price: Price) -> Authorization:
    """The authorization in a value of SIGNATURE that accepts exactly this price. PaymentError."""
    if len(header) > MOST_HEADER:
        raise PaymentError(f"expected a payment of at most {MOST_HEADER} bytes, got {len(header)}")
    try:
        document = json_text.load(base64.b64decode(header, validate=True))
    except ValueError:
        raise PaymentError(f"expected {SIGNATURE} as base64 of JSON") from None
    if not isinstance(document, dict) or document.get("x402Version") != VERSION:
        raise PaymentError(f"expected a payment of x402 version {VERSION}")
    accepted, wanted = document.get("accepted"), requirements(price)
    for name in ("scheme", "network", "asset", "amount", "payTo"):
        found = accepted.get(name) if isinstance(accepted, dict) else None
        if not isinstance(found, str) or found.lower() != str(wanted[name]).lower():
            raise PaymentError(f"payment.accepted.{name}: expected {wanted[name]}, got {str(found)[:80]}")
    payload = document.get("payload")
    if not isinstance(payload, dict):
        raise PaymentError("payment.payload: expected an authorization and its signature")
    return read_authorization(payload.get("authorization"), payload.get("signature"))


def _packed(document: dict[str, Any]) -> bytes:
    return base64.b64encode(json.dumps(document, separators=(",", ":")).encode())


def _checked(address: str) -> str:
    from eth_utils.address import to_checksum_address

    return str(to_checksum_address(address))
