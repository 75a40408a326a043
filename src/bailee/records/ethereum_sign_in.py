"""Signing in with an Ethereum account: the message of ERC-4361, written by its ABNF. The server writes it, no one reads
it loosely: whoever signs compares it with what it expects, and the server with what it gave, byte for byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bailee.errors import InputError, RecordError
from bailee.records.fields import parse_time, time_text

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

MAX_BYTES = 2048
_STATEMENT = "Sign in to Bailee with the rights that this server's owner gave to the party below."
_SERVER, _PARTY = "urn:bailee:server:", "urn:bailee:party:"
_FORM = re.compile(
    r"(?P<scheme>https?)://(?P<domain>[!-~]{1,255}) wants you to sign in with your Ethereum account:\n"
    r"(?P<address>0x[0-9a-fA-F]{40})\n\n"
    + re.escape(_STATEMENT)
    + r"\n\nURI: (?P<uri>[!-~]{1,300})\nVersion: 1\nChain ID: (?P<chain>[1-9][0-9]{0,31})\n"
    r"Nonce: (?P<nonce>[0-9a-f]{96})\n"
    r"Issued At: (?P<issued>[0-9TZ:-]{20})\nExpiration Time: (?P<expires>[0-9TZ:-]{20})\n"
    rf"Resources:\n- {_SERVER}(?P<server>[0-9a-f]{{64}})\n- {_PARTY}(?P<party>[0-9a-f]{{64}})"
)


@dataclass(frozen=True)
class EthereumSignIn:
    """origin: scheme://host:port that callers reach the server by; address: with check sum; server, party: raw public
    keys, hex; nonce: 96 hex digits; issued, expires: Time."""

    origin: str
    address: str
    chain_id: int
    nonce: str
    issued: str
    expires: str
    server: str
    party: str

    def text(self) -> str:
        """The one spelling of it."""
        return (
            f"{self.origin} wants you to sign in with your Ethereum account:\n{self.address}\n\n{_STATEMENT}\n\n"
            f"URI: {self.origin}/v1/auth/tokens\nVersion: 1\nChain ID: {self.chain_id}\nNonce: {self.nonce}\n"
            f"Issued At: {self.issued}\nExpiration Time: {self.expires}\n"
            f"Resources:\n- {_SERVER}{self.server}\n- {_PARTY}{self.party}"
        )


def read_sign_in(text: str) -> EthereumSignIn:
    """Raises RecordError for anything but what `text` writes."""
    found = _FORM.fullmatch(text) if len(text) <= MAX_BYTES else None
    if found is None:
        raise RecordError("this is no message of a Bailee server to sign in with an Ethereum account (ERC-4361)")
    made = EthereumSignIn(
        origin=f"{found['scheme']}://{found['domain']}",
        address=found["address"],
        chain_id=int(found["chain"]),
        nonce=found["nonce"],
        issued=time_text(parse_time(found["issued"])),
        expires=time_text(parse_time(found["expires"])),
        server=found["server"],
        party=found["party"],
    )
    if made.text() != text or checked_origin(made.origin) != made.origin:
        raise RecordError("the message to sign in names two addresses, or its own in another spelling")
    return made


def checked_origin(text: str) -> str:
    """`text`, where it is scheme://host or scheme://host:port. Raises InputError."""
    try:
        found = urlsplit(text)
        plain = found.username is None and not found.path and not found.query and not found.fragment
        good = found.scheme in ("http", "https") and bool(found.hostname) and plain and found.port != 0
    except ValueError:
        good = False
    if not good or not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]{1,255}", text):
        raise InputError(f"expected an address like https://clinic.example:8443, got {text[:80]!r}")
    return text


def answer_as_account(account: LocalAccount, text: str, origin: str, server: str, party: str, now: datetime) -> str:
    """The caller's side: the account's signature (hex, 130 digits) over a message that is exactly for this.

    origin: what the caller reached the server by; server, party: raw public keys, hex. Raises InputError where the
    message is for another server, account or party, or has ended: it would be good elsewhere.
    """
    from eth_account.messages import encode_defunct

    try:
        told = read_sign_in(text)
    except RecordError as error:
        raise InputError(str(error)) from None
    expected = {
        "server address": (told.origin, origin),
        "account": (told.address, account.address),
        "server key": (told.server, server),
        "party": (told.party, party),
    }
    for what, (found, wanted) in expected.items():
        if found != wanted:
            raise InputError(f"the message to sign in is for another {what}: {found[:80]}, expected {wanted[:80]}")
    if not parse_time(told.issued) <= parse_time(told.expires) or now >= parse_time(told.expires):
        raise InputError("the message to sign in has ended; ask for another one")
    return bytes(account.sign_message(encode_defunct(text=text)).signature).hex()
