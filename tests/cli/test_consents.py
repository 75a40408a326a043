"""Consent by the command line: linked accounts, offers, acceptance, revocation, budgets, on a served embedded chain."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from bailee.adapters.chain.accounts import create_account, open_account
from bailee.adapters.chain.artefacts import artefact
from bailee.adapters.chain.deployment import Configuration, deploy
from bailee.adapters.chain.embedded.memory import MemoryLedger
from bailee.adapters.chain.embedded.methods import Methods
from bailee.adapters.chain.embedded.serve import Application
from bailee.adapters.chain.ledger import Ledger
from bailee.adapters.chain.ledger.facts import Kind, Naming
from bailee.adapters.chain.opening import embedded_chain
from bailee.cli.consents import parse_royalty
from bailee.errors import InputError
from bailee.grant.odrl import from_odrl
from bailee.keys import Secret
from bailee.records import canonical, digest, open_signed
from bailee.records.account import AccountRecord
from bailee.records.offer import SignedOffer, sign_offer
from bailee.seal import open_dataset
from chains import Engine, account
from commands import give, make_world, refused, run

PASSPHRASE = b"correct horse battery"
HEIR = account(4)


@dataclass
class World:
    folder: Path
    ledger: Ledger
    """As the owner uses it."""
    coin: Any
    work: int

    def home(self, name: str) -> tuple[str | Path, ...]:
        return ("--home", self.folder / name)

    def acting(self, name: str) -> tuple[str | Path, ...]:
        return ("--passphrase-file", self.folder / "passphrase", *self.home(name))

    @property
    def builder(self) -> str:
        return str(run("account", "show", "main", *self.home("builder"))[1]["address"])

    def offer(self, *more: str | Path) -> tuple[int, dict[str, Any]]:
        """Of a new grant, so that no test's offer is another's."""
        grant = give(self.folder)[1]["grant"]
        return run("consent", "offer", grant, "--to", self.builder, *more, *self.acting("owner"))

    def offered(self, *more: str | Path) -> str:
        """The file of a new offer."""
        code, said = self.offer(*more)
        assert code == 0, said
        return str(said["offers"][0]["file"])

    def forged(self, file: str, **changes: Any) -> Path:
        """The same offer with other terms, signed by the owner's account."""
        signed = SignedOffer.from_json(Path(file).read_bytes())
        assert self.ledger.account is not None
        other = sign_offer(replace(signed.offer, **changes), self.ledger.account, signed.ledger)
        path = self.folder / f"{other.id}.json"
        path.write_bytes(other.to_json())
        return path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder, secret = make_world(tmp_path_factory.mktemp("consent")), Secret(PASSPHRASE)
    (folder / "passphrase").write_bytes(PASSPHRASE)
    (folder / "passphrase").chmod(0o600)
    with embedded_chain(MemoryLedger()) as chain:
        engine = Engine("embedded", chain)
        for name in ("owner", "builder"):
            create_account(folder / name, "main", secret, scrypt_n=2**12)
            engine.fund(open_account(folder / name, "main", secret).address, 10**20)
        engine.fund(HEIR.address, 10**20)
        owner = open_account(folder / "owner", "main", secret)
        found = deploy(chain, owner, Configuration((HEIR.address,), 1, 1, 1000, 1, 1))
        ledger = Ledger(chain, found, owner)
        made = chain.send({"data": "0x" + artefact("Coin").created_by(owner.address).hex()}, owner)["contractAddress"]
        coin = chain.web3.eth.contract(address=made, abi=artefact("Coin").abi)  # type: ignore[call-overload]
        card = open_dataset(folder / "owner" / "datasets" / "tiny").card
        naming = Naming(digest(canonical(card.record.commitment)))
        ledger.registry.register(Kind.DATASET, naming, currencies=[coin.address])
        server, url = served(engine)
        try:
            for name in ("owner", "builder"):
                assert run("ledger", "use", ledger.name, "--ledger", url, "--home", folder / name)[0] == 0
            yield World(folder, ledger, coin, ledger.registry.id_of(naming.commitment))
        finally:
            server.should_exit = True


def served(engine: Engine) -> tuple[uvicorn.Server, str]:
    listening = socket.create_server(("127.0.0.1", 0))
    application = Application(Methods(engine.chain.web3.provider.ledger))  # type: ignore[attr-defined]
    server = uvicorn.Server(uvicorn.Config(application, log_level="error", ws="none"))
    threading.Thread(target=server.run, args=([listening],), daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    return server, f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_an_offer_is_made_accepted_paid_and_revoked(world: World) -> None:
    code, said = world.offer("--price", "0.5", "--royalty", "40%", "--out", world.folder / "sent.json")
    assert code == 0, said
    (made,) = said["offers"]
    assert (made["new"], made["price"], made["royalty"]) == (True, "0.5 of native money", "40%")
    assert (made["purpose"], made["fields"][-1], made["epsilon"], made["delta"]) == ("tests", "ill", "4", "0.00001")
    name, owner = made["offer"], world.ledger.account
    assert owner is not None
    assert (world.folder / "sent.json").read_bytes() == Path(made["file"]).read_bytes()

    shown = run("consent", "show", world.folder / "sent.json", *world.home("builder"))[1]
    assert (shown["offer"], shown["state"], shown["purpose"]) == (name, "offered, not accepted", None)
    assert (shown["owner"], shown["signer"], shown["builder"]) == (owner.address, owner.address, world.builder)

    shares = world.ledger.shares(world.work)
    before = shares.received()
    code, taken = run("consent", "accept", world.folder / "sent.json", *world.acting("builder"))
    assert (code, taken["paid"]) == (0, "0.5 of native money"), taken
    assert taken["state"] == f"accepted in block {taken['accepted']}"
    assert shares.received() - before == 5 * 10**17
    code, again = run("consent", "accept", name[:12], *world.acting("builder"))
    assert (code, again["paid"], again["accepted"]) == (0, None, taken["accepted"])
    assert shares.received() - before == 5 * 10**17

    half = run("consent", "budget", "tiny", "--epsilon", "10", *world.acting("owner"))
    refused(half, 2, "InputError", "say both --epsilon and --delta")
    world.ledger.grants.set_budget(world.work, 10 * 10**9, 10**14)
    world.ledger.grants.spend(name, "ab" * 32, 10**9, 10**12, "cd" * 32)
    shown = run("consent", "show", name, *world.home("owner"))[1]
    assert (shown["spent_epsilon"], shown["spent_delta"], shown["sessions"]) == ("1", "0.000001", 1)

    code, gone = run("consent", "revoke", name, *world.acting("owner"))
    assert code == 0, gone
    assert gone["state"] == f"revoked in block {gone['revoked']}; accepted in block {taken['accepted']}"
    assert gone["transaction"] is not None
    assert run("consent", "revoke", name, *world.acting("owner"))[1]["transaction"] is None
    assert world.ledger.grants.live(name) is False


def test_the_same_terms_are_one_offer_until_it_is_revoked(world: World) -> None:
    grant = give(world.folder)[1]["grant"]
    order = ("consent", "offer", grant, "--to", world.builder, *world.acting("owner"))
    first, second = (run(*order)[1]["offers"][0] for _ in range(2))
    assert (first["offer"], first["new"], second["new"]) == (second["offer"], True, False)
    other = run(*order, "--royalty", "1%")[1]["offers"][0]
    assert other["offer"] != first["offer"]
    run("consent", "revoke", first["offer"], *world.acting("owner"))
    third = run(*order)[1]["offers"][0]
    assert third["new"]
    assert third["offer"] != first["offer"]
    said = run("consent", "accept", first["file"], *world.acting("builder"))
    refused(said, 3, "GrantError", "the owner took this offer back in block")
    listed = {one["offer"]: one["state"] for one in run("consent", "show", *world.home("owner"))[1]["offers"]}
    assert listed[third["offer"]] == "offered, not accepted"
    assert listed[first["offer"]].startswith("revoked in block")


def test_a_price_in_a_coin(world: World) -> None:
    owner, coin = world.ledger.account, world.coin
    assert owner is not None
    file = world.offered("--price", "3.5", "--currency", coin.address)
    refused(run("consent", "accept", file, *world.acting("builder")), 3, "RevertError", "coin: ")
    world.ledger.chain.send(coin.functions.mint(world.builder, 4_000_000), owner)
    code, said = run("consent", "accept", file, *world.acting("builder"))
    assert (code, said["paid"]) == (0, "3.5 COIN"), said
    assert coin.functions.balanceOf(world.builder).call() == 500_000
    other = artefact("Coin").created_by(HEIR.address).hex()
    stranger = world.ledger.chain.send({"data": "0x" + other}, owner)["contractAddress"]
    refused(world.offer("--price", "1", "--currency", str(stranger)), 2, "InputError", "do not take the currency")


def test_what_cannot_be_accepted_is_refused_before_it_is_paid(world: World) -> None:
    file, chain = world.offered("--price", "1"), world.ledger.chain
    before = chain.block().number, chain.web3.eth.get_balance(world.builder)  # type: ignore[arg-type]
    accept = ("consent", "accept")
    stolen = Path(file).read_bytes().replace(b'"price":"1000000000000000000"', b'"price":"1"')
    (world.folder / "cheap.json").write_bytes(stolen)
    said = run(*accept, world.folder / "cheap.json", *world.acting("builder"))
    refused(said, 3, "SignatureError", "the offer is signed by", "nothing was paid")
    over = world.forged(file, not_before=0, not_after=5)
    refused(run(*accept, over, *world.acting("builder")), 3, "GrantError", "was over at 1970-01-01T00:00:05Z")
    refused(run(*accept, file, *world.acting("owner")), 3, "AuthorityError", "the offer is for", "--account")
    elsewhere = SignedOffer.from_json(Path(file).read_bytes())
    elsewhere = replace(elsewhere, ledger=elsewhere.ledger[:-4] + "beef")
    (world.folder / "elsewhere.json").write_bytes(elsewhere.to_json())
    said = run(*accept, world.folder / "elsewhere.json", *world.acting("builder"))
    refused(said, 2, "InputError", "the offer is for the ledger", "--contracts")
    unknown = world.forged(file, work=5)
    refused(run(*accept, unknown, *world.acting("builder")), 2, "NotFoundError")
    refused(run(*accept, "zz", *world.acting("builder")), 2, "InputError", "no offer 'zz'")
    assert (chain.block().number, chain.web3.eth.get_balance(world.builder)) == before  # type: ignore[arg-type]


def test_a_work_that_was_sold_takes_its_old_owners_offers_along(world: World) -> None:
    file, registry = world.offered(), world.ledger.registry
    registry.transfer(world.work, HEIR.address)
    try:
        said = run("consent", "accept", file, *world.acting("builder"))
        refused(said, 3, "SignatureError", f"belongs to {HEIR.address}", "the work was sold since")
        refused(world.offer(), 3, "AuthorityError", f"belongs to {HEIR.address}")
        refused(run("consent", "revoke", file, *world.acting("owner")), 3, "AuthorityError", "neither owns the work")
    finally:
        heirs, owner = Ledger(world.ledger.chain, world.ledger.addresses, HEIR), world.ledger.account
        assert owner is not None
        heirs.registry.transfer(world.work, owner.address)


def test_an_account_is_linked_and_an_offer_made_to_the_party(world: World) -> None:
    code, link = run("account", "link", "main", *world.acting("builder"))
    assert code == 0, link
    assert run("account", "link", "main", *world.home("builder"))[1] == link  # made already: no passphrase is needed
    record = open_signed(Path(link["file"]).read_bytes(), AccountRecord).record
    assert (record.account, record.identity) == (link["account"], link["identity"])
    assert record.account == f"{world.ledger.chain.caip2}:{world.builder.lower()}"
    assert [one["name"] for one in run("account", "list", *world.home("builder"))[1]["accounts"]] == ["main"]
    grant = give(world.folder)[1]["grant"]
    order = ("consent", "offer", grant, *world.acting("owner"))
    made = [run(*order, "--to", to)[1]["offers"][0] for to in (link["file"], world.folder / "builder")]
    assert [one["builder"] for one in made] == [world.builder] * 2
    owners = run("account", "link", "main", *world.acting("owner"))[1]
    refused(run(*order, "--to", owners["file"]), 3, "SignatureError", "is that of the party", "and the grant is for")
    elsewhere = run("account", "link", "main", "--chain", "eip155:5", *world.acting("builder"))[1]
    assert elsewhere["file"] != link["file"]
    refused(run(*order, "--to", elsewhere["file"]), 2, "InputError", "is named on eip155:5")
    refused(run(*order, "--to", f"eip155:5:{world.builder}"), 2, "InputError", "is named on eip155:5")
    refused(run(*order, "--to", world.folder / "nobody"), 2, "InputError", "does not exist")
    changed = json.loads(Path(link["file"]).read_bytes())
    changed["signatures"][0]["sig"] = changed["signatures"][0]["sig"][::-1]
    (world.folder / "changed.json").write_bytes(canonical(changed))
    assert run(*order, "--to", world.folder / "changed.json")[0] in (2, 3)


def test_an_offer_as_odrl(world: World) -> None:
    policy = world.folder / "offer.jsonld"
    file = world.offered("--royalty", "2.5%", "--odrl", policy)
    told = from_odrl(policy.read_bytes())
    assert (told.purpose, told.signed.to_json()) == ("tests", Path(file).read_bytes())
    assert json.loads(policy.read_bytes())["@type"] == "Offer"
    code, said = run("consent", "accept", policy, *world.acting("builder"))  # the policy is the offer
    assert code == 0, said
    agreed = world.folder / "agreed.jsonld"
    assert run("consent", "show", said["offer"], "--odrl", agreed, *world.home("owner"))[0] == 0
    found = from_odrl(agreed.read_bytes())
    assert (found.accepted, found.purpose, found.revoked) == (said["accepted"], "tests", None)
    refused(run("consent", "show", "--odrl", agreed, *world.home("owner")), 2, "InputError", "name it")


def test_what_is_not_known_of_the_ledger_is_not_said(world: World, tmp_path: Path) -> None:
    file = world.offered("--price", "1", "--currency", world.coin.address)
    shown = run("consent", "show", file, "--home", tmp_path)[1]
    assert (shown["state"], shown["accepted"], shown["price"]) == (
        None, None, f"1000000 smallest units of {world.coin.address}"
    )  # fmt: skip
    down = ("--ledger", "http://127.0.0.1:1", "--contracts", world.ledger.name)
    refused(run("consent", "show", file, *down, "--home", tmp_path), 6, "ChainError", "does not answer")


def test_what_an_owner_cannot_offer(world: World) -> None:
    grant = give(world.folder)[1]["grant"]
    order = ("consent", "offer", grant, "--to", world.builder, *world.acting("owner"))
    refused(run(*order, "--royalty", "40"), 2, "InputError", "from 0% to 100%")
    refused(run(*order, "--price", "much"), 2, "InputError", "expected an amount")
    refused(run(*order[:4], "0x12", *order[5:]), 2, "RecordError", "expected an address")
    several = ("consent", "offer", grant, grant, *order[3:], "--out", world.folder / "never.json")
    refused(run(*several), 2, "InputError", "are for one grant")
    assert run("revoke", grant, *world.home("owner"))[0] == 0
    refused(run(*order), 3, "GrantError", "was taken back")
    old = give(world.folder, "--starts", "2020-01-01", "--until", "2020-02-01")[1]["grant"]
    refused(run("consent", "offer", old, *order[3:]), 3, "GrantError", "ended at 2020-02-01")
    licence = ("consent", "licence", "tiny", *order[3:])
    refused(run(*licence), 2, "InputError", "is a dataset: give a grant")


def test_works_may_be_made_from_a_content(world: World) -> None:
    commitment = "77" * 32
    world.ledger.registry.register(Kind.CONTENT, Naming(commitment))
    policy = world.folder / "licence.jsonld"
    order = ("consent", "licence", commitment, "--to", world.builder, "--until", "2035-01-01", "--royalty", "10%")
    code, made = run(*order, "--odrl", policy, *world.acting("owner"))
    assert (code, made["new"], made["royalty"], made["grant"], made["plan"]) == (0, True, "10%", None, None), made
    assert (made["from"], made["until"]) == ("1970-01-01T00:00:00Z", "2035-01-01T23:59:59Z")
    assert run(*order, *world.acting("owner"))[1]["offer"] == made["offer"]
    code, taken = run("consent", "accept", policy, *world.acting("builder"))
    assert (code, taken["offer"]) == (0, made["offer"])
    assert world.ledger.grants.live(made["offer"])


def test_a_budget_is_shown_set_and_lowered(world: World) -> None:
    shown = run("consent", "budget", "tiny", *world.home("owner"))[1]
    assert shown["work"] == str(world.work)
    code, said = run("consent", "budget", "tiny", "--epsilon", "8", "--delta", "0.00005", *world.acting("owner"))
    assert (code, said["epsilon"], said["delta"], said["changed"]) == (0, "8", "0.00005", True), said
    again = run("consent", "budget", str(world.work), "--epsilon", "8.0", *world.acting("owner"))[1]
    assert (again["delta"], again["changed"]) == ("0.00005", False)
    lower = run("consent", "budget", "tiny", "--epsilon", "7.5", *world.acting("owner"))[1]
    assert (lower["epsilon"], lower["delta"], lower["changed"]) == ("7.5", "0.00005", True)
    assert lower["left_epsilon"] == str(7.5 - float(lower["spent_epsilon"])).removesuffix(".0")
    higher = run("consent", "budget", "tiny", "--epsilon", "9", *world.acting("owner"))
    refused(higher, 3, "BudgetError", "the budget is epsilon 7.5", "only be lowered")
    finer = run("consent", "budget", "tiny", "--epsilon", "0.0000000001", *world.acting("owner"))
    refused(finer, 2, "InputError", "at most 9 digits")
    refused(run("consent", "budget", "tiny", "--delta", "-1", *world.acting("owner")), 2, "InputError", "at least 0")


@pytest.mark.parametrize(("text", "units"), [("0%", 0), ("40%", 4 * 10**8), ("2.5%", 25 * 10**6), ("100%", 10**9),
                                             ("0.0000001%", 1)])  # fmt: skip
def test_royalties_are_exact(text: str, units: int) -> None:
    assert parse_royalty(text) == units


@pytest.mark.parametrize("text", ["40", "101%", "-1%", "1e1%", "0.00000001%", "%", "100.1%", " 1%", "٣%"])
def test_what_is_no_royalty_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected a royalty from 0% to 100%"):
        parse_royalty(text)
