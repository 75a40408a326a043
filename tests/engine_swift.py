"""OpenStack Swift, run for real on loopback: proxy, account, container and object server, one device, one replica.

It comes from an environment of its own (`script/tools` makes it in `.tools/swift`), because what it needs is nothing
that Bailee needs. Tokens are Fernet tokens: those of its other kind would ask for a memcached.
"""

from __future__ import annotations

import getpass
import os
import subprocess
import time
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import pytest

from ports import free_port

USER, KEY, CONTAINER = "hospital:tester", "not-so-secret-key", "vault"
_BIN = Path(__file__).parents[1] / ".tools" / "swift" / "bin"
_PROXY = f"""
[pipeline:main]
pipeline = healthcheck listing_formats bulk tempauth slo dlo proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true

[filter:tempauth]
use = egg:swift#tempauth
user_{USER.replace(":", "_")} = {KEY} .admin
token_life = TOKEN_LIFE
fernet_key_one = FERNET_KEY
active_fernet_key_id = one
"""
_BACKEND = """
[pipeline:main]
pipeline = healthcheck KIND-server

[app:KIND-server]
use = egg:swift#KIND
mount_check = false
"""
# As swift-ring-builder does it, in one process instead of nine.
_RINGS = """
import sys
from swift.common.ring import RingBuilder

for place in sys.argv[1:]:
    kind, port = place.split(":")
    builder = RingBuilder(part_power=4, replicas=1, min_part_hours=1)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "d1", "weight": 1})
    builder.rebalance()
    builder.get_ring().save(f"{kind}.ring.gz")
"""
_FILTERS = "healthcheck listing_formats bulk slo dlo"


@dataclass(frozen=True)
class Swift:
    """auth: where to log in. hasty: the same, at a second proxy, whose tokens hold for 3 seconds; "" without one."""

    auth: str
    hasty: str = ""


def options(store: str) -> dict[str, str]:
    """What the environment of a vault holds of such a store."""
    return {f"BAILEE_STORE_{store.upper()}_USER": USER, f"BAILEE_STORE_{store.upper()}_KEY": KEY}


def missing() -> str:
    """Why Swift cannot run here; "" where it can."""
    if not (_BIN / "swift-proxy-server").exists():
        return "OpenStack Swift is not in .tools/swift; script/tools fetches it"
    return ""


@contextmanager
def swift(folder: Path, hasty: bool = False) -> Iterator[Swift]:
    """A Swift with CONTAINER for USER and KEY; takes some four seconds to start. Skips the test where it cannot."""
    if why := missing():
        pytest.skip(why)
    (folder / "devices" / "d1").mkdir(parents=True)
    try:
        os.setxattr(folder / "devices", "user.bailee", b"x")
    except (OSError, AttributeError):  # Python has them on Linux alone
        pytest.skip(f"{folder} has no extended attributes, which Swift's object server needs")
    kinds = ["account", "container", "object", "proxy"] + ["hasty"] * hasty
    ports = {kind: free_port() for kind in kinds}
    (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = of the tests\n")
    _make_rings(folder, ports)
    settings = {kind: _BACKEND.replace("KIND", kind) for kind in ("account", "container", "object")}
    proxy = _PROXY.replace("FERNET_KEY", urlsafe_b64encode(os.urandom(32)).decode())
    settings["proxy"] = proxy.replace("TOKEN_LIFE", "86400")
    settings["hasty"] = proxy.replace("TOKEN_LIFE", "3")
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for kind, port in ports.items():
            processes.append(_start(folder, kind, port, settings[kind]))
        for (kind, port), process in zip(ports.items(), processes, strict=True):
            _wait(f"http://127.0.0.1:{port}/healthcheck", kind, process, folder)
        found = Swift(*(f"http://127.0.0.1:{ports[kind]}/auth/v1.0" for kind in kinds[3:]))
        _make_container(found.auth)
        yield found
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def _make_rings(folder: Path, ports: dict[str, int]) -> None:
    places = [f"{kind}:{ports[kind]}" for kind in ("account", "container", "object")]
    subprocess.run([_BIN / "python", "-c", _RINGS, *places], cwd=folder, check=True)


def _start(folder: Path, kind: str, port: int, text: str) -> subprocess.Popen[bytes]:
    common = {
        "bind_ip": "127.0.0.1",
        "bind_port": port,
        "workers": 0,  # one process each, in the foreground
        "user": getpass.getuser(),
        "swift_dir": folder,
        "devices": folder / "devices",
        "log_address": folder / "no-syslog",
        "log_statsd_host": "",
    }
    text += "".join(f"\n[filter:{name}]\nuse = egg:swift#{name}\n" for name in _FILTERS.split())
    config = folder / f"{kind}.conf"
    config.write_text("[DEFAULT]\n" + "".join(f"{name} = {value}\n" for name, value in common.items()) + text)
    server = "proxy" if kind == "hasty" else kind
    with (folder / f"{kind}.log").open("wb") as log:
        return subprocess.Popen([_BIN / f"swift-{server}-server", config, "--verbose"], stdout=log, stderr=log)


def _wait(url: str, kind: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(URLError, OSError):
            urllib.request.urlopen(url, timeout=10).close()
            return
        time.sleep(0.1)
    raise RuntimeError(f"Swift's {kind} server did not start: {(folder / f'{kind}.log').read_text()[-2000:]}")


def _make_container(auth: str) -> None:
    asked = urllib.request.Request(auth, headers={"X-Auth-User": USER, "X-Auth-Key": KEY})
    with urllib.request.urlopen(asked, timeout=120) as answer:
        url, token = answer.headers["X-Storage-Url"], answer.headers["X-Auth-Token"]
    made = urllib.request.Request(f"{url}/{CONTAINER}", method="PUT", headers={"X-Auth-Token": token})
    urllib.request.urlopen(made, timeout=120).close()
