"""Passports of models: every field of them changed, every attachment cut, trainers that ignore what they must ask."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bailee.errors import BaileeError, GrantError, PassportError, PlanError, ProofError, SignatureError
from bailee.keys import Identity
from bailee.records import Revocation, digest, open_signed, sign, time_text
from bailee.records.model import ModelCoin, ModelOpening, ModelPassport, ProvenShuffle, Waiver
from bailee.statements.hidden.model_file import ModelFile, write_model
from bailee.train.model import ModelRun, begin
from model_cast import PLAN, UNPROTECTED, Cast, make_cast, verify

Change = Callable[[ModelPassport], ModelPassport]
OTHER = "0" * 64


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cast, ModelRun]:
    cast = make_cast(tmp_path_factory.mktemp("made"))
    return cast, cast.train(reveal=True)


@pytest.fixture
def copy(made: tuple[Cast, ModelRun], tmp_path: Path) -> Path:
    path = made[1].path
    shutil.copytree(path.parent / "attachments", tmp_path / "attachments")
    shutil.copy(path, tmp_path / "passport.json")
    return tmp_path / "passport.json"


def attach(copy: Path, data: bytes) -> str:
    (copy.parent / "attachments" / digest(data)).write_bytes(data)
    return digest(data)


def resign(cast: Cast, copy: Path, record: ModelPassport) -> None:
    copy.write_bytes(sign(record, cast.trainer).envelope)


def first_owner(**changes: Any) -> Change:
    return lambda one: replace(one, owners=(replace(one.owners[0], **changes), *one.owners[1:]))


def chunk(place: int, **changes: Any) -> Change:
    def change(one: ModelPassport) -> ModelPassport:
        chunks = list(one.chunks)
        chunks[place] = replace(chunks[place], **changes)
        return replace(one, chunks=tuple(chunks))

    return change


def swap(one: ModelPassport) -> ModelPassport:
    a, b, *rest = one.chunks
    return replace(one, chunks=(replace(a, proof=b.proof), b, *rest))


CHANGES: list[tuple[str, Change, type[BaileeError], str]] = [
    ("session", lambda one: replace(one, session=OTHER), PassportError, "opening: it opens another session"),
    ("plan", lambda one: replace(one, plan=replace(PLAN, epochs=3).to_mapping()), PassportError,
     "opening: it states another plan"),
    ("opening", lambda one: replace(one, opening=OTHER), PassportError, "opening: attachment 0{16}... cannot"),
    ("a coin less", lambda one: replace(one, coins=one.coins[:1]), PassportError, "coins: 1 coins, 2 were promised"),
    ("coins swapped", lambda one: replace(one, coins=one.coins[::-1]), SignatureError, "coin of "),
    ("drawn by nobody", lambda one: replace(one, coins_drawn_by="nobody"), PassportError, "drawn by nobody"),
    ("an owner less", lambda one: replace(one, owners=one.owners[:1]), PassportError, "opening: it names other owners"),
    ("owners swapped", lambda one: replace(one, owners=one.owners[::-1]), PassportError, "it names other owners"),
    ("name", first_owner(name="Eve"), PassportError, "card of Eve: it names its owner"),
    ("rows", first_owner(rows=1000), PassportError, "the passport says 1000"),
    ("card proof", first_owner(card_proof=OTHER), PassportError, "names another proof of validity"),
    ("grant", first_owner(grant=OTHER), PassportError, "opening: it names other owners"),
    ("waiver", first_owner(waiver=OTHER), PassportError, "opening: it names other owners"),
    ("uses", first_owner(uses=1), PassportError, "shares: .* the passport says 1"),
    ("share", first_owner(share="1"), PassportError, "shares: .* has a share of"),
    ("shuffles", lambda one: replace(one, shuffles=(ProvenShuffle(1, {}, OTHER, OTHER),)), PassportError,
     "orders: 1 datasets are proven to be shuffled, expected 0"),
    ("a chunk less", lambda one: replace(one, chunks=one.chunks[:-1]), PassportError, "terms: 3 chunks, planned 4"),
    ("chunks swapped", lambda one: replace(one, chunks=one.chunks[::-1]), PassportError, "chunk 1: "),
    ("a chunk twice", lambda one: replace(one, chunks=(*one.chunks[:-1], one.chunks[0])), PassportError, "chunk 4: "),
    ("proofs swapped", swap, ProofError, "chunk 1: the proof does not convince"),
    ("proof", chunk(1, proof=OTHER), PassportError, "chunk 2: attachment 0{16}... cannot"),
    ("statement", chunk(1, statement=OTHER), PassportError, "chunk 2: its proof is of another statement"),
    ("an opening twice", chunk(2, openings=(1,)), PassportError, "chunk 3: it spends opening 1 of"),
    ("the card's opening", chunk(0, openings=(0,)), PassportError, "chunk 1: it spends opening 0 of"),
    ("the last opening", chunk(0, openings=(7,)), PassportError, "chunk 1: it spends opening 7 of"),
    ("another opening", chunk(0, openings=(5,)), PassportError, "chunk 1: its proof is of another statement"),
    ("no opening", chunk(0, openings=()), PassportError, "chunk 1: 0 openings for 1 datasets"),
    ("revealed", lambda one: replace(one, revealed=OTHER), PassportError, "model: attachment 0{16}... cannot"),
    ("epsilon", lambda one: replace(one, epsilon="1"), PassportError, "privacy: the accountant finds epsilon 7.99"),
    ("no epsilon", lambda one: replace(one, epsilon=None), PassportError, "privacy: the accountant finds"),
    ("delta", lambda one: replace(one, delta="0.000001"), PassportError, "privacy: delta is 0.000001, planned"),
    ("accounting", lambda one: replace(one, accounting={}), PassportError, "accounting: it is not how"),
    ("date", lambda one: replace(one, created="2020-01-01T00:00:00Z"), PassportError, "dated before its run"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "kind", "words"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_every_field_is_checked(made: Any, copy: Path, change: Change, kind: type[BaileeError], words: str) -> None:
    cast, run = made
    resign(cast, copy, change(run.passport.record))
    with pytest.raises(kind, match=words):
        verify(copy)


def test_the_builders_own_word(made: Any, copy: Path) -> None:
    """Its name and who drew the coins are nobody else's to know; everything else is checked."""
    cast, run = made
    resign(cast, copy, replace(run.passport.record, builder_name="Another", coins_drawn_by="parties"))
    assert verify(copy).builder_name == "Another"
    fields = {name for name in ModelPassport.__dataclass_fields__ if not name.isupper()}
    changed = " ".join(re.sub(r"\W", " ", name) for name, *_ in CHANGES)
    assert fields - {"builder", "builder_name", "owners", "chunks", "coins", "coins_drawn_by", "created"} <= set(
        changed.split()
    )


def test_somebody_elses_signature(made: Any, copy: Path) -> None:
    run = made[1]
    eve = Identity.generate("Eve")
    copy.write_bytes(sign(replace(run.passport.record, builder=eve.public_key.hex()), eve).envelope)
    with pytest.raises(SignatureError, match="opening: "):
        verify(copy)


def test_every_attachment_is_needed(made: Any, copy: Path) -> None:
    for path in sorted((copy.parent / "attachments").iterdir()):
        data = path.read_bytes()
        path.write_bytes(data[:-1])
        with pytest.raises(PassportError, match=rf"attachment {path.name[:16]}\.\.\. was changed"):
            verify(copy)
        path.unlink()
        with pytest.raises(PassportError, match=rf"attachment {path.name[:16]}\.\.\. cannot be read"):
            verify(copy)
        path.write_bytes(data)
    assert verify(copy).chunks == 4


def test_another_model_is_not_the_one_proven(made: Any, copy: Path) -> None:
    cast, run = made
    weights = {name: values + 1 for name, values in run.model.state.weights.items()}
    other = ModelFile(replace(run.model.state, weights=weights), run.model.seed)
    resign(cast, copy, replace(run.passport.record, revealed=attach(copy, write_model(other))))
    with pytest.raises(PassportError, match="model: the weights are not those the last chunk leads to"):
        verify(copy)
    resign(cast, copy, replace(run.passport.record, revealed=attach(copy, b"bailee model v1\n")))
    with pytest.raises(BaileeError, match="model: model file: "):
        verify(copy)


def test_an_opening_made_after_the_coins(made: Any, copy: Path) -> None:
    """A trainer that draws other noise once it knows the coins needs every coin signed anew, and every proof."""
    cast, run = made
    record = run.passport.record
    opening = open_signed((copy.parent / "attachments" / record.opening).read_bytes(), ModelOpening).record
    other = replace(opening, noise=(opening.noise[1], opening.noise[0], *opening.noise[2:]))
    again = sign(other, cast.trainer)
    attach(copy, again.envelope)
    resign(cast, copy, replace(record, opening=again.digest))
    with pytest.raises(PassportError, match=r"coin of .*: it was drawn for another opening: other noise"):
        verify(copy)
    keys = {one.key: one.identity for one in cast.owners}
    coins = []
    for name in record.coins:
        coin = open_signed((copy.parent / "attachments" / name).read_bytes(), ModelCoin).record
        coins.append(sign(replace(coin, opening=again.digest), keys[coin.party]))
        attach(copy, coins[-1].envelope)
    resign(cast, copy, replace(record, opening=again.digest, coins=tuple(coin.digest for coin in coins)))
    with pytest.raises(PassportError, match="chunk 1: its proof is of another statement"):
        verify(copy)
    forged = replace(coins[0].record, coin=OTHER)
    attach(copy, (bad := sign(forged, keys[forged.party])).envelope)
    resign(cast, copy, replace(record, opening=again.digest, coins=(bad.digest, coins[1].digest)))
    with pytest.raises(PassportError, match="it is not the one promised"):
        verify(copy)
    twice = sign(replace(opening, noise=opening.noise[:1] * len(opening.noise)), cast.trainer)
    attach(copy, twice.envelope)
    resign(cast, copy, replace(record, opening=twice.digest))
    with pytest.raises(PassportError, match="terms: two chunks have the same noise"):
        verify(copy)


def test_revocations(made: Any, copy: Path) -> None:
    cast, _ = made
    owner = cast.owners[0]

    def at(days: int) -> Any:
        said = Revocation(owner.key, owner.grant.digest, time_text(cast.now + timedelta(days=days)))
        return sign(said, owner.identity)

    found = verify(copy, revocations=[at(1)])
    assert [one.revoked is not None for one in found.owners] == [one.key == owner.key for one in found.owners]
    assert "since revoked" in found.to_text()
    with pytest.raises(GrantError, match="grant of Hospital 0: the grant was revoked"):
        verify(copy, revocations=[at(-1)])
    attach(copy, at(-1).envelope)
    with pytest.raises(GrantError, match="grant of Hospital 0: the grant was revoked"):
        verify(copy)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"max_epsilon": "2"}, "too much privacy loss"),
        ({"plan": OTHER}, "another plan"),
        ({"purpose": "fun"}, "another purpose"),
        ({"builder": OTHER}, "for the builder"),
        ({"not_before": "2020-01-01T00:00:00Z", "not_after": "2020-01-02T00:00:00Z"}, "expired"),
        ({"fields": ("size", "(bias)")}, "is not granted"),
    ],
)
def test_a_trainer_that_ignores_grants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str
) -> None:
    monkeypatch.setattr(begin, "_permit", lambda *of: None)
    cast = make_cast(tmp_path, (30, 20))
    owner, holding = cast.owners[0], cast.holdings[0]
    grant = sign(replace(holding.grant.record, **changes), owner.identity)
    run = cast.train(holdings=(replace(holding, grant=grant, charge=None), cast.holdings[1]))
    with pytest.raises(GrantError, match=f"grant of Hospital 0: .*{words}"):
        verify(run.path)


def test_a_trainer_without_waivers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(begin, "_permit", lambda *of: None)
    cast = make_cast(tmp_path, (30, 20), UNPROTECTED)
    run = cast.train(holdings=(replace(cast.holdings[0], waiver=None), cast.holdings[1]))
    with pytest.raises(GrantError, match=r"grant of Hospital 0: the plan is unprotected: .* a waiver"):
        verify(run.path)
    resign(cast, run.path, replace(run.passport.record, epsilon="1"))
    with pytest.raises(PassportError, match="epsilon 1 is stated for an unprotected plan"):
        verify(run.path)


def test_a_waiver_for_a_private_plan(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, (30, 20))
    owner = cast.owners[0]
    waiver = sign(Waiver(owner.key, owner.grant.digest, PLAN.digest, time_text(cast.now)), owner.identity)
    run = cast.train(holdings=(replace(cast.holdings[0], waiver=waiver), cast.holdings[1]))
    with pytest.raises(GrantError, match="a waiver beside it, for a plan that is private"):
        verify(run.path)


def test_a_trainer_with_less_noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Terms that name less noise than the plan's epsilon needs: the accountant finds out."""
    right = begin.fix_terms

    def less(*of: Any) -> Any:
        setup = right(*of)
        return type(setup)(setup.plan, replace(setup.terms, noise_multiplier="0.7"))

    monkeypatch.setattr(begin, "fix_terms", less)
    monkeypatch.setattr(begin, "_permit", lambda *of: None)
    cast = make_cast(tmp_path, (30, 20))
    run = cast.train(holdings=[replace(one, charge=None) for one in cast.holdings])
    with pytest.raises(PlanError, match=r"privacy: the run costs epsilon .*; the plan allows 8"):
        verify(run.path)


def test_one_commitment_under_two_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows under the same seed, sealed by two owners: they would be paid twice."""
    cast = make_cast(tmp_path, (30, 30))
    first, second = cast.owners
    card = sign(replace(first.card.record, owner=second.key, owner_name=second.identity.name), second.identity)
    grant = sign(replace(second.grant.record, card=card.digest), second.identity)
    twin = replace(
        cast.holdings[1], card=card, grant=grant, card_proof=first.card_proof, matrix=first.matrix, seed=first.seed
    )
    run = cast.train(holdings=(cast.holdings[0], twin))
    with pytest.raises(BaileeError, match=r"two owners show the same commitment|card of Hospital 1"):
        verify(run.path)


def test_a_passport_of_a_plan_that_names_a_ledger_has_an_anchor(made: Any, copy: Path) -> None:
    """Nothing was spent there, and no beacon is in the noise."""
    cast, run = made
    record = run.passport.record
    plan = replace(cast.plan, ledger="eip155:1:0x" + "ab" * 20).to_mapping()
    resign(cast, copy, replace(record, plan=plan))
    with pytest.raises(PassportError, match="opening: it states another plan"):
        verify(copy)
    opening = open_signed((copy.parent / "attachments" / record.opening).read_bytes(), ModelOpening).record
    again = sign(replace(opening, plan=plan), cast.trainer)
    attach(copy, again.envelope)
    resign(cast, copy, replace(record, plan=plan, opening=again.digest))
    with pytest.raises(GrantError, match="another plan"):
        verify(copy)
