"""A model's passport as a ledger sees it: verified, its parts, and the claim that verifiers attest about them.

Builder and verifiers come to the same claim by the same steps, each at its own node: nothing here is taken from the
other. The parts are the shares that the passport proves, under the grants that were spent on for its session.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bailee.adapters.files import read_bytes
from bailee.errors import GrantError, InputError, StorageError
from bailee.party.checking import check_paper, kind_of, load_libraries, paper_in
from bailee.records import Anchor, AnchoredPassport, Card, canonical, digest
from bailee.records.canonical import MAX_BYTES, parse
from bailee.records.part import parts_of
from bailee.statements.anchor import in_units
from bailee.verify.evidence import ATTACHMENTS, Evidence
from bailee.verify.model_statement import ModelOwner, ProvenModel
from bailee.verify.statement import ProvenOwner, ProvenStatement

if TYPE_CHECKING:
    from bailee.adapters.chain.ledger import Ledger
    from bailee.adapters.chain.ledger.facts import ClaimState, Part

FILE = "passport.json"
_ANCHORED = f"/v{AnchoredPassport.VERSION}"
"""How the type of every passport ends whose plan names a ledger."""


@dataclass(frozen=True)
class ModelClaim:
    """commitment: digest of the passport; registrant: who accepted the grants; claim: 64 hex digits."""

    statement: ProvenStatement | ProvenModel
    path: Path
    commitment: str
    registrant: str
    parts: tuple[Part, ...]
    claim: str

    @property
    def name(self) -> str:
        """What the plan is called."""
        told = self.statement
        return told.plan_name if isinstance(told, ProvenStatement) else told.plan.name

    @property
    def purpose(self) -> str:
        """What it was trained for."""
        told = self.statement
        return told.purpose if isinstance(told, ProvenStatement) else told.plan.purpose

    def part_facts(self) -> list[dict[str, Any]]:
        return [{"grant": part.grant, "share": part.share} for part in self.parts]


def claim_of_passport(ledger: Ledger, passport: Path, by: str | None = None, plain: bool = False) -> ModelClaim:
    """Verify a passport, at the ledger's node where it has an anchor, and say what is to be attested of it.

    by: who will register the model; the builder that all grants name, by default. Raises what `verify_passport`
    raises; GrantError where a grant is missing or another's, InputError for another ledger.
    """
    from bailee.adapters.chain.consent import opened_with
    from bailee.adapters.chain.ledger.facts import Part

    path = passport / FILE if passport.is_dir() else paper_in(passport)
    data, kind = read_bytes(path, MAX_BYTES, "passport"), kind_of(path)
    anchored = kind.endswith(_ANCHORED)
    load_libraries(plain)
    statement = check_paper(kind, path, plain, ledger=opened_with(ledger.chain) if anchored else None)
    if not isinstance(statement, ProvenStatement | ProvenModel):
        raise InputError(f"{path} is a proof about a model, not a model's passport; name the passport")
    if read_bytes(path, MAX_BYTES, "passport") != data:
        raise StorageError(f"{path} was changed while it was verified; run it again")
    evidence = Evidence(path.parent / ATTACHMENTS)
    grants = _anchored(ledger, statement, data, evidence) if anchored else _by_record(ledger, statement, evidence, by)
    registrant = _builder(ledger, grants)
    if by is not None and by.lower() != registrant.lower():
        raise GrantError(f"its grants were accepted by {registrant}: {by} cannot register this model")
    owners: Sequence[ProvenOwner | ModelOwner] = statement.owners
    shares = [(grant, owner.share) for grant, owner in zip(grants, owners, strict=True)]
    parts = tuple(Part(part.grant, part.share) for part in parts_of(shares))
    commitment = digest(data)
    claim = ledger.registry.claim_of(commitment, parts, registrant)
    return ModelClaim(statement, path, commitment, registrant, parts, claim)


def _anchored(ledger: Ledger, statement: ProvenStatement | ProvenModel, data: bytes, evidence: Evidence) -> list[str]:
    """The grants that the anchor names, which was checked at the node."""
    envelope: Any = parse(data)  # its form and signature were just checked, in either version of either passport
    said: Any = parse(base64.b64decode(envelope["payload"]))
    anchor = evidence.record(said["predicate"]["anchor"], Anchor, statement.builder).record
    if anchor.ledger != ledger.name:
        raise InputError(
            f"the passport is on the ledger {anchor.ledger}, this home uses {ledger.name}: name it with --contracts"
        )
    return [spending.grant for spending in anchor.spendings]


def _by_record(
    ledger: Ledger, statement: ProvenStatement | ProvenModel, evidence: Evidence, by: str | None
) -> list[str]:
    """Of a plan that names no ledger: grants that stand for the passport's, spent on for its session afterwards.

    Of the work that was registered first: anybody can register a commitment again, and offer a grant of that to itself.
    """
    from bailee.adapters.chain.ledger.events import Accepted

    accepted = [one for one in ledger.grants.events() if isinstance(one, Accepted)]
    found = []
    for owner in statement.owners:
        card = evidence.record(owner.card, Card, owner.key).record
        work = ledger.registry.first(digest(canonical(card.commitment)))
        fitting = [
            one.grant
            for one in accepted
            if one.record == owner.grant
            and (by is None or one.builder.lower() == by.lower())
            and one.work == work
            and _spent(ledger, one.grant, statement, owner)
        ]
        if not fitting:
            raise GrantError(
                f"{owner.name} has no grant on {ledger.name} that stands for {owner.grant_id}, is of its dataset "
                f"and was spent on for session {statement.session[:16]}...: offer it, accept it, spend, and try again"
            )
        found.append(fitting[0])
    return found


def _spent(ledger: Ledger, grant: str, statement: ProvenStatement | ProvenModel, owner: Any) -> bool:
    """At least what the session cost, where it promised anything."""
    spending = ledger.grants.spending(grant, statement.session)
    epsilon, delta = getattr(owner, "epsilon", None), getattr(owner, "delta", None)
    if isinstance(statement, ProvenModel):
        epsilon, delta = statement.epsilon, statement.delta
    if spending is None or epsilon is None or delta is None:
        return spending is not None
    wanted = in_units(epsilon, delta)
    return spending.epsilon >= wanted[0] and spending.delta >= wanted[1]


def _builder(ledger: Ledger, grants: Sequence[str]) -> str:
    states = [ledger.grants.grant(grant) for grant in grants]
    builders = {state.builder for state in states if state is not None}
    if len(builders) != 1 or None in states:
        raise GrantError("its grants were accepted by several accounts, or not at all: nobody can register this model")
    return builders.pop()


def is_due(ledger: Ledger, state: ClaimState) -> bool:
    """Whether the claim is final by now. The latest block may be older than now: a chain can stand still."""
    if not state.since or state.void or state.challenger is not None:
        return False
    return max(int(time.time()), ledger.chain.block().time) > state.since + ledger.verifiers.window


def claim_facts(ledger: Ledger, claim: str) -> dict[str, Any]:
    """How far a claim is, for machines."""
    state, quorum, window = ledger.verifiers.claim(claim), ledger.verifiers.quorum, ledger.verifiers.window
    final = ledger.verifiers.is_final(claim) or is_due(ledger, state)
    left = 0
    if state.since and not final:
        left = max(0, state.since + window + 1 - max(int(time.time()), ledger.chain.block().time))
    return {
        "claim": claim, "attested_by": list(state.attesters), "quorum": quorum, "final": final, "seconds_left": left,
        "challenger": state.challenger, "void": state.void,
    }  # fmt: skip


def claim_words(facts: dict[str, Any]) -> str:
    """The same in a few words."""
    count = f"{len(facts['attested_by'])} of {facts['quorum']} verifiers attested it"
    if facts["void"]:
        return "void: a challenge was upheld"
    if facts["challenger"]:
        return f"challenged by {facts['challenger']}: the arbiters decide"
    if facts["final"]:
        return f"final: {count}, and nobody can challenge it any more"
    if facts["seconds_left"]:
        return f"{count}; it can be challenged for {facts['seconds_left']} seconds more"
    return count
