"""Sealing in the browser: a table, then its schema, then the work itself, watched. And renewing what is sealed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bailee.errors import ConflictError, InputError, RecordError, SchemaError
from bailee.party.schema_guess import LEAVE_OUT, LOOKED, MISSING, Guess, guess_columns
from bailee.party.sealing import renew, seal_rows
from bailee.records.fields import decimal_text
from bailee.records.schema import BINARY, Schema
from bailee.seal import DEFAULT_OPENINGS
from bailee.server.console.context import context_of, party_of, visitor_of
from bailee.server.console.posting import Sent, posted, then
from bailee.server.console.rendering import fragment, render
from bailee.server.console.streams import stream
from bailee.server.console.tasks import SEALING, Report, Task
from bailee.server.console.uploads import discard, keep_upload, touch, upload
from bailee.server.console.words import N_

MAX_TABLE = 4 << 30
MAX_GUESSED = 400
"""Columns of a table for which a form is drawn; wider ones are sealed by a schema file in a terminal."""

_LONGEST = 80
"""Letters of a name that is made of a file's."""


def start(request: Request) -> Response:
    return render(request, "seal.html", {"looked": LOOKED})


def send(request: Request, sent: Sent) -> Response:
    files = sent.files.get("table", [])
    if not files or not files[0].filename:
        raise InputError("no table came; choose a CSV file with a header line, or a Parquet file")
    home, now = party_of(request).path, context_of(request).clock()
    name = keep_upload(home, files[0].file, now.timestamp())
    table = upload(home, name)
    try:
        if len(guess_columns(table)) > MAX_GUESSED:
            raise InputError(f"the table has more than {MAX_GUESSED} columns; write a schema and use: bailee seal")
    except (InputError, UnicodeError) as error:
        discard(home, name)
        raise InputError(str(error).replace(str(table), files[0].filename[:80])) from None
    context_of(request).drafts.keep(name, {"name": [_name_of(files[0].filename)]})
    return then(f"/seal/{name}")


def _name_of(file: str) -> str:
    """A dataset's name made of a file's: letters, digits and -_. of it; "" where it has none."""
    stem = PurePosixPath(file.replace("\\", "/")).stem
    return re.sub(r"[^\w.-]+", "-", stem)[:_LONGEST].strip("-._")


def describe(request: Request) -> Response:
    """The form as it was sent last, or as it is guessed."""
    name = request.path_params["upload"]
    guesses = guess_columns(upload(party_of(request).path, name))
    draft = context_of(request).drafts.get(name)
    return _form(request, name, guesses, draft.texts, draft.problem)


def _form(
    request: Request, name: str, guesses: tuple[Guess, ...], told: Mapping[str, list[str]], problem: str | None
) -> Response:
    columns = [
        {
            "name": guess.name,
            "type": _told(told, f"{at}.type", guess.type),
            "min": _told(told, f"{at}.min", guess.low),
            "max": _told(told, f"{at}.max", guess.high),
            "categories": _told(told, f"{at}.categories", "\n".join(guess.categories)),
            "missing": _told(told, f"{at}.missing", ""),
            "empty": guess.missing,
        }
        for at, guess in enumerate(guesses)
    ]
    usual = next((guess.name for guess in reversed(guesses) if guess.type == "flag"), guesses[-1].name)
    values = {
        "name": _told(told, "name", ""),
        "label": _told(told, "label", usual),
        "label_kind": _told(told, "label_kind", BINARY),
        "positive": _told(told, "positive", ""),
        "positive_above": _told(told, "positive_above", ""),
        "missing_values": _told(told, "missing_values", ", ".join(MISSING[1:3])),
        "row_norm": _told(told, "row_norm", ""),
        "over_norm": _told(told, "over_norm", "refuse"),
        "openings": _told(told, "openings", str(DEFAULT_OPENINGS)),
    }
    facts = {"upload": name, "columns": columns, "values": values, "problem": problem, "leave_out": LEAVE_OUT}
    return render(request, "schema.html", facts)


def _told(told: Mapping[str, list[str]], name: str, default: str) -> str:
    return told[name][0] if told.get(name) else default


def seal(request: Request, sent: Sent) -> Response:
    """Checks the schema, then begins the work. What does not fit is shown by the form's own page, with what to mend and
    all that was typed: a page that answered the form itself could not be gone back to."""
    party, name, context = party_of(request), request.path_params["upload"], context_of(request)
    now, drafts, place = context.clock(), context.drafts, f"/seal/{name}"
    table = upload(party.path, name)
    touch(table)
    guesses = guess_columns(table)
    try:
        schema = schema_of(sent, [guess.name for guess in guesses])
        openings = _whole(sent.text("openings", str(DEFAULT_OPENINGS)), "openings")
        if party.new_dataset(schema.name).exists():
            raise InputError(f"there is a dataset {schema.name!r} already; give this one another name")
    except (SchemaError, RecordError, InputError) as error:
        drafts.keep(name, sent.texts, str(error))
        return then(place)
    drafts.keep(name, sent.texts)

    def work(report: Report) -> str:
        dataset = seal_rows(party, table, schema, now, openings=openings, progress=report)
        table.unlink(missing_ok=True)  # in the clear until here
        drafts.forget(name)
        return dataset.directory.name

    def run(report: Report) -> str:
        """What goes wrong is said without the folder's place, here and above the form."""
        try:
            return work(report)
        except InputError as error:
            told = str(error).replace(f"table {table}", "the table")
            drafts.keep(name, sent.texts, told)
            raise type(error)(told) from None

    try:
        task = context.tasks.start(SEALING, schema.name, run, mend=place)
    except ConflictError as error:
        drafts.keep(name, sent.texts, str(error))
        return then(place)
    return then(f"/tasks/{task.id}")


def schema_of(sent: Sent, names: list[str]) -> Schema:
    """The schema that the form describes. Raises SchemaError, RecordError."""
    label, kind = sent.needed("label"), sent.text("label_kind", BINARY)
    columns = [_column(sent, at, name, label, kind) for at, name in enumerate(names)]
    chosen = [one for one in columns if one["type"] != LEAVE_OUT]
    missing = ["", *(text.strip() for text in sent.text("missing_values").split(",") if text.strip())]
    mapping: dict[str, Any] = {
        "version": 1 if kind == BINARY else 2,
        "name": sent.needed("name"),
        "label": label,
        "row_norm": _decimal(sent.text("row_norm"), "row_norm"),
        "over_norm": sent.text("over_norm", "refuse"),
        "missing_values": list(dict.fromkeys(missing)),
        "columns": chosen,
    }
    if kind != BINARY:
        mapping["label_kind"] = kind
    return Schema.from_json(mapping)


def _column(sent: Sent, at: int, name: str, label: str, kind: str) -> dict[str, Any]:
    """What does not belong to the chosen type is left out, whatever its field still holds."""
    what = sent.text(f"{at}.type")
    numeric, binary = what in ("number", "integer"), name == label and kind == BINARY
    lines = [line.strip() for line in sent.text(f"{at}.categories").splitlines() if line.strip()]
    positive = [text.strip() for text in sent.text("positive").split(",") if text.strip()]
    return {
        "name": name,
        "type": what,
        "min": _decimal(sent.text(f"{at}.min"), f"{name}: smallest") if numeric else None,
        "max": _decimal(sent.text(f"{at}.max"), f"{name}: largest") if numeric else None,
        "categories": lines if what == "category" else [],
        "missing": (sent.text(f"{at}.missing") or None) if name != label else None,
        "positive": positive if binary and what == "category" else [],
        "positive_above": _decimal(sent.text("positive_above"), "positive_above") if binary and numeric else None,
    }


def _decimal(text: str, where: str) -> str | None:
    if not text:
        return None
    try:
        return decimal_text(text)
    except RecordError as error:
        raise SchemaError(f"{where}: {error}") from None


def _whole(text: str, where: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise SchemaError(f"{where}: expected a whole number, got {text[:50]!r}")
    return int(text)


def forget(request: Request, sent: Sent) -> Response:
    del sent
    discard(party_of(request).path, request.path_params["upload"])
    context_of(request).drafts.forget(request.path_params["upload"])
    visitor_of(request).tell("good", N_("The table is deleted here. Nothing was sealed."))
    return then("/datasets")


def renewing(request: Request, sent: Sent) -> Response:
    del sent
    party, now = party_of(request), context_of(request).clock()
    dataset = party.own_dataset(request.path_params["name"])

    def work(report: Report) -> str:
        return renew(party, dataset, now, progress=report).directory.name

    task = context_of(request).tasks.start(SEALING, dataset.directory.name, work)
    return then(f"/tasks/{task.id}")


def watch(request: Request) -> Response:
    return render(request, "task.html", {"task": _task(request)})


def watching(request: Request) -> Response:
    task = _task(request)

    def draw() -> tuple[str, bool]:
        return fragment(request, "task_part.html", {"task": task}), task.state != "running"

    return stream(request, draw, 0.3)


def _task(request: Request) -> Task:
    found = context_of(request).tasks.get(request.path_params["id"])
    if found is None or found.kind != SEALING:
        raise HTTPException(404)
    return found


ROUTES: list[BaseRoute] = [
    Route("/seal", start),
    posted("/seal", send, "/seal", MAX_TABLE),
    Route("/seal/{upload}", describe),
    posted("/seal/{upload}", seal, "/seal/{upload}", 8 << 20),
    posted("/seal/{upload}/discard", forget, "/datasets"),
    posted("/datasets/{name}/renew", renewing, "/datasets/{name}"),
    Route("/tasks/{id}", watch),
    Route("/tasks/{id}/stream", watching),
]
