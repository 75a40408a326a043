"""`bailee graph`: a ledger's rights into a file, compared with the chain, kept, shown, and onto another ledger."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.chain.rights import CONFIGURATION, ROWS, SONG, begun
from bailee.adapters.chain.accounts import create_account, open_account
from bailee.adapters.chain.deployment import deploy
from bailee.adapters.chain.embedded.ledger import open_ledger
from bailee.adapters.chain.ledger import Ledger
from bailee.adapters.chain.ledger.facts import Kind, Naming, Part
from bailee.adapters.chain.opening import embedded_chain, folder_of
from bailee.keys import Secret
from bailee.own.fingerprints import fingerprint
from bailee.own.graph import from_json
from bailee.party.opened_ledger import LedgerPlace, remember
from bailee.records.canonical import canonical, parse
from bailee.records.fingerprint import BYTES
from chains import RICH, Engine
from commands import refused, run

MADE = f"{9:064x}"


@dataclass(frozen=True)
class Homes:
    """Two homes of one person, each with a chain of its own: on the first there are works, on the second none."""

    here: Path
    there: Path
    other: str
    """The second chain's ledger."""


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there")
    secret = Secret(b"eine lange Losung")
    (here / "passphrase").write_bytes(b"eine lange Losung")
    (here / "passphrase").chmod(0o600)
    create_account(here, "main", secret, scrypt_n=2**12)
    mine = open_account(here, "main", secret)
    shutil.copytree(here / "accounts", there / "accounts")
    with embedded_chain(open_ledger(folder_of(here))) as chain:
        engine = Engine("embedded", chain)
        engine.accounts[0] = mine
        for one in engine.accounts:
            engine.fund(one.address, RICH)
        life = begun(engine)
        parts = [Part(life.grant, 10**9)]
        life.builder.registry.derive(Kind.CONTENT, Naming(MADE), parts, fingerprint=b"no fingerprint")
        life.builder.registry.register(Kind.CONTENT, Naming(SONG), fingerprint=_print())
        remember(here, LedgerPlace("embedded:", life.owner.name))
    with embedded_chain(open_ledger(folder_of(there))) as chain:
        engine = Engine("embedded", chain)
        for address in (mine.address, engine.accounts[9].address):
            engine.fund(address, RICH)
        addresses = deploy(chain, engine.accounts[9], CONFIGURATION)
        return Homes(here, there, Ledger(chain, addresses).name)


def _print() -> bytes:
    return fingerprint(Path(__file__), BYTES).to_bytes()


@pytest.fixture(scope="module")
def exported(homes: Homes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("graph") / "rights.json"
    code, said = run("graph", "export", file, "--home", homes.here)
    assert (code, said["works"], said["grants"]) == (0, 4, 1), said
    return file


def test_a_graph_is_compared_with_its_ledger_and_kept(homes: Homes, exported: Path, tmp_path: Path) -> None:
    code, said = run("graph", "import", exported, "--home", homes.here)
    assert (code, said["checked"]) == (0, True), said
    assert Path(said["kept"]).read_bytes() == exported.read_bytes()
    shown = run("graph", "show", said["kept"], "--html", tmp_path / "page.html", "--home", homes.here)[1]
    assert shown["checked"] is True
    assert "owner main (" in shown["text"]
    assert "<svg" in (tmp_path / "page.html").read_text()
    assert run("graph", "show", exported, "--home", tmp_path)[1]["checked"] is False
    again = tmp_path / "again.json"
    run("graph", "export", again, "--home", homes.here)
    assert again.read_bytes() == exported.read_bytes()
    near = run("graph", "near", Path(__file__), "--home", homes.here)[1]["near"]
    (other,) = (one for one in from_json(exported.read_bytes()).works if one.fingerprint == _print())
    assert [(one["work"], one["decision"]) for one in near] == [(str(other.id), "copy")]
    (tmp_path / "else").write_bytes(bytes(range(256)) * 9)
    assert run("graph", "near", tmp_path / "else", "--kind", "bytes", "--home", homes.here)[1]["near"] == []


def test_a_lineage_alone(homes: Homes, tmp_path: Path) -> None:
    file = tmp_path / "lineage.json"
    code, said = run("graph", "export", file, "--work", ROWS, "--home", homes.here)
    assert (code, said["works"]) == (0, 2), said
    assert run("graph", "import", file, "--home", homes.here)[1]["checked"] is True
    rows = from_json(file.read_bytes()).scope
    shown = run("graph", "show", file, "--work", str(rows), "--home", homes.here)[1]["text"]
    assert "10 % of whose earnings go to the work above" in shown


CHANGED = {
    "a royalty": (b'"royalty":100000000', b'"royalty":100000001', "royalty: the chain says otherwise"),
    "a budget": (b'"epsilon":"8000000000"', b'"epsilon":"9000000000"', "budget.epsilon: the chain says otherwise"),
    "what was spent": (b'"delta":"100000000000"', b'"delta":"1"', "delta: the chain says otherwise"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_changed_graph_is_refused_at_a_node_and_kept_nowhere(
    homes: Homes, exported: Path, tmp_path: Path, name: str
) -> None:
    old, new, words = CHANGED[name]
    data = exported.read_bytes()
    assert old in data
    false = tmp_path / "false.json"
    false.write_bytes(data.replace(old, new))
    refused(run("graph", "import", false, "--home", homes.here), 4, "ProofError", words, "nothing was kept")
    code, said = run("graph", "import", false, "--home", tmp_path)
    assert (code, said["checked"], said["said"]) == (0, False, "not checked: no node of its ledger")


def test_another_block_and_works_left_out_are_found(homes: Homes, exported: Path, tmp_path: Path) -> None:
    whole = parse(exported.read_bytes())
    assert isinstance(whole, dict)
    block, nodes = whole["block"], whole["@graph"]
    for change, words in (
        ({"block": block + 1}, "and the node knows"),
        ({"block": block - 1}, "has another hash"),
        ({"@graph": [one for one in nodes if one.get("commitment") != SONG]}, "missing"),
    ):
        told = {**whole, **change}
        told["@id"] = f"{whole['ledger']}#block-{told['block']}"
        false = tmp_path / "false.json"
        false.write_bytes(canonical(told))
        refused(run("graph", "import", false, "--home", homes.here), 4, "ProofError", words)
    refused(run("graph", "import", Path(__file__), "--home", homes.here), 2, "RecordError", "canonical JSON")
    nowhere = run("graph", "import", exported, "--ledger", "http://127.0.0.1:9", "--home", tmp_path)
    refused(nowhere, 6, "ChainError")
    assert not (tmp_path / "graphs").exists()


def test_own_works_go_onto_another_ledger(homes: Homes, exported: Path) -> None:
    told = ("graph", "import", exported, "--onto", "embedded:", "--onto-contracts", homes.other, "--home", homes.there)
    code, said = run(*told)
    assert (code, said["checked"]) == (0, False), said
    assert {one["commitment"]: one["can"] for one in said["onto"]} == {ROWS: True, SONG: True}
    assert any("who was first" in one for one in said["lost"])
    assert "transaction" not in said["onto"][0]
    code, said = run(*told, "--execute", "--passphrase-file", homes.here / "passphrase")
    assert (code, ["transaction" in one for one in said["onto"]]) == (0, [True, True]), said
    assert [one["why"] for one in run(*told)[1]["onto"]] == ["registered there already"] * 2
    with embedded_chain(open_ledger(folder_of(homes.there))) as chain:
        ledger = Ledger.named(chain, homes.other)
        here = {one.id: one for one in from_json(exported.read_bytes()).works}
        for one in said["onto"]:
            work = ledger.registry.work(int(one["work"]))
            assert (work.naming.commitment, work.uri) == (one["commitment"], here[work.id].uri)
            assert work.owner.lower() == here[work.id].owner


def test_options_that_do_not_fit_are_refused(homes: Homes, exported: Path) -> None:
    refused(run("graph", "import", exported, "--execute", "--home", homes.here), 2, "InputError", "with --onto")
    itself = ("--onto", "embedded:", "--home", homes.here)
    refused(run("graph", "import", exported, *itself), 2, "InputError", "name another ledger")
    refused(run("graph", "show", exported, "--work", "5", "--home", homes.here), 2, "NotFoundError", "no work 5")
