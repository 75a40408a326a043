"""The ledger of the demo: works registered, consent given for a royalty, the model registered, a use of it paid.

One process serves an embedded chain, the others reach it by JSON-RPC. To be quick, works and consent are brought onto
the ledger here, for each party with its own account; training, payment and drawing are commands in processes.
"""

from __future__ import annotations

import secrets
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from bailee.adapters.chain.accounts import create_account, open_account
from bailee.adapters.chain.chain import Chain
from bailee.adapters.chain.deployment import Configuration, deploy, ledger_name
from bailee.adapters.chain.ledger import Ledger
from bailee.adapters.chain.ledger.events import Accepted
from bailee.adapters.chain.ledger.facts import WHOLE, Kind, Naming, Part
from bailee.adapters.chain.opening import open_chain
from bailee.keys import Secret
from bailee.records import Anchor, AnchoredPassport, Card, Grant, Signed, canonical, digest, open_passport, open_signed
from bailee.records.offer import offer_of, sign_offer
from bailee.records.part import parts_of
from bailee.seal.card import CARD_FILE
from parties import Party, free_address

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

DATASET = "heart-disease"
ROYALTY = WHOLE * 6 // 10
"""What each hospital asks of a model's earnings, for a share of use of one: together they get 60 %."""
PRICE = "100"
BUDGET = (8 * 10**9, 10**14)
"""Of each dataset on the ledger: epsilon in 10^-9, delta in 10^-18."""
_MONEY = 10 * 10**18


@dataclass
class Market:
    """parties: hospitals by name, and builder, verifier, consumer; works: of each hospital's dataset."""

    folder: Path
    parties: dict[str, Party]
    hospitals: tuple[str, ...]
    chain: Chain
    url: str
    node: subprocess.Popen[bytes]
    name: str = ""
    coin: str = ""
    accounts: dict[str, LocalAccount] = field(default_factory=dict)
    works: dict[str, int] = field(default_factory=dict)
    grants: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, hospitals: dict[str, Party], builder: Party) -> Market:
        """A chain that is served, everybody's account with money for gas, and the contracts."""
        address = free_address()
        node = Party("the chain", folder / "chain").start(
            folder / "chain.log", "ledger", "serve", "--faucet", "--listen", address
        )
        try:
            return cls._begun(folder, hospitals, builder, f"http://{address}", node)
        except BaseException:
            node.kill()
            raise

    @classmethod
    def _begun(
        cls, folder: Path, hospitals: dict[str, Party], builder: Party, url: str, node: subprocess.Popen[bytes]
    ) -> Market:
        parties = {**hospitals, "builder": builder}
        parties |= {name: Party(name, folder / name) for name in ("verifier", "consumer")}
        with ThreadPoolExecutor(2) as pool:
            accounts = dict(zip(parties, pool.map(_account, parties.values()), strict=True))
        made = cls(folder, parties, tuple(hospitals), _reached(url, node), url, node)
        made.accounts = accounts
        for account in accounts.values():
            made._ask("bailee_fund", account.address, hex(_MONEY))
        arbiters = tuple(accounts[name].address for name in made.hospitals[:3])
        made.name = ledger_name(
            made.chain.chain_id,
            deploy(made.chain, accounts["builder"], Configuration(arbiters, 2, 1, 1, 10**18, 10**17)),
        )
        made.coin = made.run("verifier", "ledger", "coin", "1000", "--to", accounts["consumer"].address)["currency"]
        return made

    def close(self) -> None:
        self.chain.close()
        self.node.kill()
        self.node.wait()

    def run(self, who: str, *arguments: str | Path) -> dict[str, Any]:
        """A command of a party, on this ledger."""
        party = self.parties[who]
        return party.run(*arguments, "--ledger", self.url, "--passphrase-file", party.home / "passphrase")

    def ledger(self, who: str) -> Ledger:
        return Ledger.named(self.chain, self.name, self.accounts[who])

    def plan(self, plan: Path) -> Path:
        """The plan, under this ledger: its owners spend their budgets there before any sum leaves them."""
        named = self.folder / "plan.toml"
        named.write_text(f'ledger = "{self.name}"\n{plan.read_text()}')
        return named

    def register(self, who: str) -> str:
        """A hospital's dataset, by the commitment of its card, with a budget; the commitment."""
        card = self.parties[who].home / "datasets" / DATASET / CARD_FILE
        commitment = digest(canonical(open_signed(card.read_bytes(), Card).record.commitment))
        ledger = self.ledger(who)
        ledger.registry.register(Kind.DATASET, Naming(commitment), currencies=[self.coin])
        self.works[who] = ledger.registry.id_of(commitment)
        ledger.grants.set_budget(self.works[who], *BUDGET)
        return commitment

    def consent(self, who: str, grant: Path) -> None:
        """What the grant says, offered on the ledger for a royalty, and accepted by the builder."""
        given: Signed[Grant] = open_signed(grant.read_bytes(), Grant)
        builder = self.ledger("builder")
        offer = offer_of(
            given, self.works[who], self.accounts["builder"].address, secrets.token_hex(32), royalty=ROYALTY
        )
        signed = sign_offer(offer, self.accounts[who], self.name)
        self.grants[who] = builder.grants.accept(signed.offer, signed.signature).one(Accepted).grant

    def derive(self, passport: Path) -> int:
        """The model, with the parts that its passport proves: attested by a verifier under a bond, then registered."""
        data = passport.read_bytes()
        record = open_passport(data).record
        if not isinstance(record, AnchoredPassport):
            raise SystemExit("demo: the passport names no ledger, and the plan did")
        anchor = open_signed((passport.parent / "attachments" / record.anchor).read_bytes(), Anchor).record
        under = {spending.owner: spending.grant for spending in anchor.spendings}
        parts = [Part(one.grant, one.share) for one in parts_of([(under[o.owner], o.share) for o in record.owners])]
        builder, verifier = self.ledger("builder"), self.ledger("verifier")
        claim = builder.registry.claim_of(digest(data), parts)
        verifier.verifiers.join()
        verifier.verifiers.attest(claim)
        while not verifier.verifiers.is_final(claim):  # nobody challenges it within its window, a second here
            time.sleep(0.2)
            self._ask("bailee_fund", verifier.verifiers.address, hex(10**9))  # a block
        builder.registry.derive(Kind.MODEL, Naming(digest(data)), parts, currencies=[self.coin])
        return builder.registry.id_of(digest(data))

    def pay(self, model: int) -> dict[str, Any]:
        return self.run(
            "consumer", "royalty", "pay", str(model), PRICE, "--currency", self.coin, "--contracts", self.name
        )

    def claim(self) -> dict[str, int]:
        """Everybody draws what came to them; in the coin's smallest unit, by name."""
        who = (*self.hospitals, "builder")
        with ThreadPoolExecutor(2) as pool:
            said = pool.map(lambda name: self.run(name, "royalty", "claim", "--contracts", self.name), who)
            return {name: int(one["totals"].get(self.coin, 0)) for name, one in zip(who, said, strict=True)}

    def _ask(self, method: str, *parameters: str) -> None:
        told = self.chain.web3.provider.make_request(method, list(parameters))  # type: ignore[arg-type]
        if "error" in told:
            raise SystemExit(f"demo: the chain refuses {method}: {told['error']}")


def paid_table(market: Market, report: dict[str, Any], drawn: dict[str, int]) -> Table:
    """Who got how much of the payment, beside the share of use that the passport proves."""
    table = Table(title=f"Who was paid, of {PRICE} COIN", title_justify="left", title_style="bold")
    for name in ("who", "share", "royalty", "paid"):
        table.add_column(name, justify="left" if name == "who" else "right", no_wrap=True)
    shares = {one["name"]: float(one["share"]) for one in report["owners"]}
    for name in market.hospitals:
        part = shares[name] * ROYALTY / WHOLE
        table.add_row(name, f"{shares[name]:.2%}", f"{part:.2%}", f"{drawn[name] / 10**6:.6f} COIN")
    table.add_row("the builder", "", f"{1 - ROYALTY / WHOLE:.2%}", f"{drawn['builder'] / 10**6:.6f} COIN")
    table.add_section()
    table.add_row("together", "", "", f"{sum(drawn.values()) / 10**6:.6f} COIN")
    return table


def _account(party: Party) -> LocalAccount:
    passphrase, path = Secret(secrets.token_hex(16).encode()), party.home / "passphrase"
    party.home.mkdir(parents=True, exist_ok=True)
    path.touch(0o600)
    path.write_bytes(passphrase.reveal())
    create_account(party.home, "main", passphrase)
    return open_account(party.home, "main", passphrase)


def _reached(url: str, node: subprocess.Popen[bytes]) -> Chain:
    from bailee.errors import ChainError

    for _ in range(600):
        try:
            return open_chain(url)
        except ChainError:
            if node.poll() is not None:
                break
            time.sleep(0.1)
    raise SystemExit(f"demo: the chain at {url} does not answer; what it said is in chain.log")
