"""Works as ERC-721 tokens (with ERC-165 and ERC-2981): the standards, and properties that others published.

The names P1 to P14 follow the lists of properties of crytic/properties (contracts/ERC721, "Basic" and "Mintable";
read, not copied) and OpenZeppelin's certora/specs/ERC721.spec. Works are never burnt, so the burnable ones are void.
"""

import random
from typing import Any

import pytest
from eth_abi import encode
from eth_utils.crypto import keccak

from chains import Engine, engine  # noqa: F401
from evm import NATIVE, NOBODY, Contract, Refused, double
from rights import Rights, new_rights, word, work_id

SAFE = keccak(b"safeTransferFrom(address,address,uint256,bytes)")[:4]


@pytest.fixture(scope="module")
def built(engine: Engine) -> Rights:  # noqa: F811
    rights = new_rights(engine)
    rights.register(rights.owner, word("rows"), resale=250)
    return rights


@pytest.fixture
def rights(built: Rights) -> Any:
    before = built.evm.snapshot()
    yield built
    built.evm.revert(before)


@pytest.fixture
def work(rights: Rights) -> int:
    return work_id(rights.owner.address, word("rows"))


def holder(rights: Rights, work: int) -> str:
    return str(rights.evm.call(rights.registry, "ownerOf", work))


def count(rights: Rights, who: Any) -> int:
    return int(rights.evm.call(rights.registry, "balanceOf", who.address))


def refusal(rights: Rights, who: Any, name: str, *arguments: Any) -> str:
    return rights.evm.refusal(who, rights.registry, name, *arguments)


def send_safely(rights: Rights, receiver: Contract, work: int, data: bytes) -> int:
    """The status of a safe transfer with data, by the owner."""
    message = SAFE + encode(
        ["address", "address", "uint256", "bytes"], [rights.owner.address, receiver.address, work, data]
    )
    receipt = rights.evm.transact(rights.owner, rights.registry.address, message)
    return int(str(receipt["status"]), 16) if isinstance(receipt["status"], str) else int(receipt["status"])


def test_the_interfaces_it_says_it_has(rights: Rights) -> None:
    asked = {
        "01ffc9a7": True,
        "80ac58cd": True,
        "5b5e139f": True,
        "2a55205a": True,
        "ffffffff": False,
        "780e9d63": False,
    }
    for interface, has in asked.items():
        assert rights.evm.call(rights.registry, "supportsInterface", bytes.fromhex(interface)) is has
    names = [rights.evm.call(rights.registry, name) for name in ("name", "symbol")]
    assert names == ["Bailee works", "WORK"]


def test_p1_to_p3_what_there_is_not(rights: Rights) -> None:
    """P1 the zero address has no balance to ask for; P2 no owner, P3 no approval of a token that is not there."""
    evm = rights.evm
    for name, arguments, reason in (
        ("balanceOf", (NOBODY,), "zero-address"),
        ("ownerOf", (7,), "no-work"),
        ("getApproved", (7,), "no-work"),
        ("tokenURI", (7,), "no-work"),
        ("royaltyInfo", (7, 100), "no-work"),
        ("work", (7,), "no-work"),
        ("shares_of", (7,), "no-work"),
    ):
        with pytest.raises(Refused, match=f"^{reason}$"):
            evm.call(rights.registry, name, *arguments)
    assert refusal(rights, rights.owner, "approve", rights.builder.address, 7) == "no-work"
    assert refusal(rights, rights.owner, "transferFrom", NOBODY, rights.builder.address, 7) == "no-work"


def test_p4_to_p7_transfers(rights: Rights, work: int) -> None:
    """P4 not without approval, P5 the approval is used up, P6 the owner changes, P7 balances follow."""
    evm, owner, buyer, agent = rights.evm, rights.owner, rights.builder, rights.evm.accounts[3]
    assert refusal(rights, agent, "transferFrom", owner.address, agent.address, work) == "not-allowed"
    approved = evm.do(owner, rights.registry, "approve", agent.address, work)
    assert approved.logs(rights.registry)[0].values == {
        "owner": owner.address.lower(), "approved": agent.address.lower(), "id": work
    }  # fmt: skip
    receipt = evm.do(agent, rights.registry, "transferFrom", owner.address, buyer.address, work)
    assert [log.values for log in receipt.logs(rights.registry)] == [
        {"sender": owner.address.lower(), "receiver": buyer.address.lower(), "id": work}
    ]
    assert holder(rights, work) == buyer.address.lower()
    assert evm.call(rights.registry, "getApproved", work) == NOBODY
    assert (count(rights, owner), count(rights, buyer)) == (0, 1)
    assert refusal(rights, agent, "transferFrom", buyer.address, agent.address, work) == "not-allowed"
    assert refusal(rights, owner, "transferFrom", buyer.address, owner.address, work) == "not-allowed"


def test_p8_and_p9_the_zero_address_and_a_wrong_sender(rights: Rights, work: int) -> None:
    owner, buyer = rights.owner, rights.builder
    assert refusal(rights, owner, "transferFrom", owner.address, NOBODY, work) == "zero-address"
    assert refusal(rights, owner, "transferFrom", NOBODY, buyer.address, work) == "not-owner"
    assert refusal(rights, owner, "transferFrom", buyer.address, owner.address, work) == "not-owner"


def test_p10_and_p11_to_oneself(rights: Rights, work: int) -> None:
    """Balances stay, the approval is used up all the same."""
    evm, owner = rights.evm, rights.owner
    evm.do(owner, rights.registry, "approve", rights.builder.address, work)
    evm.do(owner, rights.registry, "transferFrom", owner.address, owner.address, work)
    assert (holder(rights, work), count(rights, owner)) == (owner.address.lower(), 1)
    assert evm.call(rights.registry, "getApproved", work) == NOBODY


def test_p12_safe_transfers(rights: Rights, work: int) -> None:
    """To people; to contracts that say they take it, with the right arguments; to no others."""
    evm, owner = rights.evm, rights.owner
    wallet, deaf = evm.deploy(double("Wallet")), evm.deploy(double("Mute"))
    assert send_safely(rights, deaf, work, b"") == 0
    evm.do(owner, wallet, "set_answer", b"\xde\xad\xbe\xef")
    assert send_safely(rights, wallet, work, b"") == 0
    assert holder(rights, work) == owner.address.lower()
    evm.do(owner, wallet, "set_answer", bytes.fromhex("150b7a02"))
    assert send_safely(rights, wallet, work, b"x" * 1024) == 1
    assert (holder(rights, work), evm.call(wallet, "calls")) == (wallet.address.lower(), 1)


def test_p13_a_receiver_that_calls_back_finds_everything_done(rights: Rights, work: int) -> None:
    """It owns the token by then, and sends it on from within; who sent it has nothing left to send."""
    evm, owner = rights.evm, rights.owner
    wallet = evm.deploy(double("Wallet"))
    onward = rights.registry.data("transferFrom", wallet.address, rights.builder.address, work)
    evm.do(owner, wallet, "set_call", rights.registry.address, onward)
    assert send_safely(rights, wallet, work, b"") == 1
    assert evm.call(wallet, "reached") is True
    assert holder(rights, work) == rights.builder.address.lower()
    assert (count(rights, owner), count(rights, wallet), count(rights, rights.builder)) == (0, 0, 1)


def test_p14_a_fresh_token_a_registration(rights: Rights, work: int) -> None:
    before = count(rights, rights.owner)
    made = [rights.register(rights.owner, word(f"rows {i}")) for i in range(3)]
    assert len({work, *made}) == 4
    assert count(rights, rights.owner) == before + 3
    assert rights.evm.call(rights.registry, "getApproved", made[0]) == NOBODY


def test_operators_may_all_that_the_owner_may_and_no_more_afterwards(rights: Rights, work: int) -> None:
    evm, owner, agent = rights.evm, rights.owner, rights.evm.accounts[3]
    assert refusal(rights, agent, "approve", agent.address, work) == "not-allowed"
    receipt = evm.do(owner, rights.registry, "setApprovalForAll", agent.address, True)
    assert receipt.logs(rights.registry)[0].values == {
        "owner": owner.address.lower(), "operator": agent.address.lower(), "approved": True
    }  # fmt: skip
    assert evm.call(rights.registry, "isApprovedForAll", owner.address, agent.address) is True
    assert refusal(rights, agent, "approve", rights.builder.address, work) == ""
    assert refusal(rights, agent, "transferFrom", owner.address, agent.address, work) == ""
    evm.do(owner, rights.registry, "setApprovalForAll", agent.address, False)
    assert refusal(rights, agent, "transferFrom", owner.address, agent.address, work) == "not-allowed"
    # Who was approved for one token cannot approve others for it.
    evm.do(owner, rights.registry, "approve", agent.address, work)
    assert refusal(rights, agent, "approve", rights.builder.address, work) == "not-allowed"


@pytest.mark.parametrize("price", [0, 1, 39, 40, 9999, 10**18 + 7, 2**256 - 1])
def test_erc_2981_resales_pay_the_works_shares(rights: Rights, work: int, price: int) -> None:
    receiver, amount = rights.evm.call(rights.registry, "royaltyInfo", work, price)
    assert receiver == rights.evm.call(rights.registry, "shares_of", work)
    assert amount == price * 250 // 10_000  # exact for every price: nothing overflows


def test_what_a_market_pays_reaches_the_holders(rights: Rights, work: int) -> None:
    """Markets know nothing of `pay`: they send money plainly, and anybody has it credited."""
    evm = rights.evm
    receiver, amount = evm.call(rights.registry, "royaltyInfo", work, 10_000)
    evm.transact(rights.builder, receiver, b"", amount)
    evm.do(evm.accounts[3], rights.shares(work), "credit", NATIVE)
    assert evm.call(rights.shares(work), "claimable", rights.owner.address, NATIVE) == 250


def test_a_random_walk_agrees_with_a_model(rights: Rights, work: int) -> None:
    """Every transfer and approval goes through exactly where the standard lets it, and changes exactly what it says."""
    evm, chance, people = rights.evm, random.Random(5), rights.evm.accounts[:4]
    works = [work, rights.register(people[1], word("1")), rights.register(people[2], word("2"))]
    owner = dict(zip(works, people[:3], strict=True))
    approved: dict[int, Any] = {}
    operators: set[tuple[str, str]] = set()
    passed = 0
    for _ in range(150):
        who, to, token = chance.choice(people), chance.choice(people), chance.choice(works)
        has = owner[token]
        match chance.choice(["transferFrom", "transferFrom", "safeTransferFrom", "approve", "setApprovalForAll"]):
            case "setApprovalForAll":
                allow = chance.random() < 0.4
                evm.do(who, rights.registry, "setApprovalForAll", to.address, allow)
                (operators.add if allow else operators.discard)((who.address, to.address))
            case "approve":
                may = who is has or (has.address, who.address) in operators
                assert evm.send(who, rights.registry, "approve", to.address, token).status == may
                approved |= {token: to} if may else {}
            case name:
                sender = has if chance.random() < 0.8 else who
                may = sender is has and (
                    who is has or approved.get(token) is who or (has.address, who.address) in operators
                )
                if name == "transferFrom":
                    status = evm.send(who, rights.registry, name, sender.address, to.address, token).status
                else:
                    types, values = ["address", "address", "uint256"], [sender.address, to.address, token]
                    data = keccak(b"safeTransferFrom(address,address,uint256)")[:4] + encode(types, values)
                    status = int(str(evm.transact(who, rights.registry.address, data)["status"]), 0)
                assert status == may
                passed += may
                if may:
                    owner[token] = to
                    approved.pop(token, None)
        assert {token: holder(rights, token) for token in works} == {
            token: one.address.lower() for token, one in owner.items()
        }
        assert evm.call(rights.registry, "getApproved", token) == (
            approved[token].address.lower() if token in approved else NOBODY
        )
    assert [count(rights, one) for one in people] == [list(owner.values()).count(one) for one in people]
    assert 20 < passed < 100
