"""A life of rights, step by step: each transaction's receipt by name, refusals too. Engines and gas are told by it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from eth_abi import encode
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from evm import NATIVE, WHOLE, Contract, Receipt, shipped
from rights import (
    BOND,
    CONTENT,
    DATASET,
    DISPUTE_BOND,
    MODEL,
    WINDOW,
    Rights,
    Terms,
    case_of,
    named,
    word,
    work_id,
)

PRINT, URI = b"\x5a" * 300, "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3"
"""What a registration of the usual size says."""


@dataclass
class Story:
    """Accounts: owner, builder, consumer, two verifiers, an accuser, three judges, a coin's maker."""

    rights: Rights
    receipts: dict[str, Receipt] = field(default_factory=dict)

    def __post_init__(self) -> None:
        evm = self.rights.evm
        self.owner, self.builder, self.consumer, *self.verifiers, self.accuser = evm.accounts[:6]
        self.maker = evm.accounts[9]
        self.coin = evm.deploy(shipped("Coin"), self.maker.address)

    def do(self, name: str, who: LocalAccount, contract: Contract, function: str, *arguments: Any, **how: int) -> None:
        assert name not in self.receipts
        self.receipts[name] = self.rights.evm.send(who, contract, function, *arguments, **how)

    def register(self, name: str, number: int, fingerprint: bytes = PRINT, salt: bytes = bytes(32)) -> int:
        arguments = (DATASET, named(word(f"rows {number}")), fingerprint, URI, 250, salt, [self.coin.address])
        self.do(name, self.owner, self.rights.registry, "register", *arguments)
        return work_id(self.owner.address, word(f"rows {number}"))

    def accept(self, name: str, terms: Terms) -> bytes:
        signature = self.rights.sign(terms, self.owner)
        value = terms.price if terms.currency == NATIVE else 0
        self.do(name, self.builder, self.rights.grants, "accept", terms.values(), signature, value=value)
        return self.rights.digest(terms)

    def derive(self, name: str, kind: int, made: str, parts: list[tuple[bytes, int]]) -> int:
        arguments = (kind, named(word(made)), PRINT, URI, 250, bytes(32), [self.coin.address], parts)
        self.do(name, self.builder, self.rights.registry, "derive", *arguments)
        return work_id(self.builder.address, word(made))

    def vote(self, name: str, contract: Contract, subject: bytes, round_: int = 1) -> None:
        case = case_of(contract.address, subject, round_)
        for judge, turn in zip(self.rights.judges, ("", "_that_decides", "_after_the_verdict"), strict=True):
            self.do(f"{name}{turn}", judge, self.rights.arbiters, "vote", case, True)

    def tell(self) -> Story:
        self.works_and_grants()
        self.models()
        self.disputes()
        self.money()
        return self

    def works_and_grants(self) -> None:
        registry, grants, salt = self.rights.registry, self.rights.grants, word("salt")
        ticket = keccak(encode(["address", "bytes32", "bytes32"], [self.owner.address, word("rows 0"), salt]))
        self.do("reserve", self.owner, registry, "reserve", ticket)
        self.do("reserve_again", self.owner, registry, "reserve", ticket)
        self.rows = self.register("register_reserved", 0, salt=salt)
        self.works = [self.register("register" if number == 1 else f"work_{number}", number) for number in range(1, 9)]
        self.register("register_with_2048_bytes_of_fingerprint", 9, PRINT[:1] * 2048)
        self.register("register_again", 1)
        terms = Terms(self.rows, self.builder.address, record=word("record"), royalty=3 * 10**8, epsilon=4 * 10**9)
        self.grant = self.accept("accept_free", terms)
        self.accept("accept_again", terms)
        for giver in (self.builder, self.consumer):
            self.rights.evm.do(self.maker, self.coin, "mint", giver.address, 10**12)
        self.rights.evm.do(self.builder, self.coin, "approve", grants.address, 2**256 - 1)
        for turn in ("first", "later"):
            paid = {"price": 10**9, "salt": word(turn)}
            self.accept(f"accept_native_{turn}", Terms(self.rows, self.builder.address, **paid))
            bought = Terms(self.rows, self.builder.address, currency=self.coin.address, **paid)
            last = self.accept(f"accept_erc20_{turn}", bought)
        self.do("revoke", self.owner, grants, "revoke", self.rows, last)
        self.do("revoke_unaccepted", self.owner, grants, "revoke", self.rows, word("an offer"))
        self.do("revoke_by_a_stranger", self.consumer, grants, "revoke", self.rows, self.grant)
        self.accept("accept_late", Terms(self.rows, self.builder.address, not_after=1))
        self.do("set_budget", self.owner, grants, "set_budget", self.rows, 8 * 10**9, 10**13)
        self.do("set_budget_lower", self.owner, grants, "set_budget", self.rows, 3 * 10**9, 10**13)
        self.do("set_budget_higher", self.owner, grants, "set_budget", self.rows, 9 * 10**9, 10**13)
        for name, epsilon in (("spend_first", 10**9), ("spend", 10**9), ("spend_beyond", 2 * 10**9)):
            told = (self.grant, word(name), epsilon, 10**12, word("anchor"))
            self.do(name, self.owner, grants, "spend", *told)

    def models(self) -> None:
        verifiers, parts = self.rights.verifiers, [(self.grant, WHOLE)]
        claim = self.rights.claim(self.builder.address, word("model"), parts)
        self.derive("derive_model_not_attested", MODEL, "model", parts)
        for turn, verifier in zip(("", "_that_is_the_quorum"), self.verifiers, strict=True):
            self.do(f"join{turn}", verifier, verifiers, "join", value=BOND)
            self.do(f"attest{turn}", verifier, verifiers, "attest", claim)
        self.do("attest_again", self.verifiers[0], verifiers, "attest", claim)
        self.rights.evm.engine.advance(WINDOW + 1)
        self.model = self.derive("derive_model_1_part", MODEL, "model", parts)
        self.grants = grants = [
            self.accept(f"grant_{number}", Terms(work, self.builder.address, royalty=10**8))
            for number, work in enumerate(self.works)
        ]
        self.derive("derive_1_part", CONTENT, "one", [(grants[0], WHOLE)])
        self.song = self.derive("derive_8_parts", CONTENT, "eight", [(grant, WHOLE // 8) for grant in grants])
        self.derive("derive_with_too_much", CONTENT, "much", [(grants[0], WHOLE), (grants[1], 1)])
        false = word("a false claim")
        self.do("attest_another", self.verifiers[0], verifiers, "attest", false)
        told = (false, word("evidence"), URI)
        self.do("challenge", self.accuser, verifiers, "challenge", *told, value=BOND)
        self.do("challenge_again", self.accuser, verifiers, "challenge", *told, value=BOND)
        self.vote("vote_on_a_claim", verifiers, false)
        self.do("conclude_challenge", self.consumer, verifiers, "conclude", false)
        self.do("refund_challenge", self.accuser, verifiers, "refund")
        self.do("leave", self.verifiers[1], verifiers, "leave")
        self.do("withdraw_too_early", self.verifiers[1], verifiers, "withdraw")
        self.rights.evm.engine.advance(2 * WINDOW + 1)
        self.do("withdraw", self.verifiers[1], verifiers, "withdraw")

    def most_parts(self) -> int:
        """A work made of 64 others, each another's: as many as there can be."""
        works = [self.register(f"work_{number}", number) for number in range(10, 66)]
        grants = [
            self.accept(f"grant_{number}", Terms(work, self.builder.address, royalty=10**8))
            for number, work in enumerate(works, 8)
        ]
        parts = [(grant, WHOLE // 64) for grant in (*self.grants, *grants)]
        self.works += works
        return self.derive("derive_64_parts", CONTENT, "sixty-four", parts)

    def disputes(self) -> None:
        registry, subject = self.rights.registry, self.song.to_bytes(32, "big")
        told = (self.song, self.rows, word("evidence"), URI)
        self.do("dispute", self.accuser, registry, "dispute", *told, value=DISPUTE_BOND)
        self.do("dispute_again", self.accuser, registry, "dispute", *told, value=DISPUTE_BOND)
        self.do("conclude_too_early", self.consumer, registry, "conclude", self.song)
        self.vote("vote", registry, subject)
        self.do("vote_by_a_stranger", self.consumer, self.rights.arbiters, "vote", word("case"), True)
        self.do("conclude_dispute", self.consumer, registry, "conclude", self.song)
        self.do("refund_dispute", self.accuser, registry, "refund")

    def money(self) -> None:
        rows, model = self.rights.shares(self.rows), self.rights.shares(self.model)
        self.rights.evm.do(self.consumer, self.coin, "approve", model.address, 2**256 - 1)
        for name, currency, value in (("native", NATIVE, 10**9), ("coin", self.coin.address, 0)):
            self.do(f"pay_{name}", self.consumer, model, "pay", currency, 10**9, word("use"), value=value)
            self.do(f"gather_{name}", self.consumer, rows, "gather", model.address, currency)
            self.do(f"claim_{name}", self.consumer, rows, "claim", self.owner.address, currency)
        self.do("transfer_units", self.builder, model, "transfer", self.consumer.address, 10**8)
        self.do("transfer_work", self.owner, self.rights.registry, "transferFrom", self.owner.address,
                self.consumer.address, self.rows)  # fmt: skip

    def balances(self) -> dict[str, Any]:
        """Money, units and rights of everybody, and what each contract of the ledger holds; gas is not counted."""
        evm, rights = self.rights.evm, self.rights
        people = (self.owner, self.builder, self.consumer, *self.verifiers, self.accuser)
        shares = [rights.shares(work) for work in (self.rows, self.model, self.song)]
        held = [rights.registry, rights.grants, rights.verifiers, rights.arbiters, *shares]
        return {
            "native": [evm.balance(one.address) for one in held],
            "coin": [evm.call(self.coin, "balanceOf", one.address) for one in (*people, *held)],
            "units": [[evm.call(one, "balanceOf", who.address) for who in (*people, *held)] for one in shares],
            "claimable": [
                [evm.call(one, "claimable", who.address, currency) for who in (*people, *shares)]
                for one in shares for currency in (NATIVE, self.coin.address)
            ],
            "works": [evm.call(rights.registry, "work", work) for work in (self.rows, self.model, self.song)],
            "grant": evm.call(rights.grants, "grant", self.grant),
            "budget": evm.call(rights.grants, "budget", self.rows),
            "verifiers": [evm.call(rights.verifiers, "verifier", one.address) for one in self.verifiers],
        }  # fmt: skip


REFUSED = {
    "reserve_again", "register_again", "accept_again", "revoke_by_a_stranger", "accept_late", "set_budget_higher",
    "spend_beyond", "derive_model_not_attested", "attest_again", "derive_with_too_much", "challenge_again",
    "withdraw_too_early", "dispute_again", "conclude_too_early", "vote_by_a_stranger",
    "vote_after_the_verdict", "vote_on_a_claim_after_the_verdict",
}  # fmt: skip
"""Steps that a contract refuses."""
