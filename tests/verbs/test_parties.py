"""A party's verbs on real parts: sealed, granted, trained in one process and with an owner elsewhere, verified."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bailee
from bailee.adapters.transport import Listener
from bailee.errors import GrantError, InputError, SessionError, SignatureError
from commands import PLAN, SCHEMA, free_address, run

ROWS = pd.DataFrame({"age": [30, 40, 50], "sex": ["f", "m", "f"], "ill": [0, 1, 1]})


@dataclass
class World:
    folder: Path
    owners: tuple[bailee.Party, bailee.Party]
    builder: bailee.Party
    plan: Any
    grants: tuple[bailee.Grant, bailee.Grant]
    passport: bailee.Passport


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("verbs")
    schema, plan = bailee.schema(text=SCHEMA), bailee.plan(text=PLAN)
    first, second, builder = (bailee.init(name, folder / name) for name in ("Aachen", "Bern", "Maker"))
    grants = []
    for owner in (first, second):
        grants.append(owner.grant(owner.seal(ROWS, schema), builder, plan))
    passport = builder.train(plan, [first, grants[1]], test=ROWS, schema=schema)
    return World(folder, (first, second), builder, plan, (grants[0], grants[1]), passport)


def test_what_was_trained_in_one_process_verifies_and_the_command_says_the_same(world: World) -> None:
    statement = world.passport.verify(trusted=[*world.owners, world.builder])
    assert {one["name"] for one in statement.facts["owners"]} == {"Aachen", "Bern"}
    assert statement.facts["rounds"] == 2
    code, said = run("verify", world.passport.file)
    assert code == 0
    assert {name: said[name] for name in statement.facts} == statement.facts


def test_somebody_not_trusted_is_named(world: World) -> None:
    with pytest.raises(SignatureError, match="is none of the 1 parties you trust"):
        world.passport.verify(trusted=[world.builder.identity])


def test_the_model_answers(world: World) -> None:
    scores = world.passport.scores(ROWS)
    assert scores.shape == (3, 2)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    assert list(world.passport.predict(ROWS)) == [str(one) for one in scores.argmax(axis=1)]


def test_what_it_cost_is_written_down(world: World) -> None:
    dataset = world.owners[0].dataset("tiny")
    assert 3.9 < float(dataset.epsilon_spent) <= 4
    status = world.owners[0].status()
    assert status.facts["sessions"][0]["finished"]
    code, said = run("status", "--home", world.owners[0].home)
    assert (code, said) == (0, status.facts)


def test_everything_has_a_picture_and_none_a_secret(world: World) -> None:
    secret = (world.owners[0].home / "identity.pem").read_text().splitlines()[1]
    dataset = world.owners[0].dataset("tiny")
    things = [
        *world.owners, dataset, dataset.card, *world.grants, world.passport, world.passport.verify(),
        world.owners[0].status(), bailee.schema_of(ROWS, "ill"),
    ]  # fmt: skip
    for thing in things:
        assert thing._repr_html_().startswith('<div class="bailee">')
        assert secret not in repr(thing) + thing._repr_html_()
        assert "\n" in repr(thing)
    assert "holds" in repr(world.grants[0])


def test_a_card_is_read_and_checked(world: World) -> None:
    card = bailee.card(world.owners[0].dataset("tiny").directory)
    card.check()
    assert (card.rows, card.schema.name) == (3, "tiny")


def test_an_owner_elsewhere_joins(world: World, tmp_path: Path) -> None:
    owner = bailee.init("Chur", tmp_path / "chur")
    grant = owner.grant(owner.seal(ROWS, bailee.schema(text=SCHEMA)), world.builder,
                        world.plan)  # fmt: skip
    address, parts = free_address(), []
    joins = threading.Thread(target=lambda: parts.append(owner.join(address, grant, patience=60)))
    joins.start()
    made = world.builder.train(
        world.plan, [owner.identity], listen=address, out=tmp_path / "out", patience=60
    )  # fmt: skip
    joins.join()
    assert made.file == tmp_path / "out" / "passport.json"
    assert (parts[0].share, parts[0].openings_left) == ("1", 5)
    made.verify()


def test_an_owner_that_took_its_grant_back_is_not_asked(world: World, tmp_path: Path) -> None:
    owner = bailee.init("Davos", tmp_path / "davos")
    owner.seal(ROWS, bailee.schema(text=SCHEMA))
    grant = owner.grant("tiny", world.builder, world.plan)
    owner.revoke(grant)
    assert grant.state.startswith("revoked 20")
    assert owner.revoke(grant.id[:8]).state == grant.state
    with pytest.raises(InputError, match=r"Davos: expected one grant for this plan and builder, there are: none"):
        world.builder.train(world.plan, [owner])
    with pytest.raises(GrantError, match="was revoked"):
        world.builder.train(world.plan, [grant])


def test_an_owners_own_refusal_is_what_ends_a_session(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the builder's view of it, that somebody left."""
    owner = world.owners[0]

    def refuse(*_: object) -> None:
        raise GrantError("not today")

    monkeypatch.setattr("bailee.party.training.check_grant", refuse)
    again = owner.grant("tiny", world.builder, world.plan)
    before = threading.active_count()
    with pytest.raises(GrantError, match="not today"):
        world.builder.train(world.plan, [again])
    assert threading.active_count() == before
    owner.revoke(again)


def test_parties_need_folders_of_their_own(world: World) -> None:
    itself = world.builder
    with pytest.raises(InputError, match="named twice"):
        itself.train(world.plan, [world.grants[0], world.grants[0]])
    with pytest.raises(InputError, match="at least one owner"):
        itself.train(world.plan, [])


def test_what_is_given_is_checked(world: World) -> None:
    owner = world.owners[0]
    with pytest.raises(InputError, match="expected a Party or an identity"):
        owner.grant("tiny", 3, world.plan)
    with pytest.raises(InputError, match="a time with its zone"):
        owner.grant("tiny", world.builder, world.plan, until=datetime(2099, 1, 1))
    until = owner.grant("tiny", world.builder, world.plan, until=date(2099, 1, 31)).signed.record.not_after
    assert until == owner.grant("tiny", world.builder, world.plan, until="2099-01-31").signed.record.not_after
    with pytest.raises(InputError, match=r"fields: expected a list, got one str; write fields=\[\.\.\.\]"):
        owner.grant("tiny", world.builder, world.plan, fields="age")
    with pytest.raises(InputError, match=r"plan's TOML file, got dict; for its text write bailee\.plan\(text="):
        owner.grant("tiny", world.builder, {"name": "tiny"})  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"several lines; for its text write bailee\.schema"):
        owner.seal(ROWS, SCHEMA)
    with pytest.raises(InputError, match="owners: expected a list, got one Party"):
        world.builder.train(world.plan, owner)  # type: ignore[arg-type]
    with pytest.raises(GrantError, match=r"is for another builder .*, not for Aachen; ask its owner for one"):
        owner.train(world.plan, [world.grants[1]])
    with pytest.raises(InputError, match=r"there are: tiny"):
        owner.dataset("large")
    with pytest.raises(InputError, match="expected an address"):
        owner.join("nowhere", world.grants[0])
    with pytest.raises(SessionError, match="no builder at"):
        owner.join(free_address(), world.grants[0], patience=1)


def test_an_owner_that_waits_says_so_before_its_rows_are_opened(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, float]] = []

    @contextmanager
    def steps(quiet: bool) -> Iterator[Any]:
        yield lambda step, part: told.append((step, part))

    def opened(*_: object) -> None:
        raise RuntimeError("the rows were opened")

    monkeypatch.setattr("bailee.verbs.parties.steps", steps)
    monkeypatch.setattr("bailee.verbs.parties.hold", opened)
    address = free_address()
    with pytest.raises(SessionError, match="no builder at"):
        world.owners[0].join(address, world.grants[0], patience=1)
    assert told == [(f"wait for the builder at {address}", 0.0)]
    with Listener() as door, pytest.raises(RuntimeError, match="were opened"):
        world.owners[0].join(f"127.0.0.1:{door.address[1]}", world.grants[0])
    assert len(told) == 1  # who need not wait is told nothing


def test_init_is_done_again_and_never_replaces(tmp_path: Path) -> None:
    first = bailee.init("Ems", tmp_path / "ems")
    assert bailee.init("Ems", tmp_path / "ems").key == first.key == bailee.open(tmp_path / "ems").key
    with pytest.raises(InputError, match="is the folder of 'Ems', not of 'Other'"):
        bailee.init("Other", tmp_path / "ems")
