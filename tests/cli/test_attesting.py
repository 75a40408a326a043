"""A model from its passport to the ledger by commands: attested, challenged, voted on, final; and what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bailee.adapters.chain.accounts import create_account, open_account
from bailee.adapters.chain.chain import Chain
from bailee.adapters.chain.consent import opened_with
from bailee.adapters.chain.deployment import Configuration, deploy
from bailee.adapters.chain.embedded.memory import MemoryLedger
from bailee.adapters.chain.ledger import Ledger
from bailee.adapters.chain.ledger.events import Accepted
from bailee.adapters.chain.ledger.facts import NATIVE, WHOLE, ZERO, Kind, Naming
from bailee.adapters.chain.opening import embedded_chain
from bailee.keys import Secret
from bailee.party.checking import check_paper
from bailee.party.opened_ledger import LedgerPlace, remember
from bailee.records import canonical, digest
from bailee.records.offer import Offer, sign_offer
from bailee.train.holding import Holding
from bailee.verify.passport import verify_passport
from chains import RICH, Engine
from commands import refused, run
from parties import PLAN, PretendCards, make_cast, pretend_verify, run_session

PASSPHRASE = Secret(b"correct horse battery")
PEOPLE = ("builder", "owner0", "owner1", "ann", "ben", "judge")
WINDOW = 1_000
EPSILON, DELTA = 8 * 10**9, 10**13


@dataclass
class World:
    folder: Path
    engine: Engine
    ledgers: dict[str, Ledger]
    passport: Path
    """On the ledger."""
    plain: Path
    """Of a plan that names no ledger."""
    session: str
    """Of the plain one."""
    grants: list[str]
    """On the ledger, of the plain one."""

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def run(self, who: str, *words: str | Path) -> tuple[int, dict[str, Any]]:
        account = ("--account", who, "--passphrase-file", self.folder / "passphrase")
        return run(*words, *account, "--home", self.home)

    def look(self, *words: str | Path) -> dict[str, Any]:
        code, said = run(*words, "--home", self.home)
        assert code == 0, said
        return said

    def address(self, who: str) -> str:
        account = self.ledgers[who].account
        assert account is not None
        return str(account.address)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two owners and a builder trained twice: under the ledger, and under a plan that names none."""
    folder = tmp_path_factory.mktemp("attesting")
    home = folder / "home"
    (folder / "passphrase").write_bytes(PASSPHRASE.reveal())
    (folder / "passphrase").chmod(0o600)
    for name in PEOPLE:
        create_account(home, name, PASSPHRASE, scrypt_n=2)
    people = {name: open_account(home, name, PASSPHRASE) for name in PEOPLE}
    with embedded_chain(MemoryLedger()) as chain, pytest.MonkeyPatch.context() as patched:
        engine = Engine("embedded", chain)
        for one in people.values():
            engine.fund(one.address, RICH)
        found = deploy(chain, people["judge"], Configuration((people["judge"].address,), 1, 2, WINDOW, 10**18, 10**17))
        ledgers = {name: Ledger(chain, found, one) for name, one in people.items()}
        name = ledgers["judge"].name
        cast = make_cast(folder / "on", (20, 30), replace(PLAN, ledger=name))
        cast = replace(cast, node=lambda who: opened_with(chain, people.get(who)))
        for place, holding in enumerate(cast.owners):
            granted(ledgers, f"owner{place}", holding)
        done, said = run_session(cast)
        assert done is not None, said
        off = make_cast(folder / "off", (10, 15))
        grants = [granted(ledgers, f"owner{place}", holding) for place, holding in enumerate(off.owners)]
        plain, said = run_session(off)
        assert plain is not None, said

        @contextmanager
        def opened(url: str, home: Path | None = None, **patience: Any) -> Iterator[Chain]:
            assert (url, home) == ("embedded:", folder / "home")
            yield chain

        def checked(kind: str, path: Path, plain: bool = False, ledger: Callable[..., Any] | None = None) -> Any:
            return verify_passport(path, cards=PretendCards(), gradients=pretend_verify, open_books=ledger)

        patched.setattr("bailee.party.opened_ledger.open_chain", opened)
        patched.setattr("bailee.party.model_claims.check_paper", checked)
        remember(home, LedgerPlace("embedded:", name))
        session = plain.passport.record.session
        yield World(folder, engine, ledgers, done.path.parent, plain.path.parent, session, grants)


def granted(ledgers: dict[str, Ledger], who: str, holding: Holding) -> str:
    """The dataset registered, its budget set, its grant/v1 offered and accepted."""
    owner, builder = ledgers[who], ledgers["builder"]
    assert owner.account is not None
    assert builder.account is not None
    commitment = digest(canonical(holding.card.record.commitment))
    owner.registry.register(Kind.DATASET, Naming(commitment))
    work = owner.registry.id_of(commitment)
    owner.grants.set_budget(work, 2 * EPSILON, 2 * DELTA)
    offer = Offer(
        work, builder.account.address, holding.grant.digest, ZERO, ZERO, ZERO, 0, 2**40, NATIVE, 0, 10**8, EPSILON,
        DELTA, ZERO,
    )  # fmt: skip
    signed = sign_offer(offer, owner.account, owner.name)
    builder.grants.accept(signed.offer, signed.signature)
    return signed.id


@pytest.fixture
def world(built: World) -> Iterator[World]:
    before = built.engine.snapshot()
    yield built
    built.engine.revert(before)
    shutil.rmtree(built.home / "works", ignore_errors=True)


def test_a_model_is_attested_and_registered_with_its_parts(world: World) -> None:
    derive = ("work", "derive", world.passport)
    code, said = world.run("builder", *derive, "--title", "Tumours")
    assert code == 0, said
    assert (said["registered"], said["final"], said["attested_by"], said["quorum"]) == (False, False, [], 2)
    assert [part["share"] for part in said["parts"]] in ([4 * 10**8, 6 * 10**8], [6 * 10**8, 4 * 10**8])
    reserved = world.engine.chain.block().number

    attest = ("attest", "passport", world.passport)
    refused(world.run("ann", *attest), 3, "AuthorityError", "join with a bond first")
    assert world.run("ann", "attest", "join")[1]["verifier"] == "verifier"
    refused(
        world.run("ann", *attest, "--by", world.address("owner0")), 3, "GrantError", "were accepted by",
        world.address("builder"),
    )  # fmt: skip
    code, looked = world.run("ann", *attest, "--dry-run")
    assert (code, looked["attested"], looked["attested_by"], looked["claim"]) == (0, False, [], said["claim"])
    for _ in range(2):  # once, however often
        code, told = world.run("ann", *attest, "--by", world.address("builder"))
        assert (code, told["claim"], told["attested_by"]) == (0, said["claim"], [world.address("ann")])
        assert (told["registrant"], told["parts"]) == (world.address("builder"), said["parts"])
    assert world.run("ben", "attest", "join")[0] == 0
    left = world.run("ben", *attest)[1]["seconds_left"]
    assert 0 < left <= WINDOW + 1
    assert world.run("builder", *derive, "--title", "Tumours")[1]["registered"] is False
    refused(world.run("builder", *derive), 2, "InputError", "prepared with other options")
    refused(world.run("ann", "attest", "retract", said["claim"]), 6, "ConflictError", "has its quorum")

    world.engine.advance(WINDOW + 1)
    assert world.look("attest", "status", said["claim"])["final"] is True
    code, done = world.run("builder", *derive, "--title", "Tumours")
    assert (code, done["registered"], done["since"]) == (0, True, reserved)
    assert world.run("builder", *derive, "--title", "Tumours")[1]["block"] == done["block"]
    shown = world.look("work", "show", done["work"])
    assert (shown["kind"], shown["commitment"]) == ("model", digest((world.passport / "passport.json").read_bytes()))
    assert {one["grant"]: one["share"] for one in shown["made_from"]} == {
        part["grant"]: part["share"] for part in said["parts"]
    }
    assert sorted(one["units"] for one in shown["holders"]) == [4 * 10**7, 6 * 10**7, WHOLE - 10**8]
    assert (shown["attested"]["claim"], shown["attested"]["final"]) == (said["claim"], True)
    lines = [line["words"] for line in world.look("ledger", "trace", done["work"])["lines"]]
    for name in ("ann", "ben"):
        assert any(line.startswith(f"{name} (") and "attested it under a bond" in line for line in lines)


def test_what_does_not_verify_is_not_attested(world: World, tmp_path: Path) -> None:
    assert world.run("ann", "attest", "join")[0] == 0
    bad = tmp_path / "bad"
    shutil.copytree(world.passport, bad)
    victim = max((bad / "attachments").iterdir(), key=lambda path: path.stat().st_size)
    victim.write_bytes(victim.read_bytes()[:-1] + b"!")
    block = world.engine.chain.block().number
    for words in (("ann", "attest", "passport", bad), ("builder", "work", "derive", bad)):
        refused(world.run(*words), 4, "PassportError", "was changed")
    refused(world.run("ann", "attest", "passport", tmp_path / "none"), 2, "InputError", "does not exist")
    assert world.engine.chain.block().number == block
    assert not (world.home / "works").exists()


def test_proofs_that_do_not_convince_are_not_attested(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cast's proofs are pretended: the verifier that people have sees it."""
    monkeypatch.setattr("bailee.party.model_claims.check_paper", check_paper)
    assert world.run("ann", "attest", "join")[0] == 0
    code, said = world.run("ann", "attest", "passport", world.passport)
    assert code == 4, said
    assert said["message"].startswith("card of Hospital ")
    assert world.look("attest", "status")["accounts"]["ann"]["claims"] == []


@pytest.mark.parametrize("upheld", [True, False])
def test_a_challenge_is_decided(world: World, tmp_path: Path, upheld: bool) -> None:
    for who in ("ann", "ben"):
        world.run(who, "attest", "join")
        claim = world.run(who, "attest", "passport", world.passport)[1]["claim"]
    evidence = tmp_path / "why.txt"
    evidence.write_text("The rows were made up.")
    challenge = ("attest", "challenge", claim, "--evidence", evidence, "--uri", "https://example.org/why")
    code, said = world.run("owner0", *challenge)
    assert (code, said["challenger"], said["final"]) == (0, world.address("owner0"), False)
    refused(world.run("owner1", *challenge), 6, "ConflictError", "is being challenged")
    refused(world.run("owner0", "attest", "conclude", claim), 6, "ConflictError", "wait for their votes")
    (case,) = world.look("arbiter", "cases")["cases"]
    assert (case["case"], case["claim"], case["kind"], case["uri"]) == (
        said["case"], claim, "challenge", "https://example.org/why"
    )  # fmt: skip
    assert world.run("judge", "arbiter", "vote", claim, "--uphold" if upheld else "--reject")[0] == 0
    code, done = world.run("owner0", "attest", "conclude", claim)
    assert (code, done["upheld"], done["void"]) == (0, upheld, upheld)
    state = world.look("attest", "status")["accounts"]["ann"]
    if upheld:  # both bonds are gone, half of each to the challenger
        assert (state["verifier"], state["owed"]) == ("no verifier", "0")
        assert world.run("owner0", "attest", "refund")[1]["amount"] == "2"
        assert world.run("builder", "work", "derive", world.passport)[1]["void"] is True
    else:
        assert (state["verifier"], state["owed"]) == ("verifier", "0.5")
        assert world.run("ann", "attest", "refund")[1]["amount"] == "0.5"
        assert 0 < done["seconds_left"] <= WINDOW + 1


def test_a_verifier_takes_back_leaves_and_gets_its_bond(world: World) -> None:
    world.run("ann", "attest", "join")
    refused(world.run("ann", "attest", "join"), 6, "ConflictError", "is a verifier already")
    claim = world.run("ann", "attest", "passport", world.passport)[1]["claim"]
    assert world.look("attest", "status")["accounts"]["ann"]["claims"] == [claim]
    assert world.run("ann", "attest", "retract", f"0x{claim.upper()}")[1]["attested_by"] == []
    assert world.run("ann", "attest", "leave")[1]["verifier"] == "left"
    refused(world.run("ann", "attest", "passport", world.passport), 3, "AuthorityError", "has left")
    refused(world.run("ann", "attest", "withdraw"), 6, "ConflictError", "two windows after leaving")
    world.engine.advance(2 * WINDOW + 1)
    assert world.run("ann", "attest", "withdraw")[1] == {"to": world.address("ann"), "amount": "1"}
    refused(world.run("ann", "attest", "retract", "nonsense"), 2, "InputError", "expected 64 hex digits")


def test_a_plan_without_a_ledger_counts_when_its_session_was_spent_on(world: World) -> None:
    derive = ("work", "derive", world.plain)
    refused(world.run("builder", *derive), 3, "GrantError", "has no grant on", "was spent on for session")
    for place, grant in enumerate(world.grants):
        world.ledgers[f"owner{place}"].grants.spend(grant, world.session, EPSILON, DELTA, ZERO)
    code, said = world.run("builder", *derive)
    assert code == 0, said
    assert {part["grant"] for part in said["parts"]} == set(world.grants)
    assert sum(part["share"] for part in said["parts"]) == WHOLE
    assert world.run("ann", "attest", "passport", world.plain, "--dry-run")[1]["claim"] == said["claim"]


def test_a_dataset_registered_again_by_the_builder_earns_nothing(world: World) -> None:
    """A grant that the builder gives to itself, of its own registration of the owner's rows, is none of the owner's."""
    builder = world.ledgers["builder"]
    assert builder.account is not None
    for place, grant in enumerate(world.grants):
        state = builder.grants.grant(grant)
        assert state is not None
        (accepted,) = builder.grants.find(Accepted, state.accepted, state.accepted, grant=grant)
        commitment = builder.registry.work(state.work).naming.commitment
        builder.registry.register(Kind.DATASET, Naming(commitment))
        work = builder.registry.id_of(commitment)
        builder.grants.set_budget(work, 2 * EPSILON, 2 * DELTA)
        offer = Offer(
            work, builder.account.address, accepted.record, ZERO, ZERO, ZERO, 0, 2**40, NATIVE, 0, 10**8, EPSILON,
            DELTA, f"{place:064x}",
        )  # fmt: skip
        signed = sign_offer(offer, builder.account, builder.name)
        builder.grants.accept(signed.offer, signed.signature)
        builder.grants.spend(signed.id, world.session, EPSILON, DELTA, ZERO)
    refused(world.run("builder", "work", "derive", world.plain), 3, "GrantError", "has no grant on")
    refused(world.run("ann", "attest", "passport", world.plain), 3, "GrantError", "has no grant on")
