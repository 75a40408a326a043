"""An owner's word: who may do what with a sealed dataset, until when, at what privacy loss; and how it is taken back.

The check itself is `bailee.records.permission`: owners, builders and verifiers share it.
"""

from bailee.grant.authority import (
    give_grant,
    granted_fields,
    open_card,
    open_grant,
    open_revocation,
    revoke,
    waive,
)
from bailee.records.permission import Use, check_grant

__all__ = [
    "Use", "check_grant", "give_grant", "granted_fields", "open_card", "open_grant", "open_revocation", "revoke",
    "waive",
]  # fmt: skip
