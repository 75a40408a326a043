"""Passports of hidden models of version 2: what they prove with and without a node, every field of theirs changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest

from bailee.errors import BaileeError, InputError, PassportError, RecordError, SignatureError
from bailee.records import Anchor, Spending, Spent, canonical, digest, open_signed, sign
from bailee.records.model import (
    AnchoredModelCoin,
    AnchoredModelPassport,
    ModelCoin,
    ModelPassport,
    open_model_passport,
)
from bailee.release import open_model
from bailee.verify.model_statement import ProvenModel
from bailee.verify.statement import NOT_CHECKED
from ledgers import MemoryLedger, MemoryNode
from model_cast import make_cast, verify
from model_ledgers import PLAN, World, make_world
from train.test_session_attacks import EVE
from verify.test_anchored_passport import AT_NODE

OTHER = "e" * 64


@dataclass
class Made:
    world: World
    path: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    world = make_world(tmp_path_factory.mktemp("made"))
    return Made(world, world.train(reveal=True).path)


@pytest.fixture
def copy(made: Made, tmp_path: Path) -> Path:
    shutil.copytree(made.path.parent / "attachments", tmp_path / "attachments")
    shutil.copy(made.path, tmp_path / "passport.json")
    return tmp_path / "passport.json"


@pytest.fixture
def node(made: Made) -> MemoryNode:
    """The reader's own, on a ledger that a test may change."""
    books = made.world.books
    return MemoryNode(MemoryLedger(blocks=list(books.blocks), grants=dict(books.grants), spent=dict(books.spent)))


def check(path: Path, node: MemoryNode | None = None) -> ProvenModel:
    return verify(path, open_books=None if node is None else node.opened)


def read(path: Path) -> AnchoredModelPassport:
    return open_signed(path.read_bytes(), AnchoredModelPassport).record


def attached(path: Path, name: str, kind: Any) -> Any:
    return open_signed((path.parent / "attachments" / name).read_bytes(), kind).record


def put(path: Path, data: bytes) -> str:
    (path.parent / "attachments" / digest(data)).write_bytes(data)
    return digest(data)


def resign(made: Made, path: Path, record: ModelPassport) -> None:
    path.write_bytes(sign(record, made.world.cast.trainer).envelope)


def key_of(made: Made, party: str) -> Any:
    return next(one.identity for one in made.world.cast.owners if one.key == party)


def recoined(made: Made, path: Path, record: AnchoredModelPassport) -> AnchoredModelPassport:
    """Every party signs its coin again, for the passport's anchor: all of them help the trainer."""
    coins = []
    for name in record.coins:
        coin = attached(path, name, AnchoredModelCoin)
        said = sign(replace(coin, anchor=record.anchor), key_of(made, coin.party))
        coins.append(put(path, said.envelope))
    return replace(record, coins=tuple(coins))


def forge(made: Made, path: Path, change: Callable[[Anchor], Anchor], coins: bool = True, spent: bool = True) -> None:
    """The trainer signs another anchor, owners sign spendings and coins that go with it if they want."""
    record = read(path)
    anchor = change(attached(path, record.anchor, Anchor))
    record = replace(record, anchor=put(path, sign(anchor, made.world.cast.trainer).envelope))
    if coins:
        record = recoined(made, path, record)
    if spent and [one.owner for one in anchor.spendings] == [part.owner for part in record.owners]:
        said = [
            sign(Spent(record.session, one.owner, PLAN.ledger or "", one), key_of(made, one.owner))
            for one in anchor.spendings
        ]
        record = replace(record, spent=tuple(put(path, one.envelope) for one in said))
    resign(made, path, record)


def test_what_it_says_with_and_without_a_node(made: Made, node: MemoryNode) -> None:
    offline, online = check(made.path), check(made.path, node)
    assert offline.anchor is not None
    assert online.anchor is not None
    assert offline.anchor.not_checked == NOT_CHECKED
    assert online.anchor.not_checked == ()
    assert json.loads(canonical(offline.to_dict()))["anchor"]["not_checked"] == list(NOT_CHECKED)
    assert json.loads(canonical(online.to_dict()))["anchor"]["at_node"] is True
    assert "NOT re-checked without a node: that the grants were live" in offline.to_text()
    assert "grants, spendings and that block are there" in online.to_text()
    assert "honest if one of them, or the ledger's block, is" in online.to_text()


def moved(record: Anchor, **change: Any) -> Anchor:
    return replace(record, spendings=(replace(record.spendings[0], **change), *record.spendings[1:]))


def beacon(record: Anchor, **change: Any) -> Anchor:
    return replace(record, beacon=replace(record.beacon, **change))


FALSE: list[tuple[str, Callable[[Anchor], Anchor], str]] = [
    ("session", lambda r: replace(r, session=OTHER), "anchor: it is of another session"),
    ("ledger", lambda r: replace(r, ledger="eip155:1:0x" + "cd" * 20), "anchor: .*the plan names"),
    ("order", lambda r: replace(r, spendings=r.spendings[::-1]), "anchor: it names other owners"),
    ("left out", lambda r: replace(r, spendings=r.spendings[:1]), "anchor: it names other owners"),
    ("owner", lambda r: moved(r, owner=OTHER), "anchor: it names other owners"),
    ("one grant twice", lambda r: moved(r, grant=r.spendings[1].grant), "anchor: it names one grant for two datasets"),
    ("epsilon", lambda r: moved(r, epsilon="1"), "anchor: .*spent epsilon 1, the run costs"),
    ("delta", lambda r: moved(r, delta="0.000001"), "anchor: .*spent delta 0.000001, the run costs"),
    ("block", lambda r: moved(r, block=99), "anchor: its beacon is block"),
    ("number", lambda r: beacon(r, number=r.beacon.number + 1), "anchor: its beacon is block"),
    ("hash", lambda r: beacon(r, hash=OTHER), "chunk 1: its proof is of another statement"),
]


@pytest.mark.parametrize(("change", "words"), [case[1:] for case in FALSE], ids=[case[0] for case in FALSE])
def test_every_field_of_the_anchor_counts_even_if_all_sign_it_anew(
    made: Made, copy: Path, change: Callable[[Anchor], Anchor], words: str
) -> None:
    forge(made, copy, change)
    with pytest.raises(PassportError, match=words):
        check(copy)


SEEN_AT_NODE: list[tuple[str, Callable[[Anchor], Anchor], str]] = [
    ("grant", lambda r: moved(r, grant=OTHER), "no spending"),
    ("transaction", lambda r: moved(r, transaction=OTHER), "or elsewhere"),
    ("more", lambda r: moved(r, epsilon="9"), "another spending"),
    ("both blocks", lambda r: beacon(moved(replace(r, spendings=tuple(
        replace(one, block=77) for one in r.spendings)), block=77), number=78), "not in 77"),
]  # fmt: skip


@pytest.mark.parametrize("name", [case[0] for case in SEEN_AT_NODE])
def test_what_all_parties_together_invent_a_node_contradicts(
    made: Made, copy: Path, node: MemoryNode, name: str
) -> None:
    change, words = next(case[1:] for case in SEEN_AT_NODE if case[0] == name)
    forge(made, copy, change)
    assert check(copy).anchor is not None  # their word
    with pytest.raises(PassportError, match=f"ledger: .*{words}"):
        check(copy, node)


def test_all_fields_of_the_anchor_are_covered() -> None:
    named = {name for name, *_ in (*FALSE, *SEEN_AT_NODE)}
    assert {one.name for one in fields(Spending)} <= named
    assert {"session", "ledger", "number", "hash"} <= named


@pytest.mark.parametrize("name", [case[0] for case in SEEN_AT_NODE])
def test_a_trainer_alone_changes_nothing(made: Made, copy: Path, name: str) -> None:
    change = next(case[1] for case in SEEN_AT_NODE if case[0] == name)
    original = copy.read_bytes()
    forge(made, copy, change, coins=True, spent=False)
    with pytest.raises(PassportError, match=r"spending of Hospital .: its owner signed another one than the anchor"):
        check(copy)
    copy.write_bytes(original)
    forge(made, copy, change, coins=False, spent=True)
    with pytest.raises(PassportError, match=r"coin of .*: it was drawn for another anchor"):
        check(copy)


def test_an_anchor_of_somebody_else(made: Made, copy: Path) -> None:
    record = read(copy)
    anchor = replace(attached(copy, record.anchor, Anchor), builder=EVE.public_key.hex())
    resign(made, copy, replace(record, anchor=put(copy, sign(anchor, EVE).envelope)))
    with pytest.raises(SignatureError, match="anchor: "):
        check(copy)


SPENT: list[tuple[str, Callable[[Spent], Spent], str]] = [
    ("session", lambda r: replace(r, session=OTHER), "it is of another session"),
    ("ledger", lambda r: replace(r, ledger="eip155:1:0x" + "cd" * 20), "it is on the ledger"),
    ("spending", lambda r: replace(r, spending=replace(r.spending, block=1)), "signed another one than"),
]


@pytest.mark.parametrize(("change", "words"), [case[1:] for case in SPENT], ids=[case[0] for case in SPENT])
def test_every_field_of_an_owners_word_on_its_spending(
    made: Made, copy: Path, change: Callable[[Spent], Spent], words: str
) -> None:
    record = read(copy)
    said = change(attached(copy, record.spent[0], Spent))
    name = put(copy, sign(said, key_of(made, said.owner)).envelope)
    resign(made, copy, replace(record, spent=(name, *record.spent[1:])))
    with pytest.raises(PassportError, match=f"spending of Hospital .: .*{words}"):
        check(copy)


CHANGES: list[tuple[Callable[[AnchoredModelPassport], AnchoredModelPassport], type[BaileeError], str]] = [
    (lambda r: replace(r, anchor=OTHER), PassportError, "anchor: attachment e{16}... cannot be read"),
    (lambda r: replace(r, spent=(OTHER, r.spent[1])), PassportError, "spending of .*: attachment e{16}... cannot"),
    (lambda r: replace(r, spent=r.spent[::-1]), SignatureError, "spending of Hospital"),
    (lambda r: replace(r, anchor=r.opening), RecordError, "anchor: "),
]


@pytest.mark.parametrize(("change", "kind", "words"), CHANGES, ids=["anchor", "spent", "spent swapped", "kind"])
def test_the_passports_own_fields(made: Made, copy: Path, change: Any, kind: type[BaileeError], words: str) -> None:
    resign(made, copy, change(read(copy)))
    with pytest.raises(kind, match=words):
        check(copy)


def test_as_many_spendings_as_owners(made: Made) -> None:
    record = read(made.path)
    with pytest.raises(RecordError, match="the word of each owner on its spending"):
        replace(record, spent=record.spent[:1])


def test_coins_of_the_other_version(made: Made, copy: Path) -> None:
    """A coin that names no anchor may have been shown before the beacon was known."""
    record = read(copy)
    coin = attached(copy, record.coins[0], AnchoredModelCoin)
    bare = sign(ModelCoin(coin.session, coin.party, coin.opening, coin.coin), key_of(made, coin.party))
    resign(made, copy, replace(record, coins=(put(copy, bare.envelope), *record.coins[1:])))
    with pytest.raises(RecordError, match=r"coin of .*model-coin/v2"):
        check(copy)


def test_every_attachment_is_needed(made: Made, copy: Path) -> None:
    record = read(copy)
    for name in (record.anchor, *record.spent):
        path = copy.parent / "attachments" / name
        data = path.read_bytes()
        path.unlink()
        with pytest.raises(PassportError, match=rf"attachment {name[:16]}\.\.\. cannot be read"):
            check(copy)
        path.write_bytes(data)
    assert check(copy).chunks == 4


def plain_of(record: AnchoredModelPassport) -> dict[str, Any]:
    return {one.name: getattr(record, one.name) for one in fields(ModelPassport)}


def test_a_passport_stripped_of_its_anchor(made: Made, copy: Path) -> None:
    plain = plain_of(read(copy))
    resign(made, copy, ModelPassport(**plain))
    with pytest.raises(PassportError, match=r"anchor: the plan names the ledger .*, but the passport has none"):
        check(copy)
    unnamed = {**plain["plan"], "version": 2}
    del unnamed["ledger"]
    resign(made, copy, ModelPassport(**{**plain, "plan": unnamed}))
    with pytest.raises(PassportError, match="opening: it states another plan"):
        check(copy)


def test_an_anchor_where_the_plan_names_no_ledger(tmp_path: Path, node: MemoryNode) -> None:
    cast = make_cast(tmp_path, (20,))
    run = cast.train()
    with pytest.raises(InputError, match="names no ledger: there is nothing to check at a node"):
        check(run.path, node)
    assert check(run.path).anchor is None
    record = run.passport.record
    more = AnchoredModelPassport(**vars(record), anchor=OTHER, spent=(OTHER,))
    run.path.write_bytes(sign(more, cast.trainer).envelope)
    with pytest.raises(PassportError, match="anchor: there is one, but the plan names no ledger"):
        check(run.path)


def test_both_versions_open_and_neither_as_the_other(made: Made) -> None:
    data = made.path.read_bytes()
    assert open_model_passport(data).record == read(made.path)
    with pytest.raises(RecordError, match="model-passport/v1"):
        open_signed(data, ModelPassport)
    with pytest.raises(SignatureError):
        open_model_passport(data, b"\1" * 32)
    assert open_model(made.path).passport == digest(data)  # what predictions and exports read


@pytest.mark.parametrize("name", AT_NODE)
def test_a_ledger_that_says_otherwise(made: Made, node: MemoryNode, name: str) -> None:
    change, words = AT_NODE[name]
    change(node)
    with pytest.raises(PassportError, match=f"ledger: .*{words}"):
        check(made.path, node)
    assert check(made.path).anchor is not None


def test_a_grant_revoked_before_and_after_its_spending(made: Made, node: MemoryNode) -> None:
    grant, _ = min(node.books.spent)
    node.books.grants[grant] = replace(node.books.grants[grant], revoked=len(node.books.blocks))
    assert check(made.path, node).anchor is not None
    node.books.grants[grant] = replace(node.books.grants[grant], revoked=1)
    with pytest.raises(PassportError, match="was not live"):
        check(made.path, node)


def test_a_second_registration_found_later_changes_nothing(made: Made, node: MemoryNode) -> None:
    """Spent on what was the first then: only a run under way is refused for it."""
    key = min(node.books.spent)
    node.books.spent[key] = replace(node.books.spent[key], first=False)
    assert check(made.path, node).anchor is not None
