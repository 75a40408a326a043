"""Shares that open only with the help of t of n proxies: the records that travel between owner, proxies and grantee.

    grantee --ReceivingKey--> owner --ProxyFragment--> each proxy, kept until it is asked
    grantee --ReencryptionRequest--> proxy --Reencrypted--> grantee, who needs t of them

Keys and fragments are those of Umbral (NuCypher, 2018); this room only carries them. `bailee.seal.vault.share.proxies`
makes and uses them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from blake3 import blake3

from bailee import tags
from bailee.errors import RecordError
from bailee.records.canonical import canonical
from bailee.records.envelope import Record
from bailee.records.fields import Count, Hex32, Time, parse_time
from bailee.records.share import HexBytes

MAX_PROXIES = 64


@dataclass(frozen=True)
class ReceivingKey(Record):
    KIND: ClassVar[str] = "receiving-key"
    SIGNER: ClassVar[str] = "party"

    party: Hex32
    key: HexBytes
    """Umbral public key, compressed, 33 bytes."""

    def require(self) -> None:
        _require_point(self.key, "receiving-key.key")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("key", blake3(bytes.fromhex(self.key)).hexdigest()),)


@dataclass(frozen=True)
class ProxyFragment(Record):
    KIND: ClassVar[str] = "proxy-fragment"
    SIGNER: ClassVar[str] = "owner"

    owner: Hex32
    proxy: Hex32
    """Raw Ed25519 key of whom `fragment` is sealed to."""
    share: Hex32
    """Digest of the share's envelope; the proxy need not see the share."""
    grantee: Hex32
    not_before: Time
    not_after: Time
    number: Count
    threshold: Count
    proxies: Count
    capsule: HexBytes
    delegating: HexBytes
    verifying: HexBytes
    receiving: HexBytes
    fragment: HexBytes = field(repr=False)
    """Umbral key fragment, sealed by HPKE to the proxy with `binding()` as its info."""

    def require(self) -> None:
        if parse_time(self.not_after) < parse_time(self.not_before):
            raise RecordError(f"proxy-fragment: ends at {self.not_after}, before it begins at {self.not_before}")
        if not 1 <= self.threshold <= self.proxies <= MAX_PROXIES or self.number >= self.proxies:
            raise RecordError(f"proxy-fragment: expected a number below n and a threshold of 1 to n <= {MAX_PROXIES}")
        for name in ("delegating", "verifying", "receiving"):
            _require_point(getattr(self, name), f"proxy-fragment.{name}")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("share", self.share),)

    def binding(self) -> bytes:
        """Digest of all but the fragment, 32 bytes."""
        fields = {name: value for name, value in self.to_predicate().items() if name != "fragment"}
        return blake3(canonical(fields), key=tags.PROXY_FRAGMENT).digest()


@dataclass(frozen=True)
class ReencryptionRequest(Record):
    KIND: ClassVar[str] = "reencryption-request"
    SIGNER: ClassVar[str] = "party"

    party: Hex32
    share: Hex32
    created: Time

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("share", self.share),)


@dataclass(frozen=True)
class Reencrypted(Record):
    KIND: ClassVar[str] = "reencrypted"
    SIGNER: ClassVar[str] = "proxy"

    proxy: Hex32
    share: Hex32
    fragment: HexBytes
    """Umbral capsule fragment: of use to the grantee alone, and only t of them together."""
    created: Time

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("share", self.share),)


def _require_point(text: str, where: str) -> None:
    if len(text) != 66:
        raise RecordError(f"{where}: expected a compressed point of 33 bytes, got {len(text) // 2}")
