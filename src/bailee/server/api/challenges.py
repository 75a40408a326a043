"""Signing in: a text that names both sides, signed by the caller's key, good once and for a minute.

The server keeps nothing of a challenge it gives out, so that strangers cannot fill its memory: the text carries its
MAC. What it remembers are challenges that were answered rightly, until they end: only callers with a role get there.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from blake3 import blake3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bailee import json_text
from bailee.errors import RecordError, SignatureError
from bailee.records import canonical, parse_time, time_text
from bailee.records.sign_in import MAX_BYTES, PREFIX


@dataclass
class Challenges:
    """Of one server: `audience` is its key (hex), `clock` gives the time (aware), seconds how long one is good."""

    audience: str
    clock: Callable[[], datetime]
    seconds: float
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _used: dict[str, datetime] = field(default_factory=dict, repr=False)

    def give(self, key: str) -> tuple[str, datetime]:
        """(the text to sign, when it ends) for the caller `key` (hex)."""
        ends = self.clock() + timedelta(seconds=self.seconds)
        facts = {
            "audience": self.audience,
            "caller": key,
            "expires": time_text(ends),
            "nonce": secrets.token_hex(16),
        }
        return canonical({**facts, "mac": self._mac(facts)}).decode(), ends

    def answered(self, text: str, signature: str) -> str:
        """The key (hex) that signed the challenge `text`. Raises SignatureError."""
        facts = self._opened(text)
        if self.clock() >= parse_time(facts["expires"]):
            raise SignatureError("the challenge has ended; ask for another one")
        try:
            signed = bytes.fromhex(signature)
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(facts["caller"])).verify(signed, PREFIX + text.encode())
        except (ValueError, InvalidSignature):
            raise SignatureError("the signature is not that of the challenge's caller over the challenge") from None
        return facts["caller"]

    def use(self, text: str) -> None:
        """Once only. Raises SignatureError for a challenge that was used."""
        facts = self._opened(text)
        self.use_nonce(facts["nonce"], parse_time(facts["expires"]))

    def use_nonce(self, nonce: str, expires: datetime) -> None:
        """The same of any nonce that was drawn here and is good until `expires`."""
        now = self.clock()
        self._used = {used: ends for used, ends in self._used.items() if ends > now}
        if nonce in self._used:
            raise SignatureError("the challenge was used already; ask for another one")
        self._used[nonce] = expires

    def _opened(self, text: str) -> dict[str, str]:
        unknown = SignatureError("this is no challenge of this server, or of before its last start; ask for another")
        data = text.encode("utf-8", "replace")
        try:
            facts = json_text.load(data) if len(data) <= MAX_BYTES else None
            if not isinstance(facts, dict) or not all(isinstance(value, str) for value in facts.values()):
                raise unknown
            mac = facts.pop("mac", "")
            if not hmac.compare_digest(mac.encode(), self._mac(facts).encode()):
                raise unknown
            if canonical({**facts, "mac": mac}) != data:  # one spelling, or one nonce would be good twice
                raise unknown
        except (ValueError, RecordError):
            raise unknown from None
        return facts

    def _mac(self, facts: dict[str, str]) -> str:
        return blake3(canonical(dict(facts)), key=self._key).hexdigest()
