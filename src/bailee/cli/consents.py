"""`bailee consent`: what owners offer on a ledger, and what builders accept there."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from bailee.adapters.files import write_new
from bailee.cli.accounts import AccountOption, PassphraseFd, PassphraseFile
from bailee.cli.budgets import budget
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.grants import Until
from bailee.cli.ledgers import ContractsOption, NodeOption
from bailee.cli.money import CurrencyOption
from bailee.cli.registered import WORK_HELP
from bailee.cli.vault_face import columns
from bailee.errors import ChainError, InputError
from bailee.grant.odrl import consent_of, to_odrl
from bailee.party.amounts import currency_address, in_words, money, smallest_units
from bailee.party.granting import moment
from bailee.party.home import PartyHome
from bailee.party.links import account_of
from bailee.party.offering import (
    FOLDER,
    Price,
    State,
    accept_offer,
    find_offer,
    grant_behind,
    is_of,
    kept_offers,
    look_up,
    make_licence,
    make_offer,
    revoke_offer,
)
from bailee.party.opened_ledger import acting, place_of, reading
from bailee.party.registered import work_named
from bailee.records.caip import parse_account
from bailee.records.offer import NATIVE, NONE, ONE, SignedOffer

if TYPE_CHECKING:
    from bailee.adapters.chain.ledger import Ledger

app = typer.Typer(no_args_is_help=True, help="Consent on a ledger: terms that an owner signs and a builder accepts.")

OfferName = Annotated[str, typer.Argument(help="The offer's file, or the first letters of its id in this home.")]
OdrlFile = Annotated[Path | None, typer.Option("--odrl", help="New file for the same terms as W3C ODRL (JSON-LD).")]
BuilderAccount = Annotated[
    str,
    typer.Option(
        "--to",
        help="The builder's account: its record (`bailee account link`: file or home), CAIP-10, or an address.",
    ),
]
Royalty = Annotated[
    str,
    typer.Option(
        help="Part of what a work made under it alone earns, such as 40%; of one made in part, that part of it."
    ),
]
AskedPrice = Annotated[str, typer.Option("--price", help="Paid once, when the offer is accepted.")]
OutFile = Annotated[Path | None, typer.Option(help="New file for the offer, to be sent to the builder.")]
app.command("budget")(budget)
_PERCENT = re.compile(r"(0|[1-9][0-9]{0,2})(?:\.([0-9]{1,7}))?%")


@app.command("offer")
@command
def offer(
    grant: Annotated[list[str], typer.Argument(help="Grants of this home: first letters of the id, or files.")],
    to: BuilderAccount,
    royalty: Royalty = "0%",
    price: AskedPrice = "0",
    currency: CurrencyOption = None,
    out: OutFile = None,
    odrl: OdrlFile = None,
    ledger: NodeOption = None,
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Offer on the ledger what a grant says: sign its terms and its price. Nothing is sent; the file is the offer.

    The dataset must be registered by this account. Offered again with the same terms, it is the same offer, until it is
    revoked. Whoever has the file sees the terms, and only the builder's account can accept them.

    Example: `bailee consent offer 3fa9 --to builder/links/main-31337.json --royalty 40% --price 5 --out offer.json`
    """
    face, party = Face(as_json), PartyHome(home)
    if len(grant) > 1 and (out, odrl) != (None, None):
        raise InputError("--out and --odrl are for one grant; several offers lie in the home, one file each")
    grants, part = [party.grant(one) for one in grant], parse_royalty(royalty)
    chain_id = parse_account(place_of(home, ledger, contracts).contracts).chain.chain_id
    builders = [account_of(to, chain_id, one.record.builder) for one in grants]
    made: list[dict[str, Any]] = []
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as found:
        address = currency_address(currency)
        costs = Price(address, smallest_units(found.chain, address, price), part)
        for given, (builder, _) in zip(grants, builders, strict=True):
            signed, new = make_offer(party, found, given, builder, costs, secrets.token_hex(32))
            facts = _facts(party, signed, found) | {"new": new, "file": str(home / FOLDER / f"{signed.id}.json")}
            if found.grants.budget(signed.offer.work).epsilon == 0:
                face.say("note: the work has no budget, so nothing can be spent under it: bailee consent budget")
            made.append(facts)
    if builders[0][1] is None:
        face.say(f"note: nothing shows that {builders[0][0]} is the builder's whom the grant names")
    if out is not None:
        write_new(out, signed.to_json())
    if odrl is not None:
        write_new(odrl, to_odrl(consent_of(signed, grants[0])))
    shown = Text("\n\n").join(facts_table(_for_people(one)) for one in made)
    face.result({"offers": made}, shown)


@app.command("licence")
@command
def licence(
    work: Annotated[str, typer.Argument(help=f"A model or a content. {WORK_HELP}")],
    to: BuilderAccount,
    until: Until = None,
    days: Annotated[int, typer.Option(help="How long it holds, where --until is not given.", min=1, max=3650)] = 30,
    royalty: Royalty = "0%",
    price: AskedPrice = "0",
    currency: CurrencyOption = None,
    out: OutFile = None,
    odrl: OdrlFile = None,
    ledger: NodeOption = None,
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Offer that works be made from a model or a content, of which there are no rows and no grant: for a price, a time.

    Accepted, it is a grant on the ledger as any other; `bailee work derive` names it.

    Example: `bailee consent licence 1234 --to 0xabc... --royalty 10% --until 2027-12-31 --home studio`
    """
    face, party, part = Face(as_json), PartyHome(home), parse_royalty(royalty)
    ends = datetime.now(UTC) + timedelta(days=days) if until is None else moment(until, clock.max)
    chain_id = parse_account(place_of(home, ledger, contracts).contracts).chain.chain_id
    builder, _ = account_of(to, chain_id)
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as found:
        address, number = currency_address(currency), work_named(found, home, work)
        costs = Price(address, smallest_units(found.chain, address, price), part)
        signed, new = make_licence(party, found, number, builder, ends, costs, secrets.token_hex(32))
        facts = _facts(party, signed, found) | {"new": new, "file": str(home / FOLDER / f"{signed.id}.json")}
    if out is not None:
        write_new(out, signed.to_json())
    if odrl is not None:
        write_new(odrl, to_odrl(consent_of(signed)))
    face.result(facts, facts_table(_for_people(facts)))


@app.command("show")
@command
def show(
    offer: Annotated[str | None, typer.Argument(help="An offer: file (ODRL too), or id; all of this home's.")] = None,
    odrl: OdrlFile = None,
    ledger: NodeOption = None,
    contracts: ContractsOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Say in words what an offer asks and gives, who signed it, and what has become of it on the ledger.

    Without a ledger it says what the file says. With one: accepted, revoked, what of its privacy was spent.

    Example: `bailee consent show offer.json --odrl offer.jsonld`
    """
    face, party = Face(as_json), PartyHome(home)
    if offer is None and odrl is not None:
        raise InputError("--odrl is for one offer: name it")
    wanted = list(kept_offers(party)) if offer is None else [find_offer(party, offer)]
    told, states, why = _looked_up(party, wanted, ledger, contracts)
    if odrl is not None:
        write_new(odrl, to_odrl(_consent(party, wanted[0], states.get(wanted[0].id))))
    if why is not None:
        face.say(f"not looked up on the ledger: {why}")
    if offer is not None:
        face.result(told[0], facts_table(_for_people(told[0])))
        return
    rows = [
        (one["offer"][:16], str(one["work"])[:12], one["builder"], one["until"], one["state"] or "?") for one in told
    ]
    listed = columns(("offer", "work", "builder", "until", "state"), rows)
    face.result({"offers": told}, listed if told else Text("no offers; make one: bailee consent offer"))


@app.command("accept")
@command
def accept(
    offer: OfferName,
    ledger: NodeOption = None,
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Accept an offer and pay its price, as the builder it names; look at it first with `bailee consent show`.

    Once and no more: a second time says that it is accepted. What cannot be accepted is refused before it is paid.

    Example: `bailee consent accept offer.json --home builder`
    """
    face, party = Face(as_json), PartyHome(home)
    signed = find_offer(party, offer)
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as found:
        before, sent = accept_offer(party, found, signed)
        state = look_up(found, signed)
        facts = _facts(party, signed, found, state)
    if sent is None:
        face.say(f"accepted already, in block {before.accepted}; nothing was sent")
    facts |= {
        "paid": facts["price"] if sent is not None else None,
        "transaction": None if sent is None else sent.transaction,
        "file": str(home / FOLDER / f"{signed.id}.json"),
    }
    face.result(facts, facts_table(_for_people(facts)))


@app.command("revoke")
@command
def revoke(
    offer: OfferName,
    ledger: NodeOption = None,
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take an offer back on the ledger, accepted or not. No run spends under it any more; what was earned stays earned.

    A content or model made under it while it was good can still be registered, and then owes what was agreed.

    Example: `bailee consent revoke 5c0f --home cleveland`
    """
    face, party = Face(as_json), PartyHome(home)
    signed = find_offer(party, offer)
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as found:
        before, sent = revoke_offer(found, signed)
        facts = _facts(party, signed, found, look_up(found, signed))
    if sent is None:
        face.say(f"revoked already, in block {before.revoked}; nothing was sent")
    facts |= {"transaction": None if sent is None else sent.transaction}
    face.result(facts, facts_table(_for_people(facts)))


def parse_royalty(text: str) -> int:
    """A percentage in units of 10^9. InputError."""
    found = _PERCENT.fullmatch(text)
    units = 0 if found is None else int(Decimal(text[:-1]).scaleb(7))
    if found is None or units > ONE:
        raise InputError(f"expected a royalty from 0% to 100%, such as 40% or 2.5%, got {text[:40]!r}")
    return units


def _looked_up(
    party: PartyHome, offers: list[SignedOffer], url: str | None, contracts: str | None
) -> tuple[list[dict[str, Any]], dict[str, State], str | None]:
    """Facts of each, with its state where the ledger it is for can be reached; else why not."""
    states: dict[str, State] = {}
    try:
        with reading(party.path, url, contracts) as found:
            for one in offers:
                if is_of(found.name, one):
                    states[one.id] = look_up(found, one)
            told = [_facts(party, one, found if one.id in states else None, states.get(one.id)) for one in offers]
            others = [one.ledger for one in offers if one.id not in states]
            return told, states, f"it is for {others[0]}, and this is {found.name}" if others else None
    except (InputError, ChainError) as error:
        if url is not None or contracts is not None:
            raise
        return [_facts(party, one) for one in offers], states, str(error)


def _consent(party: PartyHome, signed: SignedOffer, state: State | None) -> Any:
    grant = grant_behind(party, signed)
    if state is None:
        return consent_of(signed, grant)
    return consent_of(signed, grant, owner=state.owner, accepted=state.accepted, revoked=state.revoked)


def _facts(
    party: PartyHome, signed: SignedOffer, ledger: Ledger | None = None, state: State | None = None
) -> dict[str, Any]:
    """What an offer says, and what is known of it. Money in words where its chain can be asked what a coin is."""
    said, grant = signed.offer, grant_behind(party, signed)
    native = f"{money(said.price)} of native money"
    price = f"{said.price} smallest units of {said.currency}" if said.currency != NATIVE else native
    return {
        "offer": signed.id,
        "state": None if state is None else state.in_words(said),
        "work": str(said.work),
        "owner": None if state is None else state.owner,
        "signer": signed.signer() if len(signed.signature) == 65 else None,
        "builder": said.builder,
        "purpose": None if grant is None else grant.record.purpose,
        "plan": None if said.plan == NONE else said.plan,
        "fields": None if grant is None else list(grant.record.fields),
        "from": _moment(said.not_before),
        "until": _moment(said.not_after),
        "price": price if ledger is None else in_words(ledger.chain, said.currency, said.price),
        "royalty": f"{money(said.royalty, 7)}%",
        "epsilon": money(said.epsilon, 9),
        "delta": money(said.delta, 18),
        "spent_epsilon": None if state is None else money(state.spent_epsilon, 9),
        "spent_delta": None if state is None else money(state.spent_delta, 18),
        "sessions": None if state is None else state.sessions,
        "accepted": None if state is None else state.accepted,
        "revoked": None if state is None else state.revoked,
        "grant": None if said.record == NONE else said.record,
        "ledger": signed.ledger,
    }


def _for_people(facts: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name.replace("_", " "): value for name, value in facts.items() if value is not None}
    shown.pop("accepted", None)
    shown.pop("revoked", None)
    return shown | ({"fields": ", ".join(facts["fields"])} if facts["fields"] else {})


def _moment(seconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return f"{seconds} seconds since 1970"
