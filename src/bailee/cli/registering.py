"""`bailee work register`: a sealed dataset or a file becomes a work on a ledger, after a look at what it is near to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bailee.cli.accounts import AccountOption, PassphraseFd, PassphraseFile
from bailee.cli.describing import (
    LICENCE,
    Afresh,
    Anyway,
    Currencies,
    Described,
    Description,
    Keywords,
    Licence,
    Link,
    Resale,
    TermsFile,
    Title,
    Uri,
    Withhold,
    described,
    file_commitment,
    kept_secret,
)
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.ledgers import ContractsOption, NodeOption
from bailee.cli.works import KeyFile, Kind, made
from bailee.errors import InputError, SchemaError
from bailee.own.metadata import Documents, content_documents, dataset_documents
from bailee.own.near_copies.verdict import Entry
from bailee.party.home import PartyHome
from bailee.party.near_works import NearWork, near_works
from bailee.party.opened_ledger import acting
from bailee.party.registrations import (
    Registration,
    asked_digest,
    carry_out,
    folder_of,
    keep_registration,
    read_registration,
    registered,
    require_same,
    sender,
)
from bailee.party.titles import title_in
from bailee.records.canonical import canonical, digest
from bailee.records.fingerprint import TABLE, Fingerprint
from bailee.records.offer import DELTA_UNIT, EPSILON_UNIT
from bailee.records.schema import Schema
from bailee.seal import Dataset
from bailee.seal.card import CARD_FILE

if TYPE_CHECKING:
    from bailee.adapters.chain.ledger import Ledger
    from bailee.adapters.chain.ledger.facts import Work


@command
def register(
    name: Annotated[str, typer.Argument(help="A sealed dataset of the home, or a file: a content.")],
    rows: Annotated[
        Path | None, typer.Option("--rows", help="Of a dataset: the table that was sealed, for its fingerprint.")
    ] = None,
    kind: Kind = None,
    title: Title = None,
    description: Description = None,
    licence: Licence = LICENCE,
    link: Link = "",
    keyword: Keywords = None,
    terms: TermsFile = None,
    uri: Uri = "",
    resale: Resale = "0%",
    currency: Currencies = None,
    withhold: Withhold = None,
    key: KeyFile = None,
    budget_epsilon: Annotated[
        str | None, typer.Option(help="Of a dataset: all that training may cost it. Later it can only be lowered.")
    ] = None,
    budget_delta: Annotated[str | None, typer.Option(help="The same of delta.")] = None,
    anyway: Anyway = False,
    afresh: Afresh = False,
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Register a sealed dataset, or a file, as a work that grants and payments can be about.

    It is compared with everything that is registered; near copies are shown, and then --anyway is needed. What is sent
    is first written to works/ of the home, so a run that was stopped goes on with the same command. The fingerprint of
    a dataset is withheld unless you say otherwise: whoever has it can check guesses of rows. A registration is public
    and stays.

    Examples: `bailee work register heart-disease --rows rows.csv --budget-epsilon 10 --budget-delta 1e-4`,
    `bailee work register song.wav --title "Four bars" --uri https://example.org/song.json`
    """
    face, party = Face(as_json), PartyHome(home)
    dataset = _dataset(party, name)
    commitment = _commitment(dataset, name)
    budget = budget_units(budget_epsilon, budget_delta)
    if budget is not None and dataset is None:
        raise InputError("only a dataset has a privacy budget; leave --budget-epsilon and --budget-delta out")
    if dataset is None and rows is not None:
        raise InputError(f"--rows goes with a sealed dataset; {name} is a file, which is fingerprinted itself")
    hidden = (dataset is not None and key is None) if withhold is None else withhold
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as opened:
        asked = described(
            title or (dataset.card.record.name if dataset else Path(name).name),
            description or _sentence(dataset, kind), licence, link, keyword, terms, uri, resale, currency,
        )  # fmt: skip
        number = opened.registry.id_of(commitment)
        folder = folder_of(home, opened.name, number)
        wish = asked_digest({**asked.wish(), "kind": kind or "", "withheld": hidden, "key": key is not None})
        prepared, done = read_registration(folder), _there(opened, number)
        near: list[NearWork] = []
        uncompared = None
        if done is None and (prepared is None or afresh):
            path = Path(name) if dataset is None else _rows_of(party, dataset, rows)
            whole = made(face, path, kind, asked.about.name, asked.about.description, key)
            near, uncompared = compared(face, home, opened, number, commitment, whole, anyway)
            prepared = _prepare(folder, prepared, opened, dataset, commitment, whole, asked, wish, hidden, face)
        elif done is None and prepared is not None:
            require_same(prepared, wish)
        work = done if prepared is None and done is not None else _carried(opened, prepared, face)
        if budget is not None:
            _set_budget(opened, work.id, budget, face)
        facts = registered_facts(opened, work, folder if prepared is not None else None)
    if not facts["first"]:
        face.say("an earlier registration of the same commitment counts before it: `bailee work show` that commitment")
    facts |= {"already": done is not None, "near": [one.as_facts() for one in near], "not_compared": uncompared}
    shown = {name: value for name, value in facts.items() if name != "near" and value is not None}
    face.result(facts, facts_table(shown))


def compared(
    face: Face,
    home: Path,
    ledger: Ledger,
    number: int,
    commitment: str,
    whole: Fingerprint,
    anyway: bool,
    parents: Sequence[int] = (),
) -> tuple[list[NearWork], int]:
    """What is near on the ledger, said; InputError where something is too near and `anyway` is not given.

    parents: works that it names as its own; to be near these is no surprise.
    """
    first = ledger.registry.first(commitment)
    new = Entry(
        f"{number:064x}", ledger.chain.block().number + 1, whole, tuple(f"{one:064x}" for one in sorted(set(parents)))
    )
    near, uncompared = near_works(home, ledger, new)
    lines = [one.words() for one in near]
    if first is not None and first != number:
        lines.insert(0, f"work {first}: registered by the very same commitment")
    for line in lines:
        face.say(line)
    if uncompared:
        face.say(f"{uncompared} works are not compared: their fingerprints are withheld, or there are none")
    close = [one for one in near if one.counts]
    if (close or (first is not None and first != number)) and not anyway:
        raise InputError(
            "earlier works on the ledger are near copies of it: " + "; ".join(lines[:5]) + ". Look at them with "
            "`bailee work show`; where it is yours to register all the same, say --anyway, or derive it under a grant"
        )
    return near, uncompared


def registered_facts(ledger: Ledger, work: Work, folder: Path | None) -> dict[str, Any]:
    """What a registration came to, for machines."""
    first = ledger.registry.first(work.naming.commitment)
    return {
        "work": str(work.id), "title": None if folder is None else title_in(folder) or None,
        "hex": f"{work.id:064x}", "kind": work.kind.name.lower(), "commitment": work.naming.commitment,
        "owner": work.owner, "shares": work.shares, "since": work.since, "registered": work.registered,
        "first": first == work.id, "status": work.status.name.lower(), "uri": work.uri,
        "folder": None if folder is None else str(folder),
    }  # fmt: skip


def budget_units(epsilon: str | None, delta: str | None) -> tuple[int, int] | None:
    """In the ledger's units, rounded down; None where neither is given. InputError."""
    if epsilon is None and delta is None:
        return None
    if epsilon is None or delta is None:
        raise InputError("a budget needs both --budget-epsilon and --budget-delta")
    found = []
    for name, text, unit in (("epsilon", epsilon, EPSILON_UNIT), ("delta", delta, DELTA_UNIT)):
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal(-1)
        if not value.is_finite() or not 0 < value * unit < 2**64:
            raise InputError(f"expected a --budget-{name} above 0 such as 10 or 0.0001, got {text!r}")
        found.append(int(value * unit))
    return found[0], found[1]


def _dataset(party: PartyHome, name: str) -> Dataset | None:
    there = "/" not in name and (party.path / "datasets" / name / CARD_FILE).is_file()
    return party.dataset(name) if there or (Path(name) / CARD_FILE).is_file() else None


def _commitment(dataset: Dataset | None, name: str) -> str:
    if dataset is None:
        return file_commitment(Path(name))
    return digest(canonical(dataset.card.record.commitment))


def _sentence(dataset: Dataset | None, kind: str | None) -> str:
    if dataset is None:
        return f"A {kind or 'content'}, registered by the digest of its bytes."
    card = dataset.card.record
    return (
        f"{card.rows} sealed rows of {len(Schema.from_json(card.schema).columns)} columns; to be trained on by grant."
    )


def _there(ledger: Ledger, number: int) -> Work | None:
    from bailee.errors import NotFoundError

    try:
        return ledger.registry.work(number)
    except NotFoundError:
        return None


def _rows_of(party: PartyHome, dataset: Dataset, rows: Path | None) -> Path:
    """The table that was sealed: another one's fingerprint would say nothing of this dataset."""
    import numpy as np

    from bailee.seal.encode import encode

    if rows is None:
        raise InputError(
            "which rows? Give the table that was sealed with --rows FILE: near copies are found by its fingerprint, "
            "and what is sealed holds encoded numbers only"
        )
    sealed, _ = dataset.open(party.identity)
    try:
        same = np.array_equal(encode(rows, Schema.from_json(dataset.card.record.schema), 1 << 62), sealed)
    except SchemaError:
        same = False
    if not same:
        raise InputError(f"{rows} is not the table that was sealed as {dataset.directory.name}: other rows, or order")
    return rows


def _prepare(
    folder: Path,
    seen: Registration | None,
    ledger: Ledger,
    dataset: Dataset | None,
    commitment: str,
    whole: Fingerprint,
    asked: Described,
    wish: str,
    hidden: bool,
    face: Face,
) -> Registration:
    from bailee.adapters.chain.ledger.facts import Kind as WorkKind

    shown, secret = kept_secret(whole, hidden)
    if hidden:
        face.say(
            "the fingerprint is withheld, because whoever has it can check guesses of rows; fingerprint.secret opens "
            "it for arbiters: keep it. --publish-fingerprint shows it to everybody"
        )
    elif whole.kind == TABLE:
        face.say("the fingerprint will be public: whoever has it can check guesses of rows")
    files: Mapping[str, bytes] = {} if asked.terms is None else {"terms": asked.terms}
    documents: Documents
    if dataset is None:
        kind, documents = WorkKind.CONTENT, content_documents("content", commitment, shown, asked.about)
    else:
        kind, documents = WorkKind.DATASET, dataset_documents(dataset.card, shown, asked.about, None)
        files = {**files, "schema.json": canonical(dataset.card.record.schema), CARD_FILE: dataset.card.envelope}
    return keep_registration(
        folder, ledger.name, sender(ledger), int(kind), documents, wish, uri=asked.uri,
        resale=asked.resale, currencies=asked.currencies, secret=secret, files=files, seen=seen,
    )  # fmt: skip


def _carried(ledger: Ledger, prepared: Registration | None, face: Face) -> Work:
    if prepared is None:
        raise InputError("nothing was prepared; run the command again")
    if (found := registered(ledger, prepared)) is not None and found.naming.metadata != prepared.naming[4]:
        face.say(f"it is registered with other documents than those in {prepared.folder}")
    return carry_out(ledger, prepared, face.say)


def _set_budget(ledger: Ledger, work: int, wanted: tuple[int, int], face: Face) -> None:
    now = ledger.grants.budget(work)
    if (now.epsilon, now.delta) == wanted:
        return
    ledger.grants.set_budget(work, *wanted)
    face.say("the privacy budget is set; from now on it can only be lowered")
