"""A grant asked for and given between two homes, through a real server with TLS; and what is said where it fails."""

from __future__ import annotations

import ipaddress
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from bailee.party import asking
from bailee.party.home import PartyHome
from bailee.records import sign, time_text
from commands import Running, app, free_address, make_world, refused, run, start


def certificate(folder: Path) -> tuple[Path, Path]:
    """Of 127.0.0.1, signed by itself: (certificate, key)."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "clinic")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return paths


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_world(tmp_path_factory.mktemp("requests"))
    identity = folder / "builder" / "identity.json"
    assert run("caller", "add", identity, "--role", "builder", "--home", folder / "owner")[0] == 0
    return folder


@pytest.fixture
def world(sealed: Path, tmp_path: Path) -> Path:
    shutil.copytree(sealed, tmp_path / "world")
    return tmp_path / "world"


@pytest.fixture
def server(world: Path) -> Iterator[str]:
    cert, key = certificate(world)
    address = free_address()
    arguments = ("serve", "--listen", address, "--home", world / "owner", "--certificate", cert, "--private-key", key)
    running = start(world / "serve.log", *arguments)
    try:
        wait_for(running, address, cert)
        yield f"https://{address}"
    finally:
        running.process.kill()
        running.process.wait()


def wait_for(running: Running, address: str, ca: Path) -> None:
    import ssl

    trusted, end = ssl.create_default_context(cafile=str(ca)), time.monotonic() + 300
    while True:
        try:
            httpx.get(f"https://{address}/healthz", verify=trusted).raise_for_status()
            return
        except httpx.TransportError:
            assert running.process.poll() is None, running.said
            assert time.monotonic() < end, running.said
            time.sleep(0.05)


def known(world: Path, url: str, who: str = "owner", name: str = "clinic") -> tuple[int, dict[str, Any]]:
    identity, ca = world / who / "identity.json", world / "cert.pem"
    return run("remote", "add", name, url, "--identity", identity, "--ca", ca, "--home", world / "builder")


def said(*arguments: str | Path) -> str:
    """What a command prints for people, its lines as wide as they come."""
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.output


def ask(world: Path, *more: str, name: str = "clinic") -> tuple[int, dict[str, Any]]:
    return run("ask", name, "tiny", world / "plan.toml", *more, "--home", world / "builder")


def test_from_asking_to_the_grant(world: Path, server: str) -> None:
    owner, builder = ("--home", world / "owner"), ("--home", world / "builder")
    assert known(world, server)[0] == 0
    code, found = run("remote", "datasets", "clinic", *builder)
    assert (code, [one["name"] for one in found["datasets"]]) == (0, ["tiny"])
    code, first = ask(world, "--message", "For the spring study", "--until", "2099-01-31")
    assert (code, first["state"], first["until"]) == (0, "open", "2099-01-31T23:59:59Z"), first
    second = ask(world, "--field", "age")[1]
    waiting = run("request", "ls", *owner)[1]["requests"]
    assert {one["request"] for one in waiting} == {first["request"], second["request"]}
    shown = run("request", "show", first["request"][:8], *owner)[1]
    assert (shown["message"], shown["plan_text"]["epsilon"]) == ("For the spring study", "4")
    code, given = run("request", "give", first["request"], "--max-epsilon", "3", *owner)
    assert (code, given["max_epsilon"], given["plan"]) == (0, "3", first["plan"])
    assert run("request", "refuse", second["request"], "--reason", "Not this.", *owner)[0] == 0
    assert run("request", "ls", *owner)[1]["requests"] == []
    assert len(run("request", "ls", "--all", *owner)[1]["requests"]) == 2
    before = {one["request"]: one["state"] for one in run("asked", "--offline", *builder)[1]["asked"]}
    assert set(before.values()) == {"open"}
    code, told = run("asked", *builder)
    after = {one["request"]: one for one in told["asked"]}
    assert (code, told["unreached"]) == (0, {})
    assert (after[first["request"]]["state"], after[first["request"]]["grant"]) == ("given", given["grant"])
    assert (after[second["request"]]["state"], after[second["request"]]["reason"]) == ("refused", "Not this.")
    terms = after[first["request"]]["given"]
    assert (terms["max_epsilon"], terms["until"]) == ("3", "2099-01-31T23:59:59Z")
    assert (after[first["request"]]["narrowed"], after[first["request"]]["lacks"]) == (True, "epsilon 4")
    people = said("asked", "--offline", *builder)
    assert "given, narrowed" in people
    assert f"{first['request'][:8]} was given, and its plan cannot run under it: needs epsilon 4" in people
    kept = (world / "builder" / "asked" / f"{first['request']}.grant.json").read_bytes()
    assert kept == (world / "owner" / "grants" / f"{given['grant']}.json").read_bytes()
    refused(run("request", "give", second["request"], *owner), 3, "GrantError", "was refused")
    led = ("train", world / "plan.toml", "--owner", world / "owner" / "identity.json", "--listen", free_address())
    refused(run(*led, *builder), 3, "GrantError", "the plan needs epsilon 4", "bailee ask")


def old_request(world: Path) -> bytes:
    """Signed by the builder two days ago, and never sent."""
    party, now = PartyHome(world / "builder"), datetime.now(UTC)
    (kept,) = asking.asked(party, now)
    old = replace(kept.request.record, id="0" * 32, asked=time_text(now - timedelta(days=2)))
    return sign(old, party.identity).envelope


def test_what_never_arrived_is_sent_again(world: Path, server: str) -> None:
    nowhere = f"http://{free_address()}"
    builder = ("--home", world / "builder")
    assert known(world, server)[0] == 0
    code, first = ask(world)
    assert code == 0
    shutil.rmtree(world / "owner" / "requests")  # as if it had not arrived
    assert run("asked", *builder)[1]["unreached"] == {}
    assert [one["request"] for one in run("request", "ls", "--home", world / "owner")[1]["requests"]] == [
        first["request"]
    ]
    asked, stale = world / "builder" / "asked", world / "builder" / "asked" / f"{'0' * 32}.json"
    stale.write_bytes(old_request(world))
    second = ask(world)[1]["request"]
    assert run("request", "refuse", second, "--home", world / "owner")[0] == 0
    told = run("asked", *builder)[1]
    assert "more than a day ago" in told["unreached"]["clinic"]  # and what follows it was looked at
    assert {one["request"]: one["state"] for one in told["asked"]}[second] == "refused"
    stale.unlink()
    assert len(list(asked.glob("*.json"))) == 3
    assert run("remote", "rm", "clinic", *builder)[0] == 0
    assert known(world, nowhere)[0] == 0
    code, told = run("asked", *builder)
    assert (code, {one["state"] for one in told["asked"]}) == (0, {"open", "refused"})
    assert "cannot be reached" in told["unreached"]["clinic"]
    refused(ask(world), 5, "SessionError", "cannot be reached", nowhere)


def test_another_key_or_no_role(world: Path, server: str) -> None:
    assert known(world, server, "builder", "false")[0] == 0  # the server has not that key
    refused(ask(world, name="false"), 2, "InputError", "challenge is of another server")
    assert known(world, server)[0] == 0
    key = run("caller", "ls", "--home", world / "owner")[1]["callers"][0]["key"]
    assert run("caller", "rm", key, "--home", world / "owner")[0] == 0
    refused(ask(world), 3, "AuthorityError", "no role here")
    assert run("remote", "rm", "clinic", "--home", world / "builder")[0] == 0
    identity = world / "owner" / "identity.json"
    assert run("remote", "add", "clinic", server, "--identity", identity, "--home", world / "builder")[0] == 0
    refused(ask(world), 5, "SessionError", "CERTIFICATE_VERIFY_FAILED")  # the system does not know who signed it


def test_words_where_there_is_nothing(world: Path) -> None:
    refused(ask(world), 2, "NotFoundError", "bailee remote add")
    assert run("remote", "ls", "--home", world / "builder") == (0, {"remotes": []})
    assert run("asked", "--home", world / "builder") == (0, {"asked": [], "unreached": {}})
    refused(run("request", "show", "ab", "--home", world / "owner"), 2, "InputError", "no request 'ab'")
    identity = world / "owner" / "identity.json"
    plain = ("remote", "add", "clinic", "http://clinic.example", "--identity", identity)
    refused(run(*plain, "--home", world / "builder"), 2, "InputError", "use https")
    refused(run(*plain, "--home", world / "nobody"), 2, "InputError", "bailee init NAME --home")
