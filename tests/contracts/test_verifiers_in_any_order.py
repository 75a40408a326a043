"""Verifiers, challenges and verdicts in any order, against a model in Python; every wei belongs to somebody, always."""

import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from chains import Engine, engine  # noqa: F401
from rights import BOND, WINDOW, Rights, new_rights, word

TICK = 45 * WINDOW // 100
"""Seconds of one step of time: three are more than a window, five more than two, whatever a run takes meanwhile."""
QUORUM = 2
ACTS = (
    *["attest"] * 8, *["challenge"] * 4, *["conclude"] * 5, *["wait"] * 3, *["leave"] * 2, *["withdraw"] * 2,
    *["refund"] * 2, *["join"] * 3, *["retract"] * 2,
)  # fmt: skip
"""What is tried, as often as it helps to come to the odd corners."""


@dataclass
class Claim:
    attesters: list[int] = field(default_factory=list)
    since: int | None = None
    challenger: int | None = None
    rounds: int = 0
    void: bool = False


@dataclass
class Verifier:
    left: int | None = None


class Bonds(RuleBasedStateMachine):
    """Four people, three claims. Anybody joins, leaves, attests, retracts, challenges; verdicts fall either way."""

    rights: Rights

    @initialize(seed=st.integers(0, 2**64))
    def begin(self, seed: int) -> None:
        self.chance = random.Random(seed)  # even draws: hypothesis' own keep to small and equal ones
        self.evm = self.rights.evm
        self.before = self.evm.snapshot()
        self.burnt = self.evm.balance("0x" + "00" * 20)
        self.now = self.lost = 0
        self.bonded: dict[int, Verifier] = {}
        self.claims = [Claim() for _ in range(3)]
        self.owed = [0] * 4
        self.final: set[int] = set()
        for who in range(3):
            self.join(who, 0)

    def teardown(self) -> None:
        self.evm.revert(self.before)

    @rule()
    def act(self) -> None:
        act, who, which = self.chance.choice(ACTS), self.chance.randint(0, 3), self.chance.randint(0, 2)
        if self.chance.random() < 0.7:  # mostly where something is to be done
            which = next(
                (n for n, c in enumerate(self.claims) if act == "conclude" and c.challenger is not None), which
            )
            who = next((n for n in range(4) if act == "refund" and self.owed[n]), who)
            who = next((n for n in self.bonded if act == "withdraw" and self.bonded[n].left is not None), who)
        getattr(self, act)(who, which)

    def is_final(self, claim: Claim) -> bool:
        elapsed = claim.since is not None and self.now - claim.since >= 3
        return elapsed and not claim.void and claim.challenger is None

    def is_open(self, claim: Claim) -> bool:
        return not claim.void and not self.is_final(claim)

    def join(self, who: int, which: int) -> None:
        if self.do("joined" if who in self.bonded else "", who, "join", value=BOND):
            self.bonded[who] = Verifier()

    def leave(self, who: int, which: int) -> None:
        if self.do(self.attesting(who), who, "leave"):
            self.bonded[who].left = self.now

    def withdraw(self, who: int, which: int) -> None:
        left = self.bonded[who].left if who in self.bonded else None
        if left is None:
            expected = "not-left"
        elif self.now - left < 5:
            expected = "too-early"
        else:
            expected = "claims-open" * any(who in c.attesters and self.is_open(c) for c in self.claims)
        if self.do(expected, who, "withdraw"):
            del self.bonded[who]

    def attest(self, who: int, which: int) -> None:
        claim = self.claims[which]
        expected = self.attesting(who) or (
            "void-claim"
            if claim.void
            else "challenged"
            if claim.challenger is not None
            else "final"
            if self.is_final(claim)
            else "attested" * (who in claim.attesters)
        )
        if self.do(expected, who, "attest", word(f"claim {which}")):
            claim.attesters.append(who)
            if len(claim.attesters) == QUORUM:
                claim.since = self.now

    def retract(self, who: int, which: int) -> None:
        claim = self.claims[which]
        if who not in claim.attesters:
            expected = "not-attested"
        elif claim.since is not None or claim.void:
            expected = "quorum-reached"
        else:
            expected = "challenged" * (claim.challenger is not None)
        if self.do(expected, who, "retract", word(f"claim {which}")):
            claim.attesters.remove(who)

    def challenge(self, who: int, which: int) -> None:
        claim = self.claims[which]
        if claim.void:
            expected = "void-claim"
        elif not claim.attesters:
            expected = "nobody-attested"
        elif claim.challenger is not None:
            expected = "challenged"
        else:
            expected = "final" * self.is_final(claim)
        if self.do(expected, who, "challenge", word(f"claim {which}"), word("evidence"), "", value=BOND):
            claim.challenger = who
            claim.rounds += 1

    def conclude(self, who: int, which: int) -> None:
        claim, name = self.claims[which], word(f"claim {which}")
        if claim.challenger is None:
            self.do("not-challenged", 0, "conclude", name)
            return
        self.do("undecided", 0, "conclude", name)
        upheld = who % 2 == 0
        self.rights.decide(self.rights.verifiers, name, claim.rounds, upheld)
        assert self.do("", 0, "conclude", name)
        challenger, claim.challenger = claim.challenger, None
        if upheld:
            claim.void = True
            self.owed[challenger] += BOND + len(claim.attesters) * (BOND // 2)
            self.lost += len(claim.attesters) * (BOND - BOND // 2)
            for who in claim.attesters:
                self.slash(who, claim)
        else:
            claim.since = None if claim.since is None else self.now
            for who in claim.attesters:
                self.owed[who] += BOND // len(claim.attesters)
            self.lost += BOND % len(claim.attesters) if claim.attesters else BOND

    def slash(self, who: int, claim: Claim) -> None:
        del self.bonded[who]
        for other in self.claims:
            if other is not claim and who in other.attesters and self.is_open(other):
                other.attesters.remove(who)
                if len(other.attesters) < QUORUM:
                    other.since = None

    def refund(self, who: int, which: int) -> None:
        if self.do("" if self.owed[who] else "nothing-owed", who, "refund"):
            self.owed[who] = 0

    def wait(self, who: int, which: int) -> None:
        steps = 3 if which == 2 else 1
        self.evm.engine.advance(steps * TICK)
        self.now += steps

    @invariant()
    def every_wei_is_somebodys(self) -> None:
        if not hasattr(self, "claims"):
            return
        contract = self.rights.verifiers
        challenges = sum(claim.challenger is not None for claim in self.claims)
        assert self.evm.balance(contract.address) == (len(self.bonded) + challenges) * BOND + sum(self.owed)
        assert self.evm.balance("0x" + "00" * 20) - self.burnt == self.lost
        for who, owed in enumerate(self.owed):
            assert self.evm.call(contract, "owed", self.evm.accounts[who].address) == owed
        for which, claim in enumerate(self.claims):
            told = self.evm.call(contract, "is_final", word(f"claim {which}"))
            assert told is self.is_final(claim)
            assert told or which not in self.final  # what was final once stays so
            if told:
                self.final.add(which)
                continue
            # Behind every word on what is open stands a bond.
            assert claim.void or set(claim.attesters) <= set(self.bonded)

    def attesting(self, who: int) -> str:
        if who not in self.bonded:
            return "not-bonded"
        return "" if self.bonded[who].left is None else "left"

    def do(self, expected: str, who: int, name: str, *arguments: Any, value: int = 0) -> bool:
        account = self.evm.accounts[who]
        assert self.evm.refusal(account, self.rights.verifiers, name, *arguments, value=value) == expected
        receipt = self.evm.send(account, self.rights.verifiers, name, *arguments, value=value)
        assert receipt.status == (not expected)
        return not expected


def test_bonds_in_any_order(engine: Engine) -> None:  # noqa: F811
    machine = type("Bonds", (Bonds,), {"rights": new_rights(engine, QUORUM)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=3 if engine.name == "anvil" else 1,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
