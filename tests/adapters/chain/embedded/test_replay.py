"""Our blocks are valid Ethereum blocks: the specification as its makers left it accepts each, on its own slow state."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from ethereum_rlp import rlp

from adapters.chain.test_parity import fuzz, scenario
from bailee.adapters.chain.embedded import genesis
from bailee.adapters.chain.embedded.formats import block_rlp
from bailee.adapters.chain.embedded.provider import EmbeddedProvider
from chains import Engine, open_engine

# Run by a process that has nothing of Bailee's in it, and so nothing of what Bailee changes.
_CHECK = """
import json, sys
from ethereum.prague import fork, state, vm
from ethereum.prague.blocks import Block, Header
from ethereum.prague.fork_types import Account, Address
from ethereum_rlp import rlp
from ethereum_types.numeric import U64, U256, Uint

told = json.load(sys.stdin)
accounts = state.State()
for address, code in told["contracts"].items():
    state.set_account(accounts, Address(bytes.fromhex(address)), Account(Uint(1), U256(0), bytes.fromhex(code)))
first = rlp.decode_to(Header, bytes.fromhex(told["first"]))
assert state.state_root(accounts) == first.state_root
chain = fork.BlockChain([Block(first, (), (), ())], accounts, U64(told["chain_id"]))
for block in told["blocks"]:
    fork.state_transition(chain, rlp.decode_to(Block, bytes.fromhex(block)))
assert not any(name.startswith(("bailee", "ethereum_optimized")) for name in sys.modules)
print(int(chain.blocks[-1].header.number), fork.compute_header_hash(chain.blocks[-1].header).hex())
"""


def test_the_specification_accepts_each_block(tmp_path: Path) -> None:
    with open_engine("embedded", tmp_path) as engine:
        scenario(engine)
        fuzz(engine, seed=1, programs=15)
        one, two = engine.accounts[:2]
        with engine.chain.batch() as batch:  # many in one block, and some that fail
            for number in range(10):
                batch.send({"to": two.address, "value": number}, one)
        told, head = _exported(engine)
    found = subprocess.run(
        [sys.executable, "-c", _CHECK], input=json.dumps(told), capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr[-2000:]
    assert found.stdout.split() == [str(len(told["blocks"])), head]  # type: ignore[arg-type]


def _exported(engine: Engine) -> tuple[dict[str, object], str]:
    provider = engine.chain.web3.provider
    assert isinstance(provider, EmbeddedProvider)
    ledger = provider.ledger
    with ledger.alone() as blocks:
        found = [blocks.block(number) for number in range(ledger.head.number + 1)]
        kept = [one for one in found if one is not None]
        told = {
            "chain_id": ledger.chain_id, "contracts": genesis.CONTRACTS, "first": rlp.encode(kept[0].header).hex(),
            "blocks": [block_rlp(one, blocks.transactions(one.number)).hex() for one in kept[1:]],
        }  # fmt: skip
    return told, kept[-1].hash.hex()
