"""The catalogue on both databases: migrations, one commit for many, who gets which error, order of names."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, bindparam, create_engine, insert, select, text

from bailee.adapters.catalogue import Catalogue, Ticket, Unit, open_catalogue
from bailee.adapters.catalogue.looking import Looking
from bailee.adapters.catalogue.prepared import Prepared
from bailee.adapters.catalogue.tables import REVISION, buckets, metadata, settings
from bailee.errors import ConflictError, InputError, StorageError
from databases import KINDS, new_url


def nothing(connection: Connection, tickets: list[Ticket]) -> None:
    pass


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_url(request.param, tmp_path)


@pytest.fixture
def catalogue(url: str) -> Iterator[Catalogue]:
    opened = open_catalogue(url, nothing)
    yield opened
    opened.close()


def put(key: str, value: bytes = b"") -> Callable[[Unit], str]:
    def work(unit: Unit) -> str:
        unit.connection.execute(insert(settings).values(key=key, value=value))
        return key

    return work


def keys_of(catalogue: Catalogue) -> set[str]:
    with catalogue.reading() as connection:
        return set(connection.execute(select(settings.c.key)).scalars())


def test_migrations_lead_to_the_tables_and_run_once(url: str) -> None:
    first = open_catalogue(url, nothing)
    with first.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    first.change(put("kept"))
    first.close()
    again = open_catalogue(url, nothing)
    assert keys_of(again) == {"kept"}
    again.close()
    config = Config()
    config.set_main_option("script_location", "bailee.adapters.catalogue:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


def test_a_newer_schema_is_refused(url: str, catalogue: Catalogue) -> None:
    catalogue.change(lambda unit: unit.connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(StorageError, match=r"has schema 9999, this program knows schemas up to 0002.*newer Bailee"):
        open_catalogue(url, nothing)


def test_two_processes_may_create_it_at_once(url: str) -> None:
    opened: list[Any] = []

    def go() -> None:
        try:
            opened.append(open_catalogue(url, nothing))
        except Exception as error:
            opened.append(error)

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(one) for one in opened] == [Catalogue] * 4
    for one in opened:
        one.close()


def test_waiting_events_share_a_commit_and_errors_reach_their_caller(url: str) -> None:
    batches: list[int] = []
    gate = threading.Event()

    def finish(connection: Connection, tickets: list[Ticket]) -> None:
        batches.append(len(tickets))
        for place, ticket in enumerate(tickets):
            ticket.seq = place

    catalogue = open_catalogue(url, finish)
    outcomes: dict[int, Any] = {}

    begun = threading.Event()

    def first(unit: Unit) -> None:
        begun.set()
        gate.wait(300)

    def event(number: int) -> Callable[[Unit], Ticket]:
        def work(unit: Unit) -> Ticket:
            put(f"key {number}")(unit)
            ticket = unit.log(b"%d" % number)
            if number % 3 == 0:
                raise ConflictError(f"not {number}")
            if number % 3 == 1:
                put(f"key {number}")(unit)  # the same key twice: the database refuses
            return ticket

        return work

    def go(number: int) -> None:
        try:
            outcomes[number] = catalogue.change(event(number))
        except Exception as error:
            outcomes[number] = error

    threads = [threading.Thread(target=catalogue.change, args=(first,))]
    threads[0].start()
    assert begun.wait(20)
    threads += [threading.Thread(target=go, args=(number,)) for number in range(30)]
    for thread in threads[1:]:
        thread.start()
    while len(catalogue._committer._queue) < 30 and not outcomes:
        time.sleep(0.005)
    gate.set()
    for thread in threads:
        thread.join()
    assert batches == [0, 10]
    for number, outcome in outcomes.items():
        if number % 3 == 0:
            assert isinstance(outcome, ConflictError)
            assert str(outcome) == f"not {number}"
        elif number % 3 == 1:
            assert isinstance(outcome, StorageError)
            assert "the catalogue did not take this" in str(outcome)
            assert f"key {number}" not in str(outcome).split("(")[0]
        else:
            assert outcome.entry == b"%d" % number
    assert sorted(outcome.seq for outcome in outcomes.values() if isinstance(outcome, Ticket)) == list(range(10))
    assert keys_of(catalogue) == {f"key {number}" for number in range(30) if number % 3 == 2}
    catalogue.close()


def test_nothing_is_told_done_when_the_commit_fails(url: str) -> None:
    def finish(connection: Connection, tickets: list[Ticket]) -> None:
        if tickets:
            raise OSError("the disk is gone")

    catalogue = open_catalogue(url, finish)

    def work(unit: Unit) -> None:
        put("lost")(unit)
        unit.log(b"entry")

    with pytest.raises(StorageError, match=r"the disk is gone.*nothing of it was kept"):
        catalogue.change(work)
    assert keys_of(catalogue) == set()
    catalogue.change(put("next"))
    assert keys_of(catalogue) == {"next"}
    catalogue.close()
    with pytest.raises(StorageError, match="was closed"):
        catalogue.change(put("late"))


def test_writers_of_two_processes_take_turns(url: str) -> None:
    one, other = open_catalogue(url, nothing), open_catalogue(url, nothing)
    one.change(put("count", b"0"))

    def more(unit: Unit) -> None:
        value = unit.connection.execute(select(settings.c.value).where(settings.c.key == "count")).scalar_one()
        new = b"%d" % (int(bytes(value)) + 1)
        unit.connection.execute(settings.update().where(settings.c.key == "count").values(value=new))

    def go(catalogue: Catalogue) -> None:
        for _ in range(25):
            catalogue.change(more)

    threads = [threading.Thread(target=go, args=(catalogue,)) for catalogue in (one, other, one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with one.reading() as connection:
        assert bytes(connection.execute(select(settings.c.value)).scalar_one()) == b"100"
    one.close()
    other.close()


def test_names_sort_by_their_bytes(catalogue: Catalogue) -> None:
    names = ["a", "B", "b", "_", "é", "z", "Z", "\uffff", "\U00010000", "a b", "a/b", "a-b", "ab", "Ä", "~", "0"]

    def work(unit: Unit) -> None:
        rows = [{"name": name, "created": 0.0, "is_versioned": False, "has_locks": True, "settings": ""}
                for name in names]  # fmt: skip
        unit.connection.execute(insert(buckets), rows)

    catalogue.change(work)
    with catalogue.reading() as connection:
        found = connection.execute(select(buckets.c.name).order_by(buckets.c.name)).scalars().all()
        above = connection.execute(
            select(buckets.c.name).where(buckets.c.name > "a").order_by(buckets.c.name)
        ).scalars()
        assert list(found) == sorted(names, key=str.encode)
        assert list(above) == [name for name in sorted(names, key=str.encode) if name > "a"]


def test_sqlite_is_durable_private_and_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    catalogue = open_catalogue(f"sqlite:///{path}", nothing)
    with catalogue.reading() as connection:
        names = ("journal_mode", "synchronous", "secure_delete", "foreign_keys", "busy_timeout")
        pragmas = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}
    assert pragmas == {
        "journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1, "busy_timeout": 60000,
    }  # fmt: skip
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    marker = os.urandom(64)
    catalogue.change(put("secret", marker))
    assert any(marker in file.read_bytes() for file in tmp_path.iterdir())
    catalogue.change(lambda unit: unit.connection.execute(settings.delete()))
    assert catalogue.forget_deleted()
    assert not any(marker in file.read_bytes() for file in tmp_path.iterdir())
    catalogue.close()


def test_a_reader_in_the_way_is_told(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    catalogue = open_catalogue(f"sqlite:///{path}", nothing)
    catalogue.change(put("before"))
    reader = sqlite3.connect(path)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM settings").fetchall()
    catalogue.change(put("after"))
    assert not catalogue.forget_deleted(patience=0.05)
    reader.close()
    assert catalogue.forget_deleted()
    catalogue.close()


VALUE = Prepared(select(settings.c.key, settings.c.value).where(settings.c.key == bindparam("wanted")))


def test_one_statement_sees_what_was_committed_last(catalogue: Catalogue) -> None:
    assert catalogue.look_up(VALUE, {"wanted": "a"}) == []
    catalogue.change(put("a", b"1"))
    assert [tuple(row) for row in catalogue.look_up(VALUE, {"wanted": "a"})] == [("a", b"1")]
    at_once = catalogue.look_up_at_once(VALUE, {"wanted": "a"})
    assert at_once == [("a", b"1")] if catalogue.is_sqlite else at_once is None
    assert catalogue.forget_deleted(patience=0)  # looking leaves no lock behind


def test_looking_up_fails_as_reading_does(catalogue: Catalogue) -> None:
    wrong = Prepared(select(text("nothing")).where(settings.c.key == bindparam("wanted")))
    with pytest.raises(StorageError, match="the catalogue did not take this"):
        catalogue.look_up(wrong, {"wanted": "a"})
    assert catalogue.look_up(VALUE, {"wanted": "a"}) == []


def test_a_locked_database_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "plain.db"  # without a write-ahead log, so that a writer can shut readers out
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE settings (key, value)")
    looking = Looking(create_engine(f"sqlite:///{path}"))
    assert looking.rows(VALUE, {"wanted": "a"}) == []
    other.execute("BEGIN EXCLUSIVE")
    assert looking.rows(VALUE, {"wanted": "a"}) is None
    other.close()
    assert looking.rows(VALUE, {"wanted": "a"}) == []
    looking.close()
    with pytest.raises(StorageError, match="was closed"):
        looking.rows(VALUE, {"wanted": "a"})


def test_what_is_locked_is_read_by_those_who_wait(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue.change(put("a", b"1"))
    monkeypatch.setattr(Looking, "rows", lambda *_: None)
    assert catalogue.look_up_at_once(VALUE, {"wanted": "a"}) is None
    assert [tuple(row) for row in catalogue.look_up(VALUE, {"wanted": "a"})] == [("a", b"1")]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://host/name", "expected a catalogue as sqlite:.*got mysql"),
        ("sqlite://", "expected a catalogue as sqlite"),
        ("sqlite:///:memory:", "expected a catalogue as sqlite"),
        ("no url", "got something that is no URL"),
    ],
)
def test_other_urls_are_refused(url: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_catalogue(url, nothing)


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    path.write_bytes(b"this is not a database at all, but long enough to be looked at" * 100)
    with pytest.raises(StorageError, match=r"cannot open the catalogue at .*: file is not a database"):
        open_catalogue(f"sqlite:///{path}", nothing)
    with pytest.raises(StorageError, match=r"cannot use .*No such file"):
        open_catalogue(f"sqlite:///{tmp_path}/none/catalogue.db", nothing)
    with pytest.raises(StorageError, match="cannot open the catalogue at postgresql") as caught:
        open_catalogue(f"postgresql://me:hidden@/none?host={tmp_path}", nothing)
    assert "hidden" not in str(caught.value)
