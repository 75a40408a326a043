"""Terms that a work's owner offers to one builder on a ledger, as EIP-712 data, so that any wallet can sign them.

Not a record in an envelope: its signature is an Ethereum account's, and its id, the EIP-712 digest, is what the
contract Grants knows the grant by. Where a grant/v1 says the same, `record` is the digest of its envelope.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import ROUND_CEILING
from decimal import Decimal as Number
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from bailee.errors import RecordError
from bailee.records.caip import check_address, parse_account
from bailee.records.canonical import Json, canonical, parse
from bailee.records.ecdsa import signer_of
from bailee.records.envelope import Signed
from bailee.records.fields import parse_time
from bailee.records.grant import Grant

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

ONE = 10**9
"""A royalty or a share of use of one."""
EPSILON_UNIT, DELTA_UNIT = 10**9, 10**18
NONE = "00" * 32
NATIVE = "0x" + "0" * 40
TYPES = (
    ("work", "uint256"), ("builder", "address"), ("record", "bytes32"), ("purpose", "bytes32"), ("plan", "bytes32"),
    ("fields", "bytes32"), ("not_before", "uint64"), ("not_after", "uint64"), ("currency", "address"),
    ("price", "uint256"), ("royalty", "uint32"), ("epsilon", "uint64"), ("delta", "uint64"), ("salt", "bytes32"),
)  # fmt: skip
"""EIP-712 `Offer`, in the contract's order."""
_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_DOMAIN_NAME, _DOMAIN_VERSION = "Bailee grants", "1"
_WORD = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Offer:
    """work: its id on the ledger; builder, currency: addresses with check sums, NATIVE for the chain's own money.

    record, purpose, plan, fields, salt: 32 bytes, hex; NONE where nothing is said (fields: all of them).
    not_before, not_after: seconds since 1970. price in the currency's smallest unit. royalty: of ONE, for a share of
    use of one. epsilon, delta: what may be spent under it at most, in 10^-9 and 10^-18.
    """

    work: int
    builder: str
    record: str
    purpose: str
    plan: str
    fields: str
    not_before: int
    not_after: int
    currency: str
    price: int
    royalty: int
    epsilon: int
    delta: int
    salt: str

    def __post_init__(self) -> None:
        for name, kind in TYPES:
            _check(name, kind, getattr(self, name))
        if self.not_after < self.not_before:
            raise RecordError(f"offer: ends at {self.not_after}, before it begins at {self.not_before}")
        if self.royalty > ONE:
            raise RecordError(f"offer.royalty: expected at most {ONE} (all), got {self.royalty}")

    def values(self) -> tuple[Any, ...]:
        """The struct that the contract takes: words as bytes."""
        return tuple(
            bytes.fromhex(getattr(self, name)) if kind == "bytes32" else getattr(self, name) for name, kind in TYPES
        )

    def typed_data(self, chain_id: int, grants: str) -> dict[str, Any]:
        """What `eth_signTypedData_v4` takes, for the ledger whose Grants is at that address."""
        domain = [("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address")]
        return {
            "types": {
                "EIP712Domain": [{"name": name, "type": kind} for name, kind in domain],
                "Offer": [{"name": name, "type": kind} for name, kind in TYPES],
            },
            "primaryType": "Offer",
            "domain": {
                "name": _DOMAIN_NAME, "version": _DOMAIN_VERSION, "chainId": chain_id, "verifyingContract": grants
            },
            "message": {
                name: "0x" + getattr(self, name) if kind == "bytes32" else getattr(self, name) for name, kind in TYPES
            },
        }  # fmt: skip

    def digest(self, chain_id: int, grants: str) -> str:
        """Hex EIP-712 digest: the grant's id once it is accepted."""
        from eth_utils.crypto import keccak

        encoded = f"Offer({','.join(f'{kind} {name}' for name, kind in TYPES)})"
        domain = (
            keccak(_DOMAIN.encode())
            + keccak(_DOMAIN_NAME.encode())
            + keccak(_DOMAIN_VERSION.encode())
            + chain_id.to_bytes(32, "big")
            + _word("address", grants)
        )
        words = b"".join(_word(kind, getattr(self, name)) for name, kind in TYPES)
        return keccak(b"\x19\x01" + keccak(domain) + keccak(keccak(encoded.encode()) + words)).hex()


def offer_of(
    grant: Signed[Grant],
    work: int,
    builder: str,
    salt: str,
    *,
    currency: str = NATIVE,
    price: int = 0,
    royalty: int = 0,
) -> Offer:
    """The offer that says what a grant/v1 says, and besides what its use costs.

    work: the id of the grant's dataset on the ledger; builder: the account of the grant's builder (account/v1 shows
    that they are one); salt: 32 fresh random bytes, hex. Limits are rounded up to the ledger's units, as spendings are.
    """
    told = grant.record
    return Offer(
        work=work,
        builder=builder,
        record=grant.digest,
        purpose=blake3(told.purpose.encode()).hexdigest(),
        plan=told.plan,
        fields=blake3(canonical(list(told.fields))).hexdigest(),
        not_before=int(parse_time(told.not_before).timestamp()),
        not_after=int(parse_time(told.not_after).timestamp()),
        currency=currency,
        price=price,
        royalty=royalty,
        epsilon=_units(told.max_epsilon, EPSILON_UNIT),
        delta=_units(told.max_delta, DELTA_UNIT),
        salt=salt,
    )


@dataclass(frozen=True)
class SignedOffer:
    """What an owner sends to a builder. `ledger`: CAIP-10 of Grants; `signature`: r, s, v, or what ERC-1271 takes."""

    offer: Offer
    ledger: str
    signature: bytes

    @property
    def id(self) -> str:
        """Of the grant that it becomes."""
        return self.offer.digest(*_at(self.ledger))

    def signer(self) -> str:
        """The address of the account that signed, with check sum. SignatureError where nobody's signature fits.

        An owner that is a contract (ERC-1271) has no key; only its chain can say whether it signed.
        """
        return signer_of(bytes.fromhex(self.id), self.signature)

    def to_json(self) -> bytes:
        message: dict[str, Json] = {}
        for field in fields(Offer):
            value = getattr(self.offer, field.name)
            message[field.name] = str(value) if isinstance(value, int) else value  # 256 bits are no JSON number
        return canonical({"ledger": self.ledger, "offer": message, "signature": self.signature.hex(), "version": 1})

    @classmethod
    def from_json(cls, data: bytes) -> SignedOffer:
        """RecordError for anything but such an offer, spelled canonically."""
        found = parse(data)
        if not isinstance(found, Mapping) or sorted(found) != ["ledger", "offer", "signature", "version"]:
            raise RecordError("expected a signed offer: exactly ledger, offer, signature and version")
        ledger, message, signature = found["ledger"], found["offer"], found["signature"]
        if found["version"] != 1 or not isinstance(ledger, str) or not isinstance(signature, str):
            raise RecordError("expected a signed offer of version 1 with a ledger and a signature as text")
        if not isinstance(message, Mapping) or sorted(message) != sorted(name for name, _ in TYPES):
            raise RecordError(f"signed offer: expected exactly the fields {', '.join(name for name, _ in TYPES)}")
        parse_account(ledger)
        if re.fullmatch(r"([0-9a-f]{2}){1,1024}", signature) is None:
            raise RecordError("signed offer: expected a signature of 1 to 1024 bytes as lower-case hex")
        return cls(
            Offer(**{name: _read(name, kind, message[name]) for name, kind in TYPES}), ledger, bytes.fromhex(signature)
        )


def sign_offer(offer: Offer, account: LocalAccount, ledger: str) -> SignedOffer:
    """Signed by the work's owner, for the ledger of that CAIP-10 name."""
    signed = account.sign_typed_data(full_message=offer.typed_data(*_at(ledger)))
    return SignedOffer(offer, ledger, bytes(signed.signature))


def _at(ledger: str) -> tuple[int, str]:
    named = parse_account(ledger)
    from eth_utils.address import to_checksum_address

    return named.chain.chain_id, to_checksum_address(named.address)


def _units(text: str, unit: int) -> int:
    return int((Number(text) * unit).to_integral_value(ROUND_CEILING))


def _check(name: str, kind: str, value: object) -> None:
    if kind == "address":
        if not isinstance(value, str):
            raise RecordError(f"offer.{name}: expected an address, got a {type(value).__name__}")
        check_address(value)
    elif kind == "bytes32":
        if not isinstance(value, str) or _WORD.fullmatch(value) is None:
            raise RecordError(f"offer.{name}: expected 64 lower-case hex digits, got {str(value)[:80]!r}")
    else:
        most = 2 ** int(kind.removeprefix("uint")) - 1
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise RecordError(f"offer.{name}: expected an integer from 0 to {most}, got {str(value)[:80]}")


def _read(name: str, kind: str, value: object) -> Any:
    if not kind.startswith("uint"):
        return value
    if not isinstance(value, str) or re.fullmatch(r"0|[1-9][0-9]{0,77}", value) is None:
        raise RecordError(f"offer.{name}: expected an integer as decimal text, got {str(value)[:80]!r}")
    return int(value)


def _word(kind: str, value: Any) -> bytes:
    if kind == "bytes32":
        return bytes.fromhex(value)
    number = int(value, 16) if kind == "address" else int(value)
    return number.to_bytes(32, "big")
