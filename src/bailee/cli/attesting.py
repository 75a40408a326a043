"""`bailee attest`: verifiers who stand behind what passports say, under a bond; and whoever knows better."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bailee.adapters.chain.accounts import list_accounts
from bailee.cli.accounts import AccountOption, PassphraseFd, PassphraseFile
from bailee.cli.describing import check_uri, file_commitment
from bailee.cli.disputing import Evidence, EvidenceUri
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.ledgers import ContractsOption, NodeOption
from bailee.errors import ConflictError, InputError
from bailee.party.amounts import money
from bailee.party.model_claims import claim_facts, claim_of_passport, claim_words
from bailee.party.opened_ledger import acting, reading

if TYPE_CHECKING:
    from bailee.adapters.chain.ledger import Ledger

app = typer.Typer(no_args_is_help=True, help="Verify models' passports, and answer for it with a bond.")

Claim = Annotated[str, typer.Argument(help="What was attested: 64 hex digits, as `work derive` prints them.")]
_DIGEST = re.compile(r"(?:0x)?([0-9a-fA-F]{64})")


@app.command("join")
@command
def join(
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Become a verifier: the ledger keeps your bond until two windows after you left.

    Example: `bailee attest join`
    """
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as opened:
        opened.verifiers.join()
        facts = _verifier(opened, _address(opened))
    Face(as_json).result(facts, facts_table(facts))


@app.command("passport")
@command
def passport_command(
    passport: Annotated[Path, typer.Argument(help="The folder of the passport, with its attachments.")],
    by: Annotated[
        str | None, typer.Option("--by", help="Who will register the model; whoever accepted its grants, by default.")
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Verify by the plain-Python verifier: slower.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Verify and say the claim; attest nothing.")] = False,
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Verify a model's passport, as `bailee verify --ledger` does, and attest what it says of parts and registrant.

    Commitment, parts and claim are worked out here, from the passport and your own node, never taken from anybody.
    What does not verify is not attested. If arbiters find that you attested something wrong, your bond is lost.

    Example: `bailee attest passport try/passport --by 0xabc...`
    """
    face = Face(as_json)
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as opened:
        found = claim_of_passport(opened, passport, by, plain)
        face.say(f"the passport of {found.name!r} holds; its claim is {found.claim}")
        if not dry_run:
            attest(opened, found.claim)
        facts: dict[str, Any] = {
            "attested": not dry_run, "commitment": found.commitment, "registrant": found.registrant,
            "parts": found.part_facts(), **claim_facts(opened, found.claim),
        }  # fmt: skip
    face.result(facts, facts_table(_shown(facts)))


@app.command("challenge")
@command
def challenge(
    claim: Claim,
    evidence: Evidence,
    uri: EvidenceUri = "",
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Say, with a bond, that what was attested is wrong. The arbiters decide.

    Upheld, you get your bond back and half of each attester's; rejected, the attesters share yours.

    Example: `bailee attest challenge 9f31... --evidence why.txt --uri https://...`
    """
    wanted, digest = digest_of(claim), file_commitment(evidence)
    check_uri(uri)
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as opened:
        opened.verifiers.challenge(wanted, digest, uri)
        facts = {"evidence": digest, "case": opened.verifiers.case_of(wanted), **claim_facts(opened, wanted)}
    Face(as_json).result(facts, facts_table(_shown(facts)))


@app.command("conclude")
@command
def conclude(
    claim: Claim,
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Carry out what the arbiters decided on a challenge. Anybody may.

    Example: `bailee attest conclude 9f31...`
    """
    from bailee.adapters.chain.ledger.events import ChallengeConcluded

    wanted = digest_of(claim)
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as opened:
        upheld = opened.verifiers.conclude(wanted).one(ChallengeConcluded).upheld
        facts = {"upheld": upheld, **claim_facts(opened, wanted)}
    Face(as_json).result(facts, facts_table(_shown(facts)))


@app.command("retract")
@command
def retract(
    claim: Claim,
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take an attestation back, while the claim has neither its quorum nor a challenge.

    Example: `bailee attest retract 9f31...`
    """
    wanted = digest_of(claim)
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as opened:
        opened.verifiers.retract(wanted)
        facts = claim_facts(opened, wanted)
    Face(as_json).result(facts, facts_table(_shown(facts)))


@app.command("leave")
@command
def leave(
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Attest no more. The bond comes back by `attest withdraw`, two windows later.

    Example: `bailee attest leave`
    """
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as opened:
        opened.verifiers.leave()
        facts = _verifier(opened, _address(opened))
    Face(as_json).result(facts, facts_table(facts))


@app.command("withdraw")
@command
def withdraw(
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take the bond back, two windows after `attest leave`, when no claim that you attested is open.

    Example: `bailee attest withdraw`
    """
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as opened:
        opened.verifiers.withdraw()
        facts = {"to": _address(opened), "amount": money(opened.verifiers.bond)}
    Face(as_json).result(facts, facts_table(facts))


@app.command("refund")
@command
def refund(
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take what challenges brought you: your bond and halves of others', or parts of a challenger's.

    Example: `bailee attest refund`
    """
    from bailee.adapters.chain.ledger.events import Refunded

    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as opened:
        said = opened.verifiers.refund().one(Refunded)
    facts = {"to": said.to, "amount": money(said.amount)}
    Face(as_json).result(facts, facts_table(facts))


@app.command("status")
@command
def status(
    claim: Annotated[str | None, typer.Argument(help="A claim; without one, this home's accounts are shown.")] = None,
    contracts: ContractsOption = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Say how far a claim is; or what this home's accounts are as verifiers. No passphrase is needed.

    Example: `bailee attest status 9f31...`
    """
    face = Face(as_json)
    with reading(home, ledger, contracts) as opened:
        if claim is not None:
            facts = claim_facts(opened, digest_of(claim))
            face.result(facts, facts_table(_shown(facts)))
            return
        terms = {
            "quorum": opened.verifiers.quorum, "window_seconds": opened.verifiers.window,
            "bond": money(opened.verifiers.bond),
        }  # fmt: skip
        accounts = {one.name: _verifier(opened, one.address) for one in list_accounts(home)}
    told = {
        name: f"{one['verifier']}, {len(one['claims'])} claims, {one['owed']} owed" for name, one in accounts.items()
    }
    face.result({**terms, "accounts": accounts}, facts_table({**terms, **told}))


def attest(ledger: Ledger, claim: str) -> None:
    """Once: nothing is sent where this account attested it already."""
    if _address(ledger) in ledger.verifiers.claim(claim).attesters:
        return
    try:
        ledger.verifiers.attest(claim)
    except ConflictError:
        if _address(ledger) not in ledger.verifiers.claim(claim).attesters:
            raise  # for another reason than that an earlier try went through


def digest_of(text: str) -> str:
    """64 hex digits in lower case. InputError."""
    match = _DIGEST.fullmatch(text)
    if match is None:
        raise InputError(f"expected 64 hex digits, got {text[:80]!r}")
    return match[1].lower()


def _address(ledger: Ledger) -> str:
    if ledger.account is None:
        raise InputError("this needs an account: name one with --account")
    return str(ledger.account.address)


def _verifier(ledger: Ledger, address: str) -> dict[str, Any]:
    state = ledger.verifiers.verifier(address)
    what = "no verifier" if not state.bonded else "left" if state.left else "verifier"
    free = state.left + 2 * ledger.verifiers.window + 1 if state.left else None
    return {
        "address": address, "verifier": what, "claims": list(state.claims),
        "bond_free": None if free is None else time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(free)),
        "owed": money(ledger.verifiers.refundable(address)),
    }  # fmt: skip


def _shown(facts: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in facts.items() if isinstance(value, str | bool) and name != "final"}
    return {**told, "state": claim_words(facts)}
