"""What money costs in gas: against the number of holders, against the depth and the width of a lineage.

On anvil (BAILEE_ANVIL, script/tools). Baseline: sending each holder its part in the payment's own transaction, as a
payment that is split at once must: one transfer of the coin to a holder that has some already.

    python benchmarks/bench_royalties.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import machine

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "tests")]

from chains import open_engine  # noqa: E402
from contracts.gas_costs import gas_costs, settled_work  # noqa: E402
from evm import WHOLE, Contract, World, new_world  # noqa: E402

HOLDERS = (0, 100, 1_000, 10_000)
LINEAGE = (1, 2, 4, 8, 16, 32, 64)
USE = b"\x01" * 32
PAYMENT = 10**9
NAMES = ("pay_erc20", "pay_native", "claim_erc20", "claim_native", "gather_erc20")


def holders(world: World) -> None:
    print("\nholders of the work beyond three; gas in the steady state")
    print(f"{'holders':>8} " + " ".join(f"{name:>13}" for name in NAMES) + f" {'sent to each':>13}")
    evm, payer = world.evm, world.evm.accounts[1]
    for number, others in enumerate(HOLDERS):
        found = gas_costs(world, *settled_work(world, 10 + 2 * number, others))
        evm.do(payer, world.coin, "transfer", evm.accounts[0].address, 1)
        one = evm.do(payer, world.coin, "transfer", evm.accounts[0].address, 1).gas - 21_000
        told = " ".join(f"{found[name]:>13,}" for name in NAMES)
        print(f"{others + 3:>8,} {told} {21_000 + one * (others + 3):>13,}")


def chain_of(world: World, first: int, depth: int) -> list[Contract]:
    """Works of which each holds half of the next; the last one is paid for."""
    made = [world.make(first, {world.owner.address: WHOLE}, (world.coin.address,))]
    for number in range(1, depth + 1):
        half = {made[-1].address: WHOLE // 2, world.owner.address: WHOLE // 2}
        made.append(world.make(first + number, half, (world.coin.address,)))
    return made


def deep(world: World) -> None:
    print("\ndepth: works in a line, each holding half of the next; the second payment and the second way up")
    print(f"{'depth':>8} {'payment':>13} {'whole way up':>13} {'a step':>13}")
    evm, payer, coin = world.evm, world.evm.accounts[1], world.coin
    for number, depth in enumerate(LINEAGE):
        line = chain_of(world, 1_000 + 100 * number, depth)
        world.give(coin, payer, 4 * PAYMENT * 2**depth, line[-1])
        for _ in range(2):
            paid = evm.do(payer, line[-1], "pay", coin.address, PAYMENT * 2**depth, USE).gas
            steps = [
                evm.do(payer, parent, "gather", child.address, coin.address).gas
                for parent, child in zip(line[-2::-1], line[:0:-1], strict=True)
            ]
        print(f"{depth:>8} {paid:>13,} {sum(steps):>13,} {sum(steps) // depth:>13,}")


def wide(world: World) -> None:
    print("\nwidth: one model made of so many works, with equal parts; its registration, a payment, and all gathers")
    print(f"{'width':>8} {'initialise':>13} {'payment':>13} {'all gathers':>13} {'each':>13}")
    evm, payer, coin = world.evm, world.evm.accounts[1], world.coin
    for number, width in enumerate(LINEAGE):
        first = 10_000 + 100 * number
        parents = [world.make(first + i, {world.owner.address: WHOLE}, (coin.address,)) for i in range(width)]
        units = {parent.address: WHOLE // (2 * width) for parent in parents}
        units[world.owner.address] = WHOLE - sum(units.values())
        arguments = (first + 99, world.owner.address, list(units), list(units.values()), [coin.address])
        made = evm.do(world.owner, world.works, "make", *arguments).gas
        model = Contract(evm.call(world.works, "sharesOf", first + 99), parents[0].abi)
        world.give(coin, payer, 4 * PAYMENT, model)
        for _ in range(2):
            paid = evm.do(payer, model, "pay", coin.address, PAYMENT, USE).gas
            gathers = [evm.do(payer, parent, "gather", model.address, coin.address).gas for parent in parents]
        print(f"{width:>8} {made:>13,} {paid:>13,} {sum(gathers):>13,} {sum(gathers) // width:>13,}")


def main() -> None:
    machine()
    with tempfile.TemporaryDirectory() as folder, open_engine("anvil", Path(folder)) as engine:
        world = new_world(engine)
        holders(world)
        deep(world)
        wide(world)


if __name__ == "__main__":
    main()
