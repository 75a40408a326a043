"""Verifiers: bonds, quorum, window, challenge, and that every wei is somebody's."""

from typing import Any

import pytest

from chains import Engine, engine  # noqa: F401
from evm import Receipt, double
from rights import BOND, WINDOW, Rights, new_rights, word

CLAIM = word("claim")


@pytest.fixture(scope="module")
def built(engine: Engine) -> Rights:  # noqa: F811
    rights = new_rights(engine)
    for verifier in rights.evm.accounts[:3]:
        rights.join(verifier)
    return rights


@pytest.fixture
def rights(built: Rights) -> Any:
    before = built.evm.snapshot()
    yield built
    built.evm.revert(before)


def do(rights: Rights, who: int, name: str, *arguments: Any, value: int = 0) -> Receipt:
    return rights.evm.do(rights.evm.accounts[who], rights.verifiers, name, *arguments, value=value)


def refusal(rights: Rights, who: int, name: str, *arguments: Any, value: int = 0) -> str:
    return rights.evm.refusal(rights.evm.accounts[who], rights.verifiers, name, *arguments, value=value)


def is_final(rights: Rights, claim: bytes = CLAIM) -> bool:
    return bool(rights.evm.call(rights.verifiers, "is_final", claim))


def owed(rights: Rights, who: int) -> int:
    return int(rights.evm.call(rights.verifiers, "owed", rights.evm.accounts[who].address))


def balance(rights: Rights) -> int:
    return rights.evm.balance(rights.verifiers.address)


def challenge(rights: Rights, who: int, claim: bytes = CLAIM) -> Receipt:
    return do(rights, who, "challenge", claim, word("evidence"), "https://evidence", value=BOND)


def conclude(rights: Rights, round_: int, upheld: bool, claim: bytes = CLAIM) -> Receipt:
    rights.decide(rights.verifiers, claim, round_, upheld)
    return do(rights, 9, "conclude", claim)


def test_a_claim_becomes_final_after_quorum_and_window(rights: Rights) -> None:
    assert not is_final(rights)
    do(rights, 0, "attest", CLAIM)
    rights.evm.engine.advance(10 * WINDOW)
    assert not is_final(rights)  # one is no quorum, however long it stands
    receipt = do(rights, 1, "attest", CLAIM)
    assert [log.values for log in receipt.logs(rights.verifiers)] == [
        {"claim": CLAIM, "verifier": rights.evm.accounts[1].address.lower()}
    ]
    assert not is_final(rights)
    rights.evm.engine.advance(WINDOW // 2)
    do(rights, 2, "attest", CLAIM)  # one more changes nothing in the time
    assert not is_final(rights)
    rights.evm.engine.advance(WINDOW // 2 + 1)
    assert is_final(rights)
    assert refusal(rights, 3, "challenge", CLAIM, word("e"), "", value=BOND) == "final"
    do(rights, 3, "join", value=BOND)
    assert refusal(rights, 3, "attest", CLAIM) == "final"
    assert refusal(rights, 0, "retract", CLAIM) == "quorum-reached"


def test_who_may_attest(rights: Rights) -> None:
    assert refusal(rights, 3, "attest", CLAIM) == "not-bonded"
    assert refusal(rights, 0, "join", value=BOND) == "joined"
    for value in (0, BOND - 1, BOND + 1):
        assert refusal(rights, 3, "join", value=value) == "bad-bond"
    do(rights, 0, "attest", CLAIM)
    assert refusal(rights, 0, "attest", CLAIM) == "attested"
    do(rights, 0, "leave")
    assert refusal(rights, 0, "attest", word("other")) == "left"
    assert refusal(rights, 0, "leave") == "left"
    assert refusal(rights, 3, "leave") == "not-bonded"


def test_eight_open_claims_a_verifier(rights: Rights) -> None:
    for number in range(8):
        do(rights, 0, "attest", word(f"claim {number}"))
    assert refusal(rights, 0, "attest", CLAIM) == "too-many-open"
    assert refusal(rights, 1, "retract", word("claim 3")) == "not-attested"
    do(rights, 0, "retract", word("claim 3"))
    assert refusal(rights, 0, "attest", CLAIM) == ""
    do(rights, 0, "attest", word("claim 3"))  # an opinion may come back
    do(rights, 1, "attest", word("claim 5"))
    assert refusal(rights, 0, "attest", CLAIM) == "too-many-open"
    rights.evm.engine.advance(WINDOW + 1)
    assert is_final(rights, word("claim 5"))
    do(rights, 0, "attest", CLAIM)  # a final one counts no more
    told = rights.evm.call(rights.verifiers, "verifier", rights.evm.accounts[0].address)
    assert set(told[2]) == {CLAIM} | {word(f"claim {i}") for i in (0, 1, 2, 3, 4, 6, 7)}


def test_a_bond_comes_back_two_windows_after_leaving(rights: Rights) -> None:
    assert refusal(rights, 0, "withdraw") == "not-left"
    do(rights, 0, "leave")
    assert refusal(rights, 0, "withdraw") == "too-early"
    rights.evm.engine.advance(2 * WINDOW + 1)
    before = balance(rights)
    receipt = do(rights, 0, "withdraw")
    assert [log.name for log in receipt.logs(rights.verifiers)] == ["Withdrawn"]
    assert before - balance(rights) == BOND
    assert refusal(rights, 0, "withdraw") == "not-left"
    do(rights, 0, "join", value=BOND)  # and may come again


def test_no_bond_leaves_while_a_claim_of_its_is_open(rights: Rights) -> None:
    do(rights, 0, "attest", CLAIM)
    do(rights, 0, "leave")
    rights.evm.engine.advance(3 * WINDOW)
    assert refusal(rights, 0, "withdraw") == "claims-open"
    do(rights, 1, "attest", CLAIM)  # the quorum comes late: the one who left still stands for it
    assert refusal(rights, 0, "withdraw") == "claims-open"
    rights.evm.engine.advance(WINDOW // 2)
    challenge(rights, 3)
    rights.evm.engine.advance(10 * WINDOW)
    assert refusal(rights, 0, "withdraw") == "claims-open"
    conclude(rights, 1, upheld=True)
    assert refusal(rights, 0, "withdraw") == "not-left"  # it has lost its bond


def test_who_left_takes_its_word_back_from_a_claim_without_quorum(rights: Rights) -> None:
    do(rights, 0, "attest", CLAIM)
    do(rights, 0, "leave")
    rights.evm.engine.advance(2 * WINDOW + 1)
    do(rights, 0, "retract", CLAIM)
    do(rights, 0, "withdraw")
    do(rights, 1, "attest", CLAIM)
    rights.evm.engine.advance(WINDOW + 1)
    assert not is_final(rights)  # no quorum counts a word without a bond


def test_a_challenge_that_is_upheld(rights: Rights) -> None:
    for verifier in (0, 1):
        do(rights, verifier, "attest", CLAIM)
    assert refusal(rights, 3, "challenge", CLAIM, word("e"), "", value=BOND - 1) == "bad-bond"
    receipt = challenge(rights, 3)
    assert receipt.logs(rights.verifiers)[0].values == {
        "claim": CLAIM, "by": rights.evm.accounts[3].address.lower(), "evidence": word("evidence"),
        "uri": "https://evidence",
    }  # fmt: skip
    rights.evm.engine.advance(WINDOW + 1)
    assert not is_final(rights)
    assert refusal(rights, 4, "challenge", CLAIM, word("e"), "", value=BOND) == "challenged"
    assert refusal(rights, 2, "attest", CLAIM) == "challenged"
    assert refusal(rights, 0, "retract", CLAIM) == "quorum-reached"
    assert refusal(rights, 9, "conclude", CLAIM) == "undecided"
    burnt = rights.evm.balance("0x" + "00" * 20)
    concluded = conclude(rights, 1, upheld=True)
    names = [log.name for log in concluded.logs(rights.verifiers)]
    assert names == ["Concluded", "Slashed", "Slashed"]
    assert owed(rights, 3) == BOND + 2 * (BOND // 2)
    assert rights.evm.balance("0x" + "00" * 20) - burnt == 2 * (BOND - BOND // 2)
    assert balance(rights) == BOND + owed(rights, 3)  # the third verifier's bond
    do(rights, 3, "refund")
    assert balance(rights) == BOND
    assert refusal(rights, 3, "refund") == "nothing-owed"
    # Void for good; who was slashed is out, and may bring a new bond.
    rights.evm.engine.advance(10 * WINDOW)
    assert not is_final(rights)
    assert refusal(rights, 9, "conclude", CLAIM) == "not-challenged"
    assert refusal(rights, 3, "challenge", CLAIM, word("e"), "", value=BOND) == "void-claim"
    assert refusal(rights, 2, "attest", CLAIM) == "void-claim"
    assert refusal(rights, 0, "attest", word("other")) == "not-bonded"
    do(rights, 0, "join", value=BOND)


def test_a_challenge_that_is_rejected_starts_the_window_anew(rights: Rights) -> None:
    for verifier in (0, 1, 2):
        do(rights, verifier, "attest", CLAIM)
    rights.evm.engine.advance(WINDOW - 100)
    challenge(rights, 3)
    rights.evm.engine.advance(10 * WINDOW)
    conclude(rights, 1, upheld=False)
    assert [owed(rights, who) for who in range(4)] == [BOND // 3] * 3 + [0]
    assert not is_final(rights)  # nobody shuts out a better challenge with a worse one
    challenge(rights, 4)
    conclude(rights, 2, upheld=False)
    rights.evm.engine.advance(WINDOW + 1)
    assert is_final(rights)
    assert balance(rights) == 3 * BOND + sum(owed(rights, who) for who in range(3))


def test_a_challenge_before_the_quorum(rights: Rights) -> None:
    assert refusal(rights, 3, "challenge", CLAIM, word("e"), "", value=BOND) == "nobody-attested"
    do(rights, 0, "attest", CLAIM)
    challenge(rights, 3)
    assert refusal(rights, 0, "retract", CLAIM) == "challenged"
    assert refusal(rights, 1, "attest", CLAIM) == "challenged"
    conclude(rights, 1, upheld=False)
    assert owed(rights, 0) == BOND
    do(rights, 1, "attest", CLAIM)
    rights.evm.engine.advance(WINDOW + 1)
    assert is_final(rights)


def test_who_is_slashed_stands_for_no_other_open_claim(rights: Rights) -> None:
    """Its bond is gone, so a quorum with it is none any more; what was final before stays so."""
    old, other, shared = word("old"), word("other"), word("shared")
    for claim in (old, other):
        for verifier in (0, 1):
            do(rights, verifier, "attest", claim)
        if claim == old:
            rights.evm.engine.advance(WINDOW + 1)
    do(rights, 0, "attest", CLAIM)
    do(rights, 0, "attest", shared)
    challenge(rights, 3)
    challenge(rights, 4, shared)
    receipt = conclude(rights, 1, upheld=True)
    taken = [log.values["claim"] for log in receipt.logs(rights.verifiers) if log.name == "Retracted"]
    assert taken == [other, shared]
    rights.evm.engine.advance(WINDOW + 1)
    assert is_final(rights, old)
    assert not is_final(rights, other)
    assert rights.evm.call(rights.verifiers, "claim", other)[1] == 0
    do(rights, 2, "attest", other)  # a new quorum, and its own window
    assert not is_final(rights, other)
    rights.evm.engine.advance(WINDOW + 1)
    assert is_final(rights, other)
    # The challenge of a claim whose only verifier was slashed meanwhile: nobody's bond is left to win or to share.
    before = balance(rights)
    conclude(rights, 1, upheld=False, claim=shared)
    assert before - balance(rights) == BOND  # destroyed
    assert owed(rights, 4) == 0
    assert balance(rights) == 2 * BOND + owed(rights, 3)


def test_an_upheld_challenge_without_bonds_gives_the_challengers_own_back(rights: Rights) -> None:
    for claim in (CLAIM, word("other")):
        do(rights, 0, "attest", claim)
        challenge(rights, 3, claim)
    conclude(rights, 1, upheld=True)
    conclude(rights, 1, upheld=True, claim=word("other"))
    assert owed(rights, 3) == BOND + BOND // 2 + BOND
    assert balance(rights) == 2 * BOND + owed(rights, 3)


def test_sixteen_attesters_and_one_more(rights: Rights) -> None:
    """Seventeen join by wallets; then sixteen are slashed in one transaction, with all open claims each."""
    evm = rights.evm
    open_claims = 8 if evm.engine.name == "anvil" else 2  # the same code, in seconds less
    claims = [word(f"claim {number}") for number in range(open_claims)]
    wallets = [evm.deploy(double("Wallet")) for _ in range(17)]
    for wallet in wallets:
        evm.do(evm.accounts[0], wallet, "act", rights.verifiers.address, rights.verifiers.data("join"), value=BOND)
    for wallet in wallets[:16]:
        for claim in claims:
            data = rights.verifiers.data("attest", claim)
            evm.do(evm.accounts[0], wallet, "act", rights.verifiers.address, data)
    data = rights.verifiers.data("attest", claims[0])
    assert evm.refusal(evm.accounts[0], wallets[16], "act", rights.verifiers.address, data) == "claim-full"
    challenge(rights, 3, claims[0])
    receipt = conclude(rights, 1, upheld=True, claim=claims[0])
    assert receipt.gas < 12_000_000
    assert owed(rights, 3) == BOND + 16 * (BOND // 2)
    assert balance(rights) == 4 * BOND + owed(rights, 3)
    assert [len(evm.call(rights.verifiers, "claim", claim)[0]) for claim in claims] == [16, *[0] * (open_claims - 1)]


def test_a_refund_that_calls_back_is_paid_once(rights: Rights) -> None:
    evm, refund = rights.evm, rights.verifiers.data("refund")
    wallet = evm.deploy(double("Wallet"))
    do(rights, 0, "attest", CLAIM)
    data = rights.verifiers.data("challenge", CLAIM, word("e"), "")
    evm.do(evm.accounts[3], wallet, "act", rights.verifiers.address, data, value=BOND)
    conclude(rights, 1, upheld=True)
    evm.do(evm.accounts[3], wallet, "set_call", rights.verifiers.address, refund)
    evm.do(evm.accounts[3], wallet, "act", rights.verifiers.address, refund)
    assert evm.balance(wallet.address) == BOND + BOND // 2
    assert (evm.call(wallet, "calls"), evm.call(wallet, "reached")) == (1, False)
    assert balance(rights) == 2 * BOND
