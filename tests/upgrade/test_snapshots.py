"""What every released version wrote, today's code reads, checks and goes on with. script/snapshot adds a version."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tarfile
from pathlib import Path
from typing import Any

import pytest

from bailee import __version__
from commands import free_address, run, start

HERE = Path(__file__).parent
SNAPSHOTS = sorted(HERE.glob("*.tar.xz"))


@pytest.fixture(scope="module", params=SNAPSHOTS, ids=lambda path: path.name.removesuffix(".tar.xz"))
def homes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders `owner`, `builder` and `passport` of a version, as its user finds them after an upgrade."""
    folder = tmp_path_factory.mktemp("homes")
    with tarfile.open(request.param) as file:
        file.extractall(folder, filter="tar")
    # They lie elsewhere now, and a catalogue knows its stores by where they were.
    with sqlite3.connect(folder / "owner" / "catalogue.db") as catalogue:
        for number, entry in catalogue.execute("SELECT number, entry FROM stores").fetchall():
            told = json.loads(entry)
            told["url"] = str(folder / "owner" / "stores" / told["name"])
            catalogue.execute("UPDATE stores SET entry = ? WHERE number = ?", (json.dumps(told), number))
    catalogue.close()
    return folder


@pytest.fixture(scope="module")
def facts(homes: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((homes / "facts.json").read_text())
    return found


def good(result: tuple[int, dict[str, Any]]) -> dict[str, Any]:
    assert result[0] == 0, result
    return result[1]


def test_released_snapshots_never_change() -> None:
    kept = dict(reversed(line.split("  ")) for line in (HERE / "SHA256SUMS").read_text().splitlines())
    assert kept == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in SNAPSHOTS}


def test_this_version_has_one() -> None:
    assert f"{__version__}.tar.xz" in {path.name for path in SNAPSHOTS}, "script/snapshot makes it"


def test_datasets_grants_and_sessions_are_listed_as_they_stood(homes: Path, facts: dict[str, Any]) -> None:
    said = good(run("status", "--home", homes / "owner"))
    assert (said["name"], said["key"]) == ("Owner", facts["owner"])
    (dataset,) = said["datasets"]
    assert (dataset["name"], dataset["rows"], dataset["openings_left"]) == ("tiny", 3, facts["openings"] - 1)
    states = {one["grant"]: one["state"].partition(" ")[0] for one in said["grants"]}
    assert states == {facts["grant"]: "holds", facts["revoked"]: "revoked"}
    assert [one["session"] for one in said["sessions"]] == [facts["session"]]


def test_the_card_and_the_passport_hold(homes: Path, facts: dict[str, Any]) -> None:
    good(run("card", "show", homes / "owner" / "datasets" / "tiny" / "card.json", "--check"))
    trusted = ("--trusted", homes / "owner", "--trusted", homes / "builder")
    said = good(run("verify", homes / "passport", *trusted))
    assert facts["session"] in json.dumps(said)


def test_a_changed_passport_is_refused(homes: Path, tmp_path: Path) -> None:
    changed = tmp_path / "passport"
    changed.mkdir()
    (changed / "attachments").symlink_to(homes / "passport" / "attachments")
    text = (homes / "passport" / "passport.json").read_text()
    place = text.index('"payload"') + 40
    (changed / "passport.json").write_text(text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :])
    assert run("verify", changed)[0] in (2, 3, 4)


def test_the_vault_gives_every_version_back_and_takes_more(homes: Path, facts: dict[str, Any], tmp_path: Path) -> None:
    owner = ("--home", homes / "owner")
    older, newest = facts["versions"]
    for version, wanted in ((older, "rows.csv"), (newest, "plan.toml")):
        back = tmp_path / wanted
        good(run("vault", "get", "papers/plan", back, "--version", version, *owner))
        assert back.read_bytes() == (homes / wanted).read_bytes()
    good(run("vault", "put", homes / "schema.toml", "papers/plan", *owner))
    good(run("vault", "get", "papers/plan", tmp_path / "again", *owner))
    assert (tmp_path / "again").read_bytes() == (homes / "schema.toml").read_bytes()


def test_the_chain_opens_and_goes_on(homes: Path, facts: dict[str, Any]) -> None:
    before = good(run("ledger", "status", "--home", homes / "owner"))
    assert before["chain"] == "eip155:31337"
    good(run("ledger", "fund", "1", facts["account"], "--home", homes / "owner"))
    after = good(run("ledger", "status", "--home", homes / "owner"))
    assert after["block"] == before["block"] + 1
    assert after["accounts"] == {"main": "1"}
    assert good(run("account", "list", "--home", homes / "owner"))["accounts"][0]["address"] == facts["account"]


def test_what_a_session_of_then_cost_still_counts(homes: Path, facts: dict[str, Any]) -> None:
    """The grant of then holds, and is spent: only a new one, for more, admits to another training of the same plan."""
    codes, told = train(homes, facts["grant"], "spent")
    assert codes == (3, 5), told
    assert "BudgetError: with the 1 session(s) before it" in told
    terms = ("tiny", "--builder", homes / "builder", "--plan", homes / "plan.toml", "--max-epsilon", "9")
    given = good(run("grant", *terms, "--max-delta", "0.0001", "--home", homes / "owner"))["grant"]
    codes, told = train(homes, given, "second")
    assert codes == (0, 0), told
    good(run("verify", homes / "second"))


def train(homes: Path, grant: str, out: str) -> tuple[tuple[int, int], str]:
    """The exit codes of owner and builder, and what the owner said."""
    address, patience = free_address(), ("--patience", "240")
    owner = start(homes / f"{out}.log", "join", address, "--grant", grant, "--home", homes / "owner", *patience)
    named = ("--owner", homes / "owner", "--listen", address, "--out", homes / out)
    code, said = run("train", homes / "plan.toml", *named, *patience, "--home", homes / "builder")
    return (owner.wait(), code), owner.said + str(said)


def test_a_grant_taken_back_then_stays_so(homes: Path, facts: dict[str, Any]) -> None:
    joining = ("join", free_address(), "--grant", facts["revoked"], "--home", homes / "owner", "--patience", "5")
    code, said = run(*joining)
    assert (code, said["error"]) == (3, "GrantError")
    assert "revoked" in said["message"]
