"""`bailee work` on a ledger on disk: registered once whatever happens on the way, compared, derived, disputed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from typer.testing import CliRunner

from bailee.adapters.chain.accounts import create_account, open_account
from bailee.adapters.chain.deployment import Configuration, deploy
from bailee.adapters.chain.embedded.ledger import open_ledger
from bailee.adapters.chain.ledger import Grants, Ledger, Registry, Sent
from bailee.adapters.chain.ledger.events import Accepted, Registered
from bailee.adapters.chain.ledger.facts import NATIVE, ZERO, Budget, Kind, Naming
from bailee.adapters.chain.opening import embedded_chain, folder_of, open_chain
from bailee.cli.describing import basis_points
from bailee.cli.registering import budget_units
from bailee.errors import ChainError, InputError
from bailee.keys import Secret
from bailee.party.opened_ledger import LedgerPlace, remember
from bailee.records import canonical, digest
from bailee.records.fingerprint import Fingerprint
from bailee.records.offer import Offer, sign_offer
from bailee.seal import open_dataset
from chains import RICH
from commands import app, make_world, refused, run

PASSPHRASE = Secret(b"correct horse battery")
PEOPLE = ("main", "rival", "judge")
TEXT = " ".join(f"In line {at} the harbour had {at * 7919 % 1000} boats, and nobody counted." for at in range(120))


@dataclass
class World:
    folder: Path
    name: str

    @property
    def home(self) -> Path:
        return self.folder / "owner"

    def run(self, *words: str | Path, who: str = "main") -> tuple[int, dict[str, Any]]:
        account = ("--account", who, "--passphrase-file", self.folder / "passphrase")
        return run(*words, *account, "--home", self.home)

    def look(self, *words: str | Path) -> dict[str, Any]:
        code, said = run(*words, "--home", self.home)
        assert code == 0, said
        return said

    @contextmanager
    def ledger(self, who: str = "main") -> Iterator[Ledger]:
        with open_chain("embedded:", self.home) as chain:
            yield Ledger.named(chain, self.name, open_account(self.home, who, PASSPHRASE))

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def granted(self, work: int, royalty: int) -> str:
        """To the rival, by the owner of `work`, who is main."""
        with self.ledger() as owner, self.as_rival(owner) as rival:
            assert owner.account is not None
            assert rival.account is not None
            terms = (rival.account.address, ZERO, ZERO, ZERO, ZERO, 0, 2**40, NATIVE, 0, royalty, 0, 0, ZERO)
            signed = sign_offer(Offer(work, *terms), owner.account, owner.name)
            grant: str = rival.grants.accept(signed.offer, signed.signature).one(Accepted).grant
            return grant

    @contextmanager
    def as_rival(self, other: Ledger) -> Iterator[Ledger]:
        yield Ledger(other.chain, other.addresses, open_account(self.home, "rival", PASSPHRASE))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = make_world(tmp_path_factory.mktemp("works"))
    home = folder / "owner"
    (folder / "passphrase").write_bytes(PASSPHRASE.reveal())
    (folder / "passphrase").chmod(0o600)
    for name in PEOPLE:
        create_account(home, name, PASSPHRASE, scrypt_n=2)
    people = {name: open_account(home, name, PASSPHRASE) for name in PEOPLE}
    books = open_ledger(folder_of(home))
    with embedded_chain(books) as chain:
        for one in people.values():
            books.fund(bytes.fromhex(one.address[2:]), RICH)
        found = deploy(chain, people["main"], Configuration((people["judge"].address,), 1, 1, 1_000, 10**18, 10**17))
        name = Ledger(chain, found).name
    remember(home, LedgerPlace("embedded:", name))
    return World(folder, name)


def test_a_dataset_is_registered_with_a_withheld_fingerprint_and_a_budget(world: World) -> None:
    card = open_dataset(world.home / "datasets" / "tiny").card
    register = ("work", "register", "tiny", "--budget-epsilon", "10", "--budget-delta", "1e-4")
    refused(world.run(*register), 2, "InputError", "which rows?", "--rows FILE")
    other = world.file("other.csv", "age,sex,ill\n30,f,0\n40,m,1\n51,f,1\n")
    refused(world.run(*register, "--rows", other), 2, "InputError", "is not the table that was sealed as tiny")
    assert not (world.home / "works").exists()

    code, said = world.run(*register, "--rows", world.folder / "rows.csv", "--uri", "https://example.org/tiny.json")
    assert code == 0, said
    assert (said["kind"], said["first"], said["already"], said["near"]) == ("dataset", True, False, [])
    assert said["title"] == "tiny"
    assert said["commitment"] == digest(canonical(card.record.commitment))
    assert said["since"] < said["registered"]
    folder = Path(said["folder"])
    assert (folder / "registration.json").stat().st_mode & 0o777 == 0o600
    with world.ledger() as ledger:
        work = ledger.registry.work(int(said["work"]))
        events = ledger.registry.events(work.registered, work.registered)
        (event,) = (one for one in events if isinstance(one, Registered))
        assert ledger.grants.budget(work.id) == Budget(10**10, 10**14, 0, 0)
    documents = (folder / "schema.json", folder / "fingerprint", folder / "metadata.json")
    assert (work.naming.schema, work.naming.fingerprints, work.naming.metadata) == tuple(
        digest(path.read_bytes()) for path in documents
    )
    assert work.uri == "https://example.org/tiny.json"
    assert Fingerprint.from_bytes(event.fingerprint).withheld
    code, opened = run("work", "open", folder / "fingerprint", folder / "fingerprint.secret")
    assert (code, opened["extent"]) == (0, 3)

    code, again = world.run(*register)  # neither rows nor documents are needed any more
    assert (code, again["already"], again["registered"]) == (0, True, said["registered"])
    shown = world.look("work", "show", "tiny")
    assert (shown["work"], shown["status"], shown["budget"]["epsilon"]) == (said["work"], "good", 10)
    assert shown["holders"] == [{"holder": shown["owner"], "units": 10**9, "work": None}]
    assert shown["title"] == json.loads((folder / "metadata.json").read_bytes())["name"] == "tiny"
    assert [(one["work"], one["title"]) for one in world.look("work", "list")["works"]] == [(said["work"], "tiny")]
    for words in (("work", "list"), ("work", "show", "tiny"), ("royalty", "earnings")):
        printed = CliRunner().invoke(app, [*words, "--home", str(world.home)]).stdout
        assert "tiny" in printed.split(), printed
    assert world.look("work", "show", said["commitment"]) == world.look("work", "show", said["work"]) == shown
    refused(
        world.run("work", "register", "tiny", "--budget-epsilon", "11", "--budget-delta", "1e-4"), 3, "BudgetError",
        "lowered",
    )  # fmt: skip


def test_a_near_copy_is_shown_and_needs_a_second_thought(world: World) -> None:
    first = world.run("work", "register", world.file("harbour.txt", TEXT), "--description", "A count.")[1]
    assert first["commitment"] == blake3(TEXT.encode()).hexdigest()
    copy = world.file("copied.txt", TEXT.replace("boats", "ships", 3))
    refused(
        world.run("work", "register", copy, who="rival"), 2, "InputError", "near copies", first["work"], "--anyway",
        "near-copy (structural",
    )  # fmt: skip
    code, said = world.run("work", "register", copy, "--anyway", who="rival")
    assert (code, [(one["work"], one["decision"]) for one in said["near"]]) == (0, [(first["work"], "near-copy")])
    assert said["near"][0]["subject"] > 0.8
    assert (said["near"][0]["first"], said["near"][0]["status"], said["not_compared"]) == ("it", 1, 1)
    near = world.look("work", "show", first["work"])["near"]
    assert [(one["work"], one["first"]) for one in near] == [(said["work"], "this one")]
    refused(
        world.run("work", "register", world.folder / "harbour.txt", who="rival"), 2, "InputError",
        f"work {first['work']}: registered by the very same commitment",
    )  # fmt: skip
    mine = {one["work"] for one in world.look("work", "list")["works"]}
    assert {first["work"], said["work"]} <= mine


@pytest.mark.parametrize("sent", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["reserve", "register"])
def test_it_goes_on_after_a_failure(world: World, monkeypatch: pytest.MonkeyPatch, step: str, sent: bool) -> None:
    """The node goes away before a transaction is sent, or after it was executed and before anybody heard of it."""
    path = world.file(f"{step}-{sent}.bin", f"{step} {sent}")
    whole = getattr(Registry, step)

    def lost(self: Registry, *arguments: Any, **more: Any) -> Sent:
        if sent:
            whole(self, *arguments, **more)
        raise ChainError("the node does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(Registry, step, lost)
        refused(world.run("work", "register", path, "--kind", "bytes"), 6, "ChainError", "does not answer")
    (before,) = (one for one in (world.home / "works").glob("*/*/registration.json") if digest_in(one, path))
    kept = before.read_bytes()
    if not (sent and step == "register"):  # it is not registered yet: its documents are asked for
        other = world.run("work", "register", path, "--kind", "bytes", "--title", "Other")
        refused(other, 2, "InputError", "prepared with other options", "--afresh")
    code, said = world.run("work", "register", path, "--kind", "bytes")
    assert (code, before.read_bytes()) == (0, kept)
    assert said["registered"] > said["since"]
    assert said["already"] == (sent and step == "register")
    with world.ledger() as ledger:
        again = [one for one in ledger.registry.events() if isinstance(one, Registered) and one.id == int(said["work"])]
    assert len(again) == 1


def digest_in(registration: Path, path: Path) -> bool:
    return blake3(path.read_bytes()).hexdigest() in registration.read_text()


def test_documents_made_afresh_keep_the_reservation(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.file("afresh.bin", "afresh")

    def never(self: Registry, *arguments: Any, **more: Any) -> Sent:
        raise ChainError("the node does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(Registry, "register", never)
        assert world.run("work", "register", path)[0] == 6
    with world.ledger() as ledger:
        reserved = ledger.chain.block().number
    code, said = world.run("work", "register", path, "--title", "Renamed", "--afresh")
    assert (code, said["since"]) == (0, reserved)
    assert b'"Renamed"' in (Path(said["folder"]) / "metadata.json").read_bytes()
    assert b'"afresh.bin"' in Path(f"{said['folder']}.1").joinpath("metadata.json").read_bytes()


def test_a_budget_that_was_not_set_is_set_by_the_next_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("reseal", "tiny", "--as", "again", "--home", world.home)[0] == 0
    register = ("work", "register", "again", "--rows", world.folder / "rows.csv", "--publish-fingerprint")

    def never(self: Grants, *arguments: Any) -> Sent:
        raise ChainError("the node does not answer")

    budget = ("--budget-epsilon", "1", "--budget-delta", "0.00001")
    with monkeypatch.context() as patched:
        patched.setattr(Grants, "set_budget", never)
        assert world.run(*register, *budget)[0] == 6
    code, said = world.run(*register, *budget)
    assert (code, said["already"]) == (0, True)
    assert world.look("work", "show", "again")["budget"]["epsilon"] == 1
    assert not (Path(said["folder"]) / "fingerprint.secret").exists()


def test_a_content_made_of_another_gives_it_its_part(world: World) -> None:
    song = world.run("work", "register", world.file("song.txt", TEXT.replace("harbour", "song")))[1]
    grant = world.granted(int(song["work"]), 4 * 10**8)
    remix = world.file("remix.txt", TEXT.replace("harbour", "song").replace("nobody", "somebody", 9))
    derive = ("work", "derive", "--content", remix)
    refused(world.run(*derive, who="rival"), 2, "InputError", "--content FILE with --from GRANT")
    refused(world.run(*derive, "--from", "12" * 32, who="rival"), 3, "GrantError", "was not accepted by")
    refused(world.run(*derive, "--from", f"{grant}=1.5", who="rival"), 2, "InputError", "expected a share of use")
    refused(world.run(*derive, "--from", grant), 3, "GrantError", "was not accepted by")
    code, said = world.run(*derive, "--from", f"{grant}=0.5", who="rival")  # near its parent, which it names
    assert code == 0, said
    assert (said["registered"], said["parts"]) == (True, [{"grant": grant, "share": 5 * 10**8}])
    for home in ("as it was", "without what was prepared"):
        if home == "without what was prepared":
            aside = Path(said["folder"]).with_name("aside")
            Path(said["folder"]).rename(aside)
        told = (f"as work {said['work']}, --from {grant}=0.5; now asked: --from {grant}=", "bailee work show")
        for share in ("=0.25", ""):  # without a share, the whole
            refused(world.run(*derive, "--from", f"{grant}{share}", who="rival"), 2, "InputError", *told)
    aside.rename(said["folder"])
    assert world.run(*derive, "--from", f"{grant}=0.5", who="rival")[1]["block"] == said["block"]
    shown = world.look("work", "show", said["work"])
    assert shown["made_from"] == [{"work": song["work"], "grant": grant, "share": 5 * 10**8, "units": 2 * 10**8}]
    assert [(one["units"], one["work"]) for one in shown["holders"]] == [(8 * 10**8, None), (2 * 10**8, song["work"])]
    above = world.look("work", "show", song["work"])
    assert [one["work"] for one in above["made_of_it"]] == [said["work"]]
    assert [one["declared"] for one in above["near"] if one["work"] == said["work"]] == [True]


def test_a_copy_is_disputed_and_void(world: World) -> None:
    mine = world.run("work", "register", world.file("mine.txt", "Only here. " * 50), "--withhold")[1]
    theirs = world.run("work", "register", world.file("theirs.txt", "Only there. " * 50), who="rival")[1]
    evidence = world.file("evidence.json", '{"subject": 0.9}')
    code, said = world.run("work", "dispute", theirs["work"], "--earlier", mine["commitment"], "--evidence", evidence)
    assert code == 0, said
    assert (said["earlier"], said["evidence"]) == (mine["work"], blake3(evidence.read_bytes()).hexdigest())
    assert (said["bond"], world.look("work", "show", theirs["work"])["status"]) == ("0.1", "disputed")
    refused(world.run("work", "conclude", theirs["work"]), 6, "ConflictError", "wait for their votes")

    (case,) = world.look("arbiter", "cases")["cases"]
    assert (case["case"], case["work"], case["votes"], case["verdict"]) == (said["case"], theirs["work"], {}, "open")
    refused(world.run("arbiter", "vote", theirs["work"], "--uphold"), 3, "AuthorityError", "not among")
    refused(world.run("arbiter", "vote", mine["work"], "--uphold", who="judge"), 2, "NotFoundError", "ever opened")
    refused(world.run("arbiter", "vote", theirs["work"], who="judge"), 2, "InputError", "--uphold or --reject")
    code, voted = world.run("arbiter", "vote", theirs["work"], "--uphold", who="judge")
    assert (code, voted["verdict"], list(voted["votes"].values())) == (0, "upheld", ["uphold"])
    refused(world.run("arbiter", "vote", said["case"], "--reject", who="judge"), 6, "ConflictError", "decided")

    code, done = world.run("work", "conclude", theirs["work"])
    assert (code, done["upheld"], done["status"]) == (0, True, "void")
    assert world.run("work", "refund")[1]["amount"] == "0.1"
    refused(world.run("work", "refund"), 2, "NotFoundError", "nothing is owed")
    assert world.look("arbiter", "cases")["cases"] == []
    (kept,) = world.look("arbiter", "cases", "--all")["cases"]
    assert (kept["concluded"], kept["verdict"]) == (True, "upheld")
    lines = [one["words"] for one in world.look("ledger", "trace", theirs["work"])["lines"]]
    assert any(line.startswith("Arbiter judge") and line.endswith("voted to uphold") for line in lines)
    assert lines[-2:] == ["The arbiters decided: upheld", "The dispute was upheld: the registration is void"]
    void = world.file("again.txt", "Only there. " * 50)
    code, again = world.run("work", "register", void)  # what is void stands in nobody's way
    assert (code, again["near"][0]["work"], again["near"][0]["status"]) == (0, theirs["work"], 3)


def test_works_are_found_or_it_is_said_why_not(world: World) -> None:
    def show(text: str) -> tuple[int, dict[str, Any]]:
        return run("work", "show", text, "--home", world.home)

    refused(show("17"), 2, "NotFoundError", "no work of that id")
    refused(show("ab" * 32), 2, "NotFoundError", "is not registered on", "bailee work register")
    refused(show("nonsense"), 2, "InputError", "expected a work's number", "tiny")
    refused(world.run("work", "register", "nowhere.txt"), 2, "InputError", "neither a sealed dataset of the home nor")


def test_a_fingerprint_that_is_none_is_passed_over(world: World) -> None:
    with world.ledger("rival") as ledger:
        ledger.registry.register(Kind.CONTENT, Naming("77" * 32), fingerprint=b"BFP\x01 and no more")
    code, said = world.run("work", "register", world.file("after.txt", "After a strange fingerprint. " * 20))
    assert (code, said["not_compared"] > 1) == (0, True)
    assert world.look("work", "show", "77" * 32)["near"] == []


@pytest.mark.parametrize("text", ["", "1", "-1%", "10.01%", "nan%", "0.001%", "1e9%"])
def test_a_part_of_a_resale_is_said_exactly(text: str) -> None:
    assert (basis_points("2.5%"), basis_points("0%"), basis_points("10%")) == (250, 0, 1000)
    with pytest.raises(InputError, match="expected a part of a resale"):
        basis_points(text)


@pytest.mark.parametrize("text", ["", "0", "-1", "inf", "nan", "1e30", "ten"])
def test_a_budget_is_rounded_down_and_never_unbounded(text: str) -> None:
    assert budget_units("0.1234567899", "1e-5") == (123456789, 10**13)
    assert budget_units(None, None) is None
    with pytest.raises(InputError, match="expected a --budget-epsilon above 0"):
        budget_units(text, "1e-5")
