"""What happened in a folder, as sentences: one for each kind of event that `bailee.party.events` knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bailee.server.console.words import N_

SENTENCES: Final[Mapping[str, str]] = {
    "keys": N_("The keys of %(name)s were made"),
    "sealed": N_("%(rows)s rows were sealed as %(name)s"),
    "resealed": N_("%(name)s was sealed anew"),
    "asked": N_("%(who)s asked for a grant on %(name)s"),
    "asking": N_("You asked %(who)s for a grant on %(name)s"),
    "answered": N_("The request of %(who)s for %(name)s was answered: %(answer)s"),
    "granted": N_("A grant on %(name)s was given to %(who)s, for %(purpose)s"),
    "revoked": N_("The grant of %(who)s on %(name)s was taken back"),
    "opened": N_("The session %(plan)s of %(who)s began"),
    "round": N_("The session %(plan)s reached round %(round)s"),
    "finished": N_("The session %(plan)s ended with a passport"),
    "passport": N_("%(who)s signed the passport of %(model)s"),
    "ledger": N_("On the ledger: %(what)s"),
    "vault": N_("In the vault: %(event)s"),
    "damaged": N_("%(name)s cannot be read: %(reason)s"),
}
GROUPS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "data": (N_("Keys and datasets"), ("keys", "sealed", "resealed")),
    "grants": (N_("Requests and grants"), ("asked", "asking", "answered", "granted", "revoked")),
    "training": (N_("Training"), ("opened", "round", "finished", "passport", "damaged")),
    "ledger": (N_("Ledger"), ("ledger",)),
    "vault": (N_("Vault"), ("vault",)),
}
"""Of events, as a reader picks them: what the address says, the title, the kinds."""
KIND: Final[Mapping[str, str]] = {
    "sealed": "good", "resealed": "good", "granted": "good", "finished": "good", "passport": "good", "asked": "note",
    "revoked": "bad", "damaged": "bad",
}  # fmt: skip
"""How an event is coloured beside its words; others have no colour."""

LEDGER: Final[Mapping[str, str]] = {
    "Registered": N_("a registration"), "Derived": N_("a work made from another"),
    "WorkTransferred": N_("a work given over"), "Disputed": N_("a dispute"),
    "DisputeConcluded": N_("a dispute decided"),
    "Accepted": N_("a grant taken"), "Revoked": N_("a grant revoked"), "BudgetSet": N_("a privacy budget"),
    "Spent": N_("privacy spent"), "Paid": N_("a payment"), "Credited": N_("money that came in"),
    "Claimed": N_("money drawn"), "Gathered": N_("money brought up"), "CurrencyAccepted": N_("a currency accepted"),
    "UnitsTransferred": N_("shares of earnings"), "Attested": N_("an attestation"),
    "Retracted": N_("an attestation that counts no more"), "Challenged": N_("a challenge"),
    "ChallengeConcluded": N_("a challenge decided"), "Slashed": N_("a bond lost"), "Voted": N_("a vote"),
    "Decided": N_("a decision of the arbiters"),
}  # fmt: skip
"""Events of a ledger, by the names of their records."""
VAULT: Final[Mapping[str, str]] = {
    "create": N_("it was made"), "put": N_("an object was put in"), "delete": N_("an object was deleted"),
    "erase": N_("an object was erased"), "expire": N_("an object expired"), "lock": N_("an object was locked"),
    "hold": N_("a legal hold was set or lifted"), "setting": N_("a setting was changed"),
    "clock": N_("its clock was set back"), "audit": N_("a store was audited"), "move": N_("fragments were moved"),
    "repair": N_("fragments were repaired"), "share": N_("an object was shared"), "revoke": N_("a share was revoked"),
}  # fmt: skip
"""Events of a vault's log, by the words in it."""
ANSWERS: Final[Mapping[str, str]] = {"given": N_("given"), "refused": N_("refused")}


def filled(kind: str, facts: Mapping[str, str], translate: Callable[[str], str]) -> str:
    """The sentence of an event in the reader's language."""
    told = dict(facts)
    for name, words in (("what", LEDGER), ("event", VAULT), ("answer", ANSWERS)):
        if told.get(name) in words:
            told[name] = translate(words[told[name]])
    return translate(SENTENCES[kind]) % told
