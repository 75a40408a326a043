"""One vault over several kinds of stores at once: folders, SeaweedFS (S3), WebDAV and Swift, of which two go away."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

import engine_swift
import engines
from bailee.adapters.stores import remote
from bailee.adapters.stores import swift as swift_module
from bailee.adapters.stores.entry import StoreEntry
from bailee.errors import StorageError
from bailee.keys import Identity
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.keep.auditing import audit
from bailee.seal.vault.keep.health import health
from bailee.seal.vault.keep.rebalancing import rebalance
from bailee.seal.vault.keep.repairing import repair
from bailee.seal.vault.keep.scrubbing import scrub
from bailee.seal.vault.keep.sweeping import MARK
from bailee.seal.vault.membership import add_store, switch_store
from bailee.seal.vault.vault import Vault

OWNER = Identity.generate("Owner")
KINDS = ("attic", "bank", "weed", "dav", "swift")


@dataclass(frozen=True)
class Places:
    """entries: by name. dav: the folder behind the WebDAV server. weed, swift: closing them kills the engine."""

    entries: dict[str, StoreEntry]
    dav: Path
    weed: ExitStack
    swift: ExitStack


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    if why := engine_swift.missing():
        pytest.skip(why)
    monkeypatch.setattr(remote, "RETRIES", 1)  # who is killed here does not come back
    monkeypatch.setattr(remote, "FIRST_REST", 0.01)
    monkeypatch.setattr(swift_module, "REST", 0.01)
    folders = {name: tmp_path / name for name in ("weed", "dav", "swift")}
    for folder in folders.values():
        folder.mkdir()
    with ExitStack() as weed, ExitStack() as swift, engines.webdav(folders["dav"]) as dav_url:
        auth = swift.enter_context(engine_swift.swift(folders["swift"])).auth
        weed_url = weed.enter_context(engines.seaweed(folders["weed"]))
        keys = {"aws_access_key_id": engines.ACCESS_KEY, "aws_secret_access_key": engines.SECRET_KEY}
        boto3.client("s3", endpoint_url=weed_url, region_name="us-east-1", **keys).create_bucket(Bucket="vault")
        env = engine_swift.options("swift") | {
            "BAILEE_STORE_WEED_ACCESS_KEY_ID": engines.ACCESS_KEY,
            "BAILEE_STORE_WEED_SECRET_ACCESS_KEY": engines.SECRET_KEY,
            "BAILEE_STORE_DAV_USERNAME": engines.ACCESS_KEY,
            "BAILEE_STORE_DAV_PASSWORD": engines.SECRET_KEY,
        }
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        urls = {
            "attic": f"file://{tmp_path}/attic?sync=no",
            "bank": f"file://{tmp_path}/bank?sync=no",
            "weed": f"s3://vault/p?endpoint={weed_url}",
            "dav": f"webdav:///p?endpoint={dav_url}",
            "swift": f"swift://{engine_swift.CONTAINER}/p?auth={auth}",
        }
        yield Places({name: StoreEntry(name, url) for name, url in urls.items()}, folders["dav"], weed, swift)


def check(vault: Vault, objects: dict[str, bytes]) -> None:
    for name, data in objects.items():
        assert b"".join(vault.get(name)) == data
    assert b"".join(vault.get("long", start=1_999_990, stop=2_000_010)) == objects["long"][1_999_990:2_000_010]


def troubled(vault: Vault) -> list[str]:
    return [store.name for store in health(vault.keeping).stores if store.problem]


def test_two_of_five_kinds_go_away_and_others_take_their_place(tmp_path: Path, places: Places) -> None:
    home = tmp_path / "home"
    objects = {"empty": b"", "short": b"words", "long": secrets.token_bytes(3_000_000)}
    with Vault.create(home, OWNER, list(places.entries.values()), Policy(Code(3, 5))) as vault:
        for name, data in objects.items():
            vault.put(name, data)
        check(vault, objects)
        assert troubled(vault) == []
        assert health(vault.keeping).least == 2
        for name in KINDS:
            assert audit(vault.keeping, name).passed
        assert scrub(vault.keeping).wrong == {}

        places.swift.close()
        check(vault, objects)
        objects["later"] = secrets.token_bytes(300_000)
        vault.put("later", objects["later"])  # four of five are enough

        places.weed.close()
        check(vault, objects)
        assert troubled(vault) == ["weed", "swift"]
        assert health(vault.keeping).least == 0
        silent = {"weed": {"unreachable": 4}, "swift": {"unreachable": 3}}
        assert scrub(vault.keeping).stores == silent | {"": {"nowhere": 1}}  # which swift did not get
        assert not audit(vault.keeping, "swift").passed
        with pytest.raises(StorageError):
            vault.put("too late", b"three of five are not")

        for name in ("cellar", "depot"):
            add_store(vault, StoreEntry(name, f"file://{tmp_path}/{name}?sync=no"))
        for name in ("weed", "swift"):
            switch_store(vault, name, False)

    with Vault.open(home, OWNER) as vault:
        moved = rebalance(vault.keeping)
        assert moved.stuck == 0
        assert repair(vault.keeping).left == {}
        check(vault, objects)
        shown = health(vault.keeping)
        assert shown.least == 2
        assert {store.name for store in shown.stores if store.fragments} == {"attic", "bank", "dav", "cellar", "depot"}
        for path in places.dav.rglob("*"):
            if path.is_file() and path.name != MARK:
                path.unlink()
        assert scrub(vault.keeping).wrong == {"missing": len(objects)}
        assert repair(vault.keeping).fragments == len(objects)
        assert scrub(vault.keeping).wrong == {}
        for name in ("attic", "bank", "dav", "cellar", "depot"):
            assert audit(vault.keeping, name).passed
        check(vault, objects)
