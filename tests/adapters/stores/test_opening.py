from __future__ import annotations

import os
from pathlib import Path

import pytest

from bailee.adapters.stores import remote
from bailee.adapters.stores.access import options_of
from bailee.adapters.stores.entry import StoreEntry
from bailee.adapters.stores.folder import FolderStore
from bailee.adapters.stores.opening import open_store
from bailee.errors import InputError, StorageError, StoreError


@pytest.mark.parametrize("name", ["", "Paris", "a b", "-x", "a/b", "x" * 64, "é"])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(InputError, match="expected a name of 1 to 63 lower-case letters"):
        StoreEntry(name, "/tmp/x")


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:word@bucket/p",
        "s3://bucket/p?secret_access_key=hush",
        "s3://bucket?access_key_id=AKIA",
        "webdav:///?endpoint=https://x&password=hush",
        "swift://box?token=hush",
        "swift://box?auth=https://host/auth/v1.0&key=hush",
        "azblob://box?account_key=hush",
    ],
)
def test_credentials_in_a_url_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InputError, match="must not hold credentials; set BAILEE_STORE_NORTH_SIDE_<OPTION>") as caught:
        StoreEntry("north-side", url)
    assert "hush" not in str(caught.value)


def test_credentials_in_an_endpoint_are_refused() -> None:
    with pytest.raises(InputError, match="an endpoint must not hold credentials") as caught:
        open_store(StoreEntry("north", "webdav:///p?endpoint=https://me:hush@host/"), {})
    assert "hush" not in str(caught.value)


def test_options_come_from_the_environment() -> None:
    env = {"BAILEE_STORE_NORTH_SIDE_SECRET_ACCESS_KEY": "hush", "BAILEE_STORE_SOUTH_TOKEN": "x", "PATH": "/bin"}
    options = options_of(StoreEntry("north-side", "s3://b"), env)
    assert {name: secret.reveal() for name, secret in options.items()} == {"secret_access_key": b"hush"}


def test_options_come_from_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "north.keys"
    path.write_text("# keys of the north\naccess_key_id = me\nSECRET_ACCESS_KEY=hush=hush\n\n")
    path.chmod(0o600)
    entry = StoreEntry("north", "s3://b", credentials=str(path))
    assert {name: secret.reveal() for name, secret in options_of(entry, {}).items()} == {
        "access_key_id": b"me",
        "secret_access_key": b"hush=hush",
    }
    path.chmod(0o640)
    with pytest.raises(StorageError, match=r"can be read by others \(mode 0640\)"):
        options_of(entry, {})
    path.chmod(0o600)
    path.write_text("hush\n")
    with pytest.raises(InputError, match="line 1: expected OPTION=VALUE") as caught:
        options_of(entry, {})
    assert "hush" not in str(caught.value)


def test_a_folder_by_path_and_by_url(tmp_path: Path) -> None:
    for url in (str(tmp_path / "a"), f"file://{tmp_path}/b?sync=no"):
        store = open_store(StoreEntry("north", url), {}, create=True)
        assert isinstance(store, FolderStore)
        writing = store.write("x")
        writing.finish()
    assert (tmp_path / "b" / "x").exists()
    with pytest.raises(InputError, match="expected an absolute path"):
        open_store(StoreEntry("north", "relative/folder"), {})
    with pytest.raises(InputError, match=r"expected file:///folder or file:///folder\?sync=no"):
        open_store(StoreEntry("north", "file:///x?sink=no"), {})


def test_a_folder_opens_without_being_there(tmp_path: Path) -> None:
    store = open_store(StoreEntry("north", str(tmp_path / "unmounted")), {})
    with pytest.raises(StoreError, match="mount its disk"):
        store.read("x")
    assert not (tmp_path / "unmounted").exists()


def test_an_unknown_service_and_missing_options() -> None:
    with pytest.raises(
        InputError, match=r"store north: there is no kind of store carrier-pigeon://; expected a folder, s3://"
    ):
        open_store(StoreEntry("north", "carrier-pigeon://coop/"), {})
    with pytest.raises(InputError, match=r"store north: .*check its URL and options"):
        open_store(StoreEntry("north", "s3:///no-bucket"), {})


def test_a_bucket_without_credentials_says_which_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    wanted = "BAILEE_STORE_NORTH_SIDE_ACCESS_KEY_ID and BAILEE_STORE_NORTH_SIDE_SECRET_ACCESS_KEY"
    for env in ({}, {"BAILEE_STORE_NORTH_SIDE_ACCESS_KEY_ID": "half"}):
        url = "s3://b/p?endpoint=http://127.0.0.1:9&disable_config_load=true"
        store = open_store(StoreEntry("north-side", url), env)
        with pytest.raises(StoreError, match=f"store north-side: x: there are no credentials for it; set {wanted}, or"):
            store.read("x")


def test_a_server_that_is_not_there_is_a_store_error_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "RETRIES", 1)
    monkeypatch.setattr(remote, "FIRST_REST", 0.01)
    env = {"BAILEE_STORE_NORTH_ACCESS_KEY_ID": "hush-id", "BAILEE_STORE_NORTH_SECRET_ACCESS_KEY": "hush-key"}
    store = open_store(StoreEntry("north", "s3://b/p?endpoint=http://127.0.0.1:9"), env)
    for use in (lambda: store.read("x", 0, 1), lambda: store.delete("x"), lambda: list(store.paths())):
        with pytest.raises(StoreError, match="store north: ") as caught:
            use()
        assert "hush" not in str(caught.value)
    writing = store.write("x")
    writing.write(b"y")
    with pytest.raises(StoreError, match="store north: "):
        writing.finish()
    assert "hush" not in repr(store)


def test_a_store_that_only_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(StoreEntry("mirror", "http:///?endpoint=http://127.0.0.1:9"), {})
    writing = store.write("x")
    with pytest.raises(StoreError, match="store mirror: x: Unsupported"):
        writing.finish()
