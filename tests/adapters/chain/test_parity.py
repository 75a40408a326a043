"""The same things on anvil and on the embedded chain leave the same receipts, logs, money, codes and storage."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from adapters.chain.programs import calls_itself, destroys_twice_and_reverts, init_code, logs, random_program, says_no
from bailee.errors import RevertError
from chains import DEPLOYMENT_PROXY, RICH, Engine, open_engine

FEES = {"gas": 2_000_000, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0}
PROGRAMS = 40
"""Others each time."""


def coin() -> dict[str, Any]:
    artefact = files("bailee.adapters.chain") / "artefacts" / "Coin.json"
    return json.loads(artefact.read_text())  # type: ignore[no-any-return]


class Teller:
    """What an engine says about a scenario, without what may differ: block numbers, hashes, times, fees."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.web3 = engine, engine.chain.web3
        self.told: list[Any] = []
        self.spent: Counter[str] = Counter()
        self.first = engine.chain.block().number + 1

    def send(self, transaction: Any, sender: int = 0, **more: Any) -> str | None:
        """A transaction that may fail; its contract's address if it made one."""
        account, wanted = self.engine.accounts[sender], {"data": "0x", "value": 0}
        if hasattr(transaction, "data_in_transaction"):
            wanted["data"] = transaction.data_in_transaction
        elif hasattr(transaction, "address"):
            wanted |= {"to": transaction.address, "data": transaction._encode_transaction_data()}
        else:
            wanted |= transaction
        nonce = self.web3.eth.get_transaction_count(account.address)
        wanted |= FEES | {"nonce": nonce, "chainId": self.engine.chain.chain_id, "type": 2} | more
        if wanted["type"] == 0:
            wanted["gasPrice"] = wanted.pop("maxFeePerGas")
            del wanted["maxPriorityFeePerGas"], wanted["type"]
        raw = account.sign_transaction(wanted).raw_transaction
        receipt = self.web3.eth.wait_for_transaction_receipt(self.web3.eth.send_raw_transaction(raw))
        self.spent[account.address] += receipt["gasUsed"] * receipt["effectiveGasPrice"]
        self.told.append(
            {
                "status": receipt["status"], "gas": receipt["gasUsed"], "cumulative": receipt["cumulativeGasUsed"],
                "contract": receipt["contractAddress"], "logs": [self._log(one) for one in receipt["logs"]],
                "bloom": receipt["logsBloom"].hex(), "from": receipt["from"], "to": receipt["to"],
                "type": receipt["type"], "index": receipt["transactionIndex"],
            }
        )  # fmt: skip
        return receipt["contractAddress"]

    def call(self, transaction: dict[str, Any]) -> None:
        """A call, or why it fails."""
        try:
            self.told.append(self.web3.eth.call({"from": self.engine.accounts[0].address, **transaction}).hex())
        except Exception as error:  # web3.py's own classes are what is compared
            self.told.append([type(error).__name__, str(getattr(error, "data", None))])

    def account(self, address: Any) -> None:
        eth = self.web3.eth
        slots = [eth.get_storage_at(address, slot).hex() for slot in (0, 1, 2**256 - 1)]
        # anvil puts the proxy there with nonce 0; where it was deployed, as on other chains, it has 1 (EIP-161)
        count = None if address == DEPLOYMENT_PROXY else eth.get_transaction_count(address)
        self.told.append([eth.get_balance(address) + self.spent[address], eth.get_code(address).hex(), count, slots])

    def logs(self, **asked: Any) -> None:
        found = self.web3.eth.get_logs({"fromBlock": self.first, "toBlock": "latest", **asked})
        self.told.append([self._log(one) for one in found])

    @staticmethod
    def _log(log: Any) -> list[Any]:
        return [log["address"], [topic.hex() for topic in log["topics"]], log["data"].hex(), log["logIndex"]]


def scenario(engine: Engine) -> list[Any]:
    teller, one, two = Teller(engine), engine.accounts[0], engine.accounts[1]
    web3 = engine.chain.web3
    # money: also to itself, to nobody yet, none at all, and by the oldest kind of transaction
    teller.send({"to": two.address, "value": 5})
    teller.send({"to": one.address, "value": 7})
    teller.send({"to": "0x00000000000000000000000000000000000000cc", "value": 10**18})
    teller.send({"to": two.address, "data": "0x" + "ab" * 100}, type=0)
    access = [{"address": two.address, "storageKeys": ["0x" + "00" * 32]}]
    teller.send({"to": two.address}, accessList=access)
    # a real contract of ours
    artefact = coin()
    address = teller.send(
        web3.eth.contract(abi=artefact["abi"], bytecode=artefact["bytecode"]).constructor(one.address)
    )
    token = web3.eth.contract(address=address, abi=artefact["abi"])  # type: ignore[call-overload]
    teller.send(token.functions.mint(one.address, 10**12))
    teller.send(token.functions.transfer(two.address, 5))
    teller.send(token.functions.transfer(two.address, 10**13))
    teller.send(token.functions.approve(two.address, 9))
    teller.send(token.functions.transferFrom(one.address, two.address, 4), sender=1)
    teller.send(token.functions.mint(two.address, 1), sender=1)
    teller.told.append([token.functions.balanceOf(a.address).call() for a in (one, two)])
    with pytest.raises(RevertError) as caught:
        engine.chain.send(token.functions.transfer(two.address, 10**13), one)
    teller.told.append([caught.value.reason, caught.value.data.hex()])
    # what logs, refuses, calls itself, destroys, is made at a chosen place, runs out of gas, is no code
    made = {name: teller.send({"data": code}) for name, code in
            {"logs": logs(), "no": says_no(), "itself": calls_itself(), "twice": destroys_twice_and_reverts(),
             "stop": init_code("00"), "bad": init_code("fe"), "loop": init_code("5b600056")}.items()}  # fmt: skip
    for name, to in made.items():
        teller.send({"to": to, "data": "0x" + "cd" * 33, "gas": 500_000})
        teller.call({"to": to, "data": "0x01"} | ({"gas": 100_000} if name in ("loop", "itself") else {}))
        teller.account(to)
    teller.send({"to": made["itself"], "gas": 20_000_000})  # some hundred and fifty calls deep
    teller.account(made["itself"])
    for _ in range(2):  # at the same place again: the second fails
        teller.send({"to": DEPLOYMENT_PROXY, "data": "0x" + "11" * 32 + init_code("6001600055")[2:]})
    teller.send({"to": made["logs"], "data": "0x" + "ee" * 20_000})
    teller.send({"data": "0x" + "ef00"})
    teller.send({"data": init_code("ef")})
    teller.send({"to": made["stop"], "value": 3})
    for place in (DEPLOYMENT_PROXY, address, two.address, "0x00000000000000000000000000000000000000cc"):
        teller.account(place)
    words = [f"0x{number:064x}" for number in range(8)]
    caller = "0x" + one.address[2:].lower().rjust(64, "0")
    for asked in (
        {"address": made["logs"]}, {"address": [made["logs"], address]}, {"topics": [words[1]]}, {"topics": []},
        {"topics": [None, words[2]]}, {"topics": [[words[7], words[1]], [caller, words[2]]]},
        {"topics": [words[1], None, None, words[5]]}, {"address": two.address},
        {"topics": [[words[1], words[7]], words[2], None, words[4]]},
    ):  # fmt: skip
        teller.logs(**asked)
    teller.told.append(web3.eth.get_balance(one.address) + teller.spent[one.address])
    return teller.told


def fuzz(engine: Engine, seed: int, programs: int = PROGRAMS) -> list[Any]:
    """Programs that nobody wrote: gas to the unit, code, and logs."""
    chance, teller = random.Random(seed), Teller(engine)
    for _ in range(programs):
        made = teller.send({"data": random_program(chance), "gas": 400_000})
        teller.account(made)
    return teller.told


def test_both_engines_tell_the_same(tmp_path: Path) -> None:
    seed, told = random.SystemRandom().randrange(2**32) if "BAILEE_SEARCH" in os.environ else 1, {}
    for name in ("anvil", "embedded"):
        with open_engine(name, tmp_path) as engine:
            told[name] = scenario(engine) + fuzz(engine, seed)
    assert len(told["anvil"]) == len(told["embedded"])
    for ours, theirs in zip(told["embedded"], told["anvil"], strict=True):
        assert ours == theirs, f"seed {seed}"
    assert told["embedded"][-2 * PROGRAMS - 1] == RICH - 10**18 - 8  # what was sent away; fees are added again
    assert sum(len(one["logs"]) for one in told["embedded"] if isinstance(one, dict)) > 10
    assert {one["status"] for one in told["embedded"] if isinstance(one, dict)} == {0, 1}
