"""Offers, revocations, budgets, spendings in any order, against a model in Python: the same refusals, word for word."""

import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from chains import Engine, engine  # noqa: F401
from rights import Rights, Terms, new_rights, word, work_id

TICK = 10_000
"""Seconds of one step of time: far more than a run takes, so that the model knows what time it is."""
SMALL = (0, 1, 1, 1, 1, 2, 2, 3, 5, 8, 8, 9, 2**64 - 1)
ACTS = (*["spend"] * 10, *["accept"] * 5, *["offer"] * 4, *["revoke"] * 2, "set_budget", "wait")
"""What is tried, as often as it helps to come to the odd corners."""


@dataclass
class Known:
    """What the model knows of an offer."""

    terms: Terms
    starts: int
    ends: int
    accepted: bool = False
    revoked: bool = False
    spent: list[int] = field(default_factory=lambda: [0, 0])
    sessions: set[int] = field(default_factory=set)


class Consent(RuleBasedStateMachine):
    """Two works of two owners; the third person builds. Everybody tries everything."""

    rights: Rights

    @initialize(seed=st.integers(0, 2**64))
    def begin(self, seed: int) -> None:
        self.chance = random.Random(seed)  # even draws: hypothesis' own keep to small and equal ones
        self.evm = self.rights.evm
        self.before = self.evm.snapshot()
        self.works = [work_id(self.evm.accounts[i].address, word(f"rows {i}")) for i in range(2)]
        self.now, self.epoch = 0, self.evm.engine.chain.block().time
        self.offers: list[Known] = []
        self.limits: dict[int, tuple[int, int]] = {}
        self.spent = [[0, 0], [0, 0]]
        for work in range(2):
            self.add(work, 10**9, 8, 8, -1, 3)
            self.budget(work, work, 20, 2**64 - 1)

    def mostly(self) -> bool:
        return self.chance.random() < 0.8

    def teardown(self) -> None:
        self.evm.revert(self.before)

    @rule()
    def act(self) -> None:
        getattr(self, self.chance.choice(ACTS))()

    def offer(self) -> None:
        work = self.chance.randint(0, 1)
        royalty = self.chance.choice([0, 10**9, 10**9, 10**9, 10**9 + 1])
        epsilon, delta = self.chance.choice(SMALL), self.chance.choice(SMALL)
        starts, lasts = self.chance.choice([-2, -1, -1, 0, 1]), self.chance.choice([3, 2, 4, 1, -1])
        self.add(work, royalty, epsilon, delta, self.now + starts, lasts)

    def add(self, work: int, royalty: int, epsilon: int, delta: int, starts: int, lasts: int) -> None:
        ends = starts + lasts
        at = [max(0, self.epoch + step * TICK + TICK // 2) for step in (starts, ends)]
        terms = Terms(
            self.works[work], self.evm.accounts[2].address, not_before=at[0], not_after=at[1], royalty=royalty,
            epsilon=epsilon, delta=delta, salt=word(str(len(self.offers))),
        )  # fmt: skip
        self.offers.append(Known(terms, starts, ends))

    def accept(self) -> None:
        known = self.chance.choice([one for one in self.offers if not one.accepted and self.mostly()] or self.offers)
        who = 2 if self.mostly() else 0
        signer = self.works.index(known.terms.work)
        signer = signer if self.mostly() else (signer + 1) % 3
        account = self.evm.accounts[who]
        call = (known.terms.values(), self.rights.sign(known.terms, self.evm.accounts[signer]))
        expected = next(
            (
                reason
                for refused, reason in (
                    (who != 2, "not-builder"),
                    (known.accepted, "accepted"),
                    (known.revoked, "revoked"),
                    (known.ends < known.starts, "bad-period"),
                    (known.ends < self.now, "expired"),
                    (known.terms.royalty > 10**9, "royalty-over-one"),
                    (signer != self.works.index(known.terms.work), "not-signed-by-owner"),
                )
                if refused
            ),
            "",
        )
        self.do(expected, account, "accept", *call)
        known.accepted |= expected == ""

    def revoke(self) -> None:
        known = self.chance.choice(self.offers)
        work = self.works.index(known.terms.work) if self.mostly() else self.chance.randint(0, 1)
        who = work if self.mostly() else 2
        mine = self.works.index(known.terms.work) == work
        if who != work:
            expected = "not-allowed"
        elif known.accepted and not mine:
            expected = "other-work"
        elif not mine:
            return  # allowed, and says nothing: nobody can ever accept such a grant of that work
        else:
            expected = "revoked" if known.revoked else ""
        grant = self.rights.digest(known.terms)
        self.do(expected, self.evm.accounts[who], "revoke", self.works[work], grant)
        known.revoked |= expected == ""

    def set_budget(self) -> None:
        work, epsilon, delta = self.chance.randint(0, 1), self.chance.choice(SMALL), self.chance.choice(SMALL)
        self.budget(work if self.mostly() else 2, work, epsilon, delta)

    def budget(self, who: int, work: int, epsilon: int, delta: int) -> None:
        former = self.limits.get(work, (2**64 - 1, 2**64 - 1))
        expected = ""
        if who != work:
            expected = "not-owner"
        elif epsilon > former[0] or delta > former[1]:
            expected = "budget-only-falls"
        self.do(expected, self.evm.accounts[who], "set_budget", self.works[work], epsilon, delta)
        if not expected:
            self.limits[work] = (epsilon, delta)

    def spend(self) -> None:
        known = self.chance.choice([one for one in self.offers if one.accepted and self.mostly()] or self.offers)
        work = self.works.index(known.terms.work)
        who = work if self.mostly() else (work + self.chance.randint(1, 2)) % 3
        session, epsilon, delta = self.chance.randint(0, 3), self.chance.choice(SMALL), self.chance.choice(SMALL)
        live = known.accepted and not known.revoked and known.starts < self.now <= known.ends
        total = [a + b for a, b in zip(self.spent[work], (epsilon, delta), strict=True)]
        own = [a + b for a, b in zip(known.spent, (epsilon, delta), strict=True)]
        limits = self.limits.get(work)
        expected = ""
        if not known.accepted:
            expected = "no-grant"
        elif who != work:
            expected = "not-allowed"
        elif not live:
            expected = "not-live"
        elif session in known.sessions:
            expected = "spent"
        elif limits is None:
            expected = "no-budget"
        elif total[0] > limits[0] or total[1] > limits[1]:
            expected = "budget-spent"
        elif own[0] > known.terms.epsilon or own[1] > known.terms.delta:
            expected = "grant-spent"
        grant = self.rights.digest(known.terms)
        call = (grant, word(f"session {session}"), epsilon, delta, word("anchor"))
        self.do(expected, self.evm.accounts[who], "spend", *call)
        if not expected:
            self.spent[work], known.spent = total, own
            known.sessions.add(session)

    def wait(self) -> None:
        self.evm.engine.advance(TICK)
        self.now += 1

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        if not hasattr(self, "works"):
            return
        for number, work in enumerate(self.works):
            told = self.evm.call(self.rights.grants, "budget", work)
            assert told == (*self.limits.get(number, (0, 0)), *self.spent[number])
        for known in self.offers[-2:]:
            grant = self.rights.digest(known.terms)
            told = self.evm.call(self.rights.grants, "grant", grant)
            assert told[-3:] == (*known.spent, len(known.sessions))
            live = known.accepted and not known.revoked and known.starts < self.now <= known.ends
            assert self.evm.call(self.rights.grants, "live", grant) is live

    def do(self, expected: str, account: Any, name: str, *arguments: Any) -> None:
        assert self.evm.refusal(account, self.rights.grants, name, *arguments) == expected
        assert self.evm.send(account, self.rights.grants, name, *arguments).status == (not expected)


def test_consent_in_any_order(engine: Engine) -> None:  # noqa: F811
    rights = new_rights(engine)
    for number in range(2):
        rights.register(rights.evm.accounts[number], word(f"rows {number}"))
    machine = type("Consent", (Consent,), {"rights": rights})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=3 if engine.name == "anvil" else 1,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
