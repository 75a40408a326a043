"""Hidden-model runs under a plan that names a ledger: spent once for the opening, anchored, whoever dies or lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bailee.errors import BaileeError, BudgetError, GrantError, InputError, PlanError, SessionError, SignatureError
from bailee.records import Anchor, Revocation, Signed, digest, open_signed, sign, time_text
from bailee.records.model import AnchoredModelPassport, ModelCoin, ModelOpening, ModelPassport
from bailee.statements.anchor import Entry, in_units
from bailee.statements.hidden.order import shuffle_claim
from bailee.statements.hidden.session import chunk_coins
from bailee.statements.hidden.terms import ModelTerms, Setup
from bailee.train.model import model_plan_from_toml
from bailee.train.model.lender import OpenedRun, check_run_anchor
from ledgers import NAME
from model_cast import FULL, PLAN_FIELDS, lend, make_cast, verify
from model_ledgers import PLAN, World, killing, make_world, wait_for
from parties import Killed, make_owner
from train.test_anchored_session import ANCHORS
from train.test_session_attacks import EVE, OTHER

SECRET = model_plan_from_toml({**PLAN_FIELDS, "order": "secret", "ledger": NAME})
NOW = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.mark.parametrize("plan", [PLAN, SECRET, replace(FULL, ledger=NAME)], ids=["batches", "secret", "full"])
def test_a_run_spends_once_for_its_opening_and_is_anchored(tmp_path: Path, plan: Any) -> None:
    world, stages = make_world(tmp_path, plan=plan), []
    run = world.train(watch=lambda event: stages.append(event.stage))
    record = run.passport.record
    assert isinstance(record, AnchoredModelPassport)
    assert record.epsilon is not None
    assert len(world.books.spent) == 2
    for part in record.owners:
        (entry,) = [one for one in world.books.spent.values() if one.record == part.grant]
        assert entry.anchor == record.opening
        assert (entry.epsilon, entry.delta) == in_units(record.epsilon, record.delta)
    last = max(entry.block for entry in world.books.spent.values())
    online, offline = verify(run.path, open_books=world.node.opened), verify(run.path)
    assert online.anchor is not None
    assert (online.anchor.block, online.anchor.hash) == (last + 1, world.books.blocks[last + 1])
    assert (online.anchor.at_node, replace(online.anchor, at_node=False)) == (True, offline.anchor)
    told = [stage for stage in stages if stage not in ("committing", "proved", "verified")]
    assert told[:3] == ["spent", "spent", "anchored"]


def test_the_beacon_is_in_noise_and_order() -> None:
    said: Any = ("a" * 64, "b" * 64, {"e" * 64: "f" * 64}, 3)
    plain = chunk_coins(*said)
    # What runs without a ledger have always had.
    assert digest(plain) == "b1aad14375a70bed2f6adde0d1b4d610be020f377be82cab32a73ebe92255b9d"
    assert len({plain, chunk_coins(*said, "1" * 64), chunk_coins(*said, "2" * 64)}) == 3
    columns = make_owner(0, 4, EVE, NOW, SECRET).card.record.columns
    setup = Setup(SECRET, ModelTerms(columns, (4,), 1, 1, "1", 4))
    orders = {shuffle_claim(setup, *said[:3], 0, beacon).coins.tobytes() for beacon in (None, "1" * 64, "2" * 64)}
    assert len(orders) == 3


def test_another_block_is_another_model(tmp_path: Path) -> None:
    """The same secrets, coins and opening; only the hash of the block after the spendings differs."""
    first, second = make_world(tmp_path / "first"), make_world(tmp_path / "second")
    second.cast = replace(first.cast, root=second.cast.root, holdings=_fresh(first))
    second.books.grants = dict(first.books.grants)
    second.books.fork = "another"
    made = [one.train(entropy=_stream()).passport.record for one in (first, second)]
    assert made[0].opening == made[1].opening
    assert made[0].model != made[1].model


def _stream() -> Callable[[int], bytes]:
    calls = count()
    return lambda size: bytes((7 * next(calls) + at) % 251 for at in range(size))


def _fresh(world: World) -> Any:
    cast = world.cast
    return tuple(lend(one, cast.plan, cast.now, cast.root / "again") for one in cast.owners)


KILLS = [("send", 1), ("sent", 1), ("sent", 2), ("spent", 1), ("spent", 2), ("anchored", 1), ("trained", 1)]


@pytest.mark.parametrize(("moment", "number"), KILLS, ids=[f"{moment}-{number}" for moment, number in KILLS])
def test_a_trainer_killed_around_spending_and_anchor_comes_back(world: World, moment: str, number: int) -> None:
    calls = count(1)

    def die(at: str) -> None:
        if at == moment and next(calls) == number:
            raise Killed

    world.node.before = die
    with pytest.raises(Killed):
        world.train(watch=killing(moment, number))
    before, session = dict(world.books.spent), world.folder.name
    world.books.mine()  # life goes on
    run = world.train(resume=True)
    assert run.passport.record.session == session
    assert len(world.books.spent) == 2
    assert before.items() <= world.books.spent.items()
    anchor = verify(run.path, open_books=world.node.opened).anchor
    world.books.mine()
    again = world.train(resume=True)
    assert again.passport == run.passport
    assert verify(again.path, open_books=world.node.opened).anchor == anchor


@dataclass
class Case:
    change: Callable[[World], object]
    error: type[BaileeError]
    words: str
    begun: bool = False


def revoke(world: World, place: int = 0) -> None:
    record = world.cast.owners[place].grant.digest
    world.books.revoke(next(grant for grant, known in world.books.grants.items() if known.record == record))


def revoke_before_spending(world: World) -> None:
    world.node.before = lambda at: revoke(world) if at == "send" else None


def spend_otherwise(world: World) -> None:
    """Somebody else with an owner's account spends for the same session first."""
    real = world.node.entry

    def entry(grant: str, session: str) -> Entry | None:
        if (grant, session) not in world.books.spent:
            world.books.enter(grant, session, 1, 1, OTHER)
        return real(grant, session)

    world.node.entry = entry  # type: ignore[method-assign]


REFUSED = {
    "no grant": Case(lambda world: world.books.grants.clear(), GrantError, "of Hospital .*no grant on the ledger"),
    "revoked": Case(revoke, GrantError, "of Hospital 0: .*revoked on the ledger"),
    "budget": Case(
        lambda world: setattr(world.books, "budget", (10**9, 10**18)), BudgetError, "of Hospital .*budget on the ledger"
    ),
    "revoked between checking and spending": Case(
        revoke_before_spending, GrantError, "revoked on the ledger", begun=True
    ),
    "spent on something else": Case(spend_otherwise, BudgetError, "something else was spent", begun=True),
}


@pytest.mark.parametrize("name", REFUSED)
def test_without_consent_on_the_ledger_nothing_is_trained(world: World, name: str) -> None:
    case = REFUSED[name]
    case.change(world)
    with pytest.raises(case.error, match=case.words):
        world.train()
    runs = world.cast.root / "runs"
    assert bool(list(runs.glob("*/opening.json"))) == case.begun
    assert not [*runs.glob("*/coin-*.json"), *runs.glob("*/anchor.json"), *runs.glob("*/state-*")]
    if not case.begun:  # refused before anything was charged
        assert not list(world.cast.root.glob("*/privacy.jsonl"))


def test_the_budget_holds_over_runs(world: World) -> None:
    world.books.budget = (15 * 10**9, 10**18)  # one run of epsilon 8, not two
    assert world.train().path.exists()
    world.cast = replace(world.cast, holdings=_fresh(world))  # owners that forgot what they had spent
    with pytest.raises(BudgetError, match="budget on the ledger"):
        world.train()


def test_a_grant_revoked_after_its_spending_is_good_for_no_resume(world: World) -> None:
    with pytest.raises(Killed):
        world.train(watch=killing("trained"))
    revoke(world)
    with pytest.raises(GrantError, match="of Hospital 0: the grant was revoked on the ledger"):
        world.train(resume=True)
    assert len(world.books.spent) == 2  # what was spent stays spent


def test_a_passport_outlives_its_grant(world: World) -> None:
    run = world.train()
    revoke(world)
    assert verify(run.path, open_books=world.node.opened).anchor is not None


def test_plan_and_party_must_agree_on_a_ledger(world: World, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"names the ledger eip155:.*--ledger"):
        world.train(open_ledger=None)
    off = make_cast(tmp_path / "off", (20,))
    with pytest.raises(PlanError, match="the plan names none"):
        off.train(open_ledger=world.node.opened)
    run = off.train()
    assert type(run.passport.record) is ModelPassport
    with pytest.raises(InputError, match="no ledger eip155:1:0x"):
        world.train(plan=replace(PLAN, ledger="eip155:1:0x" + "cd" * 20))


def test_an_unprotected_plan_names_no_ledger() -> None:
    fields = {**PLAN_FIELDS, "privacy": {"mode": "unprotected"}, "ledger": NAME}
    with pytest.raises(PlanError, match='ledger: an "unprotected" plan names none: no epsilon bounds what it costs'):
        model_plan_from_toml(fields)


def test_another_anchor_on_a_resume_is_refused(world: World) -> None:
    with pytest.raises(Killed):
        world.train(watch=killing("trained"))
    path = world.folder / "anchor.json"
    other = replace(world.anchor.record, spendings=world.anchor.record.spendings[::-1])
    path.write_bytes(sign(other, world.cast.trainer).envelope)
    with pytest.raises(SessionError, match="another spending than before"):
        world.train(resume=True)
    path.unlink()
    for entry in world.books.spent.values():  # the chain was reorganised
        world.books.blocks[entry.block + 1] = OTHER
    with pytest.raises(SessionError, match="a coin differs from what was said"):
        world.train(resume=True)


def test_two_datasets_of_one_owner(tmp_path: Path) -> None:
    world = make_world(tmp_path, (30,))
    cast, first = world.cast, world.cast.owners[0]
    second = make_owner(1, 20, cast.trainer, cast.now, PLAN, first.identity)
    world.books.accept(second)
    world.cast = replace(
        cast, owners=(first, second), holdings=(*cast.holdings, lend(second, PLAN, cast.now, tmp_path))
    )
    run = world.train(coins=[first.identity], spenders=[first.identity])
    assert len(world.books.spent) == 2
    assert verify(run.path, open_books=world.node.opened).anchor is not None


def test_owners_from_afar_spend_and_then_show_their_coins(world: World) -> None:
    said = wait_for(world, "spendings")
    assert f"{world.folder / 'opening.json'}; each answers with `bailee spend opening.json`" in said
    first = world.spend(0)
    assert world.spend(0) == first
    assert "waiting" in wait_for(world, "spendings", spent=[first], resume=True)
    lending = world.lending(1)
    with pytest.raises(SessionError, match="nothing was spent for this run from here: spend first"):
        check_run_anchor(world.owners[1], lending.run, sign(_any_anchor(world), world.cast.trainer), [lending], 1.0)
    said = wait_for(world, "coins", spent=[world.spend(1)], resume=True)
    assert "opening.json and anchor.json beside it; each answers with `bailee coin show opening.json --anchor" in said
    coins = [world.show(place) for place in range(2)]
    bare = [sign(ModelCoin(one.record.session, one.record.party, one.record.opening, one.record.coin),
                 world.cast.owners[place].identity) for place, one in enumerate(coins)]  # fmt: skip
    with pytest.raises(SessionError, match="is for another run, or not the one it promised"):
        world.afar(answers=bare, resume=True)
    other = sign(replace(coins[0].record, anchor=OTHER), world.cast.owners[0].identity)
    with pytest.raises(SessionError, match="is for another run, or not the one it promised"):
        world.afar(answers=[other], resume=True)
    run = world.afar(answers=coins, resume=True)
    assert len(world.books.spent) == 2
    assert verify(run.path, open_books=world.node.opened).coins_drawn_by == "parties"


def _any_anchor(world: World) -> Anchor:
    other = make_world(world.cast.root / "other")
    other.train()
    return replace(other.anchor.record, builder=world.cast.trainer.public_key.hex())


def test_a_spending_that_is_not_for_this_run(world: World) -> None:
    wait_for(world, "spendings")
    said, owner = world.spend(0), world.cast.owners[0].identity
    spending = said.record.spending
    for change, words in (
        ({"session": OTHER}, "for another run, or on another ledger"),
        ({"ledger": "eip155:1:0x" + "cd" * 20}, "for another run, or on another ledger"),
        ({"spending": replace(spending, grant=OTHER)}, "this node shows no spending"),
    ):
        with pytest.raises(SessionError, match=words):
            world.afar(spent=[sign(replace(said.record, **change), owner)], resume=True)
    second = world.cast.owners[1]
    stolen = replace(said.record, owner=second.key, spending=replace(spending, owner=second.key))
    with pytest.raises(SessionError, match="spent under a grant that stands for none of this run's"):
        world.afar(spent=[sign(stolen, second.identity)], resume=True)
    world.node.books.spent.clear()
    with pytest.raises(SessionError, match=f"wait until it has block {spending.block}"):
        world.afar(spent=[said], resume=True)


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "less": ({"epsilon": 5}, "another spending"),
    "another opening": ({"anchor": OTHER}, "is bound to"),
    "a second registration": ({"first": False}, "not the first registered"),
    "the budget of another work": ({"commitment": OTHER}, "the budget of another work"),
    "elsewhere": ({"transaction": OTHER}, "or elsewhere"),
}


@pytest.mark.parametrize("name", LIES)
def test_an_owner_that_spent_something_else_is_not_anchored(world: World, name: str) -> None:
    change, words = LIES[name]
    wait_for(world, "spendings")
    spent = [world.spend(place) for place in range(2)]
    key = (spent[1].record.spending.grant, world.folder.name)
    world.books.spent[key] = replace(world.books.spent[key], **change)
    with pytest.raises(SessionError, match=f"the spendings do not fit: .*{words}"):
        world.afar(spent=spent, resume=True)
    assert not (world.folder / "anchor.json").exists()


def terms(record: ModelOpening, **change: Any) -> ModelOpening:
    return replace(record, terms={**record.terms, **change})


def lenders(record: ModelOpening, place: int, **change: Any) -> ModelOpening:
    owners = list(record.owners)
    owners[place] = replace(owners[place], **change)
    return replace(record, owners=tuple(owners))


def mine(world: World, record: ModelOpening) -> int:
    return [one.card for one in record.owners].index(world.cast.owners[0].card.digest)


OPENINGS: list[tuple[str, Callable[[World, ModelOpening], ModelOpening], type[BaileeError], str]] = [
    ("no dataset", lambda w, r: lenders(r, mine(w, r), card=OTHER), SessionError, "does not name this dataset"),
    ("grant", lambda w, r: lenders(r, mine(w, r), grant=OTHER), SessionError, "does not name this dataset"),
    ("owner", lambda w, r: lenders(r, mine(w, r), owner=OTHER), SessionError, "another owner of this dataset"),
    ("rows", lambda w, r: terms(r, rows=[31, 21]), PlanError, "counts other rows"),
    ("a dataset more", lambda w, r: terms(r, rows=[30, 20, 20]), PlanError, "noise commitments|counts the rows"),
    ("columns", lambda w, r: terms(r, columns=["x", *r.terms["columns"][1:]]), PlanError, "other rows or columns"),  # type: ignore[index]
    ("less noise", lambda w, r: terms(r, noise_multiplier="0.1"), PlanError, "the run costs epsilon|epsilon"),
    ("no noise", lambda w, r: replace(r, noise=r.noise[:-1]), PlanError, "different noise commitments, expected"),
    ("noise twice", lambda w, r: replace(r, noise=(*r.noise[:-1], r.noise[0])), PlanError, "different noise"),
    ("orders", lambda w, r: replace(r, orders=r.noise[:1]), PlanError, "different orders of rows, expected 0"),
    ("purpose", lambda w, r: replace(r, plan={**r.plan, "purpose": "fun"}), GrantError, "another purpose"),
    ("plan", lambda w, r: replace(r, plan={**r.plan, "start": 1}), GrantError, "another plan"),
    ("builder", lambda w, r: replace(r, builder=EVE.public_key.hex()), GrantError, "for the builder"),
    ("early", lambda w, r: replace(r, created=time_text(w.cast.now - timedelta(9))), GrantError, "not yet valid"),
    ("late", lambda w, r: replace(r, created=time_text(w.cast.now + timedelta(9))), SessionError, "still to come"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "kind", "words"), [c[1:] for c in OPENINGS], ids=[c[0] for c in OPENINGS])
def test_a_lender_spends_for_no_other_opening_than_it_granted(
    world: World, change: Callable[[World, ModelOpening], ModelOpening], kind: type[BaileeError], words: str
) -> None:
    wait_for(world, "spendings")
    record = change(world, world.opening.record)
    signer = EVE if record.builder == EVE.public_key.hex() else world.cast.trainer
    lending = world.lending(0)

    def spend() -> None:
        replace(lending, run=OpenedRun.read(sign(record, signer))).spend(world.owners[0], (), world.cast.now)

    with pytest.raises(kind, match=words):
        spend()
    assert not world.books.spent


def test_a_lender_that_took_its_grant_back(world: World) -> None:
    wait_for(world, "spendings")
    owner, now = world.cast.owners[0], world.cast.now
    taken = sign(Revocation(owner.key, owner.grant.digest, time_text(now)), owner.identity)
    with pytest.raises(GrantError, match="the grant was revoked by its owner"):
        world.lending(0).spend(world.owners[0], [taken], now)
    with pytest.raises(GrantError, match="expired"):
        world.lending(0).spend(world.owners[0], (), now + timedelta(days=99))
    revoke(world)
    with pytest.raises(GrantError, match="revoked on the ledger"):
        world.spend(0)
    assert not world.books.spent


def test_an_opening_of_a_plan_without_a_ledger_has_nothing_to_spend_for(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, (20,))
    run = cast.train()
    opening = (run.path.parent / "opening.json").read_bytes()
    with pytest.raises(PlanError, match="names no ledger: nothing is spent for it"):
        OpenedRun.read(open_signed(opening, ModelOpening))


@pytest.mark.parametrize("moment", ["send", "sent"])
def test_a_lender_killed_while_it_spends_comes_back(world: World, moment: str) -> None:
    wait_for(world, "spendings")

    def die(at: str) -> None:
        if at == moment:
            raise Killed

    world.owners[0].before = die
    with pytest.raises(Killed):
        world.spend(0)
    before = dict(world.books.spent)
    world.books.accept(world.cast.owners[0], "a second grant")  # live too: the one that was chosen is looked under
    world.owners[0].before = lambda at: None
    world.spend(0)
    assert len(world.books.spent) == 1
    assert before.items() <= world.books.spent.items()


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Spent and anchored; coins are asked for."""
    world = make_world(tmp_path_factory.mktemp("waiting"))
    world.until("coins")
    return world


def first_twice(record: Anchor) -> Anchor:
    first, second = record.spendings
    return replace(record, spendings=(first, replace(second, grant=first.grant)))


MORE = ("one grant twice", first_twice, "one grant for two datasets")


@pytest.mark.parametrize(("name", "change", "words"), [*ANCHORS, MORE], ids=[case[0] for case in (*ANCHORS, MORE)])
def test_a_trainers_false_anchor_sees_no_coin(
    waiting: World, name: str, change: Callable[[Anchor], Anchor], words: str
) -> None:
    for place in range(2):
        # Here every party works out every loss, so it need not ask its node for another's.
        with pytest.raises(SessionError, match=f"{words}|the run costs") as refused:
            waiting.show(place, sign(change(waiting.anchor.record), waiting.cast.trainer))
        assert "no coin was shown" in str(refused.value)


def test_an_anchor_of_a_stranger(waiting: World) -> None:
    other: Signed[Anchor] = sign(replace(waiting.anchor.record, builder=EVE.public_key.hex()), EVE)
    with pytest.raises(SessionError, match="signed by somebody else than the opening; no coin was shown"):
        waiting.show(0, other)


def test_a_node_that_lags_or_is_on_a_fork_shows_no_coin(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.until("coins")
    number = world.anchor.record.beacon.number
    world.owners[0].blind_from = number
    with pytest.raises(SessionError, match=f"does not know block {number}"):
        world.show(0)
    world.owners[1].other[number] = OTHER
    with pytest.raises(SessionError, match=r"contradicts the builder's anchor: .*has the hash"):
        world.show(1)
    revoke(world)
    world.owners[0].blind_from = None
    with pytest.raises(GrantError, match="revoked on the ledger"):
        world.show(0)


def test_a_spending_signed_by_a_stranger(world: World) -> None:
    wait_for(world, "spendings")
    said = world.spend(0)
    stranger = EVE.public_key.hex()
    false = replace(said.record, owner=stranger, spending=replace(said.record.spending, owner=stranger))
    kept = world.folder / f"spent-{world.cast.owners[0].card.digest}.json"
    kept.write_bytes(sign(false, EVE).envelope)
    with pytest.raises(SignatureError):
        world.afar(resume=True)
