"""`bailee work derive`: a model from its passport, or a content from others, with the parts that are owed to them."""

from __future__ import annotations

import re
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
from bailee.cli.registering import compared, registered_facts
from bailee.cli.works import Kind, made
from bailee.errors import GrantError, InputError, NotFoundError
from bailee.own.metadata import content_documents
from bailee.party.model_claims import ModelClaim, claim_facts, claim_of_passport, claim_words
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
    reserve,
    sender,
)
from bailee.records.fingerprint import BYTES
from bailee.records.part import MOST_PARTS, WHOLE

if TYPE_CHECKING:
    from bailee.adapters.chain.ledger import Ledger
    from bailee.adapters.chain.ledger.facts import Part

_GRANT = re.compile(r"(?:0x)?([0-9a-fA-F]{64})(?:=(.+))?")
Plain = Annotated[bool, typer.Option("--plain", help="Verify by the plain-Python verifier: slower.")]


@command
def derive(
    passport: Annotated[Path | None, typer.Argument(help="A model: the folder of its passport.")] = None,
    content: Annotated[Path | None, typer.Option("--content", help="A content instead: its file.")] = None,
    grants: Annotated[
        list[str] | None,
        typer.Option(
            "--from", help="With --content: a grant it was made under, GRANT or GRANT=SHARE (of one); repeat."
        ),
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
    plain: Plain = False,
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
    """Register what was made from other works; each of them gets its part of all that it earns, from the start.

    A model: its passport is verified, and the parts are what it proves. Verifiers must attest the same before the
    ledger takes it: the claim is printed, and how far it is. Run the command again when it is final. A content: name
    the grants; without shares the whole use is theirs in equal parts. What you leave of the whole is your own work.
    Shares are fixed from then on: the same command again shows the work, one with other shares is refused.

    Examples: `bailee work derive try/passport`, `bailee work derive --content remix.wav --from 51ab...=0.4`
    """
    face = Face(as_json)
    if (passport is None) == (content is None) or (content is None) != (not grants):
        raise InputError("name a passport's folder; or --content FILE with --from GRANT, and no passport")
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as opened:
        if content is not None:
            asked = described(
                title or content.name, description or "Made from other works, under their grants.", licence, link,
                keyword, terms, uri, resale, currency,
            )  # fmt: skip
            prepared = _content(face, home, opened, content, _parts(opened, grants or []), asked, kind, withhold,
                                anyway, afresh)  # fmt: skip
            facts: dict[str, Any] = {"registered_now": True}
        elif passport is not None:
            face.say("verifying the passport; this is what verifiers will do, too")
            found = claim_of_passport(opened, passport, sender(opened), plain)
            asked = described(
                title or found.name, description or f"A model, trained for: {found.purpose}.", licence, link, keyword,
                terms, uri, resale, currency,
            )  # fmt: skip
            prepared = _model(face, opened, home, found, asked, bool(withhold), afresh)
            facts = claim_facts(opened, found.claim)
        _finish(face, opened, prepared, facts)


def _finish(face: Face, ledger: Ledger, prepared: Registration, claim: dict[str, Any]) -> None:
    """Registers where nothing is missing, and says what is where something is."""
    work, now = registered(ledger, prepared), bool(claim.pop("registered_now", False))
    if work is None and (now or claim["final"]):
        work = carry_out(ledger, prepared, face.say)
    parts = [{"grant": grant, "share": share} for grant, share in prepared.parts]
    told = ", ".join(f"{grant[:8]}... {share / WHOLE:.4%}" for grant, share in prepared.parts)
    facts: dict[str, Any] = {
        **claim, "registered": work is not None, "commitment": prepared.commitment, "parts": parts,
        "folder": str(prepared.folder),
    }  # fmt: skip
    if work is not None:
        facts |= registered_facts(ledger, work, prepared.folder) | {"registered": True, "block": work.registered}
    elif claim:
        reserve(ledger, prepared)
        face.say(
            f"not registered yet: {claim_words(claim)}. Verifiers run `bailee attest passport DIR --by "
            f"{prepared.account}` and attest claim {claim['claim']}; then run this command again"
        )
    shown = {name: value for name, value in facts.items() if value not in (None, [])} | {"parts": told}
    face.result(facts, facts_table(shown))


def _model(
    face: Face, ledger: Ledger, home: Path, found: ModelClaim, asked: Described, hidden: bool, afresh: bool
) -> Registration:
    from bailee.adapters.chain.ledger.facts import Kind as WorkKind

    number = ledger.registry.id_of(found.commitment)
    folder = folder_of(home, ledger.name, number)
    parts = [(part.grant, part.share) for part in found.parts]
    _require_same_parts(ledger, number, parts)
    wish = asked_digest({**asked.wish(), "withheld": hidden, "parts": [list(part) for part in parts]})
    prepared = read_registration(folder)
    if prepared is not None and not (afresh and registered(ledger, prepared) is None):
        if registered(ledger, prepared) is None:
            require_same(prepared, wish)
        return prepared
    shown, secret = kept_secret(made(face, found.path, BYTES, asked.about.name, asked.about.description, None), hidden)
    return keep_registration(
        folder, ledger.name, sender(ledger), int(WorkKind.MODEL),
        content_documents("model", found.commitment, shown, asked.about), wish, uri=asked.uri, resale=asked.resale,
        currencies=asked.currencies, parts=parts, secret=secret, files=_files(asked), seen=prepared,
    )  # fmt: skip


def _content(
    face: Face,
    home: Path,
    ledger: Ledger,
    path: Path,
    parts: list[Part],
    asked: Described,
    kind: str | None,
    withhold: bool | None,
    anyway: bool,
    afresh: bool,
) -> Registration:
    from bailee.adapters.chain.ledger.facts import Kind as WorkKind

    commitment = file_commitment(path)
    number = ledger.registry.id_of(commitment)
    folder = folder_of(home, ledger.name, number)
    named = [(part.grant, part.share) for part in parts]
    _require_same_parts(ledger, number, named)
    hidden = bool(withhold)
    wish = asked_digest({**asked.wish(), "kind": kind or "", "withheld": hidden, "parts": [list(one) for one in named]})
    prepared = read_registration(folder)
    if prepared is not None and not (afresh and registered(ledger, prepared) is None):
        if registered(ledger, prepared) is None:
            require_same(prepared, wish)
        return prepared
    whole = made(face, path, kind, asked.about.name, asked.about.description, None)
    parents = tuple(state.work for part in parts if (state := ledger.grants.grant(part.grant)) is not None)
    compared(face, home, ledger, number, commitment, whole, anyway, parents)
    shown, secret = kept_secret(whole, hidden)
    return keep_registration(
        folder, ledger.name, sender(ledger), int(WorkKind.CONTENT),
        content_documents("content", commitment, shown, asked.about), wish, uri=asked.uri, resale=asked.resale,
        currencies=asked.currencies, parts=named, secret=secret, files=_files(asked), seen=prepared,
    )  # fmt: skip


def _parts(ledger: Ledger, told: list[str]) -> list[Part]:
    """Grants of this account, each with its share; equal parts of the whole where no share is given."""
    from bailee.adapters.chain.ledger.facts import Part

    found: dict[str, str | None] = {}
    for text in told:
        match = _GRANT.fullmatch(text)
        if match is None or match[1].lower() in found:
            raise InputError(
                f"expected --from GRANT or GRANT=SHARE, each of 64 hex digits and named once, got {text!r}"
            )
        found[match[1].lower()] = match[2]
    if len(found) > MOST_PARTS or len({share is None for share in found.values()}) != 1:
        raise InputError(f"expected shares for all grants or for none, and at most {MOST_PARTS} grants")
    for grant in found:
        state = ledger.grants.grant(grant)
        if state is None or state.builder != sender(ledger):
            raise GrantError(f"grant {grant[:16]}... was not accepted by {sender(ledger)}: accept its offer first")
    parts = [Part(grant, _share(share, len(found))) for grant, share in sorted(found.items())]
    if sum(part.share for part in parts) > WHOLE:
        raise InputError("the shares add up to more than one")
    return parts


def _share(text: str | None, count: int) -> int:
    if text is None:
        return WHOLE // count
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or not 0 < value <= 1 or int(value * WHOLE) == 0:
        raise InputError(f"expected a share of use above 0 and at most 1, such as 0.25, got {text!r}")
    return int(value * WHOLE)


def _require_same_parts(ledger: Ledger, number: int, asked: list[tuple[str, int]]) -> None:
    """InputError where the work is on the ledger already, with other parts than are asked for now."""
    from bailee.adapters.chain.ledger.events import Derived

    try:
        work = ledger.registry.work(number)
    except NotFoundError:
        return
    said = ledger.registry.events(work.registered, work.registered)
    has = [(one.grant, one.share) for one in said if isinstance(one, Derived) and one.id == number]
    if sorted(has) != sorted(asked):
        raise InputError(
            f"it is on the ledger already, as work {number}, {_in_words(has) or 'derived from nothing'}; now asked: "
            f"{_in_words(asked)}. Parts are fixed once a work is registered: look at it with `bailee work show "
            f"{number}`, or derive another file"
        )


def _in_words(parts: list[tuple[str, int]]) -> str:
    """As `--from` takes them."""
    return " ".join(f"--from {grant}={Decimal(share) / WHOLE:f}" for grant, share in sorted(parts))


def _files(asked: Described) -> dict[str, bytes]:
    return {} if asked.terms is None else {"terms": asked.terms}
