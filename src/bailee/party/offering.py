"""Offers on a ledger as every face makes, finds, checks and accepts them. An owner's folder and a builder's keep them.

What a ledger knows of an offer is `State`; what ODRL makes of it is in `bailee.grant.odrl`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bailee.adapters.files import read_bytes
from bailee.errors import AuthorityError, GrantError, InputError, NotFoundError, SignatureError
from bailee.grant.odrl import from_odrl
from bailee.party.home import PartyHome
from bailee.records import Grant, Signed, canonical, digest
from bailee.records.offer import NATIVE, NONE, Offer, SignedOffer, offer_of, sign_offer

if TYPE_CHECKING:
    from bailee.adapters.chain.ledger import Ledger, Sent

FOLDER = "offers"
_LIMIT = 1 << 18
_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Price:
    """What a use costs. amount in the currency's smallest unit; royalty of 10^9."""

    currency: str = NATIVE
    amount: int = 0
    royalty: int = 0


@dataclass(frozen=True)
class State:
    """What a ledger knows of an offer. owner, void: of its work, now; time: the ledger's, in seconds since 1970.

    accepted, revoked: blocks; None for not. Spending in the ledger's units.
    """

    owner: str
    void: bool
    time: int
    accepted: int | None
    revoked: int | None
    spent_epsilon: int = 0
    spent_delta: int = 0
    sessions: int = 0

    def in_words(self, offer: Offer) -> str:
        """From the last thing that happened to the first."""
        said = [] if self.revoked is None else [f"revoked in block {self.revoked}"]
        if self.accepted is None:
            said += [] if said else ["offered, not accepted"]
        else:
            said.append(f"accepted in block {self.accepted}")
        if self.time > offer.not_after:
            said.append("its time is over")
        elif self.time < offer.not_before:
            said.append("its time has not begun")
        return "; ".join([*said, *(["its work is void"] if self.void else [])])


def keep_offer(party: PartyHome, signed: SignedOffer) -> Path:
    return party.keep(FOLDER, signed.id, signed.to_json())


def kept_offers(party: PartyHome) -> Iterator[SignedOffer]:
    for path in sorted((party.path / FOLDER).glob("*.json")):
        if _ID.fullmatch(path.stem):
            yield read_offer(path)


def read_offer(path: Path) -> SignedOffer:
    """An offer as it travels, or as the ODRL policy that says the same. RecordError, SignatureError, InputError."""
    data = read_bytes(path, _LIMIT, "offer")
    return from_odrl(data).signed if data.startswith(b'{"@context":') else SignedOffer.from_json(data)


def find_offer(party: PartyHome, name: str) -> SignedOffer:
    """The one in the file `name`, or the one kept here whose id begins with it. InputError, RecordError."""
    if Path(name).is_file():
        return read_offer(Path(name))
    kept = list(kept_offers(party))
    found = [one for one in kept if name and one.id.startswith(name)]
    if len(found) != 1:
        known = ", ".join(one.id[:16] for one in kept) or "none"
        problem = f"{len(found)} offers begin with {name!r}" if found else f"no offer {name!r}"
        raise InputError(f"{problem} in {party.path}, nor a file of that name; there are: {known}")
    return found[0]


def grant_behind(party: PartyHome, signed: SignedOffer) -> Signed[Grant] | None:
    """The grant/v1 of this folder that the offer stands for."""
    if signed.offer.record == NONE:
        return None
    return next((one for one in party.grants() if one.digest == signed.offer.record), None)


def is_of(ledger: str, signed: SignedOffer) -> bool:
    """Whether the offer is for the ledger of that CAIP-10 name."""
    return signed.ledger.lower() == ledger.lower()


def look_up(ledger: Ledger, signed: SignedOffer) -> State:
    """InputError where the offer is for another ledger, NotFoundError where its work is not there."""
    from bailee.adapters.chain.ledger.facts import Status

    if not is_of(ledger.name, signed):
        raise InputError(
            f"the offer is for the ledger {signed.ledger}, and this is {ledger.name}: name that one with --contracts, "
            "and a node of its chain with --ledger"
        )
    work, terms = ledger.registry.work(signed.offer.work), ledger.grants.grant(signed.id)
    spent = (0, 0, 0) if terms is None else (terms.spent_epsilon, terms.spent_delta, terms.sessions)
    return State(
        work.owner,
        work.status == Status.VOID,
        ledger.chain.block().time,
        None if terms is None else terms.accepted,
        ledger.grants.revoked(work.id, signed.id),
        *spent,
    )


def make_offer(
    party: PartyHome, ledger: Ledger, grant: Signed[Grant], builder: str, price: Price, salt: str
) -> tuple[SignedOffer, bool]:
    """Offer, as the ledger's account, what the grant says; whether it is new, and not one that is kept and still good.

    builder: the address that may accept; salt: 32 fresh random bytes, hex. GrantError, AuthorityError, NotFoundError.
    """
    if party.revocation(grant.record.id) is not None:
        raise GrantError(f"the grant {grant.record.id} was taken back; give another one with: bailee grant")
    work = _work_of(party, ledger, grant)
    terms = offer_of(grant, work, builder, salt, currency=price.currency, price=price.amount, royalty=price.royalty)
    return _sign(party, ledger, terms)


def make_licence(
    party: PartyHome, ledger: Ledger, work: int, builder: str, ends: datetime, price: Price, salt: str
) -> tuple[SignedOffer, bool]:
    """The same for a model or a content, which no grant/v1 is about: works may be made from it until `ends`."""
    from bailee.adapters.chain.ledger.facts import Kind

    if ledger.registry.work(work).kind == Kind.DATASET:
        raise InputError(f"the work {work} is a dataset: give a grant (bailee grant), then offer that one")
    terms = Offer(
        work=work, builder=builder, record=NONE, purpose=NONE, plan=NONE, fields=NONE, not_before=0,
        not_after=int(ends.timestamp()), currency=price.currency, price=price.amount, royalty=price.royalty,
        epsilon=0, delta=0, salt=salt,
    )  # fmt: skip
    return _sign(party, ledger, terms)


def _sign(party: PartyHome, ledger: Ledger, terms: Offer) -> tuple[SignedOffer, bool]:
    account, work, currency = ledger.account, terms.work, terms.currency
    if account is None:
        raise InputError("an offer is signed: name an account with --account")
    if (owner := ledger.registry.owner(work)) != account.address:
        raise AuthorityError(
            f"the work {work} on {ledger.name} belongs to {owner}, not to {account.address}: sign with that account, "
            "or open a dispute"
        )
    if currency != NATIVE and currency not in ledger.shares(work).currencies():
        raise InputError(
            f"the work's shares do not take the currency {currency}, so nobody could pay the price: choose one that "
            "they take, or let them take this one first"
        )
    if terms.not_after < ledger.chain.block().time:
        over = datetime.fromtimestamp(terms.not_after, UTC)
        raise GrantError(f"what is offered ended at {over:%Y-%m-%dT%H:%M:%SZ}; give another grant: bailee grant")
    for kept in kept_offers(party):
        same = is_of(ledger.name, kept) and replace(kept.offer, salt=terms.salt) == terms
        if same and kept == sign_offer(kept.offer, account, kept.ledger) and not ledger.grants.revoked(work, kept.id):
            return kept, False
    signed = sign_offer(terms, account, ledger.name)
    keep_offer(party, signed)
    return signed, True


def accept_offer(party: PartyHome, ledger: Ledger, signed: SignedOffer) -> tuple[State, Sent | None]:
    """Accept and pay, as the ledger's account; the state before, and nothing sent where it was accepted already.

    The offer is kept first, so that whoever is killed in between finds it. AuthorityError, GrantError, SignatureError,
    before anything is sent.
    """
    state = look_up(ledger, signed)
    if state.accepted is None:
        _check_acceptable(ledger, signed, state)
    keep_offer(party, signed)
    if state.accepted is not None:
        return state, None
    return state, ledger.grants.accept(signed.offer, signed.signature)


def revoke_offer(ledger: Ledger, signed: SignedOffer) -> tuple[State, Sent | None]:
    """Take it back, accepted or not; nothing is sent where it was already."""
    state = look_up(ledger, signed)
    if state.revoked is not None:
        return state, None
    return state, ledger.grants.revoke(signed.offer.work, signed.id)


def _work_of(party: PartyHome, ledger: Ledger, grant: Signed[Grant]) -> int:
    """Number of the grant's dataset on the ledger: its first registration, which is all that sessions look at."""
    card = party.dataset_of(grant).card
    work = ledger.registry.first(digest(canonical(card.record.commitment)))
    if work is None:
        raise NotFoundError(
            f"the dataset {card.record.name!r} is not registered on {ledger.name}: bailee work register, then offer"
        )
    return work


def _check_acceptable(ledger: Ledger, signed: SignedOffer, state: State) -> None:
    """What the contract would refuse, said before anything is sent or paid."""
    from bailee.adapters.chain.refusals import outside

    offer, account = signed.offer, ledger.account
    if account is None:
        raise InputError("accepting needs an account: name one with --account")
    if account.address.lower() != offer.builder.lower():
        raise AuthorityError(
            f"the offer is for {offer.builder}, and this account is {account.address}: use that one (--account), or "
            "ask the owner for another offer"
        )
    if state.revoked is not None:
        raise GrantError(f"the owner took this offer back in block {state.revoked}; ask for another one")
    if state.time > offer.not_after:
        over = datetime.fromtimestamp(offer.not_after, UTC)
        raise GrantError(f"the offer's time was over at {over:%Y-%m-%dT%H:%M:%SZ}; ask for another one")
    if state.void:
        raise GrantError("the work was voided by the ledger's arbiters: nothing can be made under it any more")
    with outside("an owner's code"):
        is_wallet = bool(ledger.chain.web3.eth.get_code(state.owner))  # type: ignore[arg-type]
    if not is_wallet and (signer := signed.signer()) != state.owner:  # a wallet's signature the contract checks
        raise SignatureError(
            f"the offer is signed by {signer}, and the work {offer.work} belongs to {state.owner}: nothing was paid; "
            "the terms were changed, or the work was sold since: ask its owner for an offer"
        )
