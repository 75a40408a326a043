"""A home with a chain and a lineage of three works, to try payments on: rows, a song made of them, a remix of that.

Four accounts: the owner registered the rows, the builder made the song under a grant that asks for 40 %, the remixer
the remix under one that asks for a quarter of that; the consumer has coins, which song and remix take and rows too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount

from bailee.adapters.chain.accounts import create_account, open_account
from bailee.adapters.chain.artefacts import artefact
from bailee.adapters.chain.deployment import Configuration, deploy, deploy_coin
from bailee.adapters.chain.embedded.ledger import open_ledger
from bailee.adapters.chain.ledger import Ledger
from bailee.adapters.chain.ledger.events import Accepted
from bailee.adapters.chain.ledger.facts import NATIVE, WHOLE, ZERO, Kind, Naming, Part
from bailee.adapters.chain.opening import embedded_chain, folder_of
from bailee.keys import Secret
from bailee.party.opened_ledger import LedgerPlace, remember
from bailee.records.offer import Offer, sign_offer
from chains import RICH, account
from commands import run

PASSPHRASE = Secret(b"eine lange Losung")
PEOPLE = ("owner", "builder", "remixer", "consumer")
ROWS, SONG, REMIX = (f"{number:064x}" for number in (17, 18, 19))


@dataclass
class PaidWorks:
    home: Path
    ledger: str
    addresses: dict[str, str]
    coin: str
    rows: int
    song: int
    remix: int

    def run(self, who: str, *words: str | Path) -> tuple[int, dict[str, Any]]:
        """A command as one of PEOPLE."""
        return run(*words, "--account", who, "--passphrase-file", self.home / "passphrase", "--home", self.home)

    def look(self, *words: str | Path) -> tuple[int, dict[str, Any]]:
        return run(*words, "--home", self.home)

    def add_model(self, commitment: str) -> int:
        """A model that the builder trained on the rows under a royalty of 40 %, attested by the consumer; its work."""
        people = {name: open_account(self.home, name, PASSPHRASE) for name in PEOPLE}
        books = open_ledger(folder_of(self.home))
        with embedded_chain(books) as chain:
            owner, builder, verifier = (Ledger.named(chain, self.ledger, people[name]) for name in _TRAINING)
            grant = _granted(owner, people["owner"], builder, self.rows, 4 * WHOLE // 10, 10**9)
            owner.grants.set_budget(self.rows, 10**9, 10**12)
            owner.grants.spend(grant, "5e" * 32, 10**9, 10**12, ZERO)
            parts = [Part(grant, WHOLE)]
            verifier.verifiers.join()
            claim = builder.registry.claim_of(commitment, parts)
            verifier.verifiers.attest(claim)
            while not verifier.verifiers.is_final(claim):
                books.fund(bytes(20), 10**9)  # a block, a second later
            builder.registry.derive(Kind.MODEL, Naming(commitment), parts, currencies=[self.coin])
            return builder.registry.id_of(commitment)


_TRAINING = ("owner", "builder", "consumer")


def new_paid_works(home: Path) -> PaidWorks:
    (home / "passphrase").write_bytes(PASSPHRASE.reveal())
    (home / "passphrase").chmod(0o600)
    for name in PEOPLE:
        create_account(home, name, PASSPHRASE, scrypt_n=2)
    people = {name: open_account(home, name, PASSPHRASE) for name in PEOPLE}
    books = open_ledger(folder_of(home))
    with embedded_chain(books) as chain:
        for one in people.values():
            books.fund(bytes.fromhex(one.address[2:]), RICH)
        found = deploy(chain, people["owner"], _CONFIGURATION)
        parties = {name: Ledger(chain, found, one) for name, one in people.items()}
        coin = deploy_coin(chain, people["owner"])
        minted = chain.web3.eth.contract(address=coin, abi=artefact("Coin").abi)  # type: ignore[call-overload]
        chain.send(minted.functions.mint(people["consumer"].address, 10**12), people["owner"])
        owner, builder, remixer = (parties[name] for name in PEOPLE[:3])
        owner.registry.register(Kind.DATASET, Naming(ROWS), currencies=[coin])
        rows = owner.registry.id_of(ROWS)
        song = _derived(owner, people["owner"], builder, rows, SONG, 4 * WHOLE // 10, WHOLE, coin)
        remix = _derived(builder, people["builder"], remixer, song, REMIX, WHOLE // 2, WHOLE // 2, coin)
        remember(home, LedgerPlace("embedded:", owner.name))
        return PaidWorks(home, owner.name, {name: one.address for name, one in people.items()}, coin, rows, song, remix)


def _derived(
    owner: Ledger, signer: LocalAccount, maker: Ledger, of: int, commitment: str, royalty: int, share: int, coin: str
) -> int:
    grant = _granted(owner, signer, maker, of, royalty, 0)
    maker.registry.derive(Kind.CONTENT, Naming(commitment), [Part(grant, share)], currencies=[coin])
    return maker.registry.id_of(commitment)


def _granted(owner: Ledger, signer: LocalAccount, maker: Ledger, of: int, royalty: int, epsilon: int) -> str:
    assert maker.account is not None
    offer = Offer(
        of, maker.account.address, ZERO, ZERO, ZERO, ZERO, 0, 2**40, NATIVE, 0, royalty, epsilon, epsilon * 1000, ZERO
    )
    signed = sign_offer(offer, signer, owner.name)
    return str(maker.grants.accept(signed.offer, signed.signature).one(Accepted).grant)


_CONFIGURATION = Configuration(tuple(account(number).address for number in (6, 7, 8)), 2, 1, 1, 10**18, 10**17)
