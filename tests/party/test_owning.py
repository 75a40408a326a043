"""What an owner holds and gave, as records: states, sums, and files that cannot be read."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bailee.keys import Identity
from bailee.party.granting import Terms, give, take_back
from bailee.party.home import PartyHome
from bailee.party.owning import owned
from bailee.party.plans import parse_any_plan
from bailee.party.sealing import renew
from bailee.party.store_health import VAULT_FILE, has_vault, vault_health
from bailee.records import digest
from bailee.train.ledger import Entry
from commands import PLAN, make_world

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("owning"))


@pytest.fixture
def party(sealed: Path, tmp_path: Path) -> PartyHome:
    shutil.copytree(sealed / "owner", tmp_path / "owner")
    return PartyHome(tmp_path / "owner")


def grant(party: PartyHome, number: int, begins: int, ends: int) -> str:
    """From and until so many days from NOW."""
    terms = Terms("ab" * 32, NOW + timedelta(days=begins), NOW + timedelta(days=ends))
    dataset, plan = party.own_dataset("tiny"), parse_any_plan(PLAN)
    return give(party, party.identity, dataset, plan, terms, NOW, bytes([number]) * 16).grant.record.id


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    Identity.create(tmp_path / "ann", "Ann")
    found = owned(PartyHome(tmp_path / "ann"), NOW)
    assert (found.datasets, found.grants, found.requests, found.faults) == ((), (), (), ())
    assert vault_health(PartyHome(tmp_path / "ann")) is None


def test_states_and_what_is_left(party: PartyHome) -> None:
    holds, later, over = grant(party, 1, -1, 5), grant(party, 2, 1, 50), grant(party, 3, -9, -1)
    back = grant(party, 4, -1, 50)
    take_back(party, party.identity, party.own_grant(back), NOW)
    origin = party.origin(party.own_dataset("tiny"))
    entry = Entry(origin, digest(b"session"), digest(b"plan"), party.own_grant(holds).digest, "1.5", "0.000001")
    party.ledger().charge(entry, ("4", "0.00001"))
    found = owned(party, NOW)
    assert {one.id: one.state for one in found.grants} == {
        holds: "holds", later: "not yet", over: "expired", back: "revoked",
    }  # fmt: skip
    one = found.grant(holds)
    assert one is not None
    assert (one.spent, one.left, one.sessions, one.dataset, one.builder_name) == (
        Decimal("1.5"), Decimal("2.5"), 1, "tiny", None,
    )  # fmt: skip
    assert [one.left for one in found.grants if one.state in ("expired", "revoked")] == [0, 0]
    dataset = found.dataset("tiny")
    assert dataset is not None
    assert (dataset.spent, dataset.granted) == (Decimal("1.5"), Decimal("6.5"))
    assert [one.id for one in found.ending(NOW)] == [holds]


def test_renewed_rows_keep_what_they_cost(party: PartyHome) -> None:
    origin = party.origin(party.own_dataset("tiny"))
    party.ledger().charge(Entry(origin, digest(b"s"), digest(b"p"), digest(b"g"), "2", "0"), ("4", "0.1"))
    renew(party, party.own_dataset("tiny"), NOW)
    old, new = (owned(party, NOW).dataset(name) for name in ("tiny", "tiny-2"))
    assert old is not None
    assert new is not None
    assert (old.origin, old.spent, old.renewed_by, old.can_reseal) == (new.origin, new.spent, "tiny-2", False)
    assert (new.spent, new.renewed_by) == (Decimal(2), None)


@pytest.mark.parametrize(
    "place",
    [
        "datasets/tiny/card.json",
        "datasets/tiny/openings.jsonl",
        "grants/{id}.json",
        "revocations/x.json",
        "privacy.jsonl",
    ],
)
def test_a_damaged_file_hides_nothing_else(party: PartyHome, place: str) -> None:
    kept, other = grant(party, 1, -1, 5), grant(party, 2, -1, 5)
    path = party.path / place.format(id=other)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"damaged\n")
    found = owned(party, NOW)
    (fault,) = found.faults
    assert place.format(id=other).startswith(fault.place)
    assert found.spending_known == (place != "privacy.jsonl")
    assert str(party.path) not in found.faults[0].problem
    assert kept in {one.id for one in found.grants}
    assert (found.dataset("tiny") is None) == place.startswith("datasets/")


def test_the_vaults_file_is_the_vaults(party: PartyHome) -> None:
    from bailee.seal.vault import home

    assert home.VAULT_FILE == VAULT_FILE
    assert not has_vault(party)
