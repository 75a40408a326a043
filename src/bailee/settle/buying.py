"""The client's side of x402: what a door asks for, and the payer's signed answer to it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bailee import json_text
from bailee.errors import InputError, PaymentError, RecordError
from bailee.records.caip import parse_chain
from bailee.settle.authorization import Authorization
from bailee.settle.pricing import Currency, Price
from bailee.settle.x402 import MOST_HEADER, REQUIRED, RESPONSE, VERSION

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

MOST_PATIENCE = 600
"""Seconds that a payment is valid for at most, whatever the door asks: until then the money may still be taken."""


@dataclass(frozen=True)
class Asked:
    """price: what is asked; entry: the same as the door said it, to be repeated; description: its words."""

    price: Price
    description: str
    entry: dict[str, Any] = field(repr=False)


def read_asked(header: str, network: str) -> Asked:
    """The first way to pay, of those in the value of REQUIRED, that we can on that network (CAIP-2). PaymentError."""
    document = _document(header, REQUIRED)
    if document.get("x402Version") != VERSION or not isinstance(document.get("accepts"), list):
        raise PaymentError(f"expected a price in x402 version {VERSION}, got version {document.get('x402Version')!r}")
    resource = document.get("resource")
    description = resource.get("description") if isinstance(resource, dict) else None
    for entry in document["accepts"]:
        price = _price(entry, network)
        if price is not None:
            return Asked(price, description if isinstance(description, str) else "", entry)
    raise PaymentError(
        f"the door names no way to pay on {network} by a transfer authorization (scheme exact, eip3009); name the node "
        "of the chain that it wants: --ledger"
    )


def sign_payment(asked: Asked, account: LocalAccount, now: float, nonce: str) -> tuple[Authorization, str]:
    """The authorization and the value of SIGNATURE that brings it. nonce: 32 random bytes, hex."""
    until = int(now) + min(asked.price.patience, MOST_PATIENCE)
    price = asked.price
    unsigned = Authorization(account.address.lower(), price.shares.lower(), price.amount, 0, until, nonce, b"")
    made = account.unsafe_sign_hash(unsigned.digest(price.currency))  # type: ignore[arg-type]
    paid = replace(unsigned, signature=made.r.to_bytes(32, "big") + made.s.to_bytes(32, "big") + bytes([made.v]))
    authorization = {
        "from": account.address, "to": asked.entry["payTo"], "value": str(paid.amount),
        "validAfter": str(paid.valid_after), "validBefore": str(paid.valid_before), "nonce": f"0x{nonce}",
    }  # fmt: skip
    payload = {"signature": f"0x{paid.signature.hex()}", "authorization": authorization}
    document = {"x402Version": VERSION, "accepted": asked.entry, "payload": payload}
    return paid, base64.b64encode(json.dumps(document).encode()).decode()


def read_settled(header: str) -> str:
    """The transaction that the value of RESPONSE names, hex with 0x. PaymentError."""
    transaction = _document(header, RESPONSE).get("transaction")
    if not isinstance(transaction, str):
        raise PaymentError(f"expected {RESPONSE} to name a transaction")
    return transaction


def _price(entry: object, network: str) -> Price | None:
    """None where it is a way of paying that is not ours."""
    if not isinstance(entry, dict) or (entry.get("scheme"), entry.get("network")) != ("exact", network):
        return None
    extra = entry.get("extra")
    if not isinstance(extra, dict) or extra.get("assetTransferMethod", "eip3009") != "eip3009":
        return None
    amount, patience = entry.get("amount"), entry.get("maxTimeoutSeconds")
    told = [entry.get("asset"), entry.get("payTo"), extra.get("name"), extra.get("version"), amount]
    if not all(isinstance(one, str) for one in told) or not isinstance(patience, int) or not str(amount).isdecimal():
        return None
    asset, pay_to, name, version, amount = map(str, told)
    try:
        currency = Currency(parse_chain(network).chain_id, asset, name, version)
        return Price(currency, int(amount) if len(amount) < 80 else 0, pay_to, patience)
    except (RecordError, InputError):
        return None


def _document(header: str, name: str) -> dict[str, Any]:
    try:
        if len(header) > MOST_HEADER:
            raise ValueError
        found = json_text.load(base64.b64decode(header, validate=True))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise PaymentError(f"expected {name} as base64 of a JSON object of at most {MOST_HEADER} bytes")
    return found
