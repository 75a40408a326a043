"""Sessions under a plan that names a ledger: spent once, anchored in one block, whoever is killed or lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import ledgers
import parties
from bailee.errors import BaileeError, BudgetError, GrantError, InputError, PlanError, SessionError, SignatureError
from bailee.records import Anchor, AnchoredPassport, Beacon, Spending, Spent, digest
from bailee.statements.anchor import Entry, in_units
from bailee.statements.session import joint_seed
from bailee.train.events import Event
from bailee.train.model import model_plan_from_toml
from bailee.train.proving import check, proving
from bailee.verify.passport import verify_passport
from bailee.verify.statement import ProvenStatement
from ledgers import MemoryLedger, MemoryNode, make_ledger_cast
from parties import Cast, Killed, PretendCards, content, make_cast, pretend_verify, run_session
from train.test_model_session import FIELDS, cast_of
from train.test_session_attacks import EVE, OTHER, attack

Ledgered = tuple[Cast, MemoryLedger, dict[str, MemoryNode]]


@pytest.fixture
def world(tmp_path: Path) -> Ledgered:
    return make_ledger_cast(tmp_path, (20, 30))


def verified(path: Path, node: MemoryNode | None) -> ProvenStatement:
    opened = None if node is None else node.opened
    return verify_passport(path, cards=PretendCards(), gradients=pretend_verify, open_books=opened)


def test_a_session_spends_once_and_is_anchored(world: Ledgered) -> None:
    cast, books, nodes = world
    seen: list[tuple[str, str]] = []
    outcome, said = run_session(cast, watch=lambda name, event: seen.append((name, event.stage)))
    assert outcome is not None, said
    passport = outcome.passport.record
    assert isinstance(passport, AnchoredPassport)
    assert all(said[f"owner{place}"] == passport for place in range(2))
    assert verified(outcome.path, nodes["builder"]).anchor is not None
    last = 0
    for part in passport.owners:
        (entry,) = [one for one in books.spent.values() if one.record == part.grant]
        assert entry.anchor == part.noise
        assert (entry.epsilon, entry.delta) == in_units(part.epsilon, part.delta)
        last = max(last, entry.block)
    anchor = verified(outcome.path, None).anchor
    assert anchor is not None
    assert (anchor.block, anchor.hash) == (last + 1, books.blocks[last + 1])
    assert [stage for name, stage in seen if name == "owner1"][:6] == [
        "joined", "invited", "spending", "spent", "anchored", "committed",
    ]  # fmt: skip


def test_the_beacon_is_in_the_noise() -> None:
    said: Any = ("a" * 64, "b" * 64, {"c" * 64: "d" * 64}, {"e" * 64: "f" * 64}, "c" * 64)
    plain = joint_seed(*said)
    # What sessions without a ledger have always had.
    assert digest(plain) == "f6389083eb02b3e6f9420a73b1164cd72fa5cf0abebd1cba3301f5453479c0b6"
    assert len({plain, joint_seed(*said, "1" * 64), joint_seed(*said, "2" * 64)}) == 3


KILLS = [
    ("owner0", "spending"), ("owner0", "send"), ("owner0", "sent"), ("owner0", "spent"), ("owner0", "anchored"),
    ("builder", "spent"), ("builder", "anchored"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "moment"), KILLS, ids=[f"{who}-{moment}" for who, moment in KILLS])
def test_a_party_killed_around_its_spending_comes_back(world: Ledgered, who: str, moment: str) -> None:
    cast, books, nodes = world

    def kill(name: str, event: Event) -> None:
        if (name, event.stage) == (who, moment):
            raise Killed

    def die(at: str) -> None:
        if at == moment:
            raise Killed

    nodes[who].before = die
    outcome, said = run_session(cast, watch=kill)
    assert outcome is None
    assert isinstance(said[who], Killed)
    before = dict(books.spent)
    nodes[who].before = lambda at: None
    outcome, said = run_session(cast, resume=True)
    assert outcome is not None, said
    statement = verified(outcome.path, nodes["owner1"])
    assert len(books.spent) == 2
    assert before.items() <= books.spent.items()
    books.mine()  # later blocks change nothing
    again, said = run_session(cast, resume=True)
    assert again is not None, said
    assert content(again.passport.record) == content(outcome.passport.record)
    assert verified(again.path, nodes["owner1"]).anchor == statement.anchor


@dataclass
class Case:
    change: Callable[[Ledgered], None]
    error: type[BaileeError]
    words: str


def revoke_now(world: Ledgered) -> None:
    _, books, _ = world
    books.revoke(next(iter(books.grants)))


def revoke_before_spending(world: Ledgered) -> None:
    _, books, nodes = world
    nodes["owner0"].before = lambda at: books.revoke(next(iter(books.grants))) if at == "send" else None


def spend_otherwise(world: Ledgered) -> None:
    """Somebody else with the owner's account spends for the same session first."""
    _, books, nodes = world
    real = nodes["owner0"].entry

    def entry(grant: str, session: str) -> Entry | None:
        if (grant, session) not in books.spent:
            books.enter(grant, session, 1, 1, OTHER)
        return real(grant, session)

    nodes["owner0"].entry = entry  # type: ignore[method-assign]


def forget_grants(world: Ledgered) -> None:
    world[1].grants.clear()


REFUSED = {
    "no grant": Case(forget_grants, GrantError, "no grant on the ledger"),
    "revoked": Case(revoke_now, GrantError, "revoked on the ledger"),
    "revoked between checking and spending": Case(revoke_before_spending, GrantError, "revoked on the ledger"),
    "budget": Case(lambda world: setattr(world[1], "budget", (10**9, 10**18)), BudgetError, "budget on the ledger"),
    "spent on something else": Case(spend_otherwise, BudgetError, "something else was spent"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_owner_without_consent_on_the_ledger_shows_no_coin(world: Ledgered, name: str) -> None:
    cast, _, _ = world
    case = REFUSED[name]
    case.change(world)
    outcome, said = run_session(cast)
    assert outcome is None
    assert isinstance(said["owner0"], case.error), said
    assert case.words in str(said["owner0"])
    assert not [path for path in cast.root.rglob("coin-*.json") if cast.owners[0].key in path.name]
    if name in ("no grant", "revoked", "budget"):
        assert not cast.ledger(0).entries()  # refused before anything was charged


def test_the_budget_holds_over_sessions(world: Ledgered) -> None:
    cast, books, _ = world
    books.budget = (15 * 10**9, 10**18)  # one session of epsilon 8, not two
    outcome, said = run_session(cast)
    assert outcome is not None, said
    elsewhere = replace(cast, root=cast.root / "again")  # owners that forgot what they had spent
    outcome, said = run_session(elsewhere)
    assert outcome is None
    assert isinstance(said["owner0"], BudgetError)


def test_a_grant_revoked_on_the_ledger_is_good_for_no_further_round(world: Ledgered) -> None:
    cast, books, _ = world

    def watch(name: str, event: Event) -> None:
        if (name, event.stage, event.round) == ("owner0", "round", 2):
            (grant,) = [grant for grant, known in books.grants.items() if known.record == cast.owners[0].grant.digest]
            books.revoke(grant)

    outcome, said = run_session(cast, watch=watch)
    assert outcome is None
    assert isinstance(said["owner0"], GrantError)
    assert len(list((cast.root / "owner0").rglob("round-*.json"))) == 2


def test_plan_and_party_must_agree_on_a_ledger(tmp_path: Path, world: Ledgered) -> None:
    cast, _, nodes = world
    outcome, said = run_session(replace(cast, node=None))
    assert outcome is None
    assert isinstance(said["builder"], PlanError)
    assert "--ledger" in str(said["builder"])
    off = make_cast(tmp_path / "off", (20,))
    outcome, said = run_session(replace(off, node=lambda name: nodes[name].opened if name != "builder" else None))
    assert isinstance(said["owner0"], PlanError)
    assert "the plan names none" in str(said["owner0"])
    other = replace(cast, plan=replace(ledgers.PLAN, ledger="eip155:1:0x" + "cd" * 20))
    outcome, said = run_session(other)
    assert isinstance(said["builder"], InputError)


def moved(record: Anchor, place: int, **change: Any) -> Anchor:
    spendings = list(record.spendings)
    spendings[place] = replace(spendings[place], **change)
    return replace(record, spendings=tuple(spendings))


def beacon(record: Anchor, **change: Any) -> Anchor:
    return replace(record, beacon=replace(record.beacon, **change))


ANCHORS: list[tuple[str, Callable[[Anchor], Anchor], str]] = [
    ("session", lambda r: replace(r, session=OTHER), "of another session"),
    ("ledger", lambda r: replace(r, ledger="eip155:1:0x" + "cd" * 20), "the plan names"),
    ("order", lambda r: replace(r, spendings=r.spendings[::-1]), "other owners"),
    ("left out", lambda r: replace(r, spendings=r.spendings[:1]), "other owners"),
    ("owner", lambda r: moved(r, 1, owner=OTHER), "other owners"),
    ("grant", lambda r: moved(r, 1, grant=OTHER), "another spending|no spending"),
    ("block", lambda r: moved(r, 1, block=1), "another spending|its beacon|not in 1"),
    ("transaction", lambda r: moved(r, 0, transaction=OTHER), "another spending|or elsewhere"),
    ("epsilon", lambda r: moved(r, 0, epsilon="0.5"), "another spending"),
    ("delta", lambda r: moved(r, 1, delta="0.000001"), "another spending"),
    ("a later block", lambda r: beacon(r, number=r.beacon.number + 1), "first after the last spending"),
    ("an earlier block", lambda r: beacon(r, number=r.beacon.number - 1), "first after the last spending"),
    ("hash", lambda r: beacon(r, hash=OTHER), "has the hash"),
]


@pytest.mark.parametrize(("name", "change", "words"), ANCHORS, ids=[case[0] for case in ANCHORS])
def test_a_builders_false_anchor_sees_no_coin(
    world: Ledgered, name: str, change: Callable[[Anchor], Anchor], words: str
) -> None:
    cast, _, _ = world
    for end in ("owner0", "owner1"):
        again = replace(cast, root=cast.root / end)
        said = attack(again, end, Anchor, change, cast.builder)
        assert isinstance(said[end], SessionError), said
        assert any(word in str(said[end]) for word in words.split("|")), said[end]
        assert "no coin was shown" in str(said[end])


def test_an_anchor_of_a_stranger(world: Ledgered) -> None:
    cast, _, _ = world
    eve = EVE.public_key.hex()
    said = attack(cast, "owner0", Anchor, lambda r: replace(r, builder=eve), EVE)
    assert isinstance(said["owner0"], SignatureError)


def test_another_anchor_on_a_resume_is_refused(world: Ledgered) -> None:
    """The chain was reorganised, or the builder has thought of a better block: too late, the coin is shown."""
    cast, books, nodes = world

    def kill(name: str, event: Event) -> None:
        if (name, event.stage, event.round) == ("builder", "round", 1):
            raise Killed

    run_session(cast, watch=kill)
    number = len(books.blocks) - 1
    for node in nodes.values():
        node.other[number] = OTHER
    (kept,) = (cast.root / "builder").rglob("anchor.json")
    kept.unlink()
    outcome, said = run_session(cast, resume=True)
    assert outcome is None
    assert isinstance(said["owner0"], SessionError)
    assert "differs from what was said" in str(said["owner0"])


SPENT: list[tuple[str, Callable[[Spending], Spending], str]] = [
    ("grant", lambda s: replace(s, grant=OTHER), "no spending"),
    ("block", lambda s: replace(s, block=1), "not in 1"),
    ("transaction", lambda s: replace(s, transaction=OTHER), "or elsewhere"),
    ("less", lambda s: replace(s, epsilon="1"), "the run costs"),
    ("more", lambda s: replace(s, epsilon="9"), "another spending"),
    ("delta", lambda s: replace(s, delta="0.000001"), "the run costs"),
]


@pytest.mark.parametrize(("name", "change", "words"), SPENT, ids=[case[0] for case in SPENT])
def test_an_owners_false_word_is_not_anchored(
    world: Ledgered, name: str, change: Callable[[Spending], Spending], words: str
) -> None:
    cast, _, _ = world
    owner = min(cast.owners, key=lambda holding: holding.key)  # the builder hears owners in the order of their keys
    said = attack(
        cast, "builder0" if owner is cast.owners[0] else "builder1", Spent,
        lambda r: replace(r, spending=change(r.spending)), owner.identity,
    )  # fmt: skip
    assert isinstance(said["builder"], SessionError), said
    assert words in str(said["builder"])


def test_a_spending_of_another_session_or_ledger(world: Ledgered) -> None:
    cast, _, _ = world
    for place, (change, words) in enumerate(
        [({"session": OTHER}, "another session"), ({"ledger": "eip155:1:0x" + "cd" * 20}, "not on the plan's")]
    ):
        again = replace(cast, root=cast.root / str(place))
        said = attack(again, "builder0", Spent, lambda r, more=change: replace(r, **more), cast.owners[0].identity)
        assert words in str(said["builder"])


@dataclass
class LyingNode(MemoryNode):
    """An owner's (or builder's) that spends something else than it says, and shows what it should be."""

    epsilon: int | None = None
    anchor: str | None = None
    more: dict[str, Any] = field(default_factory=dict)
    told: dict[tuple[str, str], Entry] | None = None

    def spend(self, grant: str, session: str, epsilon: int, delta: int, anchor: str) -> None:
        self.books.enter(grant, session, self.epsilon or epsilon, delta, self.anchor or anchor)
        found = replace(self.books.spent[grant, session], epsilon=epsilon, anchor=anchor)
        self.books.spent[grant, session] = replace(self.books.spent[grant, session], **self.more)
        if self.told is not None:
            self.told[grant, session] = found

    def entry(self, grant: str, session: str) -> Entry | None:
        return (self.told or {}).get((grant, session)) or super().entry(grant, session)


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "smaller epsilon": ({"epsilon": 5}, "another spending"),
    "another noise commitment": ({"anchor": OTHER}, "is bound to"),
    "another grant": ({"more": {"record": OTHER}}, "stands for another grant"),
    "the budget of a second registration": ({"more": {"first": False}}, "not the first registered"),
    "the budget of another work": ({"more": {"commitment": OTHER}}, "the budget of another work"),
}


@pytest.mark.parametrize("name", LIES)
def test_an_owner_that_spends_something_else(world: Ledgered, name: str) -> None:
    cast, books, nodes = world
    more, words = LIES[name]
    nodes["owner1"] = LyingNode(books, told={}, **more)
    again = replace(cast, root=cast.root / "honest builder")
    outcome, said = run_session(again)
    assert outcome is None
    assert isinstance(said["builder"], SessionError), said
    assert words in str(said["builder"])


@pytest.mark.parametrize("name", LIES)
def test_owner_and_builder_together_do_not_deceive_another_owner(world: Ledgered, name: str) -> None:
    cast, books, nodes = world
    more, words = LIES[name]
    nodes["owner1"] = nodes["builder"] = LyingNode(books, told={}, **more)
    outcome, said = run_session(cast)
    if name == "the budget of another work":
        assert outcome is not None, said  # owners do not see one another's cards: that is for the reader to find
        return
    assert outcome is None
    assert isinstance(said["owner0"], SessionError), said
    assert words in str(said["owner0"])


@pytest.mark.parametrize("name", LIES)
def test_all_parties_together_do_not_deceive_a_reader_with_a_node(tmp_path: Path, name: str) -> None:
    cast, books, nodes = make_ledger_cast(tmp_path, (20,))
    more, words = LIES[name]
    nodes["owner0"] = nodes["builder"] = LyingNode(books, told={}, **more)
    outcome, said = run_session(cast)
    assert outcome is not None, said
    assert verified(outcome.path, None).anchor is not None  # without a node it is their word
    if name == "the budget of a second registration":
        verified(outcome.path, MemoryNode(books))  # which was first may change afterwards: no fault of this session's
        return
    with pytest.raises(BaileeError, match=f"ledger: .*{words}"):
        verified(outcome.path, MemoryNode(books))


def test_an_owner_whose_node_lags_or_is_on_a_fork(world: Ledgered) -> None:
    cast, _, nodes = world
    nodes["owner0"].blind_from = 3
    outcome, said = run_session(cast)
    assert outcome is None
    assert isinstance(said["owner0"], SessionError)
    assert "does not know block" in str(said["owner0"])
    nodes["owner0"].blind_from = None
    nodes["owner0"].other = dict.fromkeys(range(3, 20), OTHER)
    outcome, said = run_session(cast, resume=True)
    assert "contradicts the builder's anchor" in str(said["owner0"])
    nodes["owner0"].other = {}  # the node has caught up
    outcome, said = run_session(cast, resume=True)
    assert outcome is not None, said
    verified(outcome.path, nodes["owner0"])


def test_a_chain_that_stands_still(world: Ledgered) -> None:
    cast, _, nodes = world
    nodes["builder"].blind_from = 3
    outcome, said = run_session(cast)
    assert outcome is None
    assert isinstance(said["builder"], SessionError)
    assert "--resume" in str(said["builder"])


def test_an_anchor_says_whose_spendings(world: Ledgered) -> None:
    spending = Spending(OTHER, OTHER, 1, OTHER, "1", "0.1")
    with pytest.raises(BaileeError, match="another owner's"):
        Spent(OTHER, EVE.public_key.hex(), ledgers.NAME, spending)
    with pytest.raises(BaileeError, match="at least one owner"):
        Anchor(OTHER, OTHER, ledgers.NAME, (), Beacon(1, OTHER))
    with pytest.raises(BaileeError, match="CAIP-10"):
        Anchor(OTHER, OTHER, ledgers.NAME.upper(), (spending,), Beacon(1, OTHER))


def test_a_network_is_trained_under_a_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parties, "PRETENDED", proving())
    monkeypatch.setattr(parties, "pretend_check", check)
    plan = model_plan_from_toml({**FIELDS, "ledger": ledgers.NAME})
    assert plan.to_mapping()["version"] == 4
    assert model_plan_from_toml(FIELDS).digest == "03c6ecab6a0562ad7ca8cec8c2ffe534f150572a28ff7676b3dc6bbd228ab1c8"
    books = MemoryLedger()
    node = MemoryNode(books)
    cast = replace(cast_of(tmp_path, plan), node=lambda name: node.opened)
    for holding in cast.owners:
        books.accept(holding)
    outcome, said = run_session(cast)
    assert outcome is not None, said
    statement = verify_passport(outcome.path, cards=PretendCards(), open_books=node.opened)
    assert statement.anchor is not None
    assert statement.anchor.at_node
