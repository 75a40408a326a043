"""Shares that t of n proxies open together, while the owner is away: threshold proxy re-encryption with Umbral.

The owner seals a share's keys to a key made for this share alone, cuts that key into fragments for the proxies, and
forgets it. Neither a proxy nor all of them together read anything; the grantee reads nothing without t of them; so a
revocation or an end that n - t + 1 proxies know of holds, until the grantee has opened the share once.

This is the only module that imports `umbral-pre`, which is under the GPL 3: `pip install 'bailee[proxies]'`. The
curve is secp256k1, which a quantum computer breaks: for what must stay secret for decades, give to an identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from blake3 import blake3

from bailee import tags
from bailee.adapters.files import read_bytes, write_new
from bailee.errors import GrantError, InputError, RecordError, StorageError
from bailee.keys import Identity, PublicIdentity, Secret
from bailee.records import Signed, parse_time, sign, time_text
from bailee.records.passing import Chain
from bailee.records.proxy import MAX_PROXIES, ProxyFragment, ReceivingKey, Reencrypted, ReencryptionRequest
from bailee.records.share import PROXIED, Grantee, SharedStore, ShareRevocation
from bailee.seal.vault.share.sharing import Offer, give

try:
    import umbral_pre as umbral
except ImportError:  # pragma: no cover
    raise InputError("shares by proxies need: pip install 'bailee[proxies]' (umbral-pre, under the GPL 3)") from None

KEY_FILE = "proxies.key"
FRESH = timedelta(minutes=10)
"""How old a request may be, and how far ahead of the proxy's clock."""
_POINT, _CAPSULE = 33, 105
_WRONG: tuple[type[Exception], ...] = (ValueError, umbral.__dict__["VerificationError"])
"""What Umbral raises for bytes that are none and for fragments that do not verify; its stubs leave out the second."""


@dataclass(frozen=True)
class ReceivingSecret:
    """A grantee's Umbral key. Made by `generate`, kept in its home sealed to its identity."""

    secret: Secret

    @classmethod
    def generate(cls) -> ReceivingSecret:
        return cls(Secret(umbral.SecretKey.random().to_be_bytes()))

    @classmethod
    def load(cls, home: Path, identity: Identity) -> ReceivingSecret:
        """Raises InputError where there is none, StorageError where it is another identity's."""
        sealed = read_bytes(home / KEY_FILE, 1 << 14, "receiving key")
        return cls(identity.unseal(sealed, tags.PROXY_RECEIVING))

    def save(self, home: Path, identity: Identity) -> None:
        """StorageError where there is one already: keys are never replaced."""
        write_new(home / KEY_FILE, identity.public.seal(self.secret, tags.PROXY_RECEIVING), 0o600)

    def public(self, identity: Identity) -> Signed[ReceivingKey]:
        """What an owner needs to give to this party by proxies."""
        key = self.key.public_key().to_compressed_bytes()
        return sign(ReceivingKey(identity.public_key.hex(), key.hex()), identity)

    @property
    def key(self) -> umbral.SecretKey:
        return umbral.SecretKey.from_be_bytes(self.secret.reveal())


@dataclass
class _Cut:
    """A recipient that seals once and keeps the fragments of the key it sealed to."""

    receiving: Signed[ReceivingKey]
    threshold: int
    proxies: int
    made: list[_Packet] = field(default_factory=list)
    fragments: list[Secret] = field(default_factory=list)

    @property
    def grantee(self) -> Grantee:
        key = bytes.fromhex(self.receiving.record.key)
        return Grantee(self.receiving.record.party, PROXIED, blake3(key).hexdigest())

    def seal(self, secret: Secret, info: bytes) -> bytes:
        delegating, signer = umbral.SecretKey.random(), umbral.Signer(umbral.SecretKey.random())
        receiving = _point(self.receiving.record.key, "receiving key")
        # Umbral's encryption binds nothing beside its text, so the terms go into the text.
        capsule, text = umbral.encrypt(delegating.public_key(), info + secret.reveal())
        cut = umbral.generate_kfrags(delegating, receiving, signer, self.threshold, self.proxies, True, True)
        self.fragments = [Secret(bytes(fragment)) for fragment in cut]
        packet = _Packet(
            self.threshold,
            bytes(delegating.public_key().to_compressed_bytes()),
            bytes(signer.verifying_key().to_compressed_bytes()),
            bytes(capsule),
            bytes(text),
        )
        self.made.append(packet)
        return packet.to_bytes()


@dataclass(frozen=True)
class _Packet:
    """The `keys` of a share by proxies: threshold, 1 byte | delegating and verifying key, 33 each | capsule | text."""

    threshold: int
    delegating: bytes
    verifying: bytes
    capsule: bytes
    text: bytes

    def to_bytes(self) -> bytes:
        return bytes([self.threshold]) + self.delegating + self.verifying + self.capsule + self.text

    @classmethod
    def from_bytes(cls, data: bytes) -> _Packet:
        """Raises RecordError for anything too short or without a threshold."""
        start = 1 + 2 * _POINT
        if len(data) <= start + _CAPSULE or not 1 <= data[0] <= MAX_PROXIES:
            raise RecordError(f"expected keys sealed for proxies, got {len(data)} bytes that are none")
        return cls(
            data[0], data[1 : 1 + _POINT], data[1 + _POINT : start], data[start : start + _CAPSULE],
            data[start + _CAPSULE :],
        )  # fmt: skip


def give_by_proxies(
    owner: Identity,
    offers: Sequence[Offer],
    to: Signed[ReceivingKey],
    proxies: Sequence[PublicIdentity],
    threshold: int,
    purpose: str,
    not_before: datetime,
    not_after: datetime,
    stores: Sequence[SharedStore],
    share_id: bytes,
) -> tuple[Chain, tuple[Signed[ProxyFragment], ...]]:
    """A share for the grantee, and a fragment for each proxy, in order. It cannot be passed on.

    Raises InputError for a threshold that is none, or a key that is no point.
    """
    if not 1 <= threshold <= len(proxies) <= MAX_PROXIES or len({one.public_key for one in proxies}) != len(proxies):
        raise InputError(
            f"expected 1 to {MAX_PROXIES} different proxies and a threshold of at most as many, "
            f"got {len(proxies)} and {threshold}"
        )
    cut = _Cut(to, threshold, len(proxies))
    chain = give(owner, offers, cut, purpose, not_before, not_after, stores, share_id)
    (packet,), terms = cut.made, chain.terms
    made = []
    for number, (proxy, fragment) in enumerate(zip(proxies, cut.fragments, strict=True)):
        record = ProxyFragment(
            owner=owner.public_key.hex(),
            proxy=proxy.public_key.hex(),
            share=chain.first.digest,
            grantee=to.record.party,
            not_before=terms.not_before,
            not_after=terms.not_after,
            number=number,
            threshold=threshold,
            proxies=len(proxies),
            capsule=packet.capsule.hex(),
            delegating=packet.delegating.hex(),
            verifying=packet.verifying.hex(),
            receiving=to.record.key,
            fragment="",
        )
        sealed = proxy.seal(fragment, record.binding())
        made.append(sign(replace(record, fragment=sealed.hex()), owner))
    return chain, tuple(made)


def request(grantee: Identity, chain: Chain, now: datetime) -> Signed[ReencryptionRequest]:
    """What a grantee sends to each proxy."""
    return sign(ReencryptionRequest(grantee.public_key.hex(), chain.first.digest, time_text(now)), grantee)


def reencrypt(
    proxy: Identity,
    fragment: Signed[ProxyFragment],
    asked: Signed[ReencryptionRequest],
    revocations: Sequence[Signed[ShareRevocation]],
    now: datetime,
) -> Signed[Reencrypted]:
    """A proxy's answer. Raises GrantError where it must not give one; StorageError where the fragment is another's."""
    terms, asks = fragment.record, asked.record
    if asks.share != terms.share:
        raise GrantError("the request is for another share than this fragment is for")
    if asks.party != terms.grantee:
        raise GrantError(f"the share is for {terms.grantee[:16]}..., not for {asks.party[:16]}... who asks")
    if abs(now - parse_time(asks.created)) > FRESH:
        raise GrantError(f"the request was made at {asks.created}, over {FRESH} from now; ask again, or set the clock")
    if now < parse_time(terms.not_before):
        raise GrantError(f"the share is not yet valid: it begins at {terms.not_before}")
    if now > parse_time(terms.not_after):
        raise GrantError(f"the share has expired: it ended at {terms.not_after}")
    for revocation in revocations:
        end = revocation.record
        if end.share == terms.share and end.party == terms.owner and parse_time(end.revoked) <= now:
            raise GrantError(f"the share was revoked by its owner at {end.revoked}")
    opened = proxy.unseal(bytes.fromhex(terms.fragment), terms.binding())
    try:
        checked = umbral.KeyFrag.from_bytes(opened.reveal()).verify(
            _point(terms.verifying, "verifying key"),
            _point(terms.delegating, "delegating key"),
            _point(terms.receiving, "receiving key"),
        )
        made = umbral.reencrypt(umbral.Capsule.from_bytes(bytes.fromhex(terms.capsule)), checked)
    except _WRONG:
        raise StorageError("this fragment does not belong to the keys it is for; ask the owner for another") from None
    return sign(
        Reencrypted(proxy.public_key.hex(), terms.share, bytes(made).hex(), time_text(now)),
        proxy,
    )


@dataclass(frozen=True)
class ProxyReader:
    """Opens a share with the answers of proxies: give it to `open_share` where an identity would stand."""

    receiving: ReceivingSecret
    answers: tuple[Signed[Reencrypted], ...]

    def unseal(self, sealed: bytes, info: bytes) -> Secret:
        """Raises GrantError where fewer answers than needed are right; it says whose were not."""
        packet = _Packet.from_bytes(sealed)
        delegating = _point(packet.delegating.hex(), "delegating key")
        capsule = _capsule(packet.capsule)
        right: dict[
            bytes, umbral.VerifiedCapsuleFrag
        ] = {}  # by its first point: what is left is a proof, new each time
        wrong = []
        for answer in self.answers:
            try:
                found = umbral.CapsuleFrag.from_bytes(bytes.fromhex(answer.record.fragment)).verify(
                    capsule,
                    _point(packet.verifying.hex(), "verifying key"),
                    delegating,
                    self.receiving.key.public_key(),
                )
                right[found.to_bytes_simple()[:_POINT]] = found
            except _WRONG:
                wrong.append(answer.record.proxy[:16])
        if len(right) < packet.threshold:
            blamed = f"; wrong ones came from {', '.join(wrong)}" if wrong else ""
            raise GrantError(
                f"this share opens with the answers of {packet.threshold} proxies, got {len(right)} right ones"
                f"{blamed}; ask more proxies"
            )
        chosen = list(right.values())[: packet.threshold]
        try:
            text = umbral.decrypt_reencrypted(self.receiving.key, delegating, capsule, chosen, packet.text)
        except ValueError:
            text = None
        if text is None or text[: len(info)] != info:
            raise GrantError("the proxies' answers do not open this share; it was changed, or they are for another")
        return Secret(bytes(text[len(info) :]))


def _point(text: str, what: str) -> umbral.PublicKey:
    try:
        return umbral.PublicKey.from_compressed_bytes(bytes.fromhex(text))
    except ValueError:
        raise InputError(f"expected a {what} that is a point of secp256k1, got something else") from None


def _capsule(data: bytes) -> umbral.Capsule:
    try:
        return umbral.Capsule.from_bytes(data)
    except _WRONG:
        raise RecordError("the capsule of this share is none; ask for the share again") from None
