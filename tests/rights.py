"""A whole ledger in tests: its contracts on an engine of `chains`, and the steps that most scenarios need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from eth_abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chains import Engine
from evm import NOBODY, Contract, Evm, Receipt, shipped

DATASET, MODEL, CONTENT = 1, 2, 3
WINDOW = 1000
BOND = 8 * 10**17 + 1
"""Of a verifier, odd on purpose: a half of it is rounded."""
DISPUTE_BOND = 10**17
FAR = 2**40
"""A time that no test comes to."""
OFFER = (
    ("work", "uint256"), ("builder", "address"), ("record", "bytes32"), ("purpose", "bytes32"), ("plan", "bytes32"),
    ("fields", "bytes32"), ("not_before", "uint64"), ("not_after", "uint64"), ("currency", "address"),
    ("price", "uint256"), ("royalty", "uint32"), ("epsilon", "uint64"), ("delta", "uint64"), ("salt", "bytes32"),
)  # fmt: skip


def word(text: str) -> bytes:
    return keccak(text.encode())


def named(commitment: bytes) -> tuple[bytes, ...]:
    return (commitment, *(keccak(commitment + bytes([i])) for i in range(4)))


@dataclass(frozen=True)
class Terms:
    """An offer's fields, in the order of the contract's struct."""

    work: int
    builder: str
    record: bytes = bytes(32)
    purpose: bytes = word("purpose")
    plan: bytes = word("plan")
    fields: bytes = bytes(32)
    not_before: int = 0
    not_after: int = FAR
    currency: str = NOBODY
    price: int = 0
    royalty: int = 10**8
    epsilon: int = 4 * 10**9
    delta: int = 10**13
    salt: bytes = bytes(32)

    def values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name, _ in OFFER)


def signed(terms: Terms, owner: LocalAccount, chain_id: int, contract: str) -> bytes:
    """r, s, v over the EIP-712 digest, written here without the code under test."""
    domain = {"name": "Bailee grants", "version": "1", "chainId": chain_id, "verifyingContract": contract}
    types = {"Offer": [{"name": name, "type": kind} for name, kind in OFFER]}
    message = dict(zip((name for name, _ in OFFER), terms.values(), strict=True))
    return bytes(Account.sign_typed_data(owner.key, domain, types, message).signature)


@dataclass(frozen=True)
class Rights:
    """All contracts, the first account as an owner, the second as a builder, 6 to 8 as the arbiters (2 of 3)."""

    evm: Evm
    arbiters: Contract
    verifiers: Contract
    registry: Contract
    grants: Contract

    @property
    def owner(self) -> LocalAccount:
        return self.evm.accounts[0]

    @property
    def builder(self) -> LocalAccount:
        return self.evm.accounts[1]

    @property
    def judges(self) -> list[LocalAccount]:
        return self.evm.accounts[6:9]

    def register(
        self, owner: LocalAccount, commitment: bytes, kind: int = DATASET, salt: bytes = bytes(32), resale: int = 0
    ) -> int:
        arguments = (kind, named(commitment), b"print", "ipfs://card", resale, salt, [])
        self.evm.do(owner, self.registry, "register", *arguments)
        return work_id(owner.address, commitment)

    def shares(self, work: int) -> Contract:
        return Contract(to_checksum_address(self.evm.call(self.registry, "shares_of", work)), shipped("Shares").abi)

    def sign(self, terms: Terms, owner: LocalAccount) -> bytes:
        return signed(terms, owner, self.evm.engine.chain.chain_id, self.grants.address)

    def digest(self, terms: Terms) -> bytes:
        return bytes(self.evm.call(self.grants, "digest", terms.values()))

    def accept(self, terms: Terms, owner: LocalAccount, builder: LocalAccount) -> bytes:
        """The grant's id."""
        value = terms.price if terms.currency == NOBODY else 0
        self.evm.do(builder, self.grants, "accept", terms.values(), self.sign(terms, owner), value=value)
        return self.digest(terms)

    def granted(self, work: int, **terms: Any) -> bytes:
        """A grant on a work of the first account to the second."""
        return self.accept(replace(Terms(work, self.builder.address), **terms), self.owner, self.builder)

    def spend(self, grant: bytes, session: bytes, epsilon: int = 10**9, delta: int = 10**12) -> Receipt:
        return self.evm.do(self.owner, self.grants, "spend", grant, session, epsilon, delta, word("anchor"))

    def claim(self, registrant: str, commitment: bytes, parts: Sequence[tuple[bytes, int]]) -> bytes:
        types = ["address", "address", "bytes32", "(bytes32,uint256)[]"]
        return keccak(encode(types, [self.registry.address, registrant, commitment, list(parts)]))

    def finalise(self, claim: bytes, verifiers: Sequence[LocalAccount]) -> None:
        for verifier in verifiers:
            self.join(verifier)
            self.evm.do(verifier, self.verifiers, "attest", claim)
        self.evm.engine.advance(WINDOW + 1)

    def join(self, verifier: LocalAccount) -> None:
        if not self.evm.call(self.verifiers, "verifier", verifier.address)[0]:
            self.evm.do(verifier, self.verifiers, "join", value=BOND)

    def decide(self, contract: Contract, subject: bytes, round_: int, upheld: bool) -> None:
        case = case_of(contract.address, subject, round_)
        for judge in self.judges[:2]:
            self.evm.do(judge, self.arbiters, "vote", case, upheld)


def work_id(registrant: str, commitment: bytes) -> int:
    return int.from_bytes(keccak(encode(["address", "bytes32"], [registrant, commitment])), "big")


def case_of(contract: str, subject: bytes, round_: int) -> bytes:
    return keccak(encode(["address", "bytes32", "uint256"], [contract, subject, round_]))


def blueprint(evm: Evm, name: str) -> str:
    """A contract's creation code as code that lies on the chain (ERC-5202)."""
    code = b"\xfe\x71\x00" + shipped(name).bytecode
    prefix = b"\x61" + len(code).to_bytes(2, "big") + bytes.fromhex("3d81600a3d39f3")
    return to_checksum_address(evm.transact(evm.accounts[9], None, prefix + code)["contractAddress"])


def new_rights(engine: Engine, quorum: int = 2) -> Rights:
    evm = Evm(engine)
    arbiters = evm.deploy(shipped("Arbiters"), [one.address for one in evm.accounts[6:9]], 2)
    verifiers = evm.deploy(shipped("Verifiers"), arbiters.address, quorum, WINDOW, BOND)
    shares = evm.deploy(shipped("Shares"))
    registry = evm.deploy(
        shipped("Registry"), shares.address, blueprint(evm, "Grants"), verifiers.address, arbiters.address, DISPUTE_BOND
    )
    grants = Contract(to_checksum_address(evm.call(registry, "GRANTS")), shipped("Grants").abi)
    return Rights(evm, arbiters, verifiers, registry, grants)
