"""`bailee ledger`: the chain on which works, consent and money are, and the contracts on it."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bailee.adapters.chain.opening import EMBEDDED, folder_of, open_chain
from bailee.adapters.places import check_free, place_of
from bailee.cli.accounts import AccountOption, PassphraseFd, PassphraseFile
from bailee.cli.coins import coin
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.tracing import trace
from bailee.errors import InputError
from bailee.party.accounts import chosen, opened_account
from bailee.party.amounts import money, parse_money
from bailee.party.opened_ledger import LedgerPlace, reading, remember

if TYPE_CHECKING:
    from bailee.adapters.chain.chain import Chain

app = typer.Typer(no_args_is_help=True, help="The ledger: a chain, and the contracts on it.")

LedgerUrl = Annotated[
    str,
    typer.Option(
        "--ledger", envvar="BAILEE_LEDGER", help="A node of any EVM chain, http(s)://..., or this home's own chain."
    ),
]
app.command("trace")(trace)
app.command("coin")(coin)


@app.command("init")
@command
def init(
    chain_id: Annotated[int | None, typer.Option(help="A number of its own; by default a random one.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Make the embedded chain of a home: an EVM in this program, on disk. Commands that need it make it too.

    It proves order only to whoever runs it; towards strangers use a public chain (docs/ledger.md).

    Example: `bailee ledger init --home cleveland`
    """
    if (folder_of(home) / "blocks.db").exists():
        raise InputError(f"{home} has an embedded chain already; see it with: bailee ledger status")
    from bailee.adapters.chain.embedded.ledger import open_ledger

    open_ledger(folder_of(home), chain_id=chain_id).close()
    _show_status(EMBEDDED, home, as_json)


@app.command("status")
@command
def status(ledger: LedgerUrl = EMBEDDED, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Say which chain it is, how far it is, and what this home's accounts have there.

    Example: `bailee ledger status --ledger https://rpc.example`
    """
    if ledger == EMBEDDED and not (folder_of(home) / "blocks.db").exists():
        raise InputError(f"{home} has no embedded chain yet; make it: bailee ledger init")
    _show_status(ledger, home, as_json)


def _show_status(url: str, home: Path, as_json: bool) -> None:
    from bailee.adapters.chain.accounts import list_accounts

    with open_chain(url, home) as chain:
        block = chain.block()
        facts: dict[str, Any] = {
            "chain": chain.caip2,
            "kept": str(folder_of(home)) if url == EMBEDDED else "by its nodes",
            "block": block.number,
            "hash": f"0x{block.hash.hex()}",
            "time": time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(block.time)),
            "ahead_seconds": max(0, block.time - int(time.time())),
            "accounts": {one.name: money(_balance(chain, one.address)) for one in list_accounts(home)},
        }
    shown = facts | {"accounts": ", ".join(f"{name} {has}" for name, has in facts["accounts"].items()) or "none"}
    if not facts["ahead_seconds"]:
        del shown["ahead_seconds"]
    Face(as_json).result(facts, facts_table(shown))


@app.command("serve")
@command
def serve_command(
    listen: Annotated[str, typer.Option(help="HOST:PORT. It has no TLS: keep it on this machine.")] = "127.0.0.1:8545",
    faucet: Annotated[
        bool, typer.Option("--faucet", help="Whoever reaches the port may also bring money in: ledger fund --ledger.")
    ] = False,
    home: Home = DEFAULT_HOME,
) -> None:
    """Serve the embedded chain by JSON-RPC, so that several programs share it: wallets, indexers, other commands.

    Example: `bailee ledger serve`, and for the others `export BAILEE_LEDGER=http://127.0.0.1:8545`
    """
    host, port = place_of(listen)
    check_free(host, port, "is another chain served there?")
    try:
        from bailee.adapters.chain.embedded.ledger import open_ledger
        from bailee.adapters.chain.embedded.serve import serve
    except ImportError as error:
        raise InputError(f"the embedded chain needs: pip install 'bailee[ledger]' ({error.name} is missing)") from None
    opened = open_ledger(folder_of(home))
    try:
        Face().say(f"serving eip155:{opened.chain_id} of {home} at http://{listen}; Ctrl-C ends it")
        serve(opened, host, port, faucet)
    finally:
        opened.close()


@app.command("fund")
@command
def fund(
    amount: Annotated[str, typer.Argument(help="How much native money, for example 10 or 0.5.")],
    to: Annotated[str | None, typer.Argument(help="Address or account; the home's only account by default.")] = None,
    ledger: LedgerUrl = EMBEDDED,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Bring native money into the embedded chain. It pays for gas there and is worth nothing elsewhere.

    Example: `bailee ledger fund 100 main`
    """
    from bailee.adapters.chain.refusals import outside
    from bailee.records.caip import check_address

    address = to if to is not None and to.startswith("0x") else chosen(home, to).address
    check_address(address)
    wei = parse_money(amount)
    with open_chain(ledger, home) as chain:
        if ledger == EMBEDDED:
            chain.web3.provider.ledger.fund(bytes.fromhex(address[2:]), wei)  # type: ignore[attr-defined]
        else:
            with outside("money"):
                told = chain.web3.provider.make_request("bailee_fund", [address, hex(wei)])  # type: ignore[arg-type]
            if "error" in told:
                raise InputError(
                    f"{ledger} brings no money in ({told['error']}); is it `bailee ledger serve --faucet`?"
                )
        facts = {"address": address, "has": money(_balance(chain, address)), "chain": chain.caip2}
    Face(as_json).result(facts, facts_table(facts))


@app.command("deploy")
@command
def deploy_command(
    arbiter: Annotated[list[str], typer.Option(help="Address of one who decides disputes; repeat.")],
    threshold: Annotated[int | None, typer.Option(help="How many of them decide; a majority by default.")] = None,
    quorum: Annotated[int, typer.Option(help="Verifiers that must attest a model's passport.")] = 1,
    window: Annotated[int, typer.Option(help="Seconds in which an attestation can be challenged.")] = 86_400,
    verifier_bond: Annotated[str, typer.Option(help="Native money that a verifier puts at stake.")] = "1",
    dispute_bond: Annotated[str, typer.Option(help="Native money that a dispute puts at stake.")] = "0.1",
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: LedgerUrl = EMBEDDED,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Bring the contracts onto a chain. The same options have the same addresses on every chain; what is there stays.

    Example: `bailee ledger deploy --arbiter 0x... --arbiter 0x... --arbiter 0x...`
    """
    from bailee.adapters.chain.deployment import Configuration, deploy, ledger_name

    wanted = Configuration(
        arbiters=tuple(arbiter), threshold=len(arbiter) // 2 + 1 if threshold is None else threshold, quorum=quorum,
        window=window, verifier_bond=parse_money(verifier_bond), dispute_bond=parse_money(dispute_bond),
    )  # fmt: skip
    signer = opened_account(home, account, passphrase_file, passphrase_fd)
    with open_chain(ledger, home) as chain:
        found = deploy(chain, signer, wanted)
        facts = {"ledger": ledger_name(chain.chain_id, found), **asdict(found)}
    remember(home, LedgerPlace(ledger, facts["ledger"]))
    Face(as_json).result(facts, facts_table(facts))


@app.command("use")
@command
def use(
    contracts: Annotated[str, typer.Argument(help="The ledger's name: eip155:CHAIN:GRANTS, as deploy printed it.")],
    ledger: LedgerUrl = EMBEDDED,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Check that a ledger is there, its code the shipped one, and remember it for this home's later commands.

    Example: `bailee ledger use eip155:1:0xabc... --ledger https://rpc.example`
    """
    with reading(home, ledger, contracts) as found:
        facts = {"ledger": found.name, "node": ledger, **asdict(found.addresses)}
    remember(home, LedgerPlace(ledger, facts["ledger"]))
    Face(as_json).result(facts, facts_table(facts))


def _balance(chain: Chain, address: str) -> int:
    from bailee.adapters.chain.refusals import outside

    with outside("a balance"):
        return int(chain.web3.eth.get_balance(address))  # type: ignore[arg-type]
