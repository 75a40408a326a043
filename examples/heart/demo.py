"""Four hospitals train one private model, prove it and are paid for it, on this machine: run by script/demo.

Every party is a folder of its own and acts through `bailee` commands in processes of its own; this file only starts
them and shows what they say. It works in .demo/ and begins afresh every time.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.table import Table

from bailee.seal import read_schema
from baselines import accuracies
from hospitals import HOSPITALS, Tables, write_tables
from parties import Party, bailee, free_address
from paying import PRICE, Market, paid_table
from tampering import tamper

HERE = Path(__file__).parent
SCHEMA, PLAN = HERE / "schema.toml", HERE / "plan.toml"
MARK = "made-by-bailee-demo"


@dataclass
class Demo:
    folder: Path
    console: Console

    def step(self, number: int, title: str, command: str) -> None:
        self.console.print(f"\n[bold]{number}. {title}[/bold]\n   [dim]$ {command}[/dim]")

    def make_parties(self) -> tuple[dict[str, Party], Party]:
        self.step(1, "Every hospital and the builder make their keys", 'bailee key new "Cleveland" --home cleveland')
        hospitals = {name: Party(name, self.folder / short) for name, short in HOSPITALS.items()}
        builder = Party("Heart model builder", self.folder / "builder")
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda party: party.run("key", "new", party.name), (*hospitals.values(), builder)))
        return hospitals, builder

    def seal(self, hospitals: dict[str, Party], tables: Tables) -> float:
        self.step(2, "Each seals its rows: checks, commits, proves them valid, encrypts",
                  "bailee seal cleveland.csv schema.toml --home cleveland")  # fmt: skip
        started = time.monotonic()
        with ThreadPoolExecutor(2) as pool:
            sealed = pool.map(lambda name: hospitals[name].run("seal", tables.owners[name], SCHEMA), hospitals)
            for name, said in zip(hospitals, sealed, strict=True):
                self.console.print(f"   {name}: {said['rows']} rows, card {said['card'][:16]}...")
        return time.monotonic() - started

    def register(self, market: Market) -> None:
        self.step(3, "Each registers its rows on a ledger, by what the card commits to, with a privacy budget",
                  "bailee work register heart-disease --budget-epsilon 8 --budget-delta 1e-4")  # fmt: skip
        for name in market.hospitals:
            commitment = market.register(name)
            self.console.print(f"   {name}: commitment {commitment[:16]}..., work {market.works[name] % 10**8:08}")

    def grant(self, hospitals: dict[str, Party], builder: Party, plan: Path, market: Market) -> dict[str, str]:
        self.step(4, "Each grants the builder this plan, for its purpose, for 30 days, up to epsilon 4, for a royalty",
                  "bailee grant heart-disease ...    # and: bailee consent offer GRANT --royalty 60%")  # fmt: skip
        with ThreadPoolExecutor() as pool:
            said = pool.map(
                lambda party: party.run("grant", "heart-disease", "--builder", builder.public, "--plan", plan),
                hospitals.values(),
            )
            given = dict(zip(hospitals, said, strict=True))
        for name, one in given.items():
            market.consent(name, Path(one["file"]))
        self.console.print(f"   {len(given)} offers accepted on {market.name}")
        return {name: one["grant"] for name, one in given.items()}

    def train(
        self, hospitals: dict[str, Party], builder: Party, grants: dict[str, str], test: Path, plan: Path, node: str
    ) -> dict[str, Any]:
        self.step(5, "Four owner processes and a builder process train; only noisy sums and proofs leave",
                  "bailee train plan.toml --owner ...    # and: bailee join HOST:PORT --grant ...")  # fmt: skip
        address, out = free_address(), self.folder / "passport"
        owners = [
            party.start(self.folder / f"{party.home.name}.log", "join", address, "--grant", grants[name],
                        "--ledger", node, "--passphrase-file", party.home / "passphrase")
            for name, party in hospitals.items()
        ]  # fmt: skip
        try:
            named = [part for party in hospitals.values() for part in ("--owner", party.public)]
            code = builder.watch("train", plan, *named, "--listen", address, "--test", test, "--schema", SCHEMA,
                                 "--out", out, "--patience", "180", "--ledger", node)  # fmt: skip
            if code:
                raise SystemExit(f"demo: training failed; what the owners said is in {self.folder}/*.log")
            for owner in owners:
                owner.wait(60)
        finally:
            for owner in owners:
                owner.kill()
        report: dict[str, Any] = read_report(out)
        return report

    def verify(self) -> dict[str, Any]:
        passport = self.folder / "passport" / "passport.json"
        self.step(6, "Anybody checks the passport, in another process, offline", "bailee verify passport.json")
        said = bailee("verify", passport, "--json")
        if "exit_code" in said:
            raise SystemExit(f"demo: the passport does not hold: {said['message']}")
        self.console.print(
            f"   the passport holds: {len(said['owners'])} owners, {said['rows']} rows, {said['bits']} bits"
        )
        return said

    def settle(self, market: Market, report: dict[str, Any]) -> None:
        self.step(7, "The model is registered with the parts that its passport proves, and a use of it is paid",
                  f"bailee work derive passport    # and: bailee royalty pay MODEL {PRICE}")  # fmt: skip
        model = market.derive(self.folder / "passport" / "passport.json")
        paid = market.pay(model)
        self.console.print(f"   a consumer paid {paid['paid']} for the model, in one transaction")
        self.console.print(paid_table(market, report, market.claim()))
        self.console.print(
            "   What is below a millionth of a coin stays on the ledger and counts with the next payment."
        )


def read_report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def summary(
    report: dict[str, Any], verified: dict[str, Any], sealing: float, base: tuple[float, dict[str, float]]
) -> Group:
    table = Table(title="What each hospital gave, and what it cost", title_justify="left", title_style="bold")
    for name in ("hospital", "rows", "epsilon", "delta", "proved in", "proof", "share"):
        table.add_column(name, justify="left" if name == "hospital" else "right", no_wrap=True)
    order = list(HOSPITALS)
    for owner in sorted(report["owners"], key=lambda one: order.index(one["name"])):
        table.add_row(
            owner["name"],
            str(owner["rows"]),
            f"{float(owner['epsilon']):.2f}",
            f"{float(owner['delta']):.0e}",
            f"{owner['prove_seconds']:.1f} s",
            f"{owner['proof_bytes'] / 1000:.0f} KB",
            f"{float(owner['share']):.1%}",
        )
    facts = Table(title="What came of it", title_justify="left", title_style="bold", show_header=False)
    facts.add_column(no_wrap=True)
    facts.add_column(justify="right", no_wrap=True)
    facts.add_row("accuracy of the private model of all four", f"[bold]{report['accuracy']:.3f}[/bold]")
    facts.add_row("  without privacy, all rows in one place", f"{base[0]:.3f}")
    for name, alone in base[1].items():
        facts.add_row(f"  without privacy, {name} alone", f"{alone:.3f}")
    facts.add_section()
    facts.add_row("time to seal, all four", f"{sealing:.1f} s")
    facts.add_row("time to train", f"{report['train_seconds']:.1f} s")
    facts.add_row("time to prove, all four, and check", f"{report['prove_seconds']:.1f} s")
    facts.add_row("time to verify the passport", f"{verified['seconds']:.2f} s")
    facts.add_row("  after loading libraries and kernels", f"{verified['loading_seconds']:.2f} s")
    facts.add_row("proofs of training, together", f"{sum(one['proof_bytes'] for one in report['owners']) / 1e6:.2f} MB")
    return Group(table, "", facts)


def begin(folder: Path) -> None:
    """An empty work folder. Only a folder that an earlier demo made is removed."""
    if folder.exists():
        if not (folder / MARK).is_file():
            raise SystemExit(f"demo: {folder} exists and was not made by the demo; choose another with --folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARK).touch()


def main() -> None:
    parser = argparse.ArgumentParser(description="Four hospitals, one private model, a proof that anybody can check.")
    parser.add_argument("--folder", type=Path, default=Path(".demo"), help="where the demo works (default: .demo)")
    parser.add_argument("--keep", action="store_true", help="keep the folder, to look around in it afterwards")
    parser.add_argument("--no-tampering", action="store_true", help="stop after the summary")
    options = parser.parse_args()
    started = time.monotonic()
    begin(options.folder)
    demo = Demo(options.folder.resolve(), Console(highlight=False, soft_wrap=True))
    tables = write_tables(demo.folder / "tables")
    hospitals, builder = demo.make_parties()
    sealing = demo.seal(hospitals, tables)
    market = Market.open(demo.folder, hospitals, builder)
    try:
        demo.register(market)
        plan = market.plan(PLAN)
        grants = demo.grant(hospitals, builder, plan, market)
        report = demo.train(hospitals, builder, grants, tables.test, plan, market.url)
        verified = demo.verify()
        demo.settle(market, report)
    finally:
        market.close()
    base = accuracies(tables.owners, tables.test, read_schema(SCHEMA.read_bytes()))
    demo.console.print()
    demo.console.print(summary(report, verified, sealing, base))
    if not options.no_tampering:
        demo.step(8, "What if somebody cheats?", "bailee verify changed/passport.json")
        tamper(demo.folder, hospitals["Cleveland"], builder, demo.console)
    demo.console.print(f"\nDone in {time.monotonic() - started:.0f} s.", end=" ")
    if options.keep:
        demo.console.print(
            f"Everything is in {options.folder}; for example: bailee status --home {options.folder}/cleveland"
        )
    else:
        shutil.rmtree(options.folder)
        demo.console.print("The work folder is removed again; run with --keep to look around in it.")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
