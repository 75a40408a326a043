"""Small objects put together: each is safe and visible, and what one runs into is its own."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from bailee.errors import ConflictError, InputError, NotFoundError, StoreError
from bailee.keys import Identity
from bailee.seal.vault import together
from bailee.seal.vault.history import Wanted
from bailee.seal.vault.together import Small
from bailee.seal.vault.vault import Vault
from faulty import FaultyStore
from vaults import make_home

DRAW = random.Random(8)
BODIES = [DRAW.randbytes(size) for size in (0, 1, 255, 256, 3000, together.LARGEST)]


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    home = make_home(tmp_path)
    return Vault.open(home, Identity.load(home))


def small(name: str, data: bytes = b"x", **wanted: object) -> Small:
    return Small(name, data, Wanted(**wanted))  # type: ignore[arg-type]


def test_all_come_back_and_are_in_the_log(vault: Vault) -> None:
    before = vault.journal.size()
    made = vault.put_together([small(f"a/{at}", body, metadata={"at": str(at)}) for at, body in enumerate(BODIES)])
    for at, (body, version) in enumerate(zip(BODIES, made, strict=True)):
        assert not isinstance(version, BaseException)
        assert b"".join(vault.get(f"a/{at}")) == body
        assert vault.head(f"a/{at}") == version
        assert version.metadata == {"at": str(at)}
        assert version.etag == vault.put("alone", body).etag
    assert vault.journal.size() == before + 2 * len(BODIES)


def test_nothing_at_all(vault: Vault) -> None:
    assert vault.put_together([]) == []


def test_the_same_name_twice_is_two_versions(vault: Vault) -> None:
    vault.put_together([small("a", b"first"), small("a", b"second")])
    assert b"".join(vault.get("a")) == b"second"
    assert [version.number for version in vault.versions("a").versions] == [2, 1]


def test_what_one_runs_into_is_its_own(vault: Vault) -> None:
    found = vault.put_together(
        [
            small("new", if_none_match=True),
            small("new", if_none_match=True),
            small("\0"),
            small("long", bytes(together.LARGEST + 1)),
            small("gone", if_match="abc"),
            small("last", b"last"),
        ]
    )
    kinds = [type(one) for one in found]
    assert kinds[1:5] == [ConflictError, InputError, InputError, NotFoundError]
    assert b"".join(vault.get("new")) == b"x"
    assert b"".join(vault.get("last")) == b"last"
    assert vault.count()[0] == 2


def test_too_few_stores_keep_nothing(vault: Vault, tmp_path: Path) -> None:
    for name in ("s0", "s1"):
        (tmp_path / "stores" / name / ".bailee-store").unlink()
    found = vault.put_together([small("a"), small("b")])
    assert [type(one) for one in found] == [StoreError, StoreError]
    assert vault.count() == (0, 0)
    until = time.monotonic() + 120  # what was on its way to the third store is deleted when it has arrived
    while kept(tmp_path / "stores" / "s2") and time.monotonic() < until:
        time.sleep(0.01)
    assert kept(tmp_path / "stores" / "s2") == set()


def kept(store: Path) -> set[str]:
    return {path.name for path in store.rglob("*") if path.is_file()} - {".bailee-store", "vault"}


def test_stores_that_take_one_at_a_time_are_not_for_it(vault: Vault) -> None:
    assert vault.puts_together
    vault.set_deduplicates(True)
    assert not vault.puts_together
    vault.set_deduplicates(False)
    stores = vault.ground.stores
    stores["s1"] = FaultyStore(stores["s1"])  # type: ignore[index]
    assert not vault.puts_together
    (refusal,) = vault.put_together([small("a")])
    assert isinstance(refusal, InputError)
