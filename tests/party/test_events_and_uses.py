"""What happened in a home and who used what: of a home where nothing was, one where all was, and damaged ones."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bailee.adapters.files import lock, write_atomic
from bailee.errors import NotFoundError, StorageError
from bailee.keys import Identity
from bailee.party.events import KINDS, events_of
from bailee.party.followed import session_of, sessions_of
from bailee.party.handing_out import NOTE
from bailee.party.home import PartyHome
from bailee.party.papers import paper_named, paper_of, papers
from bailee.party.people import known_people
from bailee.party.uses import uses_of
from bailee.records import Invite, canonical, sign, time_text
from bailee.records.passport import Contribution, Passport
from bailee.records.session import Entrant
from bailee.server.console.sentences import GROUPS, KIND, SENTENCES
from bailee.train.ledger import Entry
from commands import give, run

NOW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=98)
"""Later than what a test does itself, whenever it is run."""
EVIL = "<b>Mallory</b> \N{SNOWMAN} %(who)s {{ 7*7 }}"


def session(home: PartyHome, builder: Identity, place: int, *more: str, name: str = "tiny-plan") -> str:
    """A folder as a session leaves it; messages a minute apart, the first at NOW plus `place` hours."""
    id_ = f"{place:064x}"
    folder = home.sessions / id_
    folder.mkdir(parents=True)
    owner = home.identity.public_key.hex()
    plan: dict[str, Any] = {
        "version": 1, "name": name, "purpose": "tests", "model": "logistic", "features": ["all"], "label": "ill",
        "rounds": 3, "learning_rate": "1", "l2": "0", "momentum": "0", "average": False, "neighbours": "replace-one",
        "epsilon": "4", "delta": "0.00001", "noise_multiplier": None,
    }  # fmt: skip
    terms: dict[str, Any] = {
        "columns": ["age", "(bias)", "ill"], "released": [True, True, False], "rows": 3, "norm_bound": 1 << 24,
        "shift": 8, "sigma": "800",
    }  # fmt: skip
    invite = Invite(
        id_, builder.public_key.hex(), plan, terms, (Entrant(owner, "aa" * 32, "bb" * 32),), "cc" * 32, time_text(NOW)
    )
    write_atomic(folder / "invite.json", sign(invite, builder).envelope)
    for one in more:
        write_atomic(folder / one, b"{}")
    start = (NOW + timedelta(hours=place)).timestamp()
    for minute, one in enumerate(("invite.json", *more)):
        os.utime(folder / one, (start + 60 * minute,) * 2)
    return id_


def passport(builder: Identity, session_id: str, model: str = "tiny-plan") -> bytes:
    part = Contribution(
        "dd" * 32, "Hospital", 3, "aa" * 32, "ab" * 32, "bb" * 32, "ac" * 32, "ad" * 32, ("ae" * 32,), "af" * 32,
        "ba" * 32, "3.5", "0.00001", "1",
    )  # fmt: skip
    said = Passport(
        session_id, builder.public_key.hex(), builder.name, {"version": 1, "name": model, "purpose": "tests"},
        "aa" * 32, "ab" * 32, "ac" * 32, (part,), ("age", "(bias)", "ill"), (1, 2, 0), {}, time_text(NOW),
    )  # fmt: skip
    return sign(said, builder).envelope


def test_a_home_without_anything_has_no_events(tmp_path: Path) -> None:
    party = PartyHome(tmp_path / "nobody")
    found = events_of(party, NOW)
    assert (found.page, found.found, found.missing) == ((), 0, ())
    assert uses_of(party, NOW).datasets == ()
    assert list(papers(party.path)) == []
    assert sessions_of(party.path, NOW) == ()
    assert known_people(party.path) == {}


def test_every_kind_of_event_has_a_sentence() -> None:
    assert set(SENTENCES) == set(KINDS)
    assert sorted(kind for _, kinds in GROUPS.values() for kind in kinds) == sorted(KINDS)
    assert set(KIND) <= set(KINDS)


def test_what_was_done_is_told_newest_first_and_in_pages(folders: Path) -> None:
    owner, builder = PartyHome(folders / "owner"), Identity.load(folders / "builder")
    grant = give(folders)[1]["grant"]
    done = session(owner, builder, 1, "noise.json", "round-00000.json", "round-00001.json", "passport.json")
    half = session(owner, builder, 2, "noise.json", "round-00000.json", name=EVIL)
    assert run("revoke", grant, "--home", folders / "owner")[0] == 0
    found = events_of(owner, NOW + timedelta(hours=3))
    kinds = [one.kind for one in found.page]
    assert kinds[:4] == ["round", "opened", "finished", "opened"]
    assert found.missing == ()
    assert sorted(kinds[4:]) == ["granted", "keys", "revoked", "sealed"]
    times = [one.time for one in found.page]
    assert times == sorted(times, reverse=True)
    assert found.page[0].link == f"/sessions/{half}"
    assert found.page[0].facts["plan"] == EVIL
    assert found.page[2].link == f"/sessions/{done}"
    first, second = (events_of(owner, NOW, start, 5).page for start in (0, 5))
    assert first + second == found.page
    assert events_of(owner, NOW, 99).page == ()
    only = events_of(owner, NOW, kinds=("revoked",))
    assert [one.facts["name"] for one in only.page] == ["tiny"]
    assert only.found == 1


def test_damage_is_an_event_and_hides_nothing_else(folders: Path) -> None:
    owner = PartyHome(folders / "owner")
    give(folders)
    broken = owner.sessions / ("ab" * 32)
    broken.mkdir(parents=True)
    (broken / "invite.json").write_bytes(b"nonsense")
    (owner.path / "datasets" / "tiny" / "card.json").write_bytes(b"nonsense")
    found = events_of(owner, NOW)
    assert "damaged" in [one.kind for one in found.page]
    assert "keys" in [one.kind for one in found.page]
    assert found.missing
    assert str(owner.path) not in found.page[0].facts.get("reason", "")
    [one] = sessions_of(owner.path, NOW)
    assert (one.state, one.id) == ("damaged", "ab" * 32)
    assert one.fault


def test_sessions_stand_as_their_messages_say(folders: Path) -> None:
    owner, builder = PartyHome(folders / "owner"), Identity.load(folders / "builder")
    key = owner.identity.public_key.hex()
    rounds = [f"round-{key}-{number:05}.json" for number in range(2)]
    led = session(PartyHome(folders / "owner"), builder, 5, f"noise-{key}.json", *rounds)
    with lock(owner.path):
        found = session_of(owner.path, led, NOW + timedelta(hours=5, minutes=5))
        assert session_of(owner.path, led, NOW + timedelta(hours=6)).state == "unfinished"
    assert (found.state, found.round, found.rounds, found.stage) == ("running", 2, 3, "round")
    assert found.answered == {1: frozenset({key}), 2: frozenset({key})}
    assert session_of(owner.path, led, NOW + timedelta(hours=5, minutes=5)).state == "unfinished"  # nobody is there
    for name in ("0" * 63, "../../" + "0" * 64, "zz" * 32, "ff" * 32):
        with pytest.raises(NotFoundError, match="no session"):
            session_of(owner.path, name, NOW)


def test_uses_are_what_the_privacy_ledger_says(folders: Path) -> None:
    owner, builder = PartyHome(folders / "owner"), Identity.load(folders / "builder")
    grant = owner.grant(give(folders)[1]["grant"])
    dataset = owner.dataset("tiny")
    used = session(owner, builder, 1, "round-00000.json", "passport.json")
    paper = owner.sessions / used / "passport.json"
    came = paper.stat().st_mtime
    write_atomic(paper, passport(builder, used))
    os.utime(paper, (came, came))
    allowed, origin = ("99", "0.1"), owner.origin(dataset)
    for id_, of in ((used, grant.digest), ("ee" * 32, "ff" * 32)):
        owner.ledger().charge(Entry(origin, id_, "aa" * 32, of, "1.5", "0.00001"), allowed)
    owner.ledger().charge(Entry("99" * 32, "ee" * 32, "aa" * 32, "ff" * 32, "2", "0.00001"), allowed)
    found = uses_of(owner, NOW + timedelta(hours=2))
    tiny, gone = found.datasets
    assert (tiny.name, tiny.rows, tiny.spent, gone.name, gone.spent) == ("tiny", 3, Decimal(3), "", Decimal(2))
    first, lost = tiny.uses
    assert (first.grant, first.builder_name, first.plan, first.ended) == (
        grant.record.id, "Builder", "tiny-plan", "finished",
    )  # fmt: skip
    assert first.when == time_text(NOW + timedelta(hours=1))
    assert first.epsilon == "1.5"
    assert (lost.grant, lost.builder, lost.when, lost.ended) == ("", "", "", None)
    assert found.of_grant(grant.record.id) == (first,)
    assert found.of_dataset("tiny") == tiny.uses
    assert len(found.all) == 3
    (owner.path / "privacy.jsonl").write_bytes(canonical({"no": "entry"}) + b"\n")
    with pytest.raises(StorageError, match="privacy ledger"):
        uses_of(owner, NOW)


def test_passports_are_listed_and_damaged_ones_said(folders: Path) -> None:
    home, builder = folders / "builder", Identity.load(folders / "builder")
    for name, data in (("good", passport(builder, "aa" * 32, EVIL)), ("bad", b"{}")):
        (home / "passports" / name).mkdir(parents=True)
        (home / "passports" / name / "passport.json").write_bytes(data)
    good, bad = papers(home)
    assert (good.model, good.builder_name, good.epsilon, good.rows, good.kind) == (EVIL, "Builder", "3.5", 3, "sums")
    assert bad.fault is not None
    assert bad.model == ""
    assert paper_named(home, "good") == good
    assert paper_of(home, "aa" * 32) == good
    assert paper_of(home, "bb" * 32) is None
    for name in ("none", "..", "../passports/good", "", "good/../good"):
        with pytest.raises(NotFoundError, match="no passport"):
            paper_named(home, name)


def test_a_note_that_names_another_sessions_passport_lists_none(folders: Path, tmp_path: Path) -> None:
    home, away = folders / "builder", tmp_path / "away"
    away.mkdir()
    (away / "passport.json").write_bytes(passport(Identity.load(home), "cc" * 32, "far"))
    before = [paper.name for paper in papers(home)]
    for session, note in (
        ("dd" * 32, {"folder": str(away)}),
        ("ee" * 32, {"folder": "away"}),
        ("ef" * 32, ["away"]),
        ("ff" * 32, {"folder": str(tmp_path / "gone")}),
    ):
        (home / "sessions" / session).mkdir(parents=True)
        (home / "sessions" / session / NOTE).write_bytes(canonical(note))
    (home / "sessions" / ("ff" * 32) / NOTE).write_bytes(b"{")
    assert [paper.name for paper in papers(home)] == before
    (home / "models" / ("cc" * 32)).mkdir(parents=True)
    (home / "models" / ("cc" * 32) / NOTE).write_bytes(canonical({"folder": str(away)}))
    found = paper_of(home, "cc" * 32)
    assert found is not None
    assert (found.name, found.model, found.folder, found.outside) == ("cc" * 32, "far", away, True)
