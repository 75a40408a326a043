"""`bailee royalty`: paying for a use of a work, and what comes of it to those who hold its shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from bailee.adapters.chain.accounts import list_accounts
from bailee.adapters.files import write_new
from bailee.cli.accounts import AccountOption, PassphraseFd, PassphraseFile
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.indexed import FirstOption, IndexOption
from bailee.cli.ledgers import ContractsOption, NodeOption
from bailee.cli.money import CurrencyOption
from bailee.cli.registered import WORK_HELP
from bailee.cli.vault_face import columns
from bailee.party.accounts import chosen
from bailee.party.amounts import currency_address, in_words
from bailee.party.ledger_reading import read_events
from bailee.party.opened_ledger import acting, reading
from bailee.party.paying import draw, pay_for, use_of
from bailee.party.registered import work_named
from bailee.party.titles import titled, titles_of

if TYPE_CHECKING:
    from bailee.adapters.chain.index.earnings import Drawn, Earning
    from bailee.adapters.chain.index.lineage import Lineage
    from bailee.adapters.chain.ledger import Ledger

app = typer.Typer(no_args_is_help=True, help="Royalties: paying for uses of works, and being paid.")

WorkArgument = Annotated[str, typer.Argument(help=WORK_HELP)]
WorksArgument = Annotated[list[str] | None, typer.Argument(help=f"{WORK_HELP} All by default.")]
StepsOption = Annotated[
    int, typer.Option("--steps", min=1, max=64, help="How far down the lineage money is fetched from.")
]
_FAILED = 3


@app.command("pay")
@command
def pay(
    work: WorkArgument,
    amount: Annotated[str, typer.Argument(help="How much, for example 3.50.")],
    currency: CurrencyOption = None,
    use: Annotated[
        str | None, typer.Option(help="What is paid for: a file, whose BLAKE3 is kept, or 64 hex digits.")
    ] = None,
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Pay for a use of a work. All who hold its shares are credited in the same transaction; nobody takes a fee.

    Example: `bailee royalty pay 0123... 3.50 --currency 0xabc... --use licence.pdf`
    """
    what = use_of(use)
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as found:
        paid = pay_for(found, home, work, amount, currency, what)
        facts = {
            "work": str(paid.work), "title": titles_of(home, found.name).get(paid.work),
            "paid": paid.words, "amount": str(paid.amount), "currency": paid.currency,
            "use": paid.use, "transaction": paid.transaction, "block": paid.block,
        }  # fmt: skip
    if paid.fee is not None:
        facts["fee"] = f"the currency kept {paid.fee}"
    Face(as_json).result(facts, facts_table({name: value for name, value in facts.items() if value is not None}))


@app.command("claim")
@command
def claim(
    works: WorksArgument = None,
    steps: StepsOption = 1,
    index: IndexOption = None,
    first: FirstOption = 0,
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Draw what this account earned: fetch what waits one step below its works, then claim, in every currency.

    Each step is a transaction; run it again after anything, and only what is left is done. A currency that refuses
    holds up no other; then the exit code is 3.

    Example: `bailee royalty claim --home cleveland`
    """
    from bailee.adapters.chain.index.lineage import lineage

    face, holder = Face(as_json), chosen(home, account).address
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as found:
        known = lineage(read_events(found, home, index, first))
        meant = _meant(found, home, works, known, [holder])
        titles = titles_of(home, found.name)
        drawn: list[Drawn] = []
        for one in draw(found, known, meant, holder, steps):
            drawn.append(one)
            face.say(_drawn_words(found, known, one, titles))
        _show_drawn(face, found, holder, drawn)


@app.command("gather")
@command
def gather(
    work: WorkArgument,
    steps: StepsOption = 1,
    index: IndexOption = None,
    first: FirstOption = 0,
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Bring up to a work what it earned as a holder of the works made from it. Anybody may; it goes to its holders.

    Example: `bailee royalty gather 0123... --steps 3`
    """
    from bailee.adapters.chain.index.earnings import gathered
    from bailee.adapters.chain.index.lineage import lineage

    face, drawn = Face(as_json), []
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as found:
        known, titles = lineage(read_events(found, home, index, first)), titles_of(home, found.name)
        for one in gathered(found, known, [work_named(found, home, work)], steps):
            drawn.append(one)
            face.say(_drawn_words(found, known, one, titles))
        _show_drawn(face, found, None, drawn)


@app.command("earnings")
@command
def earnings_command(
    works: WorksArgument = None,
    steps: StepsOption = 64,
    index: IndexOption = None,
    first: FirstOption = 0,
    contracts: ContractsOption = None,
    account: AccountOption = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show what the works that this home holds shares of earned: drawn, claimable now, and waiting below them.

    All accounts of the home are counted together, unless one is named. No passphrase is needed.

    Example: `bailee royalty earnings --home cleveland`
    """
    from bailee.adapters.chain.index.earnings import earnings
    from bailee.adapters.chain.index.lineage import lineage

    holders = [one.address for one in ([chosen(home, account)] if account else list_accounts(home))]
    with reading(home, ledger, contracts) as found:
        every = read_events(found, home, index, first)
        known, facts, titles = lineage(every), [], titles_of(home, found.name)
        for number in _meant(found, home, works, known, holders):
            one = known.work(number)
            told = [_earned(found, each) for each in earnings(found, known, every, number, holders, steps)]
            units = sum(one.holders.get(each, 0) for each in holders)
            facts.append({"work": str(number), "title": titles.get(number), "kind": one.kind.name.lower(),
                          "commitment": one.commitment, "units": units, "share": _percent(units),
                          "money": told})  # fmt: skip
    shown = [facts_table(_earned_table(one)) for one in facts]
    nothing = Text("this home holds shares of no work on this ledger; register one: bailee work register")
    Face(as_json).result({"works": facts}, Group(*_apart(shown)) if shown else nothing)


@app.command("holders")
@command
def holders_command(
    work: WorkArgument,
    index: IndexOption = None,
    first: FirstOption = 0,
    contracts: ContractsOption = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show who holds the shares of a work: people, and works that it was made from.

    Example: `bailee royalty holders 0123...`
    """
    from bailee.adapters.chain.index.lineage import lineage

    with reading(home, ledger, contracts) as found:
        number = work_named(found, home, work)
        known, titles = lineage(read_events(found, home, index, first)), titles_of(home, found.name)
    names = {one.address: one.name for one in list_accounts(home)}
    facts: list[dict[str, Any]] = []
    for address, units in sorted(known.work(number).holders.items(), key=lambda one: (-one[1], one[0])):
        if not units:
            continue
        parent = known.of_shares.get(address)
        who = names.get(address, "")
        if parent is not None:
            who = f"{known.work(parent).kind.name.lower()} {titled(parent, titles)}"
        facts.append({"holder": address, "units": units, "share": _percent(units), "who": who})
    shown = columns(("share", "holder", "who"), [(one["share"], one["holder"], one["who"]) for one in facts])
    Face(as_json).result({"work": str(number), "title": titles.get(number), "holders": facts}, shown)


@app.command("accept-currency")
@command
def accept_currency(
    work: WorkArgument,
    currency: Annotated[str, typer.Argument(help="Address of the ERC-20.")],
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Let a work be paid in one more currency, as its owner. At most 8 in all, and none can be removed.

    One whose balances shrink by themselves (a rebasing token) should not be: who claims first gets what is there.

    Example: `bailee royalty accept-currency 0123... 0xabc...`
    """
    coin = currency_address(currency)
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as found:
        number = work_named(found, home, work)
        shares = found.shares(number)
        if coin not in shares.currencies():
            shares.accept_currency(coin)
        facts = {"work": str(number), "currencies": list(shares.currencies())}
    Face(as_json).result(facts, facts_table({**facts, "currencies": ", ".join(facts["currencies"])}))


@app.command("flow")
@command
def flow(
    work: WorkArgument,
    page: Annotated[Path | None, typer.Option("--html", help="New file for a page that a browser shows.")] = None,
    index: IndexOption = None,
    first: FirstOption = 0,
    contracts: ContractsOption = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show where a payment for a work goes: to people, and through the works it was made from to more people.

    With --html the flow is drawn. Example: `bailee royalty flow 0123... --html flow.html`
    """
    from bailee.adapters.chain.index.lineage import lineage
    from bailee.settle.flow import Holding, flow_of
    from bailee.settle.flow_picture import as_page

    with reading(home, ledger, contracts) as found:
        number = work_named(found, home, work)
        known = lineage(read_events(found, home, index, first))
        name, titles = found.name, titles_of(home, found.name)
    names = {one.address: one.name for one in list_accounts(home)}
    known.work(number)
    holdings = [
        Holding(one.id, holder, units, known.of_shares.get(holder))
        for one in known.works.values() for holder, units in one.holders.items() if units
    ]  # fmt: skip
    kinds = {one.id: (one.kind.name.lower(), one.commitment) for one in known.works.values()}
    gone = flow_of(number, holdings)
    if page is not None:
        write_new(page, as_page(gone, kinds, names, name, titles).encode())
    people = {holder: f"{float(part):.9f}" for holder, part in gone.people.items()}
    shown = columns(("part", "who"), [(f"{float(part):.4%}", names.get(who, who)) for who, part in gone.people.items()])
    told = {"work": str(number), "title": titles.get(number), "people": people}
    heading = Text(f"a payment for work {titled(number, titles)} goes to")
    Face(as_json).result({**told, "page": None if page is None else str(page)}, Group(heading, shown))


def _meant(ledger: Ledger, home: Path, works: list[str] | None, known: Lineage, holders: Iterable[str]) -> list[int]:
    if works:
        return [known.work(work_named(ledger, home, one)).id for one in works]
    return known.held_by(list(holders))


def _drawn_words(ledger: Ledger, known: Lineage, one: Drawn, titles: Mapping[int, str]) -> str:
    def called(number: int) -> str:
        return titles.get(number) or f"{known.work(number).commitment[:16]}..."

    what = f"{known.work(one.work).kind.name.lower()} {called(one.work)}"
    source = "claimed" if one.child is None else f"gathered from {called(one.child)}"
    if one.refused is not None:
        return f"{what}: not {source}, currency {one.currency}: {one.refused}"
    return f"{what}: {source} {in_words(ledger.chain, one.currency, one.amount)} (0x{one.transaction})"


def _show_drawn(face: Face, ledger: Ledger, holder: str | None, drawn: list[Drawn]) -> None:
    facts: list[dict[str, Any]] = [
        {"work": str(one.work), "from": None if one.child is None else str(one.child), "currency": one.currency,
         "amount": str(one.amount), "words": in_words(ledger.chain, one.currency, one.amount),
         "transaction": None if one.transaction is None else f"0x{one.transaction}", "refused": one.refused}
        for one in drawn
    ]  # fmt: skip
    sums: dict[str, int] = {}
    for one in drawn:
        if (one.child is None) is (holder is not None) and one.refused is None:
            sums[one.currency] = sums.get(one.currency, 0) + one.amount
    words = [in_words(ledger.chain, currency, amount) for currency, amount in sums.items()]
    total = f"{'claimed' if holder else 'gathered'}: {', '.join(words) or 'nothing is there to be drawn'}"
    face.result({"holder": holder, "steps": facts, "totals": {one: str(sums[one]) for one in sums}}, Text(total))
    if any(one.refused is not None for one in drawn):
        raise typer.Exit(_FAILED)


def _earned(ledger: Ledger, one: Earning) -> dict[str, Any]:
    amounts = {name: getattr(one, name) for name in ("received", "claimed", "claimable", "waiting")}
    words = {name: in_words(ledger.chain, one.currency, amount) for name, amount in amounts.items()}
    return {"currency": one.currency, **{name: str(amount) for name, amount in amounts.items()}, "words": words}


def _earned_table(one: dict[str, Any]) -> dict[str, str]:
    table = {one["kind"]: one["work"]} | ({"title": one["title"]} if one["title"] else {})
    table |= {"commitment": one["commitment"], "held": one["share"]}
    for name, title in (
        ("received", "received"),
        ("claimed", "drawn"),
        ("claimable", "to claim"),
        ("waiting", "below"),
    ):
        told = [each["words"][name] for each in one["money"] if int(each[name])]
        table[title] = ", ".join(told) or "nothing"
    return table


def _apart(shown: list[Text]) -> list[Text]:
    return [each for one in shown for each in (one, Text())][:-1]


def _percent(units: int) -> str:
    from bailee.party.amounts import money

    return f"{money(units, 7)} %"
