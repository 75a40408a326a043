"""Passports of version 2: what an anchor proves with and without a node, and every way in which it does not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from bailee.errors import BaileeError, InputError, PassportError, RecordError, SignatureError
from bailee.records import (
    Anchor,
    AnchoredPassport,
    Beacon,
    Closing,
    Passport,
    Spending,
    canonical,
    digest,
    open_passport,
    open_signed,
    sign,
)
from bailee.statements.session import transcript
from bailee.verify.passport import verify_passport
from bailee.verify.statement import NOT_CHECKED, ProvenAnchor, ProvenStatement
from ledgers import MemoryLedger, MemoryNode, make_ledger_cast
from parties import Cast, PretendCards, make_cast, pretend_verify, run_session

OTHER = "e" * 64


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cast, MemoryLedger, Path]:
    cast, books, _ = make_ledger_cast(tmp_path_factory.mktemp("made"), (20, 30))
    outcome, said = run_session(cast)
    assert outcome is not None, said
    kept = MemoryLedger(blocks=list(books.blocks), grants=dict(books.grants), spent=dict(books.spent))
    return cast, kept, outcome.path  # later sessions of the cast change its own ledger, not this one


@pytest.fixture
def copy(made: tuple[Cast, MemoryLedger, Path], tmp_path: Path) -> Path:
    shutil.copytree(made[2].parent, tmp_path / "copy")
    return tmp_path / "copy" / "passport.json"


@pytest.fixture
def node(made: tuple[Cast, MemoryLedger, Path]) -> MemoryNode:
    """The reader's own, on a ledger that a test may change."""
    books = made[1]
    return MemoryNode(MemoryLedger(blocks=list(books.blocks), grants=dict(books.grants), spent=dict(books.spent)))


def verify(path: Path, node: MemoryNode | None = None) -> ProvenStatement:
    opened = None if node is None else node.opened
    return verify_passport(path, cards=PretendCards(), gradients=pretend_verify, open_books=opened)


def read(path: Path) -> AnchoredPassport:
    return open_signed(path.read_bytes(), AnchoredPassport).record


def put(path: Path, data: bytes) -> str:
    (path.parent / "attachments" / digest(data)).write_bytes(data)
    return digest(data)


def anchor_of(path: Path) -> Anchor:
    return open_signed((path.parent / "attachments" / read(path).anchor).read_bytes(), Anchor).record


def forge(path: Path, cast: Cast, change: Callable[[Anchor], Anchor], closing: bool = True) -> None:
    """The builder signs another anchor, a closing that goes with it if it wants, and the passport again."""
    passport = read(path)
    name = put(path, sign(change(anchor_of(path)), cast.builder).envelope)
    passport = replace(passport, anchor=name)
    if closing:
        parts = passport.owners
        messages = [passport.invite, *(part.noise for part in parts), name, *(part.coin for part in parts)]
        messages += [passport.builder_coin, *(said for part in parts for said in part.rounds)]
        key = cast.builder.public_key.hex()
        closed = sign(Closing(passport.session, key, transcript(messages)), cast.builder)
        passport = replace(passport, closing=put(path, closed.envelope))
    path.write_bytes(sign(passport, cast.builder).envelope)


def test_what_it_says_with_and_without_a_node(made: tuple[Cast, MemoryLedger, Path], node: MemoryNode) -> None:
    offline, online = verify(made[2]), verify(made[2], node)
    assert offline.anchor is not None
    assert online.anchor is not None
    assert offline.anchor.not_checked == NOT_CHECKED
    assert online.anchor.not_checked == ()
    assert json.loads(canonical(offline.to_dict()))["anchor"]["not_checked"] == list(NOT_CHECKED)
    assert json.loads(canonical(online.to_dict()))["anchor"]["at_node"] is True
    assert "NOT re-checked without a node: that the grants were live" in offline.to_text()
    assert "grants, spendings and that block are there" in online.to_text()
    assert isinstance(online.anchor, ProvenAnchor)
    assert replace(offline, anchor=None) == replace(online, anchor=None)


def moved(record: Anchor, **change: Any) -> Anchor:
    return replace(record, spendings=(replace(record.spendings[0], **change), *record.spendings[1:]))


def beacon(record: Anchor, **change: Any) -> Anchor:
    return replace(record, beacon=replace(record.beacon, **change))


FIELDS: dict[str, Callable[[Anchor], Anchor]] = {
    "session": lambda r: replace(r, session=OTHER),
    "ledger": lambda r: replace(r, ledger="eip155:1:0x" + "cd" * 20),
    "spendings": lambda r: replace(r, spendings=r.spendings[::-1]),
    "spending.owner": lambda r: moved(r, owner=OTHER),
    "spending.grant": lambda r: moved(r, grant=OTHER),
    "spending.block": lambda r: moved(r, block=max(s.block for s in r.spendings) + 1),
    "spending.transaction": lambda r: moved(r, transaction=OTHER),
    "spending.epsilon": lambda r: moved(r, epsilon="0.5"),
    "spending.delta": lambda r: moved(r, delta="0.000001"),
    "beacon.number": lambda r: beacon(r, number=r.beacon.number + 1),
    "beacon.hash": lambda r: beacon(r, hash=OTHER),
}


def test_every_field_is_among_the_forged_ones() -> None:
    named = {name.split(".")[0] for name in FIELDS} | {name.split(".")[-1] for name in FIELDS}
    for kind in (Anchor, Spending, Beacon):
        assert {field.name for field in fields(kind)} - {"builder"} <= named


@pytest.mark.parametrize("closing", [True, False], ids=["closed anew", "same closing"])
@pytest.mark.parametrize("name", FIELDS)
def test_an_anchor_changed_and_signed_again(
    made: tuple[Cast, MemoryLedger, Path], copy: Path, name: str, closing: bool
) -> None:
    """Without any node: the owners' proofs are bound to the transcript, and their noise to the beacon."""
    forge(copy, made[0], FIELDS[name], closing)
    with pytest.raises(BaileeError) as caught:
        verify(copy)
    assert str(caught.value).startswith(("anchor: ", "closing: ", "proof of "))


def test_the_builder_of_an_anchor_is_the_passports(made: tuple[Cast, MemoryLedger, Path], copy: Path) -> None:
    eve = made[0].owners[0].identity
    stolen = sign(replace(anchor_of(copy), builder=eve.public_key.hex()), eve)
    passport = replace(read(copy), anchor=put(copy, stolen.envelope))
    copy.write_bytes(sign(passport, made[0].builder).envelope)
    with pytest.raises(SignatureError, match="anchor: "):
        verify(copy)


def test_an_anchor_that_is_missing_or_another_record(made: tuple[Cast, MemoryLedger, Path], copy: Path) -> None:
    passport = read(copy)
    copy.write_bytes(sign(replace(passport, anchor=passport.closing), made[0].builder).envelope)
    with pytest.raises(RecordError, match="anchor: "):
        verify(copy)
    copy.write_bytes(sign(passport, made[0].builder).envelope)
    (copy.parent / "attachments" / passport.anchor).unlink()
    with pytest.raises(PassportError, match=r"anchor: .*cannot be read"):
        verify(copy)


def test_an_anchor_of_another_session(made: tuple[Cast, MemoryLedger, Path], copy: Path, tmp_path: Path) -> None:
    cast, _, _ = made
    mine = anchor_of(copy)
    outcome, said = run_session(replace(cast, root=tmp_path / "again"))
    assert outcome is not None, said
    theirs = anchor_of(outcome.path)
    forge(copy, cast, lambda record: theirs)
    with pytest.raises(PassportError, match="anchor: it is of another session"):
        verify(copy)
    forge(copy, cast, lambda record: replace(theirs, session=mine.session))
    with pytest.raises(PassportError, match="proof of "):
        verify(copy)


def test_a_passport_stripped_of_its_anchor(made: tuple[Cast, MemoryLedger, Path], copy: Path) -> None:
    passport = read(copy)
    plain = {name: value for name, value in vars(passport).items() if name != "anchor"}
    copy.write_bytes(sign(Passport(**plain), made[0].builder).envelope)
    with pytest.raises(PassportError, match=r"anchor: the plan names the ledger .*, but the passport has none"):
        verify(copy)
    unnamed = {**plain, "plan": {**plain["plan"], "version": 1}}
    del unnamed["plan"]["ledger"]
    copy.write_bytes(sign(Passport(**unnamed), made[0].builder).envelope)
    with pytest.raises(PassportError, match="invite: it states another plan"):
        verify(copy)


def test_an_anchor_where_the_plan_names_no_ledger(tmp_path: Path, copy: Path, node: MemoryNode) -> None:
    cast = make_cast(tmp_path / "plain", (20,))
    outcome, said = run_session(cast)
    assert outcome is not None, said
    with pytest.raises(InputError, match="names no ledger"):
        verify(outcome.path, node)
    plain = outcome.passport.record
    assert type(plain) is Passport
    assert verify(outcome.path).anchor is None
    more = AnchoredPassport(**vars(plain), anchor=put(outcome.path, sign(anchor_of(copy), _any(cast, copy)).envelope))
    outcome.path.write_bytes(sign(more, cast.builder).envelope)
    with pytest.raises(PassportError, match="anchor: there is one, but the plan names no ledger"):
        verify(outcome.path)


def _any(cast: Cast, copy: Path) -> Any:
    record = anchor_of(copy)

    class Signer:
        name, public_key = "somebody", bytes.fromhex(record.builder)

        def sign(self, message: bytes) -> bytes:
            return cast.builder.sign(message)

    return Signer()


def test_both_versions_open_and_neither_as_the_other(made: tuple[Cast, MemoryLedger, Path]) -> None:
    data = made[2].read_bytes()
    assert open_passport(data).record == read(made[2])
    with pytest.raises(RecordError, match="passport/v1"):
        open_signed(data, Passport)
    with pytest.raises(SignatureError):
        open_passport(data, b"\1" * 32)


def first_entry(node: MemoryNode, **change: Any) -> None:
    key = min(node.books.spent)
    node.books.spent[key] = replace(node.books.spent[key], **change)


def fork(node: MemoryNode) -> None:
    node.books.blocks[-1] = OTHER


def forget(node: MemoryNode) -> None:
    node.books.spent.pop(min(node.books.spent))


AT_NODE: dict[str, tuple[Callable[[MemoryNode], None], str]] = {
    "reorganised": (fork, "has the hash"),
    "behind": (lambda node: node.books.blocks.pop() and None, "is not there yet"),
    "no spending": (forget, "no spending"),
    "less": (lambda node: first_entry(node, epsilon=1), "another spending"),
    "less delta": (lambda node: first_entry(node, delta=1), "another spending"),
    "another noise": (lambda node: first_entry(node, anchor=OTHER), "is bound to"),
    "another grant": (lambda node: first_entry(node, record=OTHER), "stands for another grant"),
    "another block": (lambda node: first_entry(node, block=1), "in block 1"),
    "another transaction": (lambda node: first_entry(node, transaction=OTHER), "or elsewhere"),
    "accepted later": (lambda node: first_entry(node, accepted=99), "was not live"),
    "another work": (lambda node: first_entry(node, commitment=OTHER), "the budget of another work"),
}


@pytest.mark.parametrize("name", AT_NODE)
def test_a_ledger_that_says_otherwise(made: tuple[Cast, MemoryLedger, Path], node: MemoryNode, name: str) -> None:
    change, words = AT_NODE[name]
    change(node)
    with pytest.raises(PassportError, match=f"ledger: .*{words}"):
        verify(made[2], node)
    assert verify(made[2]).anchor is not None


def test_a_grant_revoked_before_and_after_its_spending(made: tuple[Cast, MemoryLedger, Path], node: MemoryNode) -> None:
    grant, _ = min(node.books.spent)
    node.books.grants[grant] = replace(node.books.grants[grant], revoked=len(node.books.blocks))
    assert verify(made[2], node).anchor is not None
    node.books.grants[grant] = replace(node.books.grants[grant], revoked=1)
    with pytest.raises(PassportError, match="was not live"):
        verify(made[2], node)
