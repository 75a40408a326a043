"""`bailee royalty`: paid, brought up through the lineage and drawn, on a chain on disk, to the last unit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from blake3 import blake3

from bailee.adapters.chain.accounts import open_account
from bailee.adapters.chain.ledger import Ledger
from bailee.adapters.chain.ledger.facts import Kind, Naming
from bailee.adapters.chain.opening import open_chain
from bailee.party.registrations import METADATA, folder_of
from commands import refused
from paid_works import PASSPHRASE, REMIX, ROWS, SONG, PaidWorks, new_paid_works

TRAP = (
    "602c600c600039602c6000f3"  # what creates it
    "60003560e01c63a9059cbb14601a57"  # a transfer goes to the last line
    "6103e860005260206000f3"  # everything else says 1000
    "5b600162100000526001600052" "60206000f3"  # a megabyte of memory, two million of gas; then true
)  # fmt: skip
"""A currency that burns what its caller pays for gas."""


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> PaidWorks:
    return new_paid_works(tmp_path_factory.mktemp("home"))


def money_of(works: PaidWorks, work: str, *more: str) -> dict[str, dict[str, str]]:
    """Of one work: by currency."""
    code, said = works.look("royalty", "earnings", work, *more)
    assert code == 0, said
    return {one["currency"]: one for one in said["works"][0]["money"]}


def test_a_payment_goes_up_the_lineage_and_is_drawn_once(works: PaidWorks, tmp_path: Path) -> None:
    """The remix gives a quarter to the song, that 40 % of what it gets to the rows: 10 %."""
    licence = tmp_path / "licence.txt"
    licence.write_text("one performance")
    code, paid = works.run(
        "consumer", "royalty", "pay", REMIX, "3.50", "--currency", works.coin.lower(), "--use", licence
    )
    assert (code, paid["paid"], paid["amount"], paid["work"]) == (0, "3.5 COIN", "3500000", str(works.remix))
    assert paid["use"] == blake3(b"one performance").hexdigest()

    before = money_of(works, ROWS, "--account", "owner")[works.coin]
    assert (before["received"], before["claimable"], before["waiting"]) == ("0", "0", "350000")
    assert money_of(works, ROWS, "--steps", "1")[works.coin]["waiting"] == "0"  # the song has not got it yet

    code, two = works.run("owner", "royalty", "claim", "--steps", "2")
    assert code == 0, two
    assert [(step["work"], step["from"], step["amount"]) for step in two["steps"]] == [
        (str(works.song), str(works.remix), "875000"), (str(works.rows), str(works.song), "350000"),
        (str(works.rows), None, "350000"),
    ]  # fmt: skip
    assert two["totals"] == {works.coin: "350000"}
    assert works.run("owner", "royalty", "claim", "--steps", "64")[1]["steps"] == []
    assert works.run("builder", "royalty", "claim")[1]["totals"] == {works.coin: "525000"}
    after = money_of(works, ROWS, "--account", "owner")[works.coin]
    assert (after["received"], after["claimed"], after["claimable"], after["waiting"]) == ("350000", "350000", "0", "0")


def test_native_money_is_paid_and_gathered_by_anybody(works: PaidWorks) -> None:
    native = "0x" + "0" * 40
    paid = works.run("consumer", "royalty", "pay", str(works.song), "0.01", "--use", "0x" + "AB" * 32)[1]
    assert (paid["paid"], paid["use"], paid["currency"]) == ("0.01 of native money", "ab" * 32, native)
    code, said = works.run("consumer", "royalty", "gather", ROWS)
    assert (code, said["totals"]) == (0, {native: str(4 * 10**15)})
    assert works.run("owner", "royalty", "claim", ROWS)[1]["totals"] == {native: str(4 * 10**15)}
    assert works.look("ledger", "trace", ROWS)[1]["lines"][-1]["words"].endswith("drew 0.004 of native money")


def test_holders_are_people_and_works(works: PaidWorks) -> None:
    said = works.look("royalty", "holders", REMIX)[1]
    assert [(one["share"], one["who"]) for one in said["holders"]] == [
        ("75 %", "remixer"), ("25 %", f"content {works.song}"),
    ]  # fmt: skip


def test_where_a_payment_goes_is_drawn(works: PaidWorks, tmp_path: Path) -> None:
    page = tmp_path / "flow.html"
    code, without = works.look("royalty", "flow", REMIX)
    assert (code, without["page"]) == (0, None)
    code, said = works.look("royalty", "flow", REMIX, "--html", page)
    assert said["people"] == without["people"]
    people = {works.addresses[who]: part for who, part in (("owner", 0.1), ("builder", 0.15), ("remixer", 0.75))}
    assert (code, {who: float(part) for who, part in said["people"].items()}) == (0, people)
    text = page.read_text()
    assert (text.count("<rect"), text.count("<path"), "<script" in text) == (6, 5, False)
    refused(works.look("royalty", "flow", REMIX, "--html", page), 6, "StorageError", "File exists")


def test_works_are_called_as_this_home_registered_them(works: PaidWorks, tmp_path: Path) -> None:
    title = "Song <b>&\u202e"
    folder = folder_of(works.home, works.ledger, works.song)
    folder.mkdir(parents=True)
    (folder / METADATA).write_text(json.dumps({"name": title}))
    told = "Song <b>&\\u202e"
    assert works.look("royalty", "flow", SONG)[1]["title"] == told
    assert works.look("royalty", "flow", REMIX, "--html", tmp_path / "f.html")[1]["title"] is None
    page = (tmp_path / "f.html").read_text()
    assert "content Song &lt;b&gt;&amp;" in page
    assert "<b>&" not in page
    said = works.look("royalty", "holders", REMIX)[1]["holders"]
    assert [one["who"] for one in said] == ["remixer", f"content {works.song} ({told})"]
    earned = works.look("royalty", "earnings", SONG)[1]["works"]
    assert [(one["work"], one["title"]) for one in earned] == [(str(works.song), told)]
    assert works.look("royalty", "earnings", ROWS)[1]["works"][0]["title"] is None
    shown = works.look("work", "show", REMIX)[1]
    assert shown["title"] is None
    shutil.rmtree(folder)


def test_what_cannot_be_paid_is_refused(works: PaidWorks) -> None:
    other = works.run("owner", "ledger", "coin", "5")[1]["currency"]
    assert other == works.coin
    strange = works.run("consumer", "ledger", "coin", "5", "--to", works.addresses["owner"])[1]
    assert (strange["made"], strange["has"], strange["for"]) == ("5 COIN", "5 COIN", works.addresses["owner"])
    pay = ("royalty", "pay", SONG)
    refused(works.run("consumer", *pay, "1", "--currency", strange["currency"]), 2, "InputError", f"{works.coin}, got")
    refused(works.run("consumer", *pay, "0"), 2, "InputError", "expected an amount above 0")
    refused(works.run("consumer", *pay, "1", "--use", "nowhere.pdf"), 2, "InputError", "nowhere.pdf does not exist")
    refused(works.run("consumer", "royalty", "pay", "12" * 32, "1"), 2, "NotFoundError", "is not registered")
    refused(
        works.run("owner", *pay, "0.000001", "--currency", works.coin[:-1]), 2, "RecordError", "expected an address"
    )
    refused(works.run("remixer", *pay, "100", "--currency", works.coin), 3, "RevertError", "coin")

    accept = ("royalty", "accept-currency", SONG, strange["currency"])
    refused(works.run("owner", *accept), 3, "RevertError", "only the work's owner")
    listed = works.run("builder", *accept)[1]["currencies"]
    assert listed[1:] == [works.coin, strange["currency"]]
    assert works.run("builder", *accept)[1]["currencies"] == listed
    # The rows do not take it: what comes for them at the song waits, and is said.
    assert works.run("owner", *pay, "1", "--currency", strange["currency"])[0] == 0
    code, said = works.run("owner", "royalty", "claim")
    assert (code, said["totals"]) == (3, {})
    assert [(one["currency"], one["transaction"]) for one in said["steps"]] == [(strange["currency"], None)]
    assert "accept-currency" in said["steps"][0]["refused"]


def test_a_currency_that_burns_gas_is_not_called(works: PaidWorks) -> None:
    """A stranger's units in a work of its own, with a currency that takes all gas when it is moved: nothing is sent."""
    account = open_account(works.home, "remixer", PASSPHRASE)
    with open_chain("embedded:", works.home) as chain:
        trap = str(chain.send({"data": "0x" + TRAP}, account)["contractAddress"])
        ledger = Ledger.named(chain, works.ledger, account)
        ledger.registry.register(Kind.CONTENT, Naming("77" * 32), currencies=[trap])
        shares = ledger.shares(ledger.registry.id_of("77" * 32))
        shares.transfer(works.addresses["builder"], 10**9)
        shares.credit(trap)
        before = chain.web3.eth.get_balance(works.addresses["builder"])  # type: ignore[arg-type]
        block = chain.block().number
    code, said = works.run("builder", "royalty", "claim", "77" * 32)
    assert (code, len(said["steps"]), said["steps"][0]["transaction"]) == (3, 1, None)
    assert "gas" in said["steps"][0]["refused"]
    with open_chain("embedded:", works.home) as chain:
        assert chain.web3.eth.get_balance(works.addresses["builder"]) == before  # type: ignore[arg-type]
        assert chain.block().number == block
