"""Why a contract refused, in words that say what to do. The contracts themselves say short codes, to stay small.

A code that is not here, and the sentences of Shares and Coin, come through as they are, as RevertError.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bailee.errors import (
    AuthorityError,
    BaileeError,
    BudgetError,
    ConflictError,
    GrantError,
    InputError,
    NotFoundError,
    RevertError,
    SignatureError,
)

REASONS: dict[str, tuple[type[BaileeError], str]] = {
    # Registry
    "bad-kind": (InputError, "a work is a dataset, a model or a content; a model can only be derived"),
    "no-parts": (InputError, "a derived work names at least one grant that it was made under; else register it"),
    "no-commitment": (InputError, "a work needs a commitment that is not all zero"),
    "resale-over-limit": (InputError, "at most a tenth of a resale (1000 basis points) can be asked"),
    "registered": (ConflictError, "this account registered this commitment already; look it up with `first`"),
    "reserved": (ConflictError, "this ticket is reserved already: register, with the same salt"),
    "parts-over-one": (InputError, "the parts' shares of use add up to more than one (10^9)"),
    "not-your-grant": (GrantError, "a part names a grant that this account did not accept: accept its offer first"),
    "void-work": (GrantError, "the work was voided by the arbiters: nothing more can be granted or made under it"),
    "not-spent": (GrantError, "a grant of a dataset was never spent on: train in a session that names the ledger"),
    "not-final": (GrantError, "the claim is not final: wait for quorum and window, or check registrant and parts"),
    "no-work": (NotFoundError, "there is no work of that id on this ledger"),
    "not-earlier": (ConflictError, "another registration of that commitment is as early, or earlier"),
    "not-good": (ConflictError, "the work has an open dispute or is void: wait for the arbiters, then `conclude`"),
    "bad-earlier": (InputError, "the earlier work is not on this ledger, or is the disputed one; name another, or 0"),
    "bad-bond": (InputError, "the bond must be exactly what the contract asks"),
    "not-disputed": (NotFoundError, "the work has no open dispute"),
    "undecided": (ConflictError, "the arbiters have not decided yet: wait for their votes"),
    "nothing-owed": (NotFoundError, "nothing is owed to this account"),
    "not-allowed": (AuthorityError, "this account neither owns the work nor is approved by its owner"),
    "not-owner": (AuthorityError, "only the work's owner may do this"),
    "zero-address": (InputError, "the zero address is nobody's; name an account"),
    "refused": (InputError, "the receiver is a contract that does not take works; name another"),
    # Grants
    "not-builder": (AuthorityError, "the offer names another builder: use that account, or ask for another offer"),
    "accepted": (ConflictError, "the offer was accepted already; its grant stands"),
    "revoked": (GrantError, "the owner revoked it; ask for another offer"),
    "bad-period": (InputError, "the offer ends before it begins; ask for another one"),
    "expired": (GrantError, "the offer's time is over; ask for another one"),
    "royalty-over-one": (InputError, "the offer asks for more than all (10^9) of what is earned"),
    "bad-value": (InputError, "the value sent must be the price in native money, and nothing for any other currency"),
    "not-paid": (InputError, "the currency refused the payment: is there enough, and did the payer allow it?"),
    "not-signed-by-owner": (
        SignatureError,
        "the signature is not of the work's present owner over exactly these terms, this chain and this ledger",
    ),
    "other-work": (GrantError, "the grant is of another work; name that one"),
    "budget-only-falls": (BudgetError, "a work's budget can be lowered, never raised"),
    "no-grant": (NotFoundError, "nobody accepted a grant of that id"),
    "not-live": (GrantError, "the grant is not live: not yet begun, over, revoked, or its work is void"),
    "spent": (ConflictError, "this session was spent on under this grant already"),
    "no-budget": (BudgetError, "the work has no budget: its owner sets one first"),
    "budget-spent": (BudgetError, "the work's privacy budget has not that much left"),
    "grant-spent": (BudgetError, "the grant's own limit has not that much left"),
    # Verifiers and Arbiters
    "joined": (ConflictError, "this account is a verifier already"),
    "not-bonded": (AuthorityError, "this account is no verifier: join with a bond first"),
    "left": (AuthorityError, "this verifier has left and attests no more; withdraw, then join anew"),
    "not-left": (ConflictError, "only a verifier that left gets its bond back: leave first"),
    "too-early": (ConflictError, "the bond stays for two windows after leaving; wait"),
    "claims-open": (ConflictError, "a claim that this verifier attested is open: retract it, or wait"),
    "void-claim": (ConflictError, "the claim was found wrong; it is void for good"),
    "challenged": (ConflictError, "the claim is being challenged: wait for the arbiters, then `conclude`"),
    "final": (ConflictError, "the claim is final; only a dispute at the Registry is left"),
    "attested": (ConflictError, "this verifier attested this claim already"),
    "claim-full": (ConflictError, "the claim has sixteen verifiers, which is all it takes"),
    "too-many-open": (ConflictError, "this verifier stands for eight open claims: wait, or retract one"),
    "not-attested": (NotFoundError, "this verifier did not attest this claim"),
    "quorum-reached": (ConflictError, "the claim has its quorum (or is void): a word on it cannot be taken back"),
    "nobody-attested": (NotFoundError, "nobody attested this claim, so there is nothing to challenge"),
    "not-challenged": (NotFoundError, "the claim has no open challenge"),
    "not-arbiter": (AuthorityError, "this account is not among the ledger's arbiters"),
    "voted": (ConflictError, "this arbiter has voted on this case; a vote stands"),
    "decided": (ConflictError, "the case is decided"),
}  # fmt: skip


def said(error: RevertError) -> BaileeError:
    """The error that says what to do; `error` itself where its reason is no code of ours."""
    if error.reason not in REASONS:
        return error
    kind, text = REASONS[error.reason]
    return kind(f"the ledger refuses ({error.reason}): {text}")


@contextmanager
def in_words() -> Iterator[None]:
    """Every RevertError inside becomes what `said` makes of it."""
    try:
        yield
    except RevertError as error:
        raise said(error) from None
