"""Verifiers under bonds, who attest what passports say, and the arbiters who decide challenges and disputes."""

from __future__ import annotations

from bailee.adapters.chain.ledger.contract import LedgerContract, Sent
from bailee.adapters.chain.ledger.facts import NOBODY, ClaimState, Verdict, VerifierState, case_id, word


class Verifiers(LedgerContract):
    NAME = "Verifiers"

    @property
    def bond(self) -> int:
        return int(self._ask("bond"))

    @property
    def quorum(self) -> int:
        return int(self._ask("quorum"))

    @property
    def window(self) -> int:
        """Seconds."""
        return int(self._ask("window"))

    def join(self) -> Sent:
        return self._do("join", value=self.bond)

    def leave(self) -> Sent:
        return self._do("leave")

    def withdraw(self) -> Sent:
        return self._do("withdraw")

    def attest(self, claim: str) -> Sent:
        """Only after `bailee verify` said yes to the passport: a wrong word costs the bond."""
        return self._do("attest", word(claim))

    def retract(self, claim: str) -> Sent:
        return self._do("retract", word(claim))

    def challenge(self, claim: str, evidence: str, uri: str = "") -> Sent:
        """Say, with a bond, that the claim is wrong. evidence: digest of what `uri` has."""
        return self._do("challenge", word(claim), word(evidence), uri, value=self.bond)

    def conclude(self, claim: str) -> Sent:
        return self._do("conclude", word(claim))

    def is_final(self, claim: str) -> bool:
        return bool(self._ask("is_final", word(claim)))

    def claim(self, claim: str) -> ClaimState:
        attesters, since, challenger, rounds, void = self._ask("claim", word(claim))
        return ClaimState(tuple(attesters), since, None if challenger == NOBODY else challenger, rounds, void)

    def case_of(self, claim: str) -> str:
        """What arbiters vote on in the claim's last challenge."""
        return case_id(self.address, claim, self.claim(claim).rounds)

    def verifier(self, account: str) -> VerifierState:
        bonded, left, claims = self._ask("verifier", account)
        return VerifierState(bonded, left, tuple(one.hex() for one in claims))

    def refundable(self, account: str) -> int:
        return int(self._ask("owed", account))

    def refund(self) -> Sent:
        return self._do("refund")


class Arbiters(LedgerContract):
    NAME = "Arbiters"

    def members(self) -> tuple[str, ...]:
        return tuple(self._ask("members"))

    @property
    def threshold(self) -> int:
        return int(self._ask("threshold"))

    def vote(self, case: str, upheld: bool) -> Sent:
        """`case`: `registry.case_of(work)` or `verifiers.case_of(claim)`. A vote stands."""
        return self._do("vote", word(case), upheld)

    def verdict(self, case: str) -> Verdict:
        return Verdict(self._ask("verdict", word(case)))
