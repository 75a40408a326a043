"""Attacks by those who run stores, or say where they are: endless answers, pipes, old and foreign fragments, and shares
that ask for the reader's own credentials."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bailee.adapters.stores.access import confirmed, options_of
from bailee.adapters.stores.entry import StoreEntry
from bailee.adapters.stores.opening import open_store
from bailee.errors import DamageError, StoreError
from bailee.keys import Identity
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.share import granting
from bailee.seal.vault.vault import Vault
from commands import app

OWNER, ANN = Identity.generate("Owner"), Identity.generate("Ann")
MOST = 256 << 20


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    stores = [StoreEntry(f"s{at}", f"file://{tmp_path}/s{at}?sync=no") for at in range(3)]
    with Vault.create(tmp_path / "home", OWNER, stores, Policy(Code(2, 3))) as opened:
        yield opened


def fragments(folder: Path) -> set[Path]:
    return {path for path in folder.glob("s*/??/*") if path.is_file()}


class Server:
    """Answers every request with `answer`, for ever, and keeps what was asked."""

    def __init__(self, head: bytes, body: bytes) -> None:
        self.head, self.body, self.sent, self.asked = head, body, 0, list[bytes]()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def run(self) -> None:
        with suppress(OSError):
            while True:
                caller = self._listener.accept()[0]
                threading.Thread(target=self._answer, args=(caller,), daemon=True).start()

    def _answer(self, caller: socket.socket) -> None:
        with suppress(OSError), caller:
            self.asked.append(caller.recv(1 << 16))
            caller.sendall(self.head)
            while self.body and self.sent < MOST:
                caller.sendall(self.body)
                self.sent += len(self.body)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def serving(head: bytes, body: bytes = b"") -> Iterator[Server]:
    server = Server(head, body)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(10)


BLOCK = b"a" * (1 << 20)
CHUNKED = b"HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes 0-9/10\r\n\r\n"
PLAIN = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 999999999\r\nContent-Range: bytes 0-9/10\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "body"), [(CHUNKED, b"100000\r\n" + BLOCK + b"\r\n"), (PLAIN, BLOCK)], ids=["chunks", "length"]
)
@pytest.mark.parametrize("service", ["http", "s3", "webdav"])
def test_an_answer_without_end_is_not_read(service: str, head: bytes, body: bytes) -> None:
    with serving(head, body) as server:
        place = "b/x" if service == "s3" else "/x"
        env = {"BAILEE_STORE_A_ACCESS_KEY_ID": "i", "BAILEE_STORE_A_SECRET_ACCESS_KEY": "s"} if service == "s3" else {}
        store = open_store(StoreEntry("a", f"{service}://{place}?endpoint={server.url}"), env)
        with pytest.raises(StoreError, match="store a: ab/cd: expected 10 bytes from 0, got 11"):
            store.read("ab/cd", 0, 10)
        with pytest.raises(StoreError, match="store a: vault: expected at most 4194304 bytes, got more"):
            store.read("vault")
        assert server.sent < 64 << 20


def test_pipes_and_links_among_fragments_hold_nobody_up(vault: Vault, tmp_path: Path) -> None:
    data = os.urandom(100_000)
    vault.put("k", data)
    for path in tmp_path.glob("s0/??/*"):
        path.unlink()
        os.mkfifo(path)
    assert b"".join(vault.get("k")) == data
    for path in tmp_path.glob("s1/??/*"):
        path.unlink()
        path.symlink_to("/dev/zero")
    with pytest.raises(DamageError, match="Too many levels of symbolic links") as caught:
        b"".join(vault.get("k"))
    assert "is no file; remove it" in str(caught.value)


def test_fragments_of_an_older_version_do_not_roll_back(vault: Vault, tmp_path: Path) -> None:
    old = vault.put("k", b"old" * 1000)
    before = fragments(tmp_path)
    vault.put("k", b"new" * 1000)
    after = fragments(tmp_path) - before
    by_store = {path.relative_to(tmp_path).parts[0]: path for path in before}
    for path in after:
        shutil.copy(by_store[path.relative_to(tmp_path).parts[0]], path)
    with pytest.raises(DamageError, match="2 fragments are needed and fewer can be had"):
        b"".join(vault.get("k"))
    assert b"".join(vault.get("k", old.id)) == b"old" * 1000


def test_exchanged_objects_do_not_open(vault: Vault, tmp_path: Path) -> None:
    places: dict[str, set[Path]] = {}
    for name in ("a", "b"):
        before = fragments(tmp_path)
        vault.put(name, name.encode() * 5000)
        places[name] = fragments(tmp_path) - before
    for one, other in zip(sorted(places["a"], key=str), sorted(places["b"], key=str), strict=True):
        held = one.read_bytes()
        one.write_bytes(other.read_bytes())
        other.write_bytes(held)
    for name in ("a", "b"):
        with pytest.raises(DamageError):
            b"".join(vault.get(name))


def test_a_share_does_not_send_the_readers_credentials_to_whom_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever makes a share chooses names and URLs of stores; the reader's variables go by the name."""
    monkeypatch.setenv("BAILEE_STORE_MAIN_USERNAME", "ann")
    monkeypatch.setenv("BAILEE_STORE_MAIN_PASSWORD", "hush")
    owner, ann = tmp_path / "owner", tmp_path / "ann"
    for home, who in ((owner, "Owner"), (ann, "Ann")):
        assert CliRunner().invoke(app, ["key", "new", who, "--home", str(home)]).exit_code == 0
    with serving(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") as server:
        url = f"webdav:///x?endpoint={server.url}"
        stores = [StoreEntry("main", f"file://{tmp_path}/main?sync=no")]
        identity = Identity.load(owner)
        with Vault.create(owner, identity, stores, Policy(Code(1, 1))) as evil:
            evil.put("bait", b"x")
            evil.entries = (StoreEntry("main", url),)
            grantee = Identity.load(ann).public
            chain = granting.share(
                evil, [granting.Wish("bait", None, None)], grantee, "bait", datetime.now(UTC) + timedelta(days=1)
            )
        share = tmp_path / "bait.share"
        share.write_bytes(chain.to_bytes())
        command = ["vault", "open", str(share), str(tmp_path / "out"), "--home", str(ann)]
        secret = base64.b64encode(b"ann:hush")

        done = CliRunner().invoke(app, command)
        assert done.exit_code != 0
        assert server.asked
        assert not any(secret in asked or b"hush" in asked for asked in server.asked)

        monkeypatch.setenv("BAILEE_STORE_MAIN_URL", url)  # now the reader has said that it may have them
        CliRunner().invoke(app, command)
        assert any(secret in asked for asked in server.asked)


def test_credentials_of_the_environment_go_to_the_place_that_the_reader_named() -> None:
    entry = StoreEntry("north-1", "webdav:///x?endpoint=https://north.example")
    env = {"BAILEE_STORE_NORTH_1_PASSWORD": "hush"}
    assert confirmed(entry, env) == {}
    assert confirmed(entry, {**env, "BAILEE_STORE_NORTH_1_URL": f"{entry.url}.evil"}) == {}
    told = {**env, "BAILEE_STORE_NORTH_1_URL": entry.url}
    assert confirmed(entry, told) == told
    assert set(options_of(entry, told)) == {"password"}


def test_strangers_names_do_not_reach_the_terminal(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["key", "new", "Owner", "--home", str(tmp_path)]).exit_code == 0
    stores = [StoreEntry("s", f"file://{tmp_path}/s?sync=no")]
    hostile = "a\x1b]0;owned\x07\x1b[2J\u202egpj[/red]"
    with Vault.create(tmp_path, Identity.load(tmp_path), stores, Policy(Code(1, 1))) as vault:
        vault.put(hostile, b"x", metadata={"k": hostile})
        vault.put(f"{hostile}/b", b"x")
    for command in (
        ["ls"],
        ["ls", "-r"],
        ["versions", hostile],
        ["get", hostile, str(tmp_path / "out")],
        ["cat", "\x1b[2J"],
    ):
        done = CliRunner().invoke(app, ["vault", *command, "--home", str(tmp_path)])
        assert "\x1b" not in done.output
        assert "\u202e" not in done.output
        assert done.exit_code == (2 if command[0] == "cat" else 0)
    assert (
        r"a\x1b]0;owned\x07\x1b[2J\u202egpj[/red]"
        in CliRunner().invoke(app, ["vault", "ls", "-r", "--home", str(tmp_path)]).output
    )
