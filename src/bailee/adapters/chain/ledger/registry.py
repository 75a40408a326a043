"""Works: registered, derived, looked up, disputed. Their tokens are ERC-721: any wallet shows and sends them too."""

from __future__ import annotations

from collections.abc import Sequence

from bailee.adapters.chain.ledger.contract import LedgerContract, Sent
from bailee.adapters.chain.ledger.facts import (
    NOBODY,
    ZERO,
    Dispute,
    Kind,
    Naming,
    Part,
    Status,
    Work,
    case_id,
    claim_id,
    ticket,
    word,
    work_id,
)


class Registry(LedgerContract):
    NAME = "Registry"

    def reserve(self, commitment: str, salt: str) -> Sent:
        """Priority from this block on, showing nothing. Keep the salt (32 random bytes, hex) for `register`."""
        return self._do("reserve", word(ticket(self._sender().address, commitment, salt)))

    def register(
        self,
        kind: Kind,
        naming: Naming,
        fingerprint: bytes = b"",
        uri: str = "",
        resale: int = 0,
        salt: str = ZERO,
        currencies: Sequence[str] = (),
    ) -> Sent:
        """A dataset or content that came of no other work; its id is `id_of(commitment)`.

        fingerprint: at most 2048 bytes; uri: at most 256 characters; resale: basis points, at most 1000; salt: of the
        reservation; currencies: ERC-20s besides native money, at most 3.
        """
        return self._do(
            "register", int(kind), naming.words(), fingerprint, uri, resale, word(salt), list(currencies)
        )  # fmt: skip

    def derive(
        self,
        kind: Kind,
        naming: Naming,
        parts: Sequence[Part],
        fingerprint: bytes = b"",
        uri: str = "",
        resale: int = 0,
        salt: str = ZERO,
        currencies: Sequence[str] = (),
    ) -> Sent:
        """A work made of others, each under a grant that this account accepted; a model needs a final claim."""
        named = [(word(part.grant), part.share) for part in parts]
        arguments = (int(kind), naming.words(), fingerprint, uri, resale, word(salt), list(currencies), named)
        return self._do("derive", *arguments)

    def lead(self, work: int) -> Sent:
        return self._do("lead", work)

    def work(self, work: int) -> Work:
        """Raises NotFoundError where there is none."""
        kind, naming, since, registered, shares, resale, status = self._ask("work", work)
        owner, uri = self._ask("ownerOf", work), self._ask("tokenURI", work)
        named = Naming.from_words(naming)
        return Work(work, Kind(kind), named, since, registered, shares, resale, Status(status), owner, uri)

    def first(self, commitment: str) -> int | None:
        """The earliest registration of a commitment that is not void; None also where nobody called `lead` since."""
        return self._ask("first", word(commitment)) or None

    def id_of(self, commitment: str, registrant: str | None = None) -> int:
        """By this account, or by another."""
        return work_id(registrant or self._sender().address, commitment)

    def claim_of(self, commitment: str, parts: Sequence[Part], registrant: str | None = None) -> str:
        """What verifiers attest before this account, or another, registers a model."""
        return claim_id(self.address, registrant or self._sender().address, commitment, parts)

    def owner(self, work: int) -> str:
        return str(self._ask("ownerOf", work))

    def transfer(self, work: int, receiver: str) -> Sent:
        """The token, and with it the word on grants and budget; shares and what they earn stay with their holders."""
        return self._do("transferFrom", self.owner(work), receiver, work)

    def approve(self, work: int, other: str | None) -> Sent:
        """Let another account (None: nobody) send the token, revoke and spend in the owner's place."""
        return self._do("approve", other or NOBODY, work)

    def royalty(self, work: int, price: int) -> tuple[str, int]:
        """ERC-2981: who gets how much of a sale of the token at `price`."""
        receiver, amount = self._ask("royaltyInfo", work, price)
        return str(receiver), int(amount)

    @property
    def dispute_bond(self) -> int:
        return int(self._ask("dispute_bond"))

    def dispute(self, work: int, evidence: str, uri: str = "", earlier: int | None = None) -> Sent:
        """Say, with the bond, that the work is not its registrant's. evidence: digest of what `uri` has."""
        return self._do("dispute", work, earlier or 0, word(evidence), uri, value=self.dispute_bond)

    def last_dispute(self, work: int) -> Dispute:
        return Dispute(*self._ask("open_dispute", work))

    def case_of(self, work: int) -> str:
        """What arbiters vote on in the work's last dispute."""
        return case_id(self.address, work.to_bytes(32, "big").hex(), self.last_dispute(work).round)

    def conclude(self, work: int) -> Sent:
        return self._do("conclude", work)

    def refundable(self, account: str) -> int:
        return int(self._ask("refunds", account))

    def refund(self) -> Sent:
        return self._do("refund")
