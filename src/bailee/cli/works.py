"""`bailee work`: fingerprints of works, and what they say about each other. Nothing here needs a ledger."""

from __future__ import annotations

import secrets
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from bailee.adapters.files import read_bytes, write_new
from bailee.cli.face import AsJson, Face, Report, command, facts_table
from bailee.errors import InputError, RecordError
from bailee.own.near_copies import COPY, NEAR_COPY, NOT_COMPARABLE, RELATED, Scores, decide
from bailee.records.canonical import canonical, parse
from bailee.records.fingerprint import MAX_BYTES, TABLE, Fingerprint

app = typer.Typer(no_args_is_help=True, help="What a dataset, a text, a picture, sound or video is recognised by.")

_MAGIC = b"BFP"
_BESIDE = ".secret"
Kind = Annotated[
    str | None, typer.Option("--kind", help="text, image, audio, video, bytes or table; seen from the file by default.")
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key", help="Tables: a file of 32 random bytes; only fingerprints under one key can be compared."),
]
_WORDS = {
    COPY: "the same work",
    NEAR_COPY: "a near copy: most of the content is the same",
    RELATED: "related: arranged or called alike, with other content",
    NOT_COMPARABLE: "not comparable: of two kinds, withheld, or under different keys",
}


@app.command("fingerprint")
@command
def fingerprint_command(
    file: Annotated[Path, typer.Argument(help="The work: CSV, Parquet, text, picture, sound, video, or any bytes.")],
    out: Annotated[Path | None, typer.Option("--out", help="New file for the record, as it is registered.")] = None,
    kind: Kind = None,
    title: Annotated[str, typer.Option(help="What the work is called; others called alike are found by it.")] = "",
    description: Annotated[str, typer.Option(help="A sentence about it.")] = "",
    withhold: Annotated[
        bool, typer.Option("--withhold", help="Write a commitment; OUT.secret, for you and arbiters alone, opens it.")
    ] = False,
    key: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Make the fingerprint of a work: at most 2,048 bytes by which near copies of it are found.

    Whoever sees the fingerprint of a table can check guesses of rows against it: publish that of personal data only
    withheld, or under a key (docs/guarantees.md).

    Examples: `bailee work fingerprint song.wav --title "Four bars" --out song.print`,
    `bailee work fingerprint rows.csv --withhold --out rows.print`
    """
    face = Face(as_json)
    if withhold and out is None:
        raise InputError("--withhold makes two files: say where with --out")
    whole = made(face, file, kind, title, description, key)
    shown = whole
    if withhold and out is not None:
        salt = secrets.token_bytes(32)
        shown = whole.withhold(salt)
        secret = canonical({"fingerprint": whole.to_bytes().hex(), "salt": salt.hex()})
        write_new(out.with_name(out.name + _BESIDE), secret, 0o600)
    if out is not None:
        write_new(out, shown.to_bytes())
    facts = print_facts(shown)
    if out is not None:
        facts["file"] = str(out)
    if whole.kind == TABLE and not withhold and key is None:
        face.say(
            "whoever has this fingerprint can check guesses of rows; keep it, or use --withhold, for personal data"
        )
    face.result(facts, facts_table({name: value for name, value in facts.items() if name != "record"}))


@app.command("compare")
@command
def compare_command(
    one: Annotated[Path, typer.Argument(help="A work, or its fingerprint.")],
    other: Annotated[Path, typer.Argument(help="The same of another.")],
    kind: Kind = None,
    key: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Say what two works are to each other: a copy, a near copy, related, or none of these.

    The scores go from 0 to 1. `structural`: bytes or columns are arranged alike; `subject`: the content is the same;
    `semantic`: names, words, or values of columns are alike. Nothing is understood, and a verdict proves nothing:
    docs/fingerprints.md says how often each is wrong.

    Example: `bailee work compare rows.csv suspicious.csv`
    """
    face = Face(as_json)
    first, second = (read_print(path) or made(face, path, kind, "", "", key) for path in (one, other))
    decision, scores = decide(first, second)
    facts = {"decision": decision, **score_facts(scores)}
    face.result(facts, facts_table({**facts, "decision": _WORDS.get(decision, decision)}))


@app.command("open")
@command
def open_command(
    withheld: Annotated[Path, typer.Argument(help="The withheld fingerprint, as it was registered.")],
    secret: Annotated[Path, typer.Argument(help="What its owner kept and shows now: the file OUT.secret.")],
    out: Annotated[Path | None, typer.Option("--out", help="New file for the whole fingerprint.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check, as an arbiter, that a fingerprint shown now is the one that was committed to.

    Example: `bailee work open rows.print rows.print.secret --out whole.print`
    """
    face, hidden = Face(as_json), read_print(withheld)
    if hidden is None:
        raise InputError(f"{withheld} is not a fingerprint")
    data = read_bytes(secret, 4 * MAX_BYTES, "secret of a fingerprint")
    try:
        fields = parse(data)
        if not isinstance(fields, dict) or set(fields) != {"fingerprint", "salt"}:
            raise ValueError
        whole, salt = Fingerprint.from_bytes(bytes.fromhex(fields["fingerprint"])), bytes.fromhex(fields["salt"])
    except (ValueError, TypeError, RecordError):
        raise InputError(f"{secret} is not what --withhold wrote beside a fingerprint") from None
    hidden.reveals(whole, salt)
    if out is not None:
        write_new(out, whole.to_bytes())
    facts = print_facts(whole)
    face.result(facts, facts_table({name: value for name, value in facts.items() if name != "record"}))


def made(
    face: Face,
    path: Path,
    kind: str | None,
    title: str,
    description: str,
    key: Path | None,
    report: Report | None = None,
) -> Fingerprint:
    """The fingerprint of the work at `path`."""
    try:
        from bailee.own.fingerprints import Title, fingerprint
    except ImportError as error:
        raise InputError(f"fingerprints need: pip install 'bailee[fingerprints]' ({error.name} is missing)") from None
    secret = None if key is None else read_bytes(key, 32, "key")
    try:
        with face.progress() if report is None else nullcontext(report) as progress:
            return fingerprint(path, kind, Title(title, description), secret, progress)
    except ImportError as error:
        raise InputError(f"this kind needs: pip install 'bailee[fingerprints]' ({error.name} is missing)") from None


def read_print(path: Path) -> Fingerprint | None:
    """The fingerprint in a file; None for a file that is none."""
    if not path.is_file():
        said = "is a directory or a pipe; expected a file" if path.exists() else "does not exist; check the path"
        raise InputError(f"{path} {said}")
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return None
    return Fingerprint.from_bytes(read_bytes(path, MAX_BYTES, "fingerprint"))


def print_facts(found: Fingerprint) -> dict[str, Any]:
    """What a fingerprint says, for machines and people; `record` is all of it."""
    from bailee.own.fingerprints.codes import spelt

    data = found.to_bytes()
    return {
        "kind": found.kind,
        "extent": found.extent,
        "withheld": found.withheld,
        "parts": ", ".join(found.parts),
        "codes": " ".join(spelt(found)),
        "bytes": len(data),
        "digest": found.digest,
        "record": data.hex(),
    }


def score_facts(scores: Scores) -> dict[str, float]:
    return {name: round(getattr(scores, name), 2) for name in ("structural", "subject", "semantic")}
