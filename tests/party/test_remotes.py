"""Others' servers: kept by name, with the key they are known by; addresses that would show a token are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bailee.errors import InputError, NotFoundError, StorageError
from bailee.keys import Identity
from bailee.party.remotes import Remote, add_remote, checked_url, find_remote, remote_of, remotes, remove_remote

CLINIC = Identity.generate("Clinic").public
PEM = b"-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"


def test_added_listed_and_removed(tmp_path: Path) -> None:
    assert remotes(tmp_path) == []
    made = add_remote(tmp_path, "clinic", "https://clinic.example:8443/", CLINIC)
    assert made == Remote("clinic", "https://clinic.example:8443", CLINIC)
    assert add_remote(tmp_path, "clinic", "https://clinic.example:8443", CLINIC) == made
    lab = add_remote(tmp_path, "a-lab", "http://127.0.0.1:8443", Identity.generate("Lab").public, PEM)
    assert lab.ca is not None
    assert lab.ca.read_bytes() == PEM
    assert remotes(tmp_path) == [lab, made]
    assert remote_of(tmp_path, CLINIC.public_key.hex()) == made
    assert remote_of(tmp_path, "ab" * 32) is None
    remove_remote(tmp_path, "a-lab")
    assert (remotes(tmp_path), lab.ca.exists()) == ([made], False)
    with pytest.raises(NotFoundError, match="there are: clinic"):
        find_remote(tmp_path, "a-lab")


def test_a_name_that_is_taken_is_not_overwritten(tmp_path: Path) -> None:
    add_remote(tmp_path, "clinic", "https://clinic.example", CLINIC)
    other = Identity.generate("Eve").public
    here = "https://clinic.example"
    for url, who, ca in (("https://eve.example", CLINIC, None), (here, other, None), (here, CLINIC, PEM)):
        with pytest.raises(InputError, match="bailee remote rm clinic"):
            add_remote(tmp_path, "clinic", url, who, ca)
    assert find_remote(tmp_path, "clinic").identity == CLINIC


@pytest.mark.parametrize("name", ["", "../x", ".x", "A", "x" * 65, "a/b", "é"])
def test_names_are_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="expected a name"):
        add_remote(tmp_path, name, "https://clinic.example", CLINIC)
    with pytest.raises(NotFoundError):
        find_remote(tmp_path, name)


@pytest.mark.parametrize(
    "url",
    ["", "clinic.example", "ftp://clinic.example", "https://", "https://me:secret@clinic.example", "https://a/?q=1",
     "https://a/#x", "https://a:99999", "https://a b", "https://a\n", "file:///etc/passwd", "https://ä.example"],
)  # fmt: skip
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(InputError):
        checked_url(url)


def test_without_tls_only_on_this_machine() -> None:
    for url in ("http://127.0.0.1:1", "http://localhost:8443", "http://[::1]:8443"):
        assert checked_url(url) == url
    for url in ("http://clinic.example", "http://10.0.0.1:8443", "http://127.0.0.1.evil.example"):
        with pytest.raises(InputError, match="use https"):
            checked_url(url)


def test_a_damaged_entry_is_said(tmp_path: Path) -> None:
    add_remote(tmp_path, "clinic", "https://clinic.example", CLINIC)
    path = tmp_path / "remotes" / "clinic.json"
    for text in ("{}", "[]", "{", path.read_text().replace("https", "ftp")):
        path.write_text(text)
        with pytest.raises(StorageError, match="damaged"):
            remotes(tmp_path)


def test_a_ca_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="PEM"):
        add_remote(tmp_path, "clinic", "https://clinic.example", CLINIC, b"nothing")
    assert remotes(tmp_path) == []
