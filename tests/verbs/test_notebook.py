"""The notebook of examples/ in a real Jupyter kernel, which runs an event loop as every notebook's does.

What is asserted is what a notebook's page gets: the messages of the kernel, and the outputs that are left in the file.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from commands import free_address

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook" / "three_parties.ipynb"
HOSTILE = "<script>alert(1)</script>"
DISPLAYS = ("display_data", "update_display_data")


class Client(NotebookClient):
    """Remembers what the kernel says; `hook` is told each message while a cell still runs."""

    def __init__(self, notebook: Any, **words: Any) -> None:
        super().__init__(notebook, **words)
        self.said: list[dict[str, Any]] = []
        self.hook: Callable[[dict[str, Any]], None] = lambda _: None

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        self.said.append(msg)
        self.hook(msg)
        return super().process_message(msg, cell, cell_index)


@dataclass
class Ran:
    """A cell that ran. outputs: what is left of it in the file. said: the kernel's messages of it, in order."""

    outputs: list[Any]
    said: list[dict[str, Any]]

    @property
    def result(self) -> Any:
        """What its last line showed, by MIME type."""
        return next((one["data"] for one in self.outputs if one["output_type"] == "execute_result"), {})

    def displays(self) -> dict[str, list[Any]]:
        """What each display showed, one after another, by its id."""
        found: dict[str, list[Any]] = {}
        for message in self.said:
            if message["msg_type"] in DISPLAYS:
                content = message["content"]
                assert message["msg_type"] == DISPLAYS[bool(found.get(content["transient"]["display_id"]))]
                found.setdefault(content["transient"]["display_id"], []).append(content["data"])
        return found


@dataclass
class Book:
    """A notebook with its kernel. ran: its own cells, by their id."""

    client: Client
    ran: dict[str, Ran] = field(default_factory=dict)

    def run(self, source: str, *, breaks: bool = False) -> Ran:
        """A new cell at the end. breaks: it may raise."""
        cell = nbformat.v4.new_code_cell(source)
        cell.metadata["tags"] = ["raises-exception"] if breaks else []
        self.client.nb.cells.append(cell)
        return self.execute(len(self.client.nb.cells) - 1)

    def execute(self, index: int) -> Ran:
        self.client.said = []
        cell = self.client.execute_cell(self.client.nb.cells[index], index)
        return Ran(cell["outputs"], self.client.said)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """The notebook, run to its end, in an empty home; its kernel goes on."""
    place = tmp_path_factory.mktemp("notebook")
    with TemporaryDirectory(prefix="bailee-") as runtime, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", runtime)  # sockets: their paths must be short
        for name in ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "BAILEE_HOME"):
            patch.setenv(name, str(place / "home"))
        notebook = nbformat.read(NOTEBOOK, 4)
        resources = {"metadata": {"path": str(place)}}
        manager = AsyncKernelManager(transport="ipc", ip=f"{runtime}/kernel")
        client = Client(notebook, km=manager, timeout=300, startup_timeout=300, resources=resources)
        with client.setup_kernel(env=dict(os.environ)):
            found = Book(client)
            for index, cell in enumerate(notebook.cells):
                if cell.cell_type == "code":
                    found.ran[cell.id] = found.execute(index)
            yield found


def test_the_notebook_is_kept_without_what_it_said() -> None:
    notebook = nbformat.read(NOTEBOOK, 4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count, dict(cell.metadata)) == ([], None, {})
    assert NOTEBOOK.read_text() == nbformat.writes(notebook) + "\n"


def test_it_runs_and_nothing_is_said_beside_it(book: Book) -> None:
    """No warning, no word on stderr, no error: only results and displays."""
    for name, ran in book.ran.items():
        kinds = {one["output_type"] for one in ran.outputs}
        assert kinds <= {"execute_result", "display_data"}, (name, ran.outputs)


class Table(HTMLParser):
    """A picture in HTML: its title, its facts by name, the heads of its tables, and every tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[tuple[str, str]] = []
        self.feed(text)
        self.title = next(text for tag, text in self.words if tag == "strong")
        cells = [one for one in self.words if one[0] in ("th", "td")]
        pairs = itertools.pairwise(cells)
        self.facts = {name: value for (one, name), (other, value) in pairs if (one, other) == ("th", "td")}
        self.heads = [text for tag, text in self.words if tag in ("th", "caption")]

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append((self.tags[-1], data))


def test_what_each_cell_shows_is_a_table(book: Book) -> None:
    shown = {name: Table(ran.result["text/html"]) for name, ran in book.ran.items()
             if 'class="bailee"' in ran.result.get("text/html", "")}  # fmt: skip
    assert list(shown) == ["init", "draft", "seal", "card", "grant", "train", "verify", "revoke", "status"]
    assert shown["init"].title == "Party Aachen"
    assert shown["init"].facts["datasets"] == "none"
    assert shown["draft"].facts["taken from rows"] == "age, sex"
    assert shown["seal"].facts["openings left"] == "6"
    assert shown["card"].title == "Card of clinic"
    assert shown["card"].facts["owner"] == "Aachen"
    assert shown["card"].facts["rows"] == "240"
    assert shown["card"].facts["key"] == shown["init"].facts["key"]
    assert shown["grant"].title.startswith("Grant ")
    assert shown["grant"].facts["state"] == "holds"
    assert shown["grant"].facts["max epsilon"] == "4"
    assert shown["train"].title == "Passport"
    assert shown["train"].facts["checked"] == "not here; passport.verify() does"
    assert shown["verify"].title == "It holds: every signature, grant, card and proof"
    assert shown["verify"].facts["rows"] == "440"
    assert shown["revoke"].facts["state"].startswith("revoked ")
    assert {"datasets", "grants", "sessions", "openings left"} <= set(shown["status"].heads)
    for name in shown:
        assert shown[name].title in book.ran[name].result["text/plain"]


def test_steps_are_one_display_for_each_that_ends_as_one_line(book: Book) -> None:
    found = list(book.ran["seal"].displays().values())
    assert len(found) == 2
    for pictures in found:
        assert "encode" in pictures[0]["text/plain"]
        assert pictures[-1]["text/plain"].startswith("encode, commit, prove, encrypt: done in ")
    assert [one["data"] for one in book.ran["seal"].outputs[:2]] == [pictures[-1] for pictures in found]


def test_a_training_is_one_display_that_is_drawn_anew_and_ends_as_done(book: Book) -> None:
    ran = book.ran["train"]
    opened, course = ran.displays().values()
    assert opened[-1]["text/plain"].startswith("decrypt: done in ")
    assert "waiting for the owners" in course[0]["text/plain"]
    last = course[-1]["text/plain"].splitlines()
    assert last[0].split() == ["round", "━" * 40, "5", "of", "5"]
    assert last[-2].split() == ["owners", "✓", "Aachen", "✓", "Bern"]
    assert last[-1].split() == ["now", "done"]
    for picture in course:
        assert picture["text/html"].startswith('<pre style="font-family:monospace')
        assert set(picture) == {"text/plain", "text/html"}
    kinds = [one["output_type"] for one in ran.outputs]
    assert kinds == ["display_data", "display_data", "execute_result"]
    assert ran.outputs[1]["data"] == course[-1]


AGAIN = """
again = bailee.plan(text='''
name = "interrupted"
purpose = "an example"
label = "ill"
rounds = 5
learning_rate = 1
[privacy]
epsilon = 4
delta = 0.00001
''')
given = [clinic.grant("clinic", maker, again) for clinic in (aachen, bern)]

import dataclasses
from bailee.verbs import sessions

join_in = sessions.join_in


def halting(party, holding, near, running):
    # Bern answers two rounds, then says nothing more until the builder is gone.
    def watch(event):
        while party.public.name == "Bern" and event.stage == "round" and event.round == 2:
            near.receive(600)

    return join_in(party, holding, near, dataclasses.replace(running, watch=watch))


sessions.join_in = halting
"""


def test_an_interrupt_ends_a_training_and_it_goes_on(book: Book) -> None:
    book.run(AGAIN)
    seen: list[str] = []
    sent: list[Any] = []

    def interrupt(message: dict[str, Any]) -> None:
        shown = message["content"].get("data", {}).get("text/plain", "")
        seen.extend([shown] if "2 of 5" in shown else [])
        if len(seen) == 2 and not sent:  # drawn anew while the builder waits for Bern: seconds went by
            sent.append(asyncio.ensure_future(book.client.km.interrupt_kernel()))

    book.client.hook = interrupt
    try:
        ran = book.run("maker.train(again, owners=given, test=patients(200), schema=schema)", breaks=True)
    finally:
        book.client.hook = lambda _: None
    assert sent
    assert [one["ename"] for one in ran.outputs if one["output_type"] == "error"] == ["KeyboardInterrupt"]
    left = ran.outputs[1]["data"]["text/plain"].splitlines()
    assert left[-1] == "stopped"
    assert "2 of 5" in left[0]
    assert "training" in left[-2]

    ran = book.run("sessions.join_in = join_in\nimport threading\n[one.name for one in threading.enumerate()]")
    assert not {"bailee-notebook", "bailee-owner"} & {
        "-".join(one.split("-")[:2]) for one in eval(ran.result["text/plain"])
    }
    ran = book.run(
        "resumed = maker.train(again, owners=given, test=patients(200), schema=schema, resume=True)\n"
        "rows = [one for one in aachen.status().facts['sessions']]\n"
        "(resumed.verify().facts['rounds'], [one['finished'] for one in rows], aachen.dataset('clinic').epsilon_spent)"
    )
    _, course = ran.displays().values()
    assert course[-1]["text/plain"].splitlines()[-1].split() == ["now", "done"]
    rounds, finished, spent = eval(ran.result["text/plain"])  # the test's own cell
    assert (rounds, finished) == (5, [True, True])
    assert 7.9 < float(spent) <= 8  # what was resumed cost once


JOIN = f"""
import asyncio

hostile = bailee.init({HOSTILE!r}, "parties/hostile")
hostile.seal(patients(50), schema)
tiny = bailee.plan(text='''
name = "joined"
purpose = "{HOSTILE}"
label = "ill"
rounds = 2
learning_rate = 1
[privacy]
epsilon = 4
delta = 0.00001
''')
allowed = hostile.grant("clinic", maker, tiny)
"""


def test_owners_join_and_builders_train_beside_a_running_loop_and_no_stranger_writes_html(book: Book) -> None:
    book.run(JOIN)
    address = free_address()
    ran = book.run(
        f"loop = asyncio.get_running_loop()\n"
        f"trains = asyncio.to_thread(maker.train, tiny, [hostile.identity], listen={address!r}, patience=120)\n"
        f"joins = asyncio.to_thread(hostile.join, {address!r}, allowed, patience=120)\n"
        "passport, part = await asyncio.gather(trains, joins)\n"
        "loop is asyncio.get_running_loop(), part.openings_left, passport.verify().facts['rows']"
    )
    assert ran.result["text/plain"] == "(True, 5, 50)"
    ends = [pictures[-1] for pictures in ran.displays().values()]
    assert [one["text/plain"].splitlines()[-1].split() for one in ends].count(["now", "done"]) == 2
    shown = [one["text/html"] for one in ends]
    for thing in ("hostile", "hostile.dataset('clinic').card", "allowed", "part", "passport.verify()"):
        shown.append(book.run(thing).result["text/html"])
    assert sum("&lt;script&gt;alert(1)&lt;/script&gt;" in one for one in shown) >= 5
    for one in shown:
        assert "<script" not in one
        assert "script" not in Tags(one).found


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.add(tag)


def test_a_vault_and_a_ledger_are_made_and_used_beside_a_running_loop(book: Book) -> None:
    ran = book.run(
        "import fsspec\n"
        "whole = bailee.init('Whole', 'parties/whole', vault=True, ledger=True)\n"
        "files = fsspec.filesystem('bailee', home='parties/whole')\n"
        "with files.open('notes/one.txt', 'w') as file:\n"
        "    _ = file.write('words')\n"
        "asyncio.get_running_loop().is_running(), files.find('notes'), files.cat('notes/one.txt')"
    )
    assert ran.result["text/plain"] == "(True, ['notes/one.txt'], b'words')"
    assert [one["output_type"] for one in ran.outputs] == ["execute_result"]
