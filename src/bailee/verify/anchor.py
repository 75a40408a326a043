"""Checks the anchor of a passport of either kind: by itself, and with a node also what stands on the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bailee.errors import InputError, PassportError
from bailee.records import Anchor
from bailee.statements.anchor import Books, Expected, anchor_misfit, ledger_misfit
from bailee.verify.evidence import Evidence, link, require
from bailee.verify.statement import ProvenAnchor

OpenBooks: TypeAlias = Callable[[str], Books]
"""The ledger of a CAIP-10 name, at a node that the reader trusts."""


@dataclass(frozen=True)
class CheckedAnchor:
    """An anchor that fits. `at_node`: whether the ledger was asked."""

    record: Anchor
    at_node: bool

    @property
    def proven(self) -> ProvenAnchor:
        beacon = self.record.beacon
        return ProvenAnchor(self.record.ledger, beacon.number, beacon.hash, self.at_node)


def check_anchor(
    evidence: Evidence,
    named: str | None,
    builder: str,
    session: str,
    ledger: str | None,
    owners: Sequence[Expected],
    open_books: OpenBooks | None,
) -> CheckedAnchor | None:
    """The anchor of a passport whose plan names `ledger`; None where it names none.

    named: digest of the anchor in the passport; None where that has none. Raises PassportError and siblings, InputError
    where a node is given for nothing.
    """
    with link("anchor"):
        if ledger is None:
            require(named is None, "there is one, but the plan names no ledger")
            if open_books is not None:
                raise InputError("the plan of this passport names no ledger: there is nothing to check at a node")
            return None
        if named is None:
            raise PassportError(f"the plan names the ledger {ledger}, but the passport has none")
        anchor = evidence.record(named, Anchor, builder).record
        misfit = anchor_misfit(anchor, session, ledger, owners)
        require(not misfit, misfit)
    if open_books is not None:
        with link("ledger"):
            misfit = ledger_misfit(anchor, owners, open_books(ledger))
            require(not misfit, misfit)
    return CheckedAnchor(anchor, open_books is not None)
