"""Signing in to another party's server: the text that a key signs, apart from every record."""

from __future__ import annotations

from datetime import UTC, datetime

from bailee import json_text
from bailee.errors import InputError, RecordError
from bailee.records.envelope import Signer
from bailee.records.fields import parse_time

PREFIX = b"bailee api sign-in v1\n"
"""No record begins so: they are signed as `DSSEv1 ...`."""
MAX_BYTES = 2048


def answer(identity: Signer, text: str, audience: str, now: datetime | None = None) -> str:
    """The caller's side: the signature (hex) over a challenge of the server whose key is `audience` (hex).

    Raises InputError for a text that is for another server, another caller, or no challenge: a server in the middle
    could otherwise have a challenge of another one signed.
    """
    try:
        data = text.encode("utf-8", "replace")
        if len(data) > MAX_BYTES:
            raise ValueError
        facts = json_text.load(data)
        named, caller, expires = facts["audience"], facts["caller"], parse_time(facts["expires"])
    except (ValueError, KeyError, TypeError, RecordError):
        raise InputError("this is no challenge; ask for one at /v1/auth/challenges") from None
    if named != audience:
        raise InputError(f"the challenge is of another server ({str(named)[:16]}...), expected {audience[:16]}...")
    if caller != identity.public_key.hex():
        raise InputError("the challenge is for another caller's key")
    if expires <= (now or datetime.now(UTC)):
        raise InputError("the challenge has ended; ask for another one")
    return identity.sign(PREFIX + text.encode()).hex()
