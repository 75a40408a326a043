"""`bailee gate`: a model's answers sold by the request (HTTP 402, x402), and a client that buys them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from bailee.adapters.places import check_free, is_here, place_of
from bailee.adapters.tls import tls_of
from bailee.cli.accounts import AccountOption, PassphraseFd, PassphraseFile
from bailee.cli.asking import PATH, Bought, ask_price, buy, read_rows
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.ledgers import ContractsOption, NodeOption
from bailee.cli.models import Passport
from bailee.cli.registered import WORK_HELP
from bailee.errors import InputError, PaymentError
from bailee.party.accounts import opened_account
from bailee.party.amounts import currency_address, in_words, smallest_units
from bailee.party.opened_ledger import acting, reading
from bailee.party.paying import require_good, require_taken
from bailee.party.registered import work_named

if TYPE_CHECKING:
    from bailee.adapters.chain.ledger import Ledger
    from bailee.release import ReleasedModel
    from bailee.settle.pricing import Price

app = typer.Typer(no_args_is_help=True, help="Answers against payment: HTTP 402 with x402.")

CoinOption = Annotated[str, typer.Option("--currency", help="Address of an ERC-20 with EIP-3009, such as USDC.")]


@app.command("serve")
@command
def serve_command(
    passport: Passport,
    price: Annotated[str, typer.Option(help="What a request costs, for example 0.01.")],
    currency: CoinOption,
    work: Annotated[
        str | None, typer.Option("--work", help=f"{WORK_HELP} By default the one registered by this passport.")
    ] = None,
    any_work: Annotated[
        bool, typer.Option("--any-work", help="Pay into --work although it is not registered by this passport.")
    ] = False,
    listen: Annotated[str, typer.Option(help="HOST:PORT. Without TLS keep it on this machine.")] = "127.0.0.1:8402",
    url: Annotated[str | None, typer.Option(help="How clients name this server, where they come by another.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="TLS certificate, PEM.")] = None,
    private_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    depth: Annotated[
        int, typer.Option(min=0, help="Blocks that must lie on a payment before it is answered; 0 trusts the newest.")
    ] = 0,
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Sell a model's predictions: each request pays the holders of the work's shares, in one transaction.

    Any x402 client (version 2, exact, EIP-3009) can buy. This account sends the payments on and pays for their gas; it
    gets no money by that. What was paid and answered is kept in the home, so that nobody pays twice. The passport is
    read, not checked: do that once with `bailee verify`.

    Example: `bailee gate serve passport/ --price 0.01 --currency 0xabc... --listen 127.0.0.1:8402`
    """
    from bailee.adapters.chain.payments import Payments
    from bailee.adapters.receipts import Receipts
    from bailee.release import open_model
    from bailee.server.pay.application import PaidDoor
    from bailee.server.pay.predictions import Predictions
    from bailee.settle.till import Till

    try:
        from bailee.server.pay.serving import serve
    except ImportError as error:
        raise InputError(f"a gate needs: pip install 'bailee[ledger]' ({error.name} is missing)") from None
    host, port = place_of(listen)
    tls = tls_of(certificate, private_key)
    check_free(host, port)
    model, coin, face = open_model(passport), currency_address(currency), Face()
    signer = opened_account(home, account, passphrase_file, passphrase_fd)
    with reading(home, ledger, contracts) as found:
        number = _sold_for(found, home, work, model, any_work)
        cost = _price_of(found, number, coin, price)
        receipts = Receipts(home / "gate" / "receipts.sqlite")
        try:
            till = Till(receipts, {found.chain.caip2: Payments(found.chain, signer, depth)}, time.time)
            where = url or f"http{'s' if tls else ''}://{listen}"
            door = PaidDoor({PATH: Predictions(model, cost)}, till, where)
            if tls is None and not is_here(host):
                face.say(
                    f"warning: {listen} can be reached from other machines and there is no TLS: who sees the network "
                    "reads rows and answers. Give --certificate and --private-key, or --listen 127.0.0.1:PORT"
                )
            words = in_words(found.chain, coin, cost.amount)
            face.say(f"selling predictions for {words} into work {number} at {where}{PATH}; Ctrl-C ends it")
            serve(door, host, port, tls)
        finally:
            receipts.close()
    face.say("the gate is closed; requests that were under way were finished")


@app.command("ask")
@command
def ask(
    url: Annotated[str, typer.Argument(help=f"The door; {PATH} is added where no path is given.")],
    rows: Annotated[Path, typer.Argument(help='CSV with a header, or JSON: a row, a list of rows, or {"rows": []}.')],
    most: Annotated[str | None, typer.Option(help="Pay, up to so much of --currency, for example 0.05.")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="What --most counts: an ERC-20's address.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Pay whatever the door asks.")] = False,
    authority: Annotated[Path | None, typer.Option(help="PEM file of who signed the door's certificate.")] = None,
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Ask a paid door: see the price, pay with a signature (no gas), get the answer and the receipt.

    Without --yes or --most nothing is paid: the price is shown, and whom it goes to. Stopped in between, run the same
    again: what was signed is kept in the home and brought again, so that nothing is paid twice.

    Example: `bailee gate ask http://127.0.0.1:8402 rows.csv --most 0.05 --currency 0xabc...`
    """
    if most is not None and currency is None:
        raise InputError("--most counts a currency: name it with --currency, since the door could ask in a dearer one")
    body, face = read_rows(rows), Face(as_json)
    with reading(home, ledger, contracts) as found:
        asked = ask_price(url, body, found.chain.caip2, authority)
        cost = asked.price
        number = _paid_work(found, cost)
        words = in_words(found.chain, currency_address(cost.currency.address), cost.amount)
        told = f"{words} ({cost.currency.address}) to the holders of work {number}"
        if most is not None:
            wanted = currency_address(currency)
            if wanted.lower() != cost.currency.address.lower():
                raise PaymentError(f"the door asks for {told}; you said --currency {wanted}: nothing is paid")
            if cost.amount > smallest_units(found.chain, wanted, most):
                raise PaymentError(f"the door asks for {told}, which is more than --most {most}: nothing is paid")
        elif not yes:
            raise PaymentError(f"the door asks for {told}; nothing is paid: say --yes, or --most and --currency")
    face.say(f"paying {told}")
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as found:
        bought = buy(url, body, asked, found, home, authority)
    facts = {"paid": words, "currency": cost.currency.address, "amount": str(cost.amount), "work": str(number),
             "transaction": bought.transaction, "receipt": str(bought.receipt)}  # fmt: skip
    face.result({**facts, "answer": bought.answer}, _shown(facts, bought))


def _sold_for(ledger: Ledger, home: Path, work: str | None, model: ReleasedModel, any_work: bool) -> int:
    """The work that is paid. InputError where it is another one than the model's."""
    from bailee.adapters.chain.ledger.facts import Kind

    if model.passport is None:
        raise InputError("this model has no passport: nothing says whose data it was trained on")
    number = work_named(ledger, home, work or model.passport)
    require_good(ledger, number)
    kept = ledger.registry.work(number)
    if any_work:
        return number
    if kept.naming.commitment != model.passport:
        raise InputError(
            f"work {number} is registered by {kept.naming.commitment}, and this passport is {model.passport}: those "
            "who ask would pay for another work than what answers; name the right one, or say --any-work"
        )
    if kept.kind is not Kind.MODEL:
        raise InputError(
            f"work {number} is registered as a {kept.kind.name.lower()}: it pays nobody whose data the model was "
            "trained on; register the model with `bailee work derive`, or say --any-work"
        )
    return number


def _price_of(ledger: Ledger, work: int, coin: str, text: str) -> Price:
    from bailee.adapters.chain.currencies import signing_name
    from bailee.settle.pricing import Currency, Price

    amount = smallest_units(ledger.chain, coin, text)
    name, version = signing_name(ledger.chain, coin)
    require_taken(ledger, work, coin)
    return Price(Currency(ledger.chain.chain_id, coin, name, version), amount, ledger.shares(work).address)


def _paid_work(ledger: Ledger, cost: Price) -> int:
    """The good work of this ledger whose shares are paid. PaymentError: money would go somewhere else."""
    from bailee.errors import BaileeError

    shares = currency_address(cost.shares)
    try:
        number = ledger.shares_at(shares).work
        right = ledger.registry.work(number).shares == shares
    except BaileeError:
        right = False
    if not right:
        raise PaymentError(f"the door wants to be paid at {shares}, which is no work's shares on {ledger.name}")
    require_good(ledger, number)
    return number


def _shown(facts: dict[str, Any], bought: Bought) -> Text:
    from bailee.cli.face import plain

    return Text(plain(bought.text) + "\n\n") + facts_table(facts)
