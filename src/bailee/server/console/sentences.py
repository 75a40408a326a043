"""What happened in a folder, as sentences: one for each kind of event that `bailee.party.events` knows."""

from __future__ import annotations

from collections.abc import Mapping
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
    "ledger": N_("On the ledger: %(words)s"),
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
