"""An Ethereum account and a Bailee identity are one party: each signs the other's name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from bailee.errors import SignatureError
from bailee.records.caip import parse_account
from bailee.records.canonical import digest
from bailee.records.ecdsa import signer_of, text_digest
from bailee.records.envelope import Record, Signed, Signer, sign
from bailee.records.fields import Hex32, Rule, Time

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_ACCOUNT = re.compile(r"eip155:[1-9][0-9]{0,31}:0x[0-9a-f]{40}")

LowerAccount = Annotated[
    str,
    Rule(lambda text: _ACCOUNT.fullmatch(text) is not None, "eip155:CHAIN:0x and 40 lower-case hex digits (CAIP-10)"),
]
Signature = Annotated[
    str, Rule(lambda text: re.fullmatch(r"[0-9a-f]{130}", text) is not None, "65 bytes as lower-case hex digits")
]


@dataclass(frozen=True)
class AccountRecord(Record):
    """Signed by the identity; inside, the account's EIP-191 signature over `account_message(identity)`.

    The account's signature names no chain: a key is the same account on all of them. Only accounts with a key can say
    this, no contracts. It says who is who from `since` on; a party that lost the key says nothing more with it.
    """

    KIND: ClassVar[str] = "account"
    SIGNER: ClassVar[str] = "identity"

    identity: Hex32
    account: LowerAccount
    signature: Signature
    since: Time

    def require(self) -> None:
        found = signer_of(text_digest(account_message(self.identity)), bytes.fromhex(self.signature))
        if found.lower() != parse_account(self.account).address:
            raise SignatureError(
                f"account: expected the signature of {self.account}, got one of {found}: it was made with another key, "
                "or over another identity"
            )

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return ((self.account, digest(self.account.encode())),)


def account_message(identity: str) -> str:
    """What the account signs by EIP-191 (`personal_sign`): the identity's raw public key in hex, named."""
    return f"bailee account {identity}"


def link_account(identity: Signer, account: LocalAccount, chain_id: int, since: str) -> Signed[AccountRecord]:
    """The record, signed by both. since: a Time."""
    from eth_account.messages import encode_defunct

    key = identity.public_key.hex()
    signature = account.sign_message(encode_defunct(text=account_message(key))).signature
    name = f"eip155:{chain_id}:{account.address.lower()}"
    return sign(AccountRecord(key, name, bytes(signature).hex(), since), identity)
