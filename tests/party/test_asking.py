"""A grant asked for and answered: nothing is given by asking, and nothing is given that was not asked for."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bailee.errors import (
    ConflictError,
    GrantError,
    InputError,
    NotFoundError,
    PlanError,
    RecordError,
    SignatureError,
)
from bailee.grant import revoke
from bailee.keys import Identity
from bailee.party import answered, asking, requested
from bailee.party.granting import Terms
from bailee.party.home import PartyHome
from bailee.party.plans import parse_any_plan
from bailee.party.requested import Asked, terms_of
from bailee.records import Signed, canonical, sign
from bailee.records.request import GrantRequest
from commands import PLAN, make_world

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ID, GRANT = b"\x07" * 16, b"\x09" * 16
OPEN_PLAN = """
name = "open"
purpose = "tests"
label = "ill"
loss = "logistic"
batch = "full"
epochs = 1
learning_rate = 1
[privacy]
mode = "unprotected"
"""


@dataclass
class Pair:
    """An owner with a sealed dataset, and a builder."""

    folder: Path

    @property
    def owner(self) -> PartyHome:
        return PartyHome(self.folder / "owner")

    @property
    def builder(self) -> PartyHome:
        return PartyHome(self.folder / "builder")

    def terms(self, **more: Any) -> Terms:
        key = self.builder.public.public_key.hex()
        return replace(Terms(key, NOW, NOW + timedelta(days=30)), **more)

    def ask(self, plan: str = PLAN, message: str = "May I?", name: bytes = ID, now: datetime = NOW, **terms: Any
            ) -> Signed[GrantRequest]:  # fmt: skip
        card = self.owner.own_dataset("tiny").card
        wanted = self.terms(**terms)
        return asking.ask(self.builder, self.builder.identity, card, parse_any_plan(plan), wanted, message, now, name)

    def received(self, **more: Any) -> Asked:
        return asking.receive(self.owner, self.ask(**more).envelope, NOW)

    def give(self, request: Asked, terms: Terms | None = None, name: bytes = GRANT) -> asking.Given:
        return asking.answer_give(self.owner, self.owner.identity, request.id, NOW, name, terms=terms)

    def grants(self) -> list[str]:
        return [grant.record.id for grant in self.owner.grants()]


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_world(tmp_path_factory.mktemp("asking"))
    Identity.create(folder / "eve", "Eve")
    return folder


@pytest.fixture
def pair(sealed: Path, tmp_path: Path) -> Pair:
    shutil.copytree(sealed, tmp_path / "world")
    return Pair(tmp_path / "world")


def test_asked_received_given_and_told(pair: Pair) -> None:
    signed = pair.ask(fields=("age",), max_epsilon="4", message="For the spring study.\nThank you")
    assert [one.state for one in asking.asked(pair.builder, NOW)] == ["open"]
    found = asking.receive(pair.owner, signed.envelope, NOW)
    assert (found.state, found.request, found.unprotected) == ("open", signed, False)
    assert pair.grants() == []  # to ask gives nothing
    given = pair.give(found)
    record = given.grant.record
    assert (record.id, record.builder, record.plan) == (GRANT.hex(), signed.record.builder, signed.record.plan_digest)
    assert record.fields == ("age", "(bias)")
    assert (record.max_epsilon, record.max_delta, record.purpose) == ("4", "0.00001", "tests")
    assert (record.not_before, record.not_after) == ("2026-11-23T12:00:00Z", "2026-12-23T12:00:00Z")
    (there,) = asking.requests(pair.owner, NOW)
    assert (there.state, there.grant) == ("given", given.grant)
    assert there.answer is not None
    assert given.grant is not None
    told = asking.take_answer(pair.builder, found.id, there.answer.envelope, given.grant.envelope, NOW)
    assert (told.state, told.grant, told.answer) == ("given", given.grant, there.answer)
    assert asking.asked(pair.builder, NOW) == [told]
    facts = requested.facts_of(told)
    assert (facts["state"], facts["grant"], facts["plan"]) == ("given", GRANT.hex(), record.plan)


def test_refused_with_a_reason_stays_refused(pair: Pair) -> None:
    found = pair.received()
    no = asking.answer_refuse(pair.owner, pair.owner.identity, found.id, "Not this year.", NOW)
    assert (no.state, pair.grants()) == ("refused", [])
    again = asking.answer_refuse(pair.owner, pair.owner.identity, found.id, "Never.", NOW + timedelta(hours=1))
    assert again == no
    with pytest.raises(GrantError, match="was refused"):
        pair.give(found)
    assert no.answer is not None
    told = asking.take_answer(pair.builder, found.id, no.answer.envelope, None, NOW)
    assert told.answer is not None
    assert (told.state, told.answer.record.reason, told.grant) == ("refused", "Not this year.", None)


def test_given_twice_is_given_once(pair: Pair) -> None:
    found = pair.received()
    given = pair.give(found)
    again = pair.give(found, replace(pair.terms(), max_epsilon="1"), b"\x01" * 16)  # the first decision stands
    assert (again.grant, pair.grants()) == (given.grant, [GRANT.hex()])
    with pytest.raises(GrantError, match="was given a grant; take that back with: bailee revoke"):
        asking.answer_refuse(pair.owner, pair.owner.identity, found.id, "", NOW)


def test_less_than_asked_can_be_given(pair: Pair) -> None:
    found = pair.received(max_epsilon="4")
    end = NOW + timedelta(days=1)
    given = pair.give(found, pair.terms(ends=end, fields=("age",), max_epsilon="2", max_delta="0.000001"))
    record = given.grant.record
    assert (record.not_after, record.fields, record.max_epsilon) == ("2026-11-24T12:00:00Z", ("age", "(bias)"), "2")
    assert record.max_delta == "0.000001"
    assert given.useless == (
        "the plan needs column sex, epsilon 4, delta 0.00001 (this grant allows epsilon 2): no session can run under "
        "this grant"
    )


def test_the_builder_sees_what_was_given_and_that_its_plan_cannot_run(pair: Pair) -> None:
    found = pair.received()
    given = pair.give(found, pair.terms(ends=NOW + timedelta(days=7), fields=("age",), max_epsilon="2"))
    (there,) = asking.requests(pair.owner, NOW)
    assert there.answer is not None
    told = asking.take_answer(pair.builder, found.id, there.answer.envelope, given.grant.envelope, NOW)
    facts = answered.asked_facts(pair.builder, told)
    assert facts["given"] == {
        "from": "2026-11-23T12:00:00Z",
        "until": "2026-11-30T12:00:00Z",
        "max_epsilon": "2",
        "max_delta": "0.00001",
        "fields": ["age", "(bias)"],
    }
    assert (facts["state"], facts["narrowed"], facts["lacks"]) == ("given", True, "column sex, epsilon 4")
    shutil.rmtree(
        pair.builder.path / "asked" / "cards"
    )  # as one asked of old: what the grant itself says is still said
    old = answered.asked_facts(pair.builder, told)
    assert (old["narrowed"], old["lacks"]) == (True, "epsilon 4")


def told(pair: Pair, name: bytes = ID, grant: bytes = GRANT, **less: Any) -> asking.Given:
    """Asked, given with `less`, and the answer taken by the builder."""
    found = pair.received(name=name)
    given = pair.give(found, pair.terms(**less), grant)
    answer = next(one.answer for one in asking.requests(pair.owner, NOW) if one.id == found.id)
    assert answer is not None
    asking.take_answer(pair.builder, found.id, answer.envelope, given.grant.envelope, NOW)
    return given


def test_no_owner_is_invited_whose_grant_cannot_carry_the_plan(pair: Pair) -> None:
    plan, owner = parse_any_plan(PLAN), pair.owner.public.public_key.hex()
    later = NOW + timedelta(days=8)

    def require(now: datetime = NOW, text: str = PLAN, owners: tuple[str, ...] = (owner,), **known: Any) -> None:
        answered.require_carried(pair.builder, parse_any_plan(text), owners, known.get("revoked", ()), now)

    require()  # nothing is kept: the owner may have given by hand
    told(pair, fields=("age",), max_epsilon="2", ends=NOW + timedelta(days=7))
    with pytest.raises(GrantError, match=r"'tiny'.* grant 09090909: the plan needs column sex, epsilon 4\. Change the"):
        require()
    with pytest.raises(GrantError, match="it ended at 2026-11-30T12:00:00Z; the plan needs column sex, epsilon 4"):
        require(later)
    require(text=PLAN.replace("epsilon = 4", "epsilon = 2"))  # another plan: what is kept says nothing of it
    require(owners=("ab" * 32,))
    whole = told(pair, b"\x08" * 16, b"\x0a" * 16)
    assert whole.grant.record.plan == plan.digest
    require()  # one that carries it suffices
    taken = revoke(pair.owner.identity, whole.grant, NOW)
    with pytest.raises(GrantError, match="grant 0a0a0a0a: its owner revoked it"):
        require(revoked=(taken,))


def test_what_was_given_as_asked_is_not_called_narrowed(pair: Pair) -> None:
    found = pair.received()
    given = pair.give(found)
    assert given.useless is None
    answer = asking.requests(pair.owner, NOW)[0].answer
    assert answer is not None
    told = asking.take_answer(pair.builder, found.id, answer.envelope, given.grant.envelope, NOW)
    facts = answered.asked_facts(pair.builder, told)
    assert (facts["narrowed"], facts["lacks"], facts["given"]["max_epsilon"]) == (False, None, "4")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"begins": NOW - timedelta(seconds=1)}, "an earlier beginning than 2026-11-23T12:00:00Z"),
        ({"ends": NOW + timedelta(days=31)}, "a later end than"),
        ({"fields": ("age", "sex")}, "more fields"),
        ({"max_epsilon": "4.01"}, "a larger epsilon than 4"),
        ({"max_delta": "0.0001"}, "a larger delta than 0.00001"),
        ({"purpose": "advertising"}, "another purpose"),
        ({"builder": "ab" * 32}, "another builder"),
    ],
)
def test_more_than_asked_cannot_be_given(pair: Pair, change: dict[str, Any], words: str) -> None:
    found = pair.received(fields=("age",))
    with pytest.raises(GrantError, match=words):
        pair.give(found, pair.terms(**change))
    assert pair.grants() == []
    assert asking.requests(pair.owner, NOW)[0].state == "open"


def test_a_plan_without_privacy_needs_the_owners_word(pair: Pair) -> None:
    with pytest.raises(InputError, match="UNPROTECTED"):
        pair.ask(OPEN_PLAN)
    found = pair.received(plan=OPEN_PLAN, unprotected=True)
    assert found.unprotected
    with pytest.raises(InputError, match="UNPROTECTED"):
        pair.give(found)
    given = pair.give(found, terms_of(found.request.record, unprotected=True))
    assert given.waiver is not None
    assert given.waiver.record.plan == found.request.record.plan_digest
    assert pair.owner.waiver(given.grant) == given.waiver


def test_received_twice_is_kept_once(pair: Pair) -> None:
    signed = pair.ask()
    assert pair.ask() == signed
    first = asking.receive(pair.owner, signed.envelope, NOW)
    later = asking.receive(pair.owner, signed.envelope, NOW + timedelta(days=5))  # stale, but known
    assert first == later
    asking.answer_refuse(pair.owner, pair.owner.identity, first.id, "", NOW)
    assert asking.receive(pair.owner, signed.envelope, NOW).state == "refused"  # a replay opens nothing again
    assert len(asking.requests(pair.owner, NOW)) == 1


def test_another_request_under_the_same_id_is_refused(pair: Pair) -> None:
    pair.received()
    with pytest.raises(ConflictError, match="fresh one"):
        pair.ask(message="Another.")
    other = sign(replace(pair.ask().record, message="Another."), pair.builder.identity)
    with pytest.raises(ConflictError, match="another request has that id"):
        asking.receive(pair.owner, other.envelope, NOW)


def test_stale_future_and_over(pair: Pair) -> None:
    signed = pair.ask()
    with pytest.raises(GrantError, match="more than a day ago"):
        asking.receive(pair.owner, signed.envelope, NOW + timedelta(days=1, seconds=1))
    with pytest.raises(GrantError, match="to come"):
        asking.receive(pair.owner, signed.envelope, NOW - timedelta(minutes=11))
    short = pair.ask(name=b"\x02" * 16, ends=NOW + timedelta(hours=1))
    with pytest.raises(GrantError, match="over: it ends at 2026-11-23T13:00:00Z"):
        asking.receive(pair.owner, short.envelope, NOW + timedelta(hours=2))
    found = asking.receive(pair.owner, short.envelope, NOW)
    late = NOW + timedelta(hours=2)
    assert asking.requests(pair.owner, late)[0].state == "expired"
    with pytest.raises(GrantError, match="a time that is over"):
        asking.answer_give(pair.owner, pair.owner.identity, found.id, late, GRANT)


def _changed(signed: Signed[GrantRequest], **fields: Any) -> bytes:
    """The envelope with other fields and the old signature."""
    told = json.loads(signed.envelope)
    payload = json.loads(base64.b64decode(told["payload"]))
    payload["predicate"] |= fields
    told["payload"] = base64.b64encode(canonical(payload)).decode()
    return canonical(told)


def test_forged_or_changed_on_the_way_is_refused(pair: Pair) -> None:
    signed = pair.ask()
    eve = Identity.load(pair.folder / "eve")
    longer = signed.envelope.replace(b'"sig":"', b'"sig":"AAAA', 1)
    for data in (_changed(signed, max_epsilon="100"), _changed(signed, message="x"), longer):
        with pytest.raises((SignatureError, RecordError)):
            asking.receive(pair.owner, data, NOW)
    with pytest.raises(SignatureError):
        asking.receive(pair.owner, _changed(signed, builder=eve.public_key.hex()), NOW)
    with pytest.raises(SignatureError, match="names"):
        sign(signed.record, eve)
    assert asking.requests(pair.owner, NOW) == []


def test_for_another_owner_or_anothers_card(pair: Pair) -> None:
    builder, record = pair.builder.identity, pair.ask().record
    eve = Identity.load(pair.folder / "eve").public_key.hex()
    for change, error, words in (
        ({"owner": eve}, GrantError, "not to this party"),
        ({"card": "ab" * 32}, GrantError, "no dataset here has the card"),
        ({"dataset": "other"}, RecordError, "its card 'tiny'"),
        ({"fields": ("weight",)}, GrantError, "has no field 'weight'"),
        ({"plan": {"version": 9}}, PlanError, "version"),
    ):
        with pytest.raises(error, match=words):  # type: ignore[type-var]
            asking.receive(pair.owner, sign(replace(record, **change), builder).envelope, NOW)  # type: ignore[arg-type]
    assert not list((pair.owner.path / "requests").glob("*.json"))


def test_words_and_sizes_are_bounded(pair: Pair) -> None:
    for message in ("x" * 1001, "\u202eturned", "\x1b[31mred", "a\tb", " x", "x\n", "\ud800"):
        with pytest.raises(RecordError, match="message"):
            pair.ask(message=message)
    names = tuple(f"column {number} {'x' * 150}" for number in range(400))
    big = sign(replace(pair.ask().record, fields=names), pair.builder.identity)
    with pytest.raises(RecordError, match="at most 65536 bytes"):
        asking.receive(pair.owner, big.envelope, NOW)


def test_one_builder_has_so_many_open_and_no_more(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MAX_OPEN", 3)
    soon = NOW + timedelta(minutes=1)
    for number in range(3):
        pair.received(name=bytes([number]) * 16, ends=soon if number == 0 else NOW + timedelta(days=2))
    full = pair.ask(name=b"\x0a" * 16).envelope
    with pytest.raises(GrantError, match="3 requests of yours wait"):
        asking.receive(pair.owner, full, NOW)
    assert asking.receive(pair.owner, full, soon + timedelta(seconds=1)).state == "open"  # one ended: it made room
    assert len(asking.requests(pair.owner, NOW)) == 3
    more = pair.ask(name=b"\x0b" * 16).envelope
    with pytest.raises(GrantError, match="wait for an answer"):
        asking.receive(pair.owner, more, NOW)
    asking.answer_refuse(pair.owner, pair.owner.identity, (b"\x01" * 16).hex(), "", NOW)
    assert asking.receive(pair.owner, more, NOW).state == "open"


def test_a_plan_without_an_epsilon_must_be_asked_with_one(pair: Pair) -> None:
    plan = PLAN.replace("epsilon = 4", "noise_multiplier = 3")
    with pytest.raises(InputError, match="--max-epsilon"):
        pair.ask(plan)
    record = replace(pair.ask(plan, max_epsilon="3").record, max_epsilon=None)
    with pytest.raises(InputError, match="noise multiplier"):
        asking.receive(pair.owner, sign(record, pair.builder.identity).envelope, NOW)


def test_an_answer_is_the_owners_and_to_this_request(pair: Pair) -> None:
    found = pair.received()
    given = pair.give(found)
    answer = asking.requests(pair.owner, NOW)[0].answer
    assert answer is not None
    eve, owner = Identity.load(pair.folder / "eve"), pair.owner.identity
    take: Callable[[bytes, bytes | None], Asked] = lambda said, grant: asking.take_answer(  # noqa: E731
        pair.builder, found.id, said, grant, NOW
    )
    forged = sign(replace(answer.record, owner=eve.public_key.hex()), eve)
    with pytest.raises(SignatureError, match="expected it signed by"):
        take(forged.envelope, given.grant.envelope)
    other = sign(replace(answer.record, request="ab" * 32), owner)
    with pytest.raises(RecordError, match="another request"):
        take(other.envelope, given.grant.envelope)
    with pytest.raises(RecordError, match="none came with it"):
        take(answer.envelope, None)
    wider = sign(replace(given.grant.record, max_epsilon="9"), owner)
    with pytest.raises(RecordError, match="another one than the answer names"):
        take(answer.envelope, wider.envelope)
    named = sign(replace(answer.record, grant=wider.digest), owner)
    with pytest.raises(GrantError, match="a larger epsilon than 4"):
        take(named.envelope, wider.envelope)
    assert asking.asked(pair.builder, NOW)[0].state == "open"
    take(answer.envelope, given.grant.envelope)
    no = sign(replace(answer.record, decision="refused", grant_id=None, grant=None), owner)
    with pytest.raises(ConflictError, match="answers once"):
        take(no.envelope, None)


def test_asking_for_somebody_else(pair: Pair) -> None:
    with pytest.raises(GrantError, match="by the builder whom it is for"):
        pair.ask(builder="ab" * 32)
    with pytest.raises(PlanError):
        pair.ask(PLAN.replace('label = "ill"', 'label = "age"'))
    assert asking.asked(pair.builder, NOW) == []


def test_what_is_not_there(pair: Pair) -> None:
    for name in ("ab" * 16, "../../identity", "", "AB" * 16):
        with pytest.raises(NotFoundError, match="no request"):
            asking.answer_refuse(pair.owner, pair.owner.identity, name, "", NOW)
    pair.ask()
    with pytest.raises(InputError, match="no request 'zz'"):
        asking.request_named(pair.builder, requested.ASKED, "zz", NOW)
    assert asking.request_named(pair.builder, requested.ASKED, "0707", NOW).id == ID.hex()


_GIVING = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from bailee.party import asking
from bailee.party.home import PartyHome

keep, left = PartyHome.keep, [int(sys.argv[3])]
def stopping(self, folder, name, data):
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return keep(self, folder, name, data)
PartyHome.keep = stopping
party = PartyHome(Path(sys.argv[1]))
now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
asking.answer_give(party, party.identity, sys.argv[2], now, bytes.fromhex(sys.argv[4]))
"""


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_killed_while_giving_there_is_one_grant(pair: Pair, kept: int) -> None:
    """Between any two files: whoever gives again, under another id, gives what was decided and nothing beside it."""
    found = pair.received()
    done = subprocess.run([sys.executable, "-c", _GIVING, pair.owner.path, found.id, str(kept), "03" * 16], check=False)
    assert done.returncode == -signal.SIGKILL
    given = pair.give(found)
    assert pair.grants() == [given.grant.record.id]
    assert given.grant.record.id == (GRANT.hex() if kept == 0 else "03" * 16)
    assert asking.requests(pair.owner, NOW)[0].state == "given"
    assert os.listdir(pair.owner.path / "grants") == [f"{given.grant.record.id}.json"]
