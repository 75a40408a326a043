"""deploy/compose.yaml, run: three organisations with their stores, catalogues, servers and one chain, and a training.

Beside real SeaweedFS, PostgreSQL and anvil, TLS throughout; as processes, see tests/composed.py.
"""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from chains import anvil_program
from commands import PLAN, ROWS, SCHEMA, run, start
from composed import NAMES, ROOT, Composed, services
from databases import new_url

API = {"north": 8443, "south": 8444, "west": 8445}


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    folder = tmp_path_factory.mktemp("three")
    local = folder / "local"
    deploy = [sys.executable, str(ROOT / "deploy" / "three.py"), str(local)]
    assert subprocess.run(deploy, capture_output=True).returncode == 0
    weed = str(Path(sys.executable).with_name("weed"))
    programs = {"weed": [weed], "anvil": [anvil_program()]}
    made = Composed(folder, local, programs, {name: new_url("postgresql", folder) for name in NAMES})
    # Names of services are addresses here, so certificates are for these too.
    hosts = [f"{name}={name},localhost,{made.address(name)}" for name in NAMES]
    certificates = [sys.executable, str(ROOT / "deploy" / "certificates.py"), str(local), *hosts]
    assert subprocess.run(certificates, capture_output=True).returncode == 0
    try:
        for service in ("chain", *(f"{name}-store" for name in NAMES)):
            made.start(service)
        for name in NAMES:
            made.healthy(f"{name}-store")
        for name in NAMES:
            made.run(f"{name}-prepare")
            made.start(name)
            made.start(f"{name}-console")
        for name in NAMES:
            made.healthy(name)
        yield made
    finally:
        made.close()


def ask(composed: Composed, name: str, path: str, ca: Path | None = None) -> dict[str, object]:
    trusted = ssl.create_default_context(cafile=str(ca or composed.local / "ca.pem"))
    url = f"https://{composed.address(name)}:{API[name]}{path}"
    with urllib.request.urlopen(url, context=trusted, timeout=30) as answer:
        return json.load(answer)  # type: ignore[no-any-return]


def home(composed: Composed, name: str) -> Path:
    return composed.local / name / "home"


@pytest.mark.slow
def test_every_server_is_ready_and_speaks_for_its_own_party(composed: Composed) -> None:
    keys = set()
    for name in NAMES:
        ready = ask(composed, name, "/readyz")
        assert ready["checks"]["stores"] == "ok", ready  # type: ignore[index]
        keys.add(ask(composed, name, "/v1/identity")["public_key"])
    assert len(keys) == 3


@pytest.mark.slow
def test_preparing_again_changes_nothing(composed: Composed) -> None:
    places = [home(composed, "north") / file for file in ("identity.json", "identity.pem", "vault.json")]
    before = [place.read_bytes() for place in places]
    assert composed.run("north-prepare") == ""
    assert [place.read_bytes() for place in places] == before


@pytest.mark.slow
def test_a_training_across_the_three_holds(composed: Composed) -> None:
    folder = composed.folder
    for file, text in (("rows.csv", ROWS), ("schema.toml", SCHEMA), ("plan.toml", PLAN)):
        (folder / file).write_text(text)
    owners, builder = ("north", "south"), home(composed, "west")
    grants = {}
    for name in owners:
        code, said = run("seal", folder / "rows.csv", folder / "schema.toml", "--home", home(composed, name))
        assert code == 0, said
        terms = ("--builder", builder, "--plan", folder / "plan.toml")
        code, said = run("grant", "tiny", *terms, "--home", home(composed, name))
        assert code == 0, said
        grants[name] = str(said["grant"])
    address = f"{composed.address('west')}:7447"
    joining = [
        start(folder / f"{name}-join.log", "join", address, "--grant", grants[name], "--home", home(composed, name))
        for name in owners
    ]
    named = [word for name in owners for word in ("--owner", home(composed, name))]
    training = ("train", folder / "plan.toml", *named, "--listen", address, "--out", folder / "passport")
    code, said = run(*training, "--home", builder)
    assert ([one.wait(60) for one in joining], code) == ([0, 0], 0), said
    trusted = [word for name in NAMES for word in ("--trusted", home(composed, name))]
    code, said = run("verify", folder / "passport" / "passport.json", *trusted)
    assert code == 0, said


@pytest.mark.slow
def test_consoles_give_a_link_at_the_name_that_browsers_use(composed: Composed) -> None:
    for number, name in enumerate(NAMES):
        assert re.search(
            rf"https://localhost:{8450 + number}/enter\?link=", composed.log(f"{name}-console").read_text()
        )


@pytest.mark.slow
def test_a_lost_store_keeps_nobody_from_reading(composed: Composed) -> None:
    environment = composed.environment("north")
    put = ["bailee", "vault", "put", str(ROOT / "LICENSE"), "licence"]
    assert subprocess.run(put, env=environment, capture_output=True).returncode == 0
    composed.running.pop("south-store").kill()
    back = composed.folder / "licence"
    got = subprocess.run(["bailee", "vault", "get", "licence", str(back)], env=environment, capture_output=True)
    assert got.returncode == 0, got.stderr
    assert back.read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.slow
def test_servers_and_consoles_stop_when_told(composed: Composed) -> None:
    for service in ("north", "north-console"):
        assert composed.stop(service) in (0, -15)


def test_every_service_is_held_to_little(composed: Composed) -> None:
    for name, facts in services(composed.local).items():
        assert "no-new-privileges:true" in facts["security_opt"], name
        if not name.endswith("-database"):  # PostgreSQL's image changes its user itself
            assert facts["cap_drop"] == ["ALL"], name
            assert facts["read_only"], name
            assert facts["user"], name


def test_what_a_container_writes_is_its_users(composed: Composed) -> None:
    """Engines differ in whose a named volume is; folders are made by three.py, as the user that containers run as."""
    for name, facts in services(composed.local).items():
        for volume in facts["volumes"] if "user" in facts else ():
            source = Path(volume.split(":")[0])
            assert source.exists(), (name, volume)


def test_a_database_is_healthy_once_the_network_reaches_it(composed: Composed) -> None:
    """The image's first server, which makes the database, answers on the socket alone, and then stops."""
    for name in NAMES:
        check = services(composed.local)[f"{name}-database"]["healthcheck"]["test"]
        assert check[1:4] == ["pg_isready", "-h", "127.0.0.1"]
