"""Passports: what a whole one proves; every field of every record in it changed; every link broken and named."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bailee.errors import BaileeError, GrantError, InputError, PassportError, ProofError, RecordError, SignatureError
from bailee.keys import Identity
from bailee.records import (
    Card,
    Closing,
    Coin,
    Contribution,
    Grant,
    Invite,
    NoiseCommitment,
    Passport,
    Proven,
    Record,
    Revocation,
    Round,
    Signed,
    canonical,
    digest,
    open_signed,
    sign,
    time_text,
)
from bailee.verify.passport import verify_passport
from bailee.verify.statement import ProvenStatement
from parties import Cast, PretendCards, make_cast, make_grant, pretend_verify, run_session

EVE = Identity.generate("Eve")
KINDS: dict[str, type[Any]] = {
    "invite": Invite,
    "card": Card,
    "grant": Grant,
    "noise": NoiseCommitment,
    "coin": Coin,
    "rounds": Round,
    "closing": Closing,
    "proven": Proven,
    "builder_coin": Coin,
}


def verify(path: Path, **more: Any) -> ProvenStatement:
    return verify_passport(path, cards=PretendCards(), gradients=pretend_verify, **more)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cast, Path]:
    cast = make_cast(tmp_path_factory.mktemp("made"), (30, 40))
    outcome, said = run_session(cast)
    assert outcome is not None, said
    return cast, outcome.path


@pytest.fixture
def copy(made: tuple[Cast, Path], tmp_path: Path) -> Path:
    return copied(made[1], tmp_path)


def copied(path: Path, target: Path) -> Path:
    shutil.copytree(path.parent / "attachments", target / "attachments")
    shutil.copy(path, target / "passport.json")
    return target / "passport.json"


def read(path: Path) -> Passport:
    return open_signed(path.read_bytes(), Passport).record


def key_of(cast: Cast, key: str) -> Identity:
    known = [cast.builder, *(holding.identity for holding in cast.owners), EVE]
    return next(identity for identity in known if identity.public_key.hex() == key)


def attachment(path: Path, name: str) -> Path:
    return path.parent / "attachments" / name


def put(path: Path, data: bytes) -> str:
    attachment(path, digest(data)).write_bytes(data)
    return digest(data)


def rewrite(path: Path, cast: Cast, passport: Passport) -> None:
    path.write_bytes(sign(passport, cast.builder).envelope)


def forge(path: Path, cast: Cast, place: str, change: Callable[[Any], Any]) -> None:
    """Change one record of the first owner (or the builder), sign it again and let the passport name it."""
    passport = read(path)
    part = passport.owners[0]
    mine = place in ("invite", "closing", "builder_coin")
    named = getattr(passport if mine else part, place)
    name = named[0] if place == "rounds" else named
    record = open_signed(attachment(path, name).read_bytes(), KINDS[place]).record
    changed = change(record)
    new = put(path, sign(changed, key_of(cast, changed.signer.hex())).envelope)
    value = (new, *named[1:]) if place == "rounds" else new
    if mine:
        rewrite(path, cast, replace(passport, **{place: value}))
    else:
        rewrite(path, cast, replace(passport, owners=(replace(part, **{place: value}), *passport.owners[1:])))


def other(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        if value == EVE.public_key.hex():
            return value
        if len(value) in (32, 64) and all(letter in "0123456789abcdef" for letter in value):
            return value[:-1] + ("0" if value[-1] != "0" else "1")
        if value.endswith("Z") and value[4:5] == "-":
            return "2021-01-01T00:00:00Z"
        try:
            return f"{float(value) / 2:.12f}"
        except ValueError:
            return value + "x"
    if isinstance(value, tuple):
        return (other(value[0]), *value[1:])
    if is_dataclass(value):
        name = fields(value)[0].name
        return replace(value, **{name: other(getattr(value, name))})
    if isinstance(value, dict):
        name = sorted(value)[-1]
        return {**value, name: other(value[name])}
    if value is None:
        return "x"
    return [other(value[0]), *value[1:]]


def test_what_a_passport_proves(made: tuple[Cast, Path]) -> None:
    _, path = made
    statement = verify(path)
    passport = read(path)
    assert statement.weights == passport.weights
    assert [owner.share for owner in statement.owners] == [Fraction(part.rows, 70) for part in passport.owners]
    assert sum(owner.share for owner in statement.owners) == 1
    assert statement.bits == 100.0
    assert json.loads(canonical(statement.to_dict()))["owners"][0]["share"] in ("3/7", "4/7")
    text = statement.to_text()
    for part in ("Hospital 0", "Hospital 1", "epsilon 7.99", "replace-one", "70 committed rows", "research"):
        assert part in text
    assert verify(path, plain=True).plain


SIGNED = [
    (place, field.name)
    for place, kind in KINDS.items()
    for field in fields(kind)
    if place != "builder_coin" and (place, field.name) != ("card", "renews")  # a renewal is tested with cards
]


@pytest.mark.parametrize(("place", "name"), SIGNED, ids=[f"{place}.{name}" for place, name in SIGNED])
def test_a_field_signed_anew_breaks_its_link(made: tuple[Cast, Path], copy: Path, place: str, name: str) -> None:
    """The strong forger: it holds the signer's key and the builder's, and changes one field of one record."""
    cast, _ = made
    eve = EVE.public_key.hex()

    def change(record: Record) -> Record:
        new = eve if name == record.SIGNER else other(getattr(record, name))
        return replace(record, **{name: new})

    try:
        forge(copy, cast, place, change)
    except RecordError:
        return  # such a record cannot even be written
    if (place, name) == ("proven", "seconds"):
        verify(copy)  # the owner's own word on how long it took; nothing rests on it
        return
    with pytest.raises(BaileeError) as caught:
        verify(copy)
    assert ":" in str(caught.value)


SAID = [field.name for field in fields(Passport)]


@pytest.mark.parametrize("name", SAID)
def test_a_passport_field_signed_anew_breaks_a_link(made: tuple[Cast, Path], copy: Path, name: str) -> None:
    cast, _ = made
    passport = read(copy)
    try:
        rewrite(copy, cast, replace(passport, **{name: other(getattr(passport, name))}))
    except (RecordError, SignatureError):
        return
    if name == "builder_name":
        assert verify(copy).builder_name == "Builderx"  # what a builder calls itself is its own word
        return
    with pytest.raises(BaileeError):
        verify(copy)


@pytest.mark.parametrize("name", [field.name for field in fields(Contribution)])
def test_a_contribution_changed_breaks_a_link(made: tuple[Cast, Path], copy: Path, name: str) -> None:
    cast, _ = made
    passport = read(copy)
    part = replace(passport.owners[0], **{name: other(getattr(passport.owners[0], name))})
    rewrite(copy, cast, replace(passport, owners=(part, *passport.owners[1:])))
    with pytest.raises(BaileeError):
        verify(copy)


@pytest.mark.parametrize("name", SAID)
def test_a_passport_changed_without_its_key_is_unsigned(copy: Path, name: str) -> None:
    envelope = json.loads(copy.read_bytes())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    value = statement["predicate"][name]
    statement["predicate"][name] = other(tuple(value) if isinstance(value, list) else value)
    envelope["payload"] = base64.b64encode(canonical(statement)).decode()
    copy.write_bytes(canonical(envelope))
    with pytest.raises((SignatureError, RecordError), match=r"^passport: "):
        verify(copy)


def changed_plan(passport: Passport, **change: Any) -> Passport:
    return replace(passport, plan={**passport.plan, **change})


@pytest.mark.parametrize(
    ("change", "error", "named"),
    [
        (lambda p: changed_plan(p, rounds=4), PassportError, "invite: .*another plan"),
        (lambda p: changed_plan(p, learning_rate="0.6"), PassportError, "invite: .*another plan"),
        (lambda p: replace(p, weights=other(p.weights)), PassportError, "weights: "),
        (lambda p: replace(p, owners=p.owners[::-1]), PassportError, "invite: .*other owners"),
        (lambda p: replace(p, owners=p.owners[:1]), PassportError, "invite: .*other owners"),
        (lambda p: replace(p, created="2020-01-01T00:00:00Z"), PassportError, "dated before"),
        (lambda p: replace(p, accounting={}), PassportError, "accounting: "),
        (lambda p: replace(p, columns=p.columns[::-1]), PassportError, "terms: "),
        (lambda p: first(p, epsilon="1"), PassportError, "privacy of Hospital .*epsilon"),
        (lambda p: first(p, delta="0.000001"), PassportError, "privacy of Hospital .*delta"),
        (lambda p: first(p, share="0.9"), PassportError, "shares: "),
        (lambda p: first(p, rows=900), PassportError, "card of Hospital .*rows"),
        (lambda p: first(p, name="Nobody"), PassportError, "card of Nobody"),
        (lambda p: first(p, proof=p.owners[1].proof), PassportError, "proof of Hospital .*another proof"),
        (lambda p: first(p, rounds=p.owners[0].rounds[::-1]), PassportError, "round 1 of Hospital .*answers round 5"),
        (lambda p: first(p, rounds=p.owners[0].rounds[:-1]), PassportError, "4 rounds, planned 5"),
        (lambda p: first(p, rounds=(p.owners[0].rounds[0],) * 5), PassportError, "round 2 of Hospital .*round 1"),
        (lambda p: first(p, rounds=p.owners[1].rounds), SignatureError, "rounds of Hospital"),
        (lambda p: first(p, coin=p.owners[1].coin), SignatureError, "coin of Hospital"),
        (lambda p: first(p, card=p.owners[1].card), PassportError, "invite: "),
        (lambda p: replace(p, builder_coin=p.owners[1].coin), SignatureError, "coin of the builder"),
    ],
)
def test_a_false_passport_names_the_link(
    made: tuple[Cast, Path], copy: Path, change: Callable[[Passport], Passport], error: type[BaileeError], named: str
) -> None:
    rewrite(copy, made[0], change(read(copy)))
    with pytest.raises(error, match=named):
        verify(copy)


def first(passport: Passport, **change: Any) -> Passport:
    return replace(passport, owners=(replace(passport.owners[0], **change), *passport.owners[1:]))


def test_a_passport_of_another_builder(made: tuple[Cast, Path], copy: Path) -> None:
    stolen = replace(read(copy), builder=EVE.public_key.hex())
    copy.write_bytes(sign(stolen, EVE).envelope)
    with pytest.raises(SignatureError, match="invite: "):
        verify(copy)


def test_every_attachment_is_needed_whole(made: tuple[Cast, Path], copy: Path) -> None:
    for path in sorted((copy.parent / "attachments").iterdir()):
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(PassportError, match="was changed"):
            verify(copy)
        path.unlink()
        with pytest.raises(PassportError, match="cannot be read"):
            verify(copy)
        path.write_bytes(whole)
    verify(copy)
    shutil.rmtree(copy.parent / "attachments")
    with pytest.raises(PassportError):
        verify(copy)


def test_foreign_attachments_do_not_matter(copy: Path) -> None:
    (copy.parent / "attachments" / "readme").write_text("hello")
    verify(copy)


def test_rounds_of_another_session_are_refused(made: tuple[Cast, Path], copy: Path, tmp_path: Path) -> None:
    cast, _ = made
    outcome, said = run_session(replace(cast, root=tmp_path / "again"))
    assert outcome is not None, said
    for path in (outcome.path.parent / "attachments").iterdir():
        shutil.copy(path, copy.parent / "attachments" / path.name)
    fresh = outcome.passport.record.owners[0]
    for name, value in (
        ("rounds", fresh.rounds),
        ("noise", fresh.noise),
        ("coin", fresh.coin),
        ("proven", fresh.proven),
    ):
        rewrite(copy, cast, first(read(made[1]), **{name: value}))
        with pytest.raises(PassportError, match="of another session"):
            verify(copy)


def test_a_proof_that_does_not_convince(made: tuple[Cast, Path], copy: Path) -> None:
    """Both the builder and the owner sign for a wrong proof: the argument itself refuses it."""
    cast, _ = made
    proof = put(copy, b"\1" * 128)
    forge(copy, cast, "proven", lambda record: replace(record, proof=proof))
    rewrite(copy, cast, first(read(copy), proof=proof))
    with pytest.raises(ProofError, match=r"proof of Hospital .*does not convince"):
        verify(copy)


def test_a_card_proof_that_does_not_convince(made: tuple[Cast, Path], copy: Path) -> None:
    class Strict(PretendCards):
        def valid(self, *args: Any, **more: Any) -> None:
            raise ProofError("no")

    with pytest.raises(ProofError, match="card of Hospital"):
        verify_passport(copy, cards=Strict(), gradients=pretend_verify)


def with_grants(tmp_path: Path, change: Callable[[Grant], Grant]) -> Path:
    """A session run under changed grants by owners that look away."""
    cast = make_cast(tmp_path, (20,))
    (holding,) = cast.owners
    grant = change(make_grant(holding.card, cast.builder, cast.now))
    owners = (replace(holding, grant=sign(grant, holding.identity)),)
    outcome, said = run_session(replace(cast, owners=owners))
    assert outcome is not None, said
    return outcome.path


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda g: replace(g, not_before="2020-01-01T00:00:00Z", not_after="2020-02-01T00:00:00Z"), "it ended"),
        (lambda g: replace(g, not_before="2220-01-01T00:00:00Z", not_after="2220-02-01T00:00:00Z"), "it begins"),
        (lambda g: replace(g, purpose="advertising"), "it is for 'advertising'"),
        (lambda g: replace(g, plan="a" * 64), "another plan"),
        (lambda g: replace(g, fields=("size", "age")), "fields dose"),
        (lambda g: replace(g, max_epsilon="1"), "epsilon 1 at most"),
        (lambda g: replace(g, max_delta="0.0000001"), "delta 0.0000001 at most"),
    ],
)
def test_a_grant_that_does_not_allow_it(tmp_path: Path, change: Callable[[Grant], Grant], named: str) -> None:
    with pytest.raises(GrantError, match=f"grant of Hospital 0: .*{named}"):
        verify(with_grants(tmp_path, change))


@pytest.mark.parametrize("attached", [True, False])
def test_a_revocation_counts_from_its_date(made: tuple[Cast, Path], copy: Path, attached: bool) -> None:
    cast, _ = made
    holding = next(owner for owner in cast.owners if owner.key == read(copy).owners[0].owner)

    def judged(identity: Identity, days: int) -> ProvenStatement:
        moment = time_text(cast.now + timedelta(days=days))
        said: Signed[Revocation] = sign(Revocation(identity.public_key.hex(), holding.grant.digest, moment), identity)
        if attached:
            put(copy, said.envelope)
        return verify(copy, revocations=() if attached else (said,))

    assert judged(EVE, -1).owners[0].revoked is None
    assert judged(holding.identity, 1).owners[0].revoked is not None
    with pytest.raises(GrantError, match="before the session opened"):
        judged(holding.identity, -1)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_other_bytes_are_no_passport(made: tuple[Cast, Path], copy: Path, data: st.DataObject) -> None:
    whole = made[1].read_bytes()
    kind = data.draw(st.sampled_from(["flip", "cut", "random"]))
    if kind == "flip":
        at = data.draw(st.integers(0, len(whole) - 1))
        bad = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    elif kind == "cut":
        bad = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        bad = data.draw(st.binary(max_size=300))
    copy.write_bytes(bad)
    with pytest.raises(BaileeError):
        verify(copy)


def test_no_passport_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        verify(tmp_path / "none.json")


def test_the_verifier_imports_no_kernel_and_no_prover() -> None:
    code = (
        "import sys, bailee.verify.passport;"
        "bad = {'numba', 'bailee.argument.prover', 'bailee.train', 'bailee.seal'} & set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
