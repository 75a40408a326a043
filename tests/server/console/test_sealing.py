"""A table is sealed in the browser, whole or not at all; what was sent in the clear does not stay."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailee.errors import InputError
from bailee.party.home import PartyHome
from bailee.party.schema_guess import LEAVE_OUT, guess_columns, outward
from bailee.records.fields import decimal_text
from bailee.server.console.tasks import Task
from console_html import Page, read_page
from console_world import World

ROWS = "age,sex,note,ill\n30.5,f,a1,0\n40,m,b2,1\n50,?,c3,1\n" + "".join(f"60,f,x{n},0\n" for n in range(40))


def send(world: World, data: bytes, name: str = "rows.csv") -> str:
    answer = world.post("/seal", files={"table": (name, data)}, page="/seal")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def as_drawn(page: Page, **more: str) -> dict[str, str]:
    """What the form would send as it is; selects are given by the caller."""
    return {name: value for name, value in page.fields if name not in ("csrf", "public")} | more


def wait(world: World, place: str) -> Task:
    task = world.context.tasks.get(place.rpartition("/")[2])
    assert task is not None
    end = time.monotonic() + 300
    while task.state == "running" and time.monotonic() < end:
        time.sleep(0.02)
    return task


def uploads(world: World) -> list[Path]:
    return list((world.home / "console" / "uploads").glob("*"))


TYPES = {"0.type": "number", "1.type": "category", "1.categories": "f\nm", "1.missing": "f", "2.type": LEAVE_OUT,
         "3.type": "flag", "label": "ill", "label_kind": "binary", "over_norm": "refuse", "name": "study"}  # fmt: skip


def test_from_a_file_to_a_sealed_dataset(empty: World) -> None:
    place = send(empty, ROWS.encode())
    (kept,) = uploads(empty)
    assert kept.stat().st_mode & 0o777 == 0o600
    page = read_page(empty.client.get(place).text)
    assert ("0.min", "30") in page.fields
    assert ("0.max", "60") in page.fields
    assert ("name", "rows") in page.fields  # from the file's
    answer = empty.post(place, as_drawn(page, **TYPES), page=place)
    assert answer.status_code == 303, answer.text
    done = wait(empty, answer.headers["location"])
    assert (done.state, done.error, done.result) == ("done", None, "study")
    assert set(done.steps.values()) == {1.0}
    dataset = PartyHome(empty.home).own_dataset("study")
    assert dataset.card.record.columns == ("age", "sex=f", "sex=m", "(bias)", "ill")
    assert uploads(empty) == []  # nothing in the clear stays
    watched = read_page(empty.client.get(answer.headers["location"]).text)
    assert "/datasets/study" in watched.links
    stream = empty.client.get(f"{answer.headers['location']}/stream").text
    assert "data-then" in stream
    assert stream.endswith("event: end\ndata: {}\n\n")
    assert "study" in empty.client.get("/datasets").text


def test_rows_that_do_not_fit_leave_nothing(empty: World) -> None:
    place = send(empty, ROWS.encode())
    typed = {"0.max": "50", "missing_values": "?, gone", "name": "typed"}
    answer = empty.post(place, as_drawn(read_page(empty.client.get(place).text), **TYPES) | typed, page=place)
    done = wait(empty, answer.headers["location"])
    assert done.state == "failed"
    assert done.error is not None
    assert "expected a number in [30, 50]" in done.error
    assert str(empty.home) not in done.error
    assert list(PartyHome(empty.home).datasets()) == []
    failed = read_page(empty.client.get(answer.headers["location"]).text)
    assert "Nothing was sealed" in failed.text
    assert [link for link in failed.links if link.startswith("/seal")] == [place, "/seal"]  # mended first
    again = read_page(empty.client.get(place).text)
    assert "expected a number in [30, 50]" in again.text
    assert set(typed.items()) <= set(again.fields)  # nothing is typed twice
    answer = empty.post(place, as_drawn(again, **TYPES) | {"0.max": "60", "name": "typed"}, page=place)
    assert wait(empty, answer.headers["location"]).state == "done"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "the field 'name' is empty"),
        ({"0.min": "70"}, "min below max"),
        ({"0.min": "low"}, "age: smallest"),
        ({"1.categories": "f"}, "at least two categories"),
        ({"label": "sex"}, "positive"),
        ({"label": "note"}, "label"),
        ({"openings": "many"}, "expected a whole number"),
        ({"name": "../x"}, "cannot be kept under the name"),
    ],
)
def test_a_schema_that_does_not_fit_comes_back(empty: World, change: dict[str, str], words: str) -> None:
    place = send(empty, ROWS.encode())
    sent = as_drawn(read_page(empty.client.get(place).text), **TYPES) | {"row_norm": "1.5"} | change
    answer = empty.post(place, sent, page=place)
    assert (answer.status_code, answer.headers["location"]) == (303, place)  # Back finds a page that is asked for
    page = read_page(empty.client.get(place).text)
    assert words in page.text
    assert ("row_norm", "1.5") in page.fields  # what was filled in is kept
    assert empty.context.tasks.running() == []


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "is empty"), (b"a,b\n", "no rows"), (b'a,"b\n1,2\n', "no header line"), (b"PAR1 and no more", "damaged"),
     (b"a,a\n1,2\n", "twice"), (b"a,b\n1\n", "expected 2 cells")],
)  # fmt: skip
def test_a_file_that_is_no_table_is_not_kept(empty: World, data: bytes, words: str) -> None:
    answer = empty.post("/seal", files={"table": ("my rows.csv", data)}, page="/seal")
    told = empty.refusal(answer)
    assert words in read_page(told).text
    assert str(empty.home) not in told.partition("</main>")[0].partition("copy")[0]
    assert uploads(empty) == []


def test_no_file_says_what_to_do(empty: World) -> None:
    assert "choose a CSV file" in empty.refusal(empty.post("/seal", page="/seal"))


def test_a_table_is_discarded(empty: World) -> None:
    place = send(empty, ROWS.encode())
    assert empty.post(f"{place}/discard").headers["location"] == "/datasets"
    assert uploads(empty) == []
    assert empty.client.get(place).status_code == 404


def test_what_was_forgotten_is_deleted(empty: World) -> None:
    import os

    send(empty, ROWS.encode())
    (old,) = uploads(empty)
    os.utime(old, (1, 1))
    send(empty, ROWS.encode())
    assert old not in uploads(empty)
    assert len(uploads(empty)) == 1


def test_one_that_goes_while_forgotten_ones_are_looked_for_is_no_failure(empty: World) -> None:
    send(empty, ROWS.encode())
    (kept,) = uploads(empty)
    gone = kept.with_name("gone.table")
    gone.symlink_to("nowhere")  # listed, and not there when it is looked at
    send(empty, ROWS.encode())
    assert len(uploads(empty)) == 3


def test_one_is_sealed_at_a_time(empty: World) -> None:
    from threading import Event

    go = Event()
    empty.context.tasks.start("sealing", "first", lambda report: str(go.wait(30)))
    place = send(empty, ROWS.encode())
    answer = empty.post(place, as_drawn(read_page(empty.client.get(place).text), **TYPES), page=place)
    go.set()
    assert answer.headers["location"] == place
    assert "another sealing is under way" in empty.client.get(place).text


@pytest.mark.parametrize(
    ("file", "name"),
    [("My rows (2).csv", "My-rows-2"), ("C:\\x\\a.b.parquet", "a.b"), ("数据.csv", "数据"), ("(.).csv", ""),
     ("../..csv", ""), ("x" * 300 + ".csv", "x" * 80), ("rows", "rows")],
)  # fmt: skip
def test_a_name_is_made_of_the_files(empty: World, file: str, name: str) -> None:
    assert ("name", name) in read_page(empty.client.get(send(empty, ROWS.encode(), file)).text).fields


def test_a_dataset_is_renewed(full: World) -> None:
    answer = full.post("/datasets/tiny/renew", page="/datasets/tiny")
    done = wait(full, answer.headers["location"])
    assert (done.state, done.result) == ("done", "tiny-2")
    assert "These rows go on under a new card" in full.client.get("/datasets/tiny").text
    budget = full.client.get("/budget").text
    assert "3.5" in budget  # what was spent stays spent
    assert "/datasets/tiny-2" in budget


def test_guesses(tmp_path: Path) -> None:
    table = pa.table({"n": [1, None, 17], "x": [0.25, -3.5, 12.0], "f": [True, False, None], "c": ["u", "v", "u"],
                      "t": [f"{'x' * 100}{n}" for n in range(3)], "none": [None, None, None]})  # fmt: skip
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    found = {one.name: one for one in guess_columns(tmp_path / "t.parquet")}
    assert [one.type for one in found.values()] == ["integer", "number", "flag", "category", LEAVE_OUT, LEAVE_OUT]
    assert (found["n"].low, found["n"].high, found["n"].missing) == ("0", "20", 1)
    assert (found["x"].low, found["x"].high) == ("-10", "20")
    assert found["c"].categories == ("u", "v")


@given(st.floats(-1e12, 1e12), st.floats(0, 1e12))
def test_a_proposed_range_holds_all_that_was_seen(low: float, span: float) -> None:
    high = low + span
    down, up = outward(low, high)
    assert Decimal(down) <= Decimal(low)
    assert Decimal(up) >= Decimal(high)
    assert Decimal(down) < Decimal(up)
    assert decimal_text(down)
    assert decimal_text(up)


def test_a_table_without_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("\n\n")
    with pytest.raises(InputError, match="no header line"):
        guess_columns(tmp_path / "t.csv")
