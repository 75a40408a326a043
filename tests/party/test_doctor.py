"""Each thing that can be wrong is broken, and named with what to do."""

from __future__ import annotations

import http.server
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bailee.adapters.files import lock
from bailee.party.doctor import PROBLEM, WARNING, Finding, examine, outside, versions, worst
from bailee.party.doctor.versions import Need, fits, libraries, read_need
from commands import make_world, run


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = make_world(tmp_path_factory.mktemp("doctor"))
    assert run("grant", "tiny", "--builder", world / "builder", "--plan", world / "plan.toml", "--home",
               world / "owner")[0] == 0  # fmt: skip
    return world


@pytest.fixture
def home(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound / "owner", tmp_path / "owner")
    return tmp_path / "owner"


def wrong(home: Path, patience: float = 90) -> list[Finding]:
    return [one for one in examine(home, patience) if one.state != "ok"]


def test_nothing_is_wrong_and_nothing_is_changed(home: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    code, said = run("doctor", "--patience", "90", "--home", home)
    assert (code, said["fine"], said["exit_code"]) == (0, True, 0), said
    assert {one["check"] for one in said["findings"]} >= {"keys", "disk", "dataset tiny", "grants", "clock", "python"}
    counted = {one["check"]: one["said"] for one in said["findings"]}
    assert counted["sessions"] == "0 finished (sessions in which owners answer rounds)"
    assert counted["models"] == "0 finished (trainings on rows that were lent)"
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before


def _open_to_all(home: Path) -> None:
    (home / "identity.pem").chmod(0o644)


def _keys_of_another(home: Path) -> None:
    assert run("key", "new", "Other", "--home", home / "x")[0] == 0
    shutil.copy(home / "x" / "identity.json", home / "identity.json")


def _flip(path: Path, at: int = 100) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("break_it", "check", "code", "words"),
    [
        (lambda home: (home / "identity.pem").unlink(), "keys", 2, "there are no keys"),
        (_open_to_all, "keys", 6, "can be read by others"),
        (_keys_of_another, "keys", 2, "does not belong to"),
        (lambda home: (home / "identity.pem").write_text("not a key"), "keys", 2, "is not a private identity"),
        (lambda home: home.chmod(0o777), "folder", 6, "others may write"),
        (lambda home: _flip(home / "datasets/tiny/rows.sealed"), "dataset tiny", 6, ""),
        (lambda home: _flip(home / "datasets/tiny/card.proof"), "dataset tiny", 6, "is not the proof"),
        (lambda home: (home / "datasets/tiny/rows.sealed").unlink(), "datasets", 6, "rows.sealed"),
        (lambda home: (home / "datasets/tiny/openings.jsonl").unlink(), "dataset tiny", 6, "openings.jsonl is missing"),
        (lambda home: (home / "privacy.jsonl").write_text("{}\n"), "dataset tiny", 6, "privacy.jsonl"),
        (lambda home: _flip(next((home / "grants").glob("*.json"))), "grants", None, ""),
    ],
)
def test_what_is_broken_is_named(
    home: Path, break_it: Callable[[Path], Any], check: str, code: int | None, words: str
) -> None:
    break_it(home)
    found = {one.check: one for one in wrong(home) if one.state == PROBLEM}
    assert check in found, found
    one = found[check]
    assert words in one.said
    assert one.todo
    assert one.exit_code == code or (code is None and one.exit_code in (2, 3))
    ended, said = run("doctor", "--patience", "90", "--home", home)
    assert ended == said["exit_code"] == worst(examine(home, 90)) != 0


def test_no_folder_at_all(tmp_path: Path) -> None:
    code, said = run("doctor", "--patience", "90", "--home", tmp_path / "none")
    assert code == 2
    told = {one["check"]: one for one in said["findings"]}
    assert "bailee init NAME" in told["keys"]["todo"]
    assert told["folder"]["state"] == "problem"


def test_a_full_disk_is_told_before_it_is_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, state in ((500 << 20, WARNING), (10 << 20, PROBLEM)):
        usage = shutil._ntuple_diskusage(1 << 40, 1 << 40, free)  # type: ignore[attr-defined]
        monkeypatch.setattr("bailee.party.doctor.folder.shutil.disk_usage", lambda path, usage=usage: usage)
        assert [one.state for one in wrong(home) if one.check == "disk"] == [state]


def test_what_may_go_on_and_what_was_left(home: Path) -> None:
    (home / "sessions" / ("ab" * 32)).mkdir(parents=True)
    (home / "sessions" / ("ab" * 32) / "invite.json").write_text("{}")
    (home / "datasets" / ".draft-tiny-00").mkdir()
    told = {one.check: one for one in wrong(home)}
    assert "--resume" in told["sessions"].todo
    assert told["runs"].state == WARNING
    assert "1 unfinished files" in told["runs"].said
    assert worst(list(told.values())) == 0


def test_a_run_that_goes_on_is_not_taken_for_a_dead_one(home: Path) -> None:
    with lock(home):
        assert [one.said for one in wrong(home)] == [f"another process is working in {home}"]
    assert not wrong(home)


def test_spent_openings(home: Path) -> None:
    from datetime import UTC, datetime

    from bailee.party.home import PartyHome

    ledger = PartyHome(home).dataset("tiny").ledger
    while ledger.budget().remaining:
        ledger.spend("training", datetime.now(UTC))
    assert [one.todo for one in wrong(home)] == [f"bailee reseal tiny --home {home}"]


def test_stores_of_a_vault(home: Path) -> None:
    assert run("init", "--vault", "--home", home)[0] == 0
    assert not wrong(home)
    shutil.rmtree(home / "stores" / "b")
    (told,) = wrong(home)
    assert (told.check, told.state, told.exit_code) == ("store b", PROBLEM, 6)
    assert "bailee vault repair" in told.todo
    (home / "catalogue.db").write_bytes(b"damaged" * 1000)
    assert ["is damaged" in one.said for one in wrong(home) if one.check == "stores"] == [True]
    (home / "catalogue.db").unlink()
    assert ["catalogue.db is missing" in one.said for one in wrong(home) if one.check == "stores"] == [True]


def _remember(home: Path, url: str) -> None:
    (home / "ledger.json").write_text(json.dumps({"url": url, "contracts": "eip155:1337:0x" + "11" * 20}))


def test_a_ledger_that_does_not_answer_is_left_and_its_url_not_told(home: Path) -> None:
    pytest.importorskip("web3")
    _remember(home, "http://127.0.0.1:9/key-to-a-node")
    told = [one for one in wrong(home) if one.check == "ledger"]
    assert [(one.state, one.exit_code) for one in told] == [(PROBLEM, 6)]
    assert "key-to-a-node" not in json.dumps([vars(one) for one in examine(home, 90)])
    (home / "ledger.json").write_text("{}")
    assert ["does not say a ledger" in one.said for one in wrong(home) if one.check == "ledger"] == [True]


def test_an_embedded_chain(home: Path) -> None:
    pytest.importorskip("web3")
    assert run("init", "--ledger", "--home", home)[0] == 0
    assert ["at block 0" in one.said for one in examine(home, 90) if one.check == "ledger"] == [True]
    (home / "ledger" / "blocks.db").write_bytes(b"damaged" * 1000)
    assert ["is damaged" in one.said for one in wrong(home) if one.check == "ledger"] == [True]


@contextmanager
def _server(date: str) -> Iterator[str]:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(403)
            self.send_header("Date", date)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(("ahead", "state"), [(0, "ok"), (300, WARNING), (-7200, PROBLEM)])
def test_the_clock_against_a_nodes(home: Path, ahead: float, state: str) -> None:
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + ahead))
    with _server(date) as url:
        _remember(home, f"{url}/secret-path")
        (told,) = outside.clock(home, 10)
    assert told.state == state, told
    assert "127.0.0.1" in told.said
    assert "secret-path" not in told.said


def test_a_clock_that_is_behind_the_folders_own_records(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(outside.time, "time", lambda: now - 86_400)
    (told,) = outside.clock(home, 10)
    assert told.state == PROBLEM
    assert "set this machine's clock" in told.todo


def test_versions_of_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    has = {"numpy": "1.26.4", "rich": "14.0", "onnx": "1.16.0"}
    monkeypatch.setattr(versions, "_installed", has.get)
    needs = [Need("numpy", ">=2.0", ""), Need("rich", ">=13", ""), Need("blake3", ">=1.0", ""),
             Need("onnx", ">=1.17", "export"), Need("web3", ">=8", "ledger")]  # fmt: skip
    told = list(libraries(needs))
    assert told[0].state == PROBLEM
    assert told[0].said == "numpy is 1.26.4, >=2.0 is needed; blake3 is missing, >=1.0 is needed"
    assert (told[1].state, told[1].todo) == (WARNING, 'pip install --upgrade "bailee[export]"')
    assert "ledger is not installed (web3)" in told[2].said
    monkeypatch.setattr(versions.sys, "version_info", (3, 10, 1))
    assert next(versions.versions()).said == "Python 3.10.1; expected 3.11 or newer"


@pytest.mark.parametrize(
    ("version", "wants", "does"),
    [("2.0", ">=2", True), ("1.9.9", ">=2.0", False), ("1.17.0", "==1.17.0", True), ("1.17.1", "==1.17.0", False),
     ("4.0", ">=3,<4", False), ("3.9", ">=3,<4", True), ("2.0.0rc1", ">=2.0", True), ("5", "", True)],
)  # fmt: skip
def test_which_versions_fit(version: str, wants: str, does: bool) -> None:
    assert fits(version, wants) is does


def test_a_line_of_metadata() -> None:
    assert read_need('psycopg[binary]>=3.2; extra == "postgresql"') == Need("psycopg", ">=3.2", "postgresql")
    assert read_need("numpy>=2.0") == Need("numpy", ">=2.0", "")
    assert read_need('uvloop>=0.21; sys_platform != "win32" and extra == "api"') == Need("uvloop", ">=0.21", "api")


def test_a_check_that_hangs_or_fails_hides_no_other(tmp_path: Path) -> None:
    goes_on = threading.Event()

    def hangs(home: Path, patience: float) -> Iterator[Finding]:
        goes_on.wait()
        yield Finding("hangs", "ok", "never said")

    def fails(home: Path, patience: float) -> Iterator[Finding]:
        yield Finding("fails", "ok", "said before")
        raise ValueError("a secret")

    def last(home: Path, patience: float) -> Iterator[Finding]:
        yield Finding("last", "ok", "said")

    found = examine(tmp_path, 2.0, [("hangs", hangs), ("fails", fails), ("last", last)])
    goes_on.set()
    assert [(one.check, one.state, one.exit_code) for one in found] == [
        ("hangs", PROBLEM, 6), ("fails", "ok", 0), ("fails", PROBLEM, 1), ("last", "ok", 0),
    ]  # fmt: skip
    assert "secret" not in repr(found)
