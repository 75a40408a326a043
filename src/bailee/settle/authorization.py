"""A payer's signed word: so much of a currency to this payee, once, within this time (EIP-3009).

Its nonce names the payment: the token takes each (payer, nonce) once, so that is the key of a receipt too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bailee.errors import PaymentError, SignatureError
from bailee.records.ecdsa import signer_of
from bailee.settle.pricing import Currency, Price

MARGIN = 6
"""Seconds that an authorization must still be valid for: a block's time, until it is executed."""
_TYPE = (
    "TransferWithAuthorization(address from,address to,uint256 value,"
    "uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_LIMIT = 2**256
_ADDRESS, _WORD = re.compile(r"0x[0-9a-fA-F]{40}"), re.compile(r"0x[0-9a-fA-F]{64}")
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")


@dataclass(frozen=True)
class Authorization:
    """payer, payee: addresses in lower case; nonce: hex of 32 bytes; signature: r, s and v (27 or 28), 65 bytes."""

    payer: str
    payee: str
    amount: int
    valid_after: int
    valid_before: int
    nonce: str
    signature: bytes

    def digest(self, currency: Currency) -> bytes:
        """What was signed (EIP-712)."""
        from eth_utils.crypto import keccak

        domain = (
            keccak(_DOMAIN.encode())
            + keccak(currency.name.encode())
            + keccak(currency.version.encode())
            + currency.chain_id.to_bytes(32, "big")
            + _address(currency.address)
        )
        numbers = (self.amount, self.valid_after, self.valid_before)
        struct = (
            keccak(_TYPE.encode())
            + _address(self.payer)
            + _address(self.payee)
            + b"".join(number.to_bytes(32, "big") for number in numbers)
            + bytes.fromhex(self.nonce)
        )
        return keccak(b"\x19\x01" + keccak(domain) + keccak(struct))

    def check_signature(self, price: Price) -> None:
        """That its payer signed exactly this price to exactly these shares. PaymentError, SignatureError."""
        if self.payee != price.shares.lower():
            raise PaymentError(f"expected a payment to {price.shares}, got one to {self.payee}")
        if self.amount != price.amount:
            raise PaymentError(f"expected a payment of {price.amount}, got one of {self.amount}")
        found = signer_of(self.digest(price.currency), self.signature)
        if found.lower() != self.payer:
            raise SignatureError(
                f"expected the signature of {self.payer}, got one of {found}: "
                "is the currency's name, version and chain right?"
            )

    def check_time(self, now: float) -> None:
        """That it can be cashed now. PaymentError."""
        if not self.valid_after < now:
            raise PaymentError(f"the payment is valid only after {self.valid_after}, now it is {int(now)}")
        if now + MARGIN >= self.valid_before:
            raise PaymentError(f"the payment is valid until {self.valid_before}, now it is {int(now)}: sign a new one")


def read_authorization(values: object, signature: object) -> Authorization:
    """From what JSON gave: the fields of x402's `authorization`, numbers as decimal text. PaymentError."""
    if not isinstance(values, dict):
        raise PaymentError("expected an authorization (EIP-3009): the scheme `exact` with assetTransferMethod eip3009")
    if not isinstance(signature, str) or not _SIGNATURE.fullmatch(signature):
        raise PaymentError(
            "expected a signature of 65 bytes as 0x and 130 hexadecimal digits; contracts cannot pay here"
        )
    signed = bytes.fromhex(signature[2:])
    if signed[64] < 2:  # some wallets count from 0
        signed = signed[:64] + bytes([signed[64] + 27])
    return Authorization(
        _text(values, "from", _ADDRESS),
        _text(values, "to", _ADDRESS),
        _number(values, "value"),
        _number(values, "validAfter"),
        _number(values, "validBefore"),
        _text(values, "nonce", _WORD)[2:],
        signed,
    )


def _text(values: dict[str, object], name: str, form: re.Pattern[str]) -> str:
    found = values.get(name)
    if not isinstance(found, str) or not form.fullmatch(found):
        raise PaymentError(f"authorization.{name}: expected {form.pattern}")
    return found.lower()


def _number(values: dict[str, object], name: str) -> int:
    found = values.get(name)
    if not isinstance(found, str) or not re.fullmatch(r"0|[1-9][0-9]{0,77}", found) or int(found) >= _LIMIT:
        raise PaymentError(f"authorization.{name}: expected a decimal number below 2^256, as text")
    return int(found)


def _address(text: str) -> bytes:
    return bytes.fromhex(text[2:]).rjust(32, b"\0")
