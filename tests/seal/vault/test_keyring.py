from __future__ import annotations

import pytest

from bailee.errors import DamageError, StorageError
from bailee.keys import Identity, Secret
from bailee.seal.vault import keyring
from bailee.seal.vault.keyring import Keyring

OWNER = Identity.generate("Owner")
VAULT, NAMING = bytes(16), Secret(bytes(32))


def ring() -> Keyring:
    return Keyring(OWNER, VAULT, NAMING)


def ident(number: int) -> bytes:
    return number.to_bytes(16, "big")


def test_version_keys_open_again_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "_SEALS", 3)
    maker, opener = ring(), ring()
    made = [maker.new_version_key(ident(number)) for number in range(7)]
    assert [opener.open_version_key(ident(number), sealed) for number, (_, sealed) in enumerate(made)] == [
        key for key, _ in made
    ]
    assert len({key.reveal() for key, _ in made}) == 7
    assert len({sealed[:-48] for _, sealed in made}) == 3  # a fresh sealing key after every third
    assert len({sealed[-48:] for _, sealed in made}) == 7


def test_a_row_opens_alone() -> None:
    maker = ring()
    maker.new_version_key(ident(1))
    key, sealed = maker.new_version_key(ident(2))
    assert ring().open_version_key(ident(2), sealed) == key


def test_a_version_key_does_not_open_for_another_version() -> None:
    maker = ring()
    _, first = maker.new_version_key(ident(1))
    _, second = maker.new_version_key(ident(2))
    for about, sealed in ((ident(2), first), (ident(1), first[:-48] + second[-48:])):
        with pytest.raises(DamageError, match="does not open: the catalogue was damaged or changed"):
            ring().open_version_key(about, sealed)


def test_what_is_left_of_an_erased_row_opens_nothing() -> None:
    maker = ring()
    maker.new_version_key(ident(1))
    _, kept = maker.new_version_key(ident(2))
    with pytest.raises(DamageError):
        ring().open_version_key(ident(1), kept[:-48] + bytes(48))


def test_a_version_key_of_another_vault_or_owner_does_not_open() -> None:
    _, sealed = ring().new_version_key(ident(1))
    with pytest.raises(StorageError):
        Keyring(OWNER, bytes([1]) * 16, NAMING).open_version_key(ident(1), sealed)
    with pytest.raises(StorageError):
        Keyring(Identity.generate("Other"), VAULT, NAMING).open_version_key(ident(1), sealed)
