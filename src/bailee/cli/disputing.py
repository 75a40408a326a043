"""`bailee work dispute`, `conclude` and `refund`: that a registration is not its registrant's, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bailee.cli.accounts import AccountOption, PassphraseFd, PassphraseFile
from bailee.cli.describing import check_uri, file_commitment
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.ledgers import ContractsOption, NodeOption
from bailee.cli.work_showing import WorkName
from bailee.party.amounts import money
from bailee.party.opened_ledger import acting
from bailee.party.registered import work_named

Evidence = Annotated[
    Path, typer.Option("--evidence", help="The file that says why; its digest is published. Keep it as it is.")
]
EvidenceUri = Annotated[str, typer.Option("--uri", help="Where arbiters find that file; at most 256 bytes.")]


@command
def dispute(
    work: WorkName,
    evidence: Evidence,
    earlier: Annotated[str | None, typer.Option(help="The work that it copies: number, commitment or dataset.")] = None,
    uri: EvidenceUri = "",
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Say, with a bond, that a registered work is not its registrant's. The ledger's arbiters decide.

    Upheld, the registration is void and the bond comes back (`work refund`); rejected, the bond goes to those who share
    in the work. Publish the evidence where --uri says, or hand it to the arbiters.

    Example: `bailee work dispute 5123... --earlier heart-disease --evidence scores.json --uri ipfs://...`
    """
    digest = file_commitment(evidence)
    check_uri(uri)
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as opened:
        number = work_named(opened, home, work)
        other = None if earlier is None else work_named(opened, home, earlier)
        opened.registry.dispute(number, digest, uri, other)
        bond = opened.registry.dispute_bond
        facts = {
            "work": str(number), "earlier": None if other is None else str(other), "evidence": digest,
            "bond": money(bond), "case": opened.registry.case_of(number),
        }  # fmt: skip
    Face(as_json).result(facts, facts_table({name: value for name, value in facts.items() if value is not None}))


@command
def conclude(
    work: WorkName,
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Carry out what the arbiters decided on a disputed work. Anybody may.

    Example: `bailee work conclude 5123...`
    """
    from bailee.adapters.chain.ledger.events import DisputeConcluded

    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as opened:
        number = work_named(opened, home, work)
        upheld = opened.registry.conclude(number).one(DisputeConcluded).upheld
        status = opened.registry.work(number).status.name.lower()
    facts = {"work": str(number), "upheld": upheld, "status": status}
    Face(as_json).result(facts, facts_table(facts))


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
    """Take back the bonds of disputes that were upheld.

    Example: `bailee work refund`
    """
    from bailee.adapters.chain.ledger.events import Refunded

    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as opened:
        said = opened.registry.refund().one(Refunded)
    facts = {"to": said.to, "amount": money(said.amount)}
    Face(as_json).result(facts, facts_table(facts))
