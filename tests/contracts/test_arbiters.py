"""Arbiters: who may vote, when a case is decided, that a verdict stands."""

from typing import Any

import pytest
from eth_abi import encode
from eth_utils.abi import collapse_if_tuple

from chains import Engine, engine  # noqa: F401
from evm import NOBODY, Contract, Evm, shipped
from rights import word

CASE = word("case")


@pytest.fixture(scope="module")
def evm(engine: Engine) -> Evm:  # noqa: F811
    return Evm(engine)


def court(evm: Evm, members: int, threshold: int) -> Contract:
    return evm.deploy(shipped("Arbiters"), [one.address for one in evm.accounts[:members]], threshold)


@pytest.mark.parametrize(
    ("members", "threshold", "votes", "verdicts"),
    [
        (1, 1, "y", "1"),
        (1, 1, "n", "2"),
        (3, 2, "yy", "01"),
        (3, 2, "yny", "001"),
        (3, 2, "nyn", "002"),
        (3, 3, "yyn", "002"),  # all voted, and nothing was shown
        (4, 3, "yynn", "0002"),
        (4, 3, "ynyy", "0001"),
        (5, 3, "yynny", "00001"),
    ],
)
def test_votes_and_verdicts(evm: Evm, members: int, threshold: int, votes: str, verdicts: str) -> None:
    arbiters = court(evm, members, threshold)
    assert evm.call(arbiters, "verdict", CASE) == 0
    for number, (vote, verdict) in enumerate(zip(votes, verdicts, strict=True)):
        who = evm.accounts[number]
        receipt = evm.do(who, arbiters, "vote", CASE, vote == "y")
        assert evm.call(arbiters, "verdict", CASE) == int(verdict)
        logs: list[Any] = [("Voted", {"case": CASE, "arbiter": who.address.lower(), "upheld": vote == "y"})]
        logs += [("Decided", {"case": CASE, "upheld": verdict == "1"})] * (verdict != "0")
        assert [(log.name, log.values) for log in receipt.logs(arbiters)] == logs
        assert evm.refusal(who, arbiters, "vote", CASE, vote != "y") == "voted"
    for number in range(len(votes), members):
        assert evm.refusal(evm.accounts[number], arbiters, "vote", CASE, True) == "decided"
    assert evm.call(arbiters, "verdict", word("another case")) == 0


def test_only_members_vote(evm: Evm) -> None:
    arbiters = court(evm, 3, 2)
    assert evm.refusal(evm.accounts[3], arbiters, "vote", CASE, True) == "not-arbiter"
    assert evm.call(arbiters, "is_member", evm.accounts[2].address) is True
    assert evm.call(arbiters, "is_member", evm.accounts[3].address) is False
    assert evm.call(arbiters, "threshold") == 2
    assert list(evm.call(arbiters, "members")) == [one.address.lower() for one in evm.accounts[:3]]


@pytest.mark.parametrize(
    ("members", "threshold"),
    [([], 0), ([1], 0), ([1], 2), ([1, 2], 1), ([1, 2, 3, 4], 2), ([1, 1, 2], 2), ([0, 1, 2], 2)],
)
def test_courts_that_are_not_made(evm: Evm, members: list[int], threshold: int) -> None:
    """No majority, more than there are, somebody twice, nobody."""
    artefact = shipped("Arbiters")
    addresses = [NOBODY if i == 0 else evm.accounts[i].address for i in members]
    inputs = next(entry["inputs"] for entry in artefact.abi if entry["type"] == "constructor")
    data = artefact.bytecode + encode([collapse_if_tuple(one) for one in inputs], [addresses, threshold])
    assert evm.transact(evm.accounts[9], None, data)["status"] in (0, "0x0")
