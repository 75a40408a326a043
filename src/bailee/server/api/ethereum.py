"""Signing in with an Ethereum account that is linked to a party's key (account/v1): ERC-4361.

As with challenges, nothing is kept of a message that is given out: its nonce carries the server's MAC over all of it.
The server's address in the message is the one it was started with, never one that a request names: a wallet warns its
holder only where that address is not the page's.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from blake3 import blake3

from bailee.errors import InputError, RecordError, SignatureError
from bailee.records import open_signed, parse_time, time_text
from bailee.records.account import AccountRecord
from bailee.records.caip import parse_account
from bailee.records.ethereum_sign_in import EthereumSignIn, read_sign_in
from bailee.server.api.problems import ProblemError

_DRAWN = 32
"""Hex digits of a nonce that are drawn; the other 64 are the MAC."""


@dataclass
class EthereumSignIns:
    """Of one server, whose key is `audience` (hex), reached at `origin`; seconds: how long a message is good."""

    audience: str
    origin: str
    clock: Callable[[], datetime]
    seconds: float
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def give(self, link: str) -> tuple[str, datetime]:
        """(the message to sign, when it ends) for the account that `link`, an account/v1 envelope, shows to be a
        party's. RecordError, SignatureError; ProblemError where accounts cannot be checked here."""
        _require_library()
        record = open_signed(link.encode("utf-8", "replace"), AccountRecord).record
        from eth_utils.address import to_checksum_address

        now = self.clock()
        ends, account = now + timedelta(seconds=self.seconds), parse_account(record.account)
        made = EthereumSignIn(
            origin=self.origin,
            address=str(to_checksum_address(account.address)),
            chain_id=account.chain.chain_id,
            nonce=secrets.token_hex(_DRAWN // 2),
            issued=time_text(now),
            expires=time_text(ends),
            server=self.audience,
            party=record.identity,
        )
        return replace(made, nonce=made.nonce + self._mac(made)).text(), ends

    def answered(self, text: str, signature: str) -> tuple[str, str, datetime]:
        """(the party's key, the nonce, when it ends) of a message given here, signed by its account. SignatureError."""
        _require_library()
        from bailee.records.ecdsa import signer_of, text_digest

        told = self._opened(text)
        if self.clock() >= parse_time(told.expires):
            raise SignatureError("the message has ended; ask for another one")
        if signer_of(text_digest(text), bytes.fromhex(signature)) != told.address:
            raise SignatureError("the signature is not that of the message's account over the message")
        return told.party, told.nonce, parse_time(told.expires)

    def _opened(self, text: str) -> EthereumSignIn:
        unknown = SignatureError("this is no message of this server, or of before its last start; ask for another")
        try:
            told = read_sign_in(text)
        except (RecordError, InputError):
            raise unknown from None
        drawn, mac = told.nonce[:_DRAWN], told.nonce[_DRAWN:]
        if not hmac.compare_digest(mac, self._mac(replace(told, nonce=drawn))):
            raise unknown
        return told

    def _mac(self, message: EthereumSignIn) -> str:
        """Over the message with the drawn half of its nonce alone: it has one spelling."""
        return blake3(message.text().encode(), key=self._key).hexdigest()


def _require_library() -> None:
    try:
        import eth_account  # noqa: F401
    except ImportError:
        detail = (
            "this server cannot check Ethereum accounts: its owner installs 'bailee[ledger]'; sign in with your key"
        )
        raise ProblemError(501, "NotInstalled", detail) from None
