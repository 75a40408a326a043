"""What money costs in gas: as written in contracts/gas.toml, at most what was asked, whatever the number of holders."""

import tomllib
from pathlib import Path

import pytest

from chains import Engine, engine  # noqa: F401
from contracts.gas_costs import gas_costs, settled_work
from evm import World, new_world

SNAPSHOT = Path(__file__).parents[2] / "contracts/gas.toml"
MOST = 60_000
OTHERS = {"anvil": 2_000, "embedded": 200}
"""More holders than one: anvil makes them sooner. benchmarks/bench_royalties.py goes to 10,000."""


@pytest.fixture(scope="module")
def world(engine: Engine) -> World:  # noqa: F811
    return new_world(engine)


def test_gas_is_as_written_and_does_not_grow_with_the_holders(world: World) -> None:
    few = gas_costs(world, *settled_work(world, 1))
    many = gas_costs(world, *settled_work(world, 3, others=OTHERS[world.evm.engine.name]))
    written = tomllib.loads(SNAPSHOT.read_text())["shares"]
    changed = {
        name: (written.get(name), gas) for name, gas in few.items() if not _is_as(gas, written.get(name, 0), name)
    }
    assert (changed, few.keys()) == ({}, written.keys()), "if that is meant: write the new numbers there"
    # The zero bytes of addresses and signatures in the call data differ.
    assert {name: (few[name], gas) for name, gas in many.items() if abs(gas - few[name]) > 100} == {}
    asked = ("pay_erc20", "pay_native", "claim_erc20", "claim_native")
    assert {name: few[name] for name in asked if few[name] > MOST} == {}


def _is_as(gas: int, written: int, name: str) -> bool:
    """Exactly; but a signature has another number of zero bytes on another chain."""
    return abs(gas - written) <= (40 if "authorization" in name else 0)
