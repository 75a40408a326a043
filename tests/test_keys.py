"""Keys: kept private, never replaced, never shown."""

from __future__ import annotations

import copy
import pickle
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailee.errors import InputError, StorageError
from bailee.keys import PRIVATE_FILE, PUBLIC_FILE, Identity, PublicIdentity, Secret

ANN = Identity.generate("St. Ann")


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret(b"hunter2 hunter2!")
    for text in (repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", "%s" % secret, repr([secret])):  # noqa: UP031
        assert "hunter2" not in text
    assert secret == Secret(b"hunter2 hunter2!")
    assert secret != Secret(b"other")
    assert secret != b"hunter2 hunter2!"
    assert secret.reveal() == b"hunter2 hunter2!"
    for leak in (lambda: pickle.dumps(secret), lambda: copy.copy(secret), lambda: hash(secret)):
        with pytest.raises(TypeError):
            leak()
    with pytest.raises(TypeError):
        Secret("text")  # type: ignore[arg-type]


def test_an_identity_is_kept_and_read_back(tmp_path: Path) -> None:
    home = tmp_path / "a" / "b"
    made = Identity.create(home, "Spital Zürich")
    read = Identity.load(home)
    assert read.public == made.public
    assert stat.S_IMODE((home / PRIVATE_FILE).stat().st_mode) == 0o600
    assert sorted(path.name for path in home.iterdir()) == [PUBLIC_FILE, PRIVATE_FILE]
    sealed = PublicIdentity.from_json((home / PUBLIC_FILE).read_bytes()).seal(Secret(b"k" * 32), b"for rows")
    assert read.unseal(sealed, b"for rows") == Secret(b"k" * 32)
    assert "PRIVATE" not in repr(made)


def test_an_identity_is_never_replaced(tmp_path: Path) -> None:
    made = Identity.create(tmp_path, "Ann")
    with pytest.raises(InputError, match="already holds an identity"):
        Identity.create(tmp_path, "Eve")
    assert Identity.load(tmp_path).public == made.public


def test_what_is_wrong_with_a_home_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no identity"):
        Identity.load(tmp_path / "nowhere")
    Identity.create(tmp_path / "a", "Ann")
    Identity.create(tmp_path / "b", "Bob")
    private = tmp_path / "a" / PRIVATE_FILE
    private.chmod(0o644)
    with pytest.raises(StorageError, match="chmod 600"):
        Identity.load(tmp_path / "a")
    private.chmod(0o600)
    (tmp_path / "a" / PUBLIC_FILE).write_bytes((tmp_path / "b" / PUBLIC_FILE).read_bytes())
    with pytest.raises(InputError, match="does not belong"):
        Identity.load(tmp_path / "a")
    good = (tmp_path / "b" / PRIVATE_FILE).read_bytes()
    for bad in (b"", b"nonsense", good[: len(good) // 2], good + good):
        (tmp_path / "b" / PRIVATE_FILE).write_bytes(bad)
        with pytest.raises(InputError, match="not a private identity"):
            Identity.load(tmp_path / "b")


def test_sealed_bytes_open_for_their_owner_and_purpose_only() -> None:
    sealed = ANN.public.seal(Secret(b"k" * 32), b"info")
    with pytest.raises(StorageError, match="not sealed to Eve"):
        Identity.generate("Eve").unseal(sealed, b"info")
    for bad in (b"", sealed[:-1], sealed + b"x", sealed[:40] + bytes([sealed[40] ^ 1]) + sealed[41:]):
        with pytest.raises(StorageError):
            ANN.unseal(bad, b"info")
    with pytest.raises(StorageError):
        ANN.unseal(sealed, b"other info")


@pytest.mark.parametrize("name", ["", " Ann", "a\nb", "x" * 201, 7])
def test_a_name_is_printable(name: object) -> None:
    with pytest.raises(InputError, match="printable"):
        Identity.generate(name)  # type: ignore[arg-type]


@given(st.binary(max_size=100) | st.text(max_size=50).map(str.encode))
def test_fuzzed_public_identities_are_refused(raw: bytes) -> None:
    with pytest.raises(InputError):
        PublicIdentity.from_json(raw)


@given(st.integers(0, 2000), st.integers(1, 255))
def test_a_changed_public_identity_is_another_or_refused(place: int, flip: int) -> None:
    raw = bytearray(ANN.public.to_json())
    raw[place % len(raw)] ^= flip
    try:
        found = PublicIdentity.from_json(bytes(raw))
    except InputError:
        return
    # White space and the case of hex digits may change without changing what is read.
    assert found != ANN.public or raw.decode().lower().split() == ANN.public.to_json().decode().lower().split()
