"""Consent: offers accepted and revoked, and the privacy budget that sessions spend."""

from __future__ import annotations

from bailee.adapters.chain.ledger.contract import MOST_GAS, LedgerContract, Sent
from bailee.adapters.chain.ledger.facts import NATIVE, Budget, GrantState, SpendingState, word
from bailee.errors import GrantError
from bailee.records.offer import Offer


class Grants(LedgerContract):
    NAME = "Grants"

    def accept(self, offer: Offer, signature: bytes) -> Sent:
        """Accept and pay, as the builder it names; an ERC-20's price is allowed to be taken first, where it is not."""
        native = offer.currency == NATIVE
        if offer.price and not native:
            self._allow(offer.currency, self.address, offer.price)
        value = offer.price if native else 0
        return self._do("accept", offer.values(), signature, value=value, most_gas=MOST_GAS)

    def revoke(self, work: int, grant: str) -> Sent:
        """Also before anybody accepted it: then nobody can any more."""
        return self._do("revoke", work, word(grant))

    def set_budget(self, work: int, epsilon: int, delta: int) -> Sent:
        """Units 10^-9 and 10^-18. The first time any; afterwards only lower."""
        return self._do("set_budget", work, epsilon, delta)

    def spend(self, grant: str, session: str, epsilon: int, delta: int, anchor: str) -> Sent:
        return self._do("spend", word(grant), word(session), epsilon, delta, word(anchor))

    def live(self, grant: str) -> bool:
        return bool(self._ask("live", word(grant)))

    def require_live(self, grant: str) -> None:
        """GrantError that says why it is not."""
        if self.live(grant):
            return
        terms = self.grant(grant)
        if terms is None:
            raise GrantError(f"nobody accepted the grant {grant[:16]}... on the ledger")
        if terms.revoked:
            raise GrantError(f"the grant {grant[:16]}... was revoked on the ledger in block {terms.revoked}")
        now, begins, ends = self.chain.block().time, terms.not_before, terms.not_after
        if not begins <= now <= ends:
            raise GrantError(f"the grant {grant[:16]}... is good from {begins} to {ends}; the ledger's time is {now}")
        raise GrantError(f"the grant {grant[:16]}... is of a work that is void on the ledger")

    def grant(self, grant: str) -> GrantState | None:
        """None where nobody accepted it."""
        found = GrantState(*self._ask("grant", word(grant)))
        return found if found.accepted else None

    def revoked(self, work: int, grant: str) -> int | None:
        """The block of the revocation, of an offer that nobody accepted too."""
        return self._ask("revoked", work, word(grant)) or None

    def spending(self, grant: str, session: str) -> SpendingState | None:
        block, epsilon, delta, anchor = self._ask("spending", word(grant), word(session))
        return SpendingState(block, epsilon, delta, anchor.hex()) if block else None

    def budget(self, work: int) -> Budget:
        """All zero where none was set."""
        return Budget(*self._ask("budget", work))

    def digest(self, offer: Offer) -> str:
        """The id that the contract gives an offer; `offer.digest` says the same without a node."""
        return str(self._ask("digest", offer.values()).hex())
