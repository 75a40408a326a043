"""The embedded chain: payments into a work's shares a second, and how long it takes to open; anvil beside it.

Batched: 200 payments a block. Unbatched: a block, two syncs of the disk, for each. Signing is done before. anvil (named
in BAILEE_ANVIL, or fetched by script/tools) gets the same transactions over HTTP; it keeps nothing on disk.

    python benchmarks/bench_chain.py [PAYMENTS]        default: 400
"""

from __future__ import annotations

import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measure import machine

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from bailee.adapters.chain.chain import Chain
from bailee.adapters.chain.deployment import Configuration, deploy
from bailee.adapters.chain.embedded.ledger import open_ledger
from bailee.adapters.chain.ledger import Ledger
from bailee.adapters.chain.ledger.facts import Kind, Naming
from bailee.adapters.chain.opening import embedded_chain
from chains import RICH, account, open_engine

BATCH = 200
OWNER, PAYER = account(0), account(1)


def shares_of_a_work(chain: Chain) -> str:
    """The address of the shares of a new work, on which one payment was made already."""
    told = Configuration((OWNER.address,), 1, 1, 60, 10**9, 10**9)
    ledger = Ledger(chain, deploy(chain, OWNER, told), OWNER)
    naming = Naming(*(secrets.token_hex(32) for _ in range(5)))
    ledger.registry.register(Kind.DATASET, naming)
    work = ledger.registry.first(naming.commitment)
    assert work is not None
    shares = ledger.shares(work)
    shares.pay(10**9, secrets.token_hex(32))
    return shares.address


def payments(chain: Chain, address: str, count: int) -> list[bytes]:
    """Signed `Shares.pay` of native money, 60,000 gas or so each."""
    from bailee.adapters.chain.artefacts import artefact

    contract = chain.web3.eth.contract(address=address, abi=artefact("Shares").abi)  # type: ignore[call-overload]
    first = chain.web3.eth.get_transaction_count(PAYER.address)
    data = contract.encode_abi("pay", args=["0x" + "00" * 20, 10**9, b"\1" * 32])
    told = {
        "type": 2, "chainId": chain.chain_id, "to": address, "value": 10**9, "data": data, "gas": 200_000,
        "maxFeePerGas": 10**11, "maxPriorityFeePerGas": 0,
    }  # fmt: skip
    return [bytes(PAYER.sign_transaction(told | {"nonce": first + at}).raw_transaction) for at in range(count)]


def rate(work: Callable[[], object], count: int) -> str:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return f"{count / wall:7.1f}/s  ({1000 * cpu / count:.2f} ms of CPU each)"


def embedded(count: int, folder: Path) -> None:
    ledger = open_ledger(folder)
    for one in (OWNER, PAYER):
        ledger.fund(bytes.fromhex(one.address[2:]), RICH)
    with embedded_chain(ledger) as chain:
        address = shares_of_a_work(chain)
        raws = payments(chain, address, 2 * count)
        batched, single = raws[:count], raws[count:]

        def in_batches() -> None:
            for at in range(0, count, BATCH):
                with ledger.batch():
                    for raw in batched[at : at + BATCH]:
                        ledger.send(raw)

        print(f"embedded, batched      {rate(in_batches, count)}")
        print(f"embedded, unbatched    {rate(lambda: [ledger.send(raw) for raw in single], count)}")
        contract_call = {"to": address, "data": "0x18160ddd"}
        calls = lambda: [chain.web3.eth.call(contract_call) for _ in range(count)]  # type: ignore[arg-type]  # noqa: E731
        print(f"embedded, eth_call     {rate(calls, count)}")
        gas = {
            chain.web3.eth.get_block(number)["gasUsed"] for number in range(ledger.head.number - 3, ledger.head.number)
        }
        print(f"gas of a payment       {sorted(gas)}")
    opened = []
    for _ in range(20):
        began = time.perf_counter()
        again = open_ledger(folder)
        opened.append(time.perf_counter() - began)
        again.close()
    print(f"reopened               {1000 * statistics.median(opened):.1f} ms, worst of 20 {1000 * max(opened):.1f} ms")


def anvil(count: int, folder: Path) -> None:
    with open_engine("anvil", folder) as engine:
        chain = engine.chain
        raws = payments(chain, shares_of_a_work(chain), count)
        print(
            f"anvil, a block each    {rate(lambda: [chain.web3.eth.send_raw_transaction(raw) for raw in raws], count)}"
        )


if __name__ == "__main__":
    machine()
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    with tempfile.TemporaryDirectory() as temporary:
        embedded(wanted, Path(temporary) / "chain")
        anvil(wanted, Path(temporary))
