"""`bailee ledger trace`: the life of a work on a chain on disk; an index that was changed is found."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from adapters.chain.rights import ROWS, SONG, Life, begun
from bailee.adapters.chain.embedded.ledger import open_ledger
from bailee.adapters.chain.opening import embedded_chain, folder_of
from chains import RICH, Engine
from commands import refused, run


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Life]:
    home = tmp_path_factory.mktemp("home")
    ledger = open_ledger(folder_of(home))
    with embedded_chain(ledger) as chain:
        engine = Engine("embedded", chain)
        for one in engine.accounts:
            engine.fund(one.address, RICH)
        return home, begun(engine)


def traced(life: tuple[Path, Life], work: str, *more: str | Path) -> tuple[int, dict]:  # type: ignore[type-arg]
    home, lived = life
    return run("ledger", "trace", work, "--contracts", lived.owner.name, *more, "--home", home)


def test_the_life_of_a_work_is_told_and_checked(life: tuple[Path, Life], tmp_path: Path) -> None:
    page = tmp_path / "life.html"
    code, said = traced(life, ROWS, "--check", "--html", page)
    assert (code, said["work"], said["checked"]) == (0, str(life[1].rows), True)
    assert [line["kind"] for line in said["lines"]] == [
        "Registered", "UnitsTransferred", "BudgetSet", "Accepted", "Paid", "Spent", "UnitsTransferred", "Paid",
        "Claimed",
    ]  # fmt: skip
    assert said["lines"][-1]["words"].endswith("drew 0.001 of native money")
    assert page.read_text().count("<li>") == 9
    assert traced(life, str(life[1].rows))[1]["lines"] == said["lines"]
    assert len(traced(life, SONG)[1]["lines"]) == 2


def test_works_that_are_not_there_are_said(life: tuple[Path, Life]) -> None:
    refused(traced(life, "12" * 32), 2, "NotFoundError", "is not registered on")
    refused(traced(life, "5"), 2, "NotFoundError", "no work of that id")


def test_a_changed_index_is_found(life: tuple[Path, Life]) -> None:
    assert traced(life, ROWS)[0] == 0
    sql = sqlite3.connect(folder_of(life[0]) / "index.db")
    with sql:
        sql.execute("UPDATE ledger_logs SET data = replace(data, '2386f26fc10000', '2386f26fc10001')")
    sql.close()
    assert traced(life, ROWS)[0] == 0  # without --check it is believed
    refused(traced(life, ROWS, "--check"), 4, "ProofError", "says otherwise than the node: block", "trace again")
