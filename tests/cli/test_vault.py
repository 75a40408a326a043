"""`bailee vault`: every command on a real vault of folders, with its exit codes and what it leaves."""

from __future__ import annotations

import io
import json
import re
import shutil
import signal
import sqlite3
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import EndpointConnectionError
from typer.testing import CliRunner

from bailee.cli.vault_face import bytes_words, moment, parse_size
from bailee.cli.vault_stores import parse_code, parse_store
from bailee.cli.vault_trees import place
from bailee.errors import DamageError, InputError
from bailee.keys import Identity
from bailee.seal.vault.share.tables import put_table
from bailee.seal.vault.vault import Vault
from commands import app, free_address, refused, run, start

DATA = b"0123456789" * 30_000


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    assert run("key", "new", "Owner", "--home", home)[0] == 0
    stores = [f"--store=s{index}=file://{tmp_path}/s{index}?sync=no" for index in range(4)]
    code, said = run("vault", "init", *stores, "--code", "2+1", "--home", home)
    assert (code, said["code"], said["one_disk"]) == (0, "2 of 3", False)
    (tmp_path / "data").write_bytes(DATA)
    return home


def do(home: Path, *arguments: str | Path) -> dict[str, Any]:
    code, said = run("vault", *arguments, "--home", home)
    assert code == 0, said
    return said


def bytes_of(home: Path, *arguments: str) -> bytes:
    done = CliRunner().invoke(app, ["vault", *arguments, "--home", str(home)])
    assert done.exit_code == 0, done.output
    return done.stdout_bytes


def test_every_command_says_what_it_does() -> None:
    words = re.findall(r"^│ ([a-z]+) ", CliRunner().invoke(app, ["vault", "--help"], terminal_width=80).stdout, re.M)
    assert len(words) > 25
    for word in words:
        done = CliRunner().invoke(app, ["vault", word, "--help"])
        assert done.exit_code == 0
        assert word in ("store", "key", "bucket") or "Example:" in done.stdout


def test_without_stores_it_says_that_they_are_one_disk(tmp_path: Path) -> None:
    assert run("key", "new", "Owner", "--home", tmp_path)[0] == 0
    done = CliRunner().invoke(app, ["vault", "init", "--home", str(tmp_path)])
    assert done.exit_code == 0
    assert "if this disk is lost, everything is" in done.stderr
    refused(run("vault", "init", "--home", tmp_path), 2, "InputError", "holds a vault already")


def test_bytes_in_and_out(home: Path, tmp_path: Path) -> None:
    put = do(home, "put", tmp_path / "data", "a/data", "--type", "text/plain", "--meta", "ward=7")
    assert (put["length"], put["content_type"], put["metadata"]) == (len(DATA), "text/plain", {"ward": "7"})
    assert bytes_of(home, "cat", "a/data") == DATA
    assert bytes_of(home, "get", "a/data", "-", "--range", "10-19") == DATA[10:20]
    assert bytes_of(home, "get", "a/data", "-", "--range", "-5") == DATA[-5:]
    got = do(home, "get", "a/data", tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == DATA
    assert got["version"] == put["version"]
    do(home, "get", "a/data", tmp_path / "home")
    assert (home / "data").read_bytes() == DATA
    done = CliRunner().invoke(app, ["vault", "put", "-", "piped", "--home", str(home)], input=b"from a pipe")
    assert done.exit_code == 0
    assert bytes_of(home, "cat", "piped") == b"from a pipe"
    listed = do(home, "ls")
    assert ([one["name"] for one in listed["objects"]], listed["prefixes"]) == (["piped"], ["a/"])
    assert [one["name"] for one in do(home, "ls", "-r")["objects"]] == ["a/data", "piped"]
    refused(
        run("vault", "put", tmp_path / "data", "piped", "--new", "--home", home), 6, "ConflictError", "exists already"
    )
    refused(run("vault", "get", "missing", "--home", home), 2, "NotFoundError", "there is no 'missing'")
    refused(run("vault", "put", tmp_path, "x", "--home", home), 2, "InputError", "is a folder; put all of it with -r")
    refused(run("vault", "get", "piped", "-", "--range", "x", "--home", home), 2, "InputError", "expected a range")
    refused(run("vault", "ls", "--home", tmp_path / "none"), 2, "InputError", "bailee init NAME --home")


def test_versions_rm_and_restore(home: Path, tmp_path: Path) -> None:
    first = do(home, "put", tmp_path / "data", "file")["version"]
    (tmp_path / "data").write_bytes(b"second")
    do(home, "put", tmp_path / "data", "file")
    do(home, "rm", "file")
    assert [one["is_marker"] for one in do(home, "versions", "file")["versions"]] == [True, False, False]
    assert CliRunner().invoke(app, ["vault", "cat", "file", "--home", str(home)]).exit_code == 2
    assert bytes_of(home, "cat", "file", "--version", first) == DATA
    do(home, "restore", "file", first)
    assert bytes_of(home, "cat", "file") == DATA
    refused(run("vault", "versions", "nothing", "--home", home), 2, "InputError", "there is no 'nothing'")


def test_folders_are_moved_and_resumed(home: Path, tmp_path: Path) -> None:
    source = tmp_path / "tree"
    for name in ("one", "sub/two", "sub/deep/three"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    (source / "link").symlink_to("/etc/passwd")
    first = do(home, "put", "-r", source, "backup")
    assert (first["moved"], first["skipped"], first["left"]) == (3, 0, [str(source / "link")])
    (source / "one").write_text("changed")
    again = do(home, "put", "-r", source, "backup")
    assert (again["moved"], again["skipped"]) == (1, 2)
    target = tmp_path / "out"
    assert do(home, "get", "-r", "backup", target)["moved"] == 3
    (target / "sub/two").write_text("damaged")
    (target / "one").unlink()
    assert do(home, "get", "-r", "backup", target)["skipped"] == 1
    assert (target / "sub/two").read_text() == "sub/two"
    assert not list(target.rglob(".*"))
    do(home, "rm", "-r", "backup/sub")
    assert [one["name"] for one in do(home, "ls", "-r", "backup/")["objects"]] == ["backup/one"]


@pytest.mark.parametrize("name", ["../x", "a/../../x", "a//b", "/etc/x", "a/./b", "link/x", "", "a/"])
def test_names_never_lead_outside(tmp_path: Path, name: str) -> None:
    (tmp_path / "link").symlink_to("/")
    assert place(tmp_path, name) is None


def test_a_hostile_name_is_left_and_told(home: Path, tmp_path: Path) -> None:
    with Vault.open(home, Identity.load(home)) as vault:
        vault.put("up/../../evil", b"x")
        vault.put("up/good", b"x")
    done = do(home, "get", "-r", "up", tmp_path / "out")
    assert (done["moved"], done["left"]) == (1, ["up/../../evil"])
    assert not (tmp_path / "evil").exists()


def test_locks_holds_and_erasing(home: Path, tmp_path: Path) -> None:
    do(home, "put", tmp_path / "data", "kept", "--until", "2d")
    refused(run("vault", "erase", "kept", "--yes", "--home", home), 3, "LockedError", "governance lock")
    do(home, "lock", "kept", "--lift")
    do(home, "hold", "kept")
    refused(run("vault", "erase", "kept", "--yes", "--home", home), 3, "LockedError", "legal hold")
    do(home, "hold", "kept", "--off")
    refused(run("vault", "erase", "kept", "--home", home), 2, "InputError", "say --yes")
    stopped = CliRunner().invoke(app, ["vault", "erase", "kept", "--home", str(home)], input="n\n")
    assert stopped.exit_code == 1
    assert bytes_of(home, "cat", "kept") == DATA
    (tmp_path / "s0").rename(tmp_path / "away")
    (tmp_path / "s0").write_text("no folder")
    erased = do(home, "erase", "kept", "--yes")
    assert "s0" not in erased["reached"]
    assert len(erased["versions"]) == len(erased["log_entries"]) == 1
    refused(run("vault", "versions", "kept", "--home", home), 2, "InputError")
    (tmp_path / "s0").unlink()
    (tmp_path / "away").rename(tmp_path / "s0")
    assert do(home, "work")["deletions_waiting"] == 0
    do(home, "put", tmp_path / "data", "locked", "--until", "2d", "--mode", "compliance")
    refused(run("vault", "lock", "locked", "--lift", "--home", home), 3, "LockedError", "never shortened")
    refused(run("vault", "lock", "locked", "--home", home), 2, "InputError", "or --lift")
    refused(run("vault", "lock", "locked", "1d", "--mode", "iron", "--home", home), 2, "InputError", "got 'iron'")


def test_order(home: Path, tmp_path: Path) -> None:
    for index in range(6):
        do(home, "put", tmp_path / "data", f"object-{index}")
    assert do(home, "verify")["wrong"] == {}
    found = do(home, "status")
    assert (found["objects"], found["survives"], found["code"]) == (6, 1, "2 of 3")
    lost = [path for path in (tmp_path / "s1").glob("??/*") if path.is_file()]
    for path in lost:
        path.unlink()
    code, said = run("vault", "verify", "--home", home)
    assert (code, said["wrong"]) == (6, {"missing": len(lost)})
    said = do(home, "repair")
    assert (said["fragments"], said["silent"]) == (len(lost), {})
    (tmp_path / "s0").rename(tmp_path / "away")
    told = CliRunner().invoke(app, ["vault", "repair", "--home", str(home)])
    assert (told.exit_code, "s0 does not answer (store s0: " in told.stderr) == (6, True)
    assert "bailee vault store drain s0" in told.stderr
    (tmp_path / "away").rename(tmp_path / "s0")
    assert do(home, "verify", "--quick")["wrong"] == {}
    do(home, "store", "add", f"s4=file://{tmp_path}/s4?sync=no,region=eu,provider=acme")
    refused(run("vault", "store", "add", f"s4={tmp_path}/s5", "--home", home), 2, "InputError", "already")
    assert do(home, "rebalance")["moved"] > 0
    assert do(home, "store", "drain", "s0")["stuck"] == 0
    assert not [path for path in (tmp_path / "s0").glob("??/*") if path.is_file()]
    do(home, "store", "off", "s1")
    refused(run("vault", "store", "off", "s2", "--home", home), 2, "InputError", "needs 3 stores, the policy leaves 2")
    do(home, "store", "on", "s1")
    refused(run("vault", "store", "off", "s9", "--home", home), 2, "NotFoundError", "there is no store 's9'")
    states = {one["name"]: one["enabled"] for one in do(home, "store", "ls")["stores"]}
    assert states == {"s0": False, "s1": True, "s2": True, "s3": True, "s4": True}
    assert do(home, "work")["waiting"] == []
    assert all(bytes_of(home, "cat", f"object-{index}") == DATA for index in range(6))


def test_audits_are_checked_by_anybody(home: Path, tmp_path: Path) -> None:
    do(home, "put", tmp_path / "data", "object")
    do(home, "put", tmp_path / "data", "another")
    held = [f"s{index}" for index in range(4) if list((tmp_path / f"s{index}").glob("??/*"))]
    said = do(home, "audit", *(f"--store={name}" for name in held), "--out", tmp_path / "audits")
    assert [(one["store"], one["passed"]) for one in said["audits"]] == [(name, True) for name in held]
    shown = run("vault", "audit", "check", tmp_path / "audits" / held[0], "--owner", home)
    assert (shown[0], shown[1]["store"]) == (0, held[0])
    for path in (tmp_path / held[0]).glob("??/*"):
        path.write_bytes(bytes(path.stat().st_size))
    code, said = run("vault", "audit", "--store", held[0], "--out", tmp_path / "again", "--home", home)
    assert (code, said["audits"][0]["passed"]) == (4, False)
    refused(run("vault", "audit", "check", tmp_path / "again" / held[0]), 2, "InputError", "the store could not answer")
    assert [one["passed"] for one in do(home, "audit", "ledger", "--store", held[0])["audits"]] == [False, True]


def test_the_log_is_consistent_with_what_was_kept(home: Path, tmp_path: Path) -> None:
    do(home, "put", tmp_path / "data", "object")
    before = do(home, "log", "--head", tmp_path / "head.json")
    do(home, "rm", "object")
    after = do(home, "log", "--check", tmp_path / "head.json", "--whole")
    assert after["size"] == before["size"] + 1
    assert after["consistent_with"]["size"] == before["size"]
    assert [one["event"] for one in after["events"]] == ["delete", "put", "create"]
    assert [one["event"] for one in do(home, "log", "--reverse", "--limit", "2")["events"]] == ["create", "put"]
    assert [one["event"] for one in do(home, "log", "--limit", "1")["events"]] == ["delete"]
    assert [one["event"] for one in do(home, "log", "--start", "1", "--limit", "1")["events"]] == ["put"]
    narrow = CliRunner().invoke(app, ["vault", "log", "--home", str(home)], terminal_width=40, env={"COLUMNS": "40"})
    assert f"delete  {after['events'][0]['version']}  {after['events'][0]['name'][:16]}" in narrow.stdout
    with sqlite3.connect(home / "catalogue.db") as connection:
        connection.execute("UPDATE leaves SET entry = CAST(replace(entry, 'put', 'pat') AS BLOB) WHERE seq = 1")
    refused(run("vault", "log", "--whole", "--home", home), 4, "ProofError")


def test_sharing_and_revoking(home: Path, tmp_path: Path) -> None:
    for name in ("ann", "bob"):
        assert run("key", "new", name, "--home", tmp_path / name)[0] == 0
    do(home, "put", tmp_path / "data", "scan")
    ann, bob = tmp_path / "ann", tmp_path / "bob"
    given = do(home, "share", "scan", "--to", ann, "--passes", "1", "--out", tmp_path / "a.share")
    told = do(ann, "open", tmp_path / "a.share", "--owner", home)
    assert [one["name"] for one in told["versions"]] == ["scan"]
    do(ann, "open", tmp_path / "a.share", tmp_path / "opened")
    assert (tmp_path / "opened").read_bytes() == DATA
    refused(run("vault", "open", tmp_path / "a.share", "--home", bob), 3, "GrantError", "for somebody else")
    do(ann, "pass", tmp_path / "a.share", "--to", bob, "--out", tmp_path / "b.share")
    assert bytes_of(bob, "open", str(tmp_path / "b.share"), "-") == DATA
    do(home, "revoke", given["share"], "--out", tmp_path / "revoked.json")
    known = ("--revocation", tmp_path / "revoked.json")
    refused(run("vault", "open", tmp_path / "a.share", *known, "--home", ann), 3, "GrantError", "revoked")
    late = ("vault", "open", tmp_path / "a.share", tmp_path / "late", "--home", ann)
    refused(run(*late), 3, "GrantError", "on none of its stores any more", "revoked")
    for store in ("s0", "s1"):  # one of them at least had a fragment; now it cannot be known
        (tmp_path / store / ".bailee-store").rename(tmp_path / f"{store}-away")
    refused(run(*late), 6, "DamageError", "or the share was revoked")
    for store in ("s0", "s1"):
        (tmp_path / f"{store}-away").rename(tmp_path / store / ".bailee-store")
    assert not (tmp_path / "late").exists()
    assert do(home, "shares")["shares"][0]["revoked"]
    assert bytes_of(home, "cat", "scan") == DATA
    refused(run("vault", "share", "scan", "--home", home), 2, "InputError", "or --public")


def test_fresh_keys_that_were_left_for_later(home: Path, tmp_path: Path) -> None:
    assert run("key", "new", "ann", "--home", tmp_path / "ann")[0] == 0
    do(home, "put", tmp_path / "data", "scan")
    given = do(home, "share", "scan", "--to", tmp_path / "ann", "--out", tmp_path / "a.share")
    assert do(home, "revoke", given["share"], "--later")["fresh_keys"] == 0
    before = {path for path in tmp_path.glob("s?/??/*") if path.is_file()}
    assert do(home, "verify", "--quick")["fresh_keys"] == 0
    assert do(home, "verify", "--rate", "50MB")["fresh_keys"] == 1
    after = {path for path in tmp_path.glob("s?/??/*") if path.is_file()}
    assert (len(after), before & after) == (3, set())
    assert do(home, "verify")["fresh_keys"] == 0
    assert bytes_of(home, "cat", "scan") == DATA


def test_columns_of_a_table(home: Path, tmp_path: Path) -> None:
    assert run("key", "new", "ann", "--home", tmp_path / "ann")[0] == 0
    table = pa.table({"age": [30, 40], "name": ["x", "y"]})
    with Vault.open(home, Identity.load(home)) as vault:
        put_table(vault, "patients", table)
    do(home, "share", "patients", "--to", tmp_path / "ann", "--column", "age", "--out", tmp_path / "a.share")
    do(tmp_path / "ann", "open", tmp_path / "a.share", tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet").to_pydict() == {"age": [30, 40]}
    asked = ("open", tmp_path / "a.share", tmp_path / "t2.parquet", "--column", "name", "--home", tmp_path / "ann")
    refused(run("vault", *asked), 3, "GrantError")
    assert not (tmp_path / "t2.parquet").exists()


def test_a_home_comes_back_from_its_copy(home: Path, tmp_path: Path) -> None:
    do(home, "put", tmp_path / "data", "object")
    do(home, "backup", tmp_path / "copy")
    copy = (tmp_path / "copy").read_bytes()
    assert b"object" not in copy
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    for name in ("identity.pem", "identity.json"):
        shutil.copy(home / name, fresh / name)
    for changed in (copy[:-1], copy[: len(copy) // 2], copy[:-40] + bytes([copy[-40] ^ 1]) + copy[-39:]):
        (tmp_path / "bad").write_bytes(changed)
        refused(run("vault", "recover", tmp_path / "bad", "--home", fresh), 6, "DamageError", "take another copy")
    assert sorted(path.name for path in fresh.iterdir()) == ["identity.json", "identity.pem"]
    assert do(fresh, "recover", tmp_path / "copy")["objects"] == 1
    assert bytes_of(fresh, "cat", "object") == DATA
    refused(run("vault", "recover", tmp_path / "copy", "--home", fresh), 2, "InputError", "nothing is overwritten")
    assert run("key", "new", "Other", "--home", tmp_path / "other")[0] == 0
    refused(
        run("vault", "recover", tmp_path / "copy", "--home", tmp_path / "other"),
        6,
        "StorageError",
        "not sealed to Other",
    )
    (tmp_path / "bad").write_bytes(b"words")
    refused(run("vault", "recover", tmp_path / "bad", "--home", tmp_path / "other"), 2, "InputError", "backup")


def test_cache_and_sharing_of_chunks(home: Path, tmp_path: Path) -> None:
    assert do(home, "cache") == {"limit": None, "used": 0}
    refused(run("vault", "cache", "1MB", "--home", home), 2, "InputError", "at least")
    assert do(home, "cache", "64MiB")["limit"] == 64 << 20
    do(home, "put", tmp_path / "data", "one", "--deduplicate")
    do(home, "put", tmp_path / "data", "two", "--deduplicate")
    assert do(home, "status")["blobs"] == 1
    assert bytes_of(home, "cat", "one") == DATA
    assert do(home, "cache")["used"] > len(DATA)
    assert do(home, "cache", "off") == {"limit": None, "used": 0}


def test_keys_of_the_s3_door(home: Path) -> None:
    made = do(home, "key", "new", "--role", "reader", "--expires", "1d")
    assert len(made["secret"]) == 40
    (listed,) = do(home, "key", "ls")["keys"]
    assert (listed["access_key"], listed["role"]) == (made["access_key"], "reader")
    assert "secret" not in json.dumps(listed)
    do(home, "key", "rm", made["access_key"])
    assert do(home, "key", "ls")["keys"] == []
    refused(run("vault", "key", "new", "--role", "king", "--home", home), 2, "InputError", "king")


def test_how_things_are_written() -> None:
    assert [parse_size(one) for one in ("10", "1kB", "4GiB", "1.5MB")] == [10, 1000, 4 << 30, 1_500_000]
    assert [bytes_words(one) for one in (5, 1500, 2e12, 5e15)] == ["5 B", "1.5 kB", "2.0 TB", "5000.0 TB"]
    assert moment("2027-01-31") == moment("2027-01-31T23:59:59Z")
    assert parse_code("8+4") == (8, 12)
    store = parse_store("a=s3://b/p?region=x,provider=acme,region=eu")
    assert (store.name, store.url, store.provider, store.region) == ("a", "s3://b/p?region=x", "acme", "eu")
    assert parse_store("a=here").url == str(Path("here").absolute())
    for wrong in ("soon", "12"):
        with pytest.raises(InputError, match="or write a date like"):
            moment(wrong)
    with pytest.raises(InputError, match="expected a size like"):
        parse_size("much")
    with pytest.raises(InputError, match=r"expected a code like 8\+4"):
        parse_code("8")
    with pytest.raises(InputError, match="NAME=URL"):
        parse_store("nothing")


def test_a_copy_with_other_files_is_refused(home: Path, tmp_path: Path) -> None:
    from bailee.seal.vault.copying import _Sealing, open_copy

    identity = Identity.load(home)
    with (tmp_path / "copy").open("wb") as file:
        sink = _Sealing(file, identity)
        with tarfile.open(fileobj=sink, mode="w|") as archive:
            member = tarfile.TarInfo("../evil")
            member.size = 1
            archive.addfile(member, io.BytesIO(b"x"))
        sink.finish()
    (tmp_path / "fresh").mkdir()
    with pytest.raises(DamageError, match="not a copy of a vault's home"):
        open_copy(tmp_path / "copy", identity, tmp_path / "fresh")
    assert not list((tmp_path / "fresh").iterdir())


def client_of(address: str, key: dict[str, Any]) -> Any:
    return boto3.client(
        "s3", endpoint_url=f"http://{address}", region_name="us-east-1", aws_access_key_id=key["access_key"],
        aws_secret_access_key=key["secret"],
    )  # fmt: skip


def wait_for(knock: Callable[[], object]) -> None:
    for _ in range(6000):
        try:
            knock()
            return
        except EndpointConnectionError:
            time.sleep(0.05)


def test_what_was_shared_is_served(home: Path, tmp_path: Path) -> None:
    ann, address = tmp_path / "ann", free_address()
    assert run("key", "new", "ann", "--home", ann)[0] == 0
    do(home, "put", tmp_path / "data", "scan")
    do(home, "share", "scan", "--to", ann, "--out", tmp_path / "Scans.share")
    shared = ("--share", tmp_path / "Scans.share", "--owner", home)
    key = do(ann, "key", "new", "--role", "reader")
    door = start(tmp_path / "door.log", "vault", "serve", *shared, "--listen", address, "--home", ann)
    try:
        client = client_of(address, key)
        wait_for(client.list_buckets)
        assert client.get_object(Bucket="scans", Key="scan")["Body"].read() == DATA
    finally:
        door.process.send_signal(signal.SIGINT)
        code = door.wait()
    assert (code, f"serving what was shared (scans) at http://{address}" in door.said) == (0, True)
    twice = CliRunner().invoke(app, ["vault", "serve", *map(str, shared + shared[:2]), "--home", str(ann)])
    assert (twice.exit_code, "two shares would be the bucket scans" in twice.stderr) == (2, True)
    alone = CliRunner().invoke(app, ["vault", "serve", "--owner", str(home), "--home", str(ann)])
    assert (alone.exit_code, "go with --share" in alone.stderr) == (2, True)


@pytest.mark.parametrize(
    ("host", "is_warned"),
    [("127.0.0.1", False), ("localhost", False), ("[::1]", False), ("0.0.0.0", True), ("[::]", True)],
)
def test_a_door_to_other_machines_without_tls_is_warned_of(
    home: Path, monkeypatch: pytest.MonkeyPatch, host: str, is_warned: bool
) -> None:
    served: list[str] = []
    monkeypatch.setattr("bailee.server.s3.serve", lambda vault, home, host, *more, **options: served.append(host))
    monkeypatch.setattr("bailee.cli.vault_door.check_free", lambda host, port: None)
    done = CliRunner().invoke(app, ["vault", "serve", "--listen", f"{host}:9000", "--home", str(home)])
    assert (done.exit_code, served) == (0, [host.strip("[]")])
    assert ("can be reached from other machines and there is no TLS" in done.stderr) is is_warned


def test_the_s3_door_is_served(home: Path, tmp_path: Path) -> None:
    address, key = free_address(), do(home, "key", "new", "--role", "owner")
    door = start(tmp_path / "door.log", "vault", "serve", "--listen", address, "--home", home)
    try:
        client = client_of(address, key)
        wait_for(lambda: client.create_bucket(Bucket="scans"))
        client.put_object(Bucket="scans", Key="one", Body=DATA)
        assert bytes_of(home, "cat", "scans/one") == DATA
    finally:
        door.process.send_signal(signal.SIGINT)
        code = door.wait()
    closed = "the door is closed; requests that were under way were finished"
    assert (code, door.said.splitlines()) == (0, [f"serving {home} at http://{address}; Ctrl-C ends it", closed])
    refused(run("vault", "key", "rm", "BKNONE", "--home", home), 2, "InputError", "holds no access key BKNONE")
    stopped = CliRunner().invoke(app, ["vault", "serve", "--listen", "9000", "--home", str(home)])
    assert (stopped.exit_code, "expected --listen HOST:PORT" in stopped.stderr) == (2, True)
