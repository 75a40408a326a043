"""Registration and derivation of works: what is recorded, priority, whose units, and what is refused."""

from typing import Any

import pytest
from eth_abi import encode
from eth_utils.crypto import keccak

from chains import Engine, engine  # noqa: F401
from evm import NATIVE, NOBODY, WHOLE, Refused
from rights import CONTENT, DATASET, DISPUTE_BOND, MODEL, Rights, Terms, named, new_rights, word, work_id


@pytest.fixture(scope="module")
def built(engine: Engine) -> Rights:  # noqa: F811
    return new_rights(engine)


@pytest.fixture
def rights(built: Rights) -> Any:
    before = built.evm.snapshot()
    yield built
    built.evm.revert(before)


def made(rights: Rights, parts: list[tuple[bytes, int]], kind: int = CONTENT, name: str = "made", **how: Any) -> Any:
    """`derive` by the builder: the arguments, for `do` or `refusal`."""
    arguments = (kind, named(word(name)), b"", "", 0, bytes(32), [], parts)
    return getattr(rights.evm, how.get("by", "do"))(rights.builder, rights.registry, "derive", *arguments)


def test_what_is_known_of_a_work(rights: Rights) -> None:
    evm, owner = rights.evm, rights.owner
    naming = named(word("rows"))
    arguments = (DATASET, naming, b"print", "ipfs://card", 250, bytes(32), [])
    receipt = evm.do(owner, rights.registry, "register", *arguments)
    work = work_id(owner.address, word("rows"))
    kind, told, since, registered, shares, resale, status = evm.call(rights.registry, "work", work)
    assert (kind, told, resale, status, since) == (DATASET, naming, 250, 1, registered)
    assert evm.call(rights.registry, "shares_of", work) == shares
    assert evm.call(rights.registry, "ownerOf", work) == owner.address.lower()
    assert evm.call(rights.registry, "tokenURI", work) == "ipfs://card"
    assert evm.call(rights.registry, "first", word("rows")) == work
    assert evm.call(rights.shares(work), "balanceOf", owner.address) == WHOLE
    assert evm.call(rights.shares(work), "work") == work
    transfer, registered_log = receipt.logs(rights.registry)
    assert transfer.values == {"sender": NOBODY, "receiver": owner.address.lower(), "id": work}
    assert registered_log.name == "Registered"
    assert registered_log.values == {
        "id": work, "registrant": owner.address.lower(), "commitment": word("rows"), "kind": DATASET, "naming": naming,
        "fingerprint": b"print", "uri": "ipfs://card", "shares": shares, "since": since,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({0: MODEL}, "bad-kind"),
        ({0: 0}, "bad-kind"),
        ({0: 4}, "bad-kind"),
        ({0: 255}, "bad-kind"),
        ({1: named(bytes(32))}, "no-commitment"),
        ({4: 1001}, "resale-over-limit"),
        ({6: ["0x" + "77" * 20]}, "shares: no contract there"),
    ],
)
def test_registrations_that_are_refused(rights: Rights, changed: dict[int, Any], reason: str) -> None:
    arguments: list[Any] = [DATASET, named(word("x")), b"", "", 1000, bytes(32), []]
    for place, value in changed.items():
        arguments[place] = value
    assert rights.evm.refusal(rights.owner, rights.registry, "register", *arguments) == reason


def test_one_registration_a_registrant_and_commitment(rights: Rights) -> None:
    rights.register(rights.owner, word("rows"))
    arguments = (CONTENT, named(word("rows")), b"", "", 0, bytes(32), [])
    assert rights.evm.refusal(rights.owner, rights.registry, "register", *arguments) == "registered"
    assert rights.evm.refusal(rights.builder, rights.registry, "register", *arguments) == ""


def test_longer_fingerprints_and_addresses_than_allowed(rights: Rights) -> None:
    for fingerprint, uri, fits in ((b"f" * 2048, "u" * 256, True), (b"f" * 2049, "", False), (b"", "u" * 257, False)):
        arguments = (DATASET, named(word("x")), fingerprint, uri, 0, bytes(32), [])
        assert (rights.evm.refusal(rights.owner, rights.registry, "register", *arguments) == "") is fits


def test_who_reserved_is_first_though_another_registers_before(rights: Rights) -> None:
    evm, owner, thief = rights.evm, rights.owner, rights.builder
    salt, rows = word("salt"), word("rows")
    ticket = keccak(encode(["address", "bytes32", "bytes32"], [owner.address, rows, salt]))
    reserved = evm.do(owner, rights.registry, "reserve", ticket)
    assert [log.values for log in reserved.logs(rights.registry)] == [{"ticket": ticket}]
    block = evm.call(rights.registry, "reserved", ticket)
    stolen = rights.register(thief, rows)  # saw the registration on its way and was quicker
    assert evm.call(rights.registry, "first", rows) == stolen
    mine = rights.register(owner, rows, salt=salt)
    assert evm.call(rights.registry, "first", rows) == mine
    assert evm.call(rights.registry, "work", mine)[2] == block < evm.call(rights.registry, "work", stolen)[2]
    # A ticket is for one registrant and counts once; another's salt helps nobody.
    assert evm.refusal(thief, rights.registry, "reserve", ticket) == "reserved"
    late = rights.register(rights.evm.accounts[2], rows, salt=salt)
    assert evm.call(rights.registry, "work", late)[2] > block


def test_without_reservation_the_first_block_counts(rights: Rights) -> None:
    first = rights.register(rights.owner, word("rows"))
    rights.register(rights.builder, word("rows"))
    assert rights.evm.call(rights.registry, "first", word("rows")) == first


def test_a_derived_work_gives_units_to_what_it_came_from(rights: Rights) -> None:
    evm = rights.evm
    first, second = (rights.register(rights.owner, word(name)) for name in ("a", "b"))
    grants = [
        rights.granted(first, royalty=10**8),
        rights.granted(first, royalty=333_333_333, salt=word("2")),
        rights.granted(second, royalty=10**9),
        rights.granted(second, royalty=0, salt=word("0")),
    ]
    shares = [400_000_000, 300_000_001, 299_999_999, 0]
    receipt = made(rights, list(zip(grants, shares, strict=True)))
    work = work_id(rights.builder.address, word("made"))
    units = [40_000_000, 300_000_001 * 333_333_333 // 10**9, 299_999_999, 0]
    logs = [log.values for log in receipt.logs(rights.registry) if log.name == "Derived"]
    assert [(log["parent"], log["grant"], log["share"], log["units"]) for log in logs] == list(
        zip([first, first, second, second], grants, shares, units, strict=True)
    )
    held = rights.shares(work)
    assert evm.call(held, "balanceOf", rights.shares(first).address) == units[0] + units[1]
    assert evm.call(held, "balanceOf", rights.shares(second).address) == units[2]
    assert evm.call(held, "balanceOf", rights.builder.address) == WHOLE - sum(units)


def test_money_goes_up_the_lineage(rights: Rights) -> None:
    evm = rights.evm
    data = rights.register(rights.owner, word("a"))
    made(rights, [(rights.granted(data, royalty=25 * 10**7), WHOLE)])
    child, parent = rights.shares(work_id(rights.builder.address, word("made"))), rights.shares(data)
    evm.do(evm.accounts[3], child, "pay", NATIVE, 1000, word("use"), value=1000)
    evm.do(evm.accounts[3], parent, "gather", child.address, NATIVE)
    assert evm.call(parent, "claimable", rights.owner.address, NATIVE) == 250
    assert evm.call(child, "claimable", rights.builder.address, NATIVE) == 750


def test_all_of_a_work_may_be_owed_and_nothing_is_left_to_its_maker(rights: Rights) -> None:
    data = rights.register(rights.owner, word("a"))
    made(rights, [(rights.granted(data, royalty=WHOLE), WHOLE)])
    held = rights.shares(work_id(rights.builder.address, word("made")))
    assert rights.evm.call(held, "balanceOf", rights.shares(data).address) == WHOLE
    assert rights.evm.call(held, "balanceOf", rights.builder.address) == 0


def test_more_than_sixty_four_parts(rights: Rights) -> None:
    """Sixty-four are in test_rights_on_both_engines.py."""
    part = (rights.granted(rights.register(rights.owner, word("a"))), 1)
    arguments = (CONTENT, named(word("n")), b"", "", 0, bytes(32), [])
    sender = rights.builder.address
    rights.evm.call(rights.registry, "derive", *arguments, [part] * 64, sender=sender)
    with pytest.raises(Refused):
        rights.evm.call(rights.registry, "derive", *arguments, [part] * 65, sender=sender)


@pytest.mark.parametrize("shares", [[WHOLE, 1], [WHOLE + 1], [2**256 - 1, 2], [2**255, 2**255]])
def test_shares_of_use_are_at_most_one_in_all(rights: Rights, shares: list[int]) -> None:
    grant = rights.granted(rights.register(rights.owner, word("a")))
    refusal = made(rights, [(grant, share) for share in shares], by="refusal")
    assert refusal == "parts-over-one" or "revert" in refusal  # an overflow reverts without words


def test_grants_that_are_not_the_registrants(rights: Rights) -> None:
    evm = rights.evm
    data = rights.register(rights.owner, word("a"))
    stranger = evm.accounts[3]
    foreign = rights.accept(Terms(data, stranger.address), rights.owner, stranger)
    assert made(rights, [(foreign, 1)], by="refusal") == "not-your-grant"
    assert made(rights, [(word("never accepted"), 1)], by="refusal") == "not-your-grant"
    assert made(rights, [], by="refusal") == "no-parts"
    offered = Terms(data, rights.builder.address, salt=word("offered"))
    assert made(rights, [(rights.digest(offered), 1)], by="refusal") == "not-your-grant"


def test_a_revoked_grant_still_pays_for_what_was_made_under_it(rights: Rights) -> None:
    data = rights.register(rights.owner, word("a"))
    grant = rights.granted(data)
    rights.evm.do(rights.owner, rights.grants, "revoke", data, grant)
    made(rights, [(grant, WHOLE)])
    held = rights.shares(work_id(rights.builder.address, word("made")))
    assert rights.evm.call(held, "balanceOf", rights.shares(data).address) == 10**8


def test_a_model_needs_sessions_and_a_final_claim(rights: Rights) -> None:
    evm = rights.evm
    data = rights.register(rights.owner, word("a"))
    grant = rights.granted(data)
    parts = [(grant, WHOLE)]
    claim = rights.claim(rights.builder.address, word("made"), parts)
    assert made(rights, parts, MODEL, by="refusal") == "not-final"
    rights.finalise(claim, evm.accounts[3:5])
    assert evm.call(rights.verifiers, "is_final", claim) is True
    assert made(rights, parts, MODEL, by="refusal") == "not-spent"
    evm.do(rights.owner, rights.grants, "set_budget", data, 10**10, 10**14)
    rights.spend(grant, word("session"))
    # The claim is about exactly this registrant, commitment and these parts.
    assert made(rights, [(grant, WHOLE - 1)], MODEL, by="refusal") == "not-final"
    assert made(rights, parts, MODEL, "other", by="refusal") == "not-final"
    other = (MODEL, named(word("made")), b"", "", 0, bytes(32), [], parts)
    assert evm.refusal(rights.owner, rights.registry, "derive", *other) == "not-final"
    made(rights, parts, MODEL)
    model = work_id(rights.builder.address, word("made"))
    assert evm.call(rights.registry, "work", model)[0] == MODEL
    # Another model made of this one: grants of models are not spent on.
    tuned = rights.accept(Terms(model, rights.owner.address), rights.builder, rights.owner)
    rights.finalise(rights.claim(rights.owner.address, word("tuned"), [(tuned, WHOLE)]), evm.accounts[3:5])
    arguments = (MODEL, named(word("tuned")), b"", "", 0, bytes(32), [], [(tuned, WHOLE)])
    evm.do(rights.owner, rights.registry, "derive", *arguments)


def test_a_dispute_that_is_upheld(rights: Rights) -> None:
    evm, thief = rights.evm, rights.builder
    mine, stolen = rights.register(rights.owner, word("a")), rights.register(thief, word("b"))
    arguments = (stolen, mine, word("evidence"), "https://evidence")
    assert evm.refusal(rights.owner, rights.registry, "dispute", *arguments, value=DISPUTE_BOND - 1) == "bad-bond"
    receipt = evm.do(rights.owner, rights.registry, "dispute", *arguments, value=DISPUTE_BOND)
    assert receipt.logs(rights.registry)[0].values == {
        "id": stolen, "earlier": mine, "by": rights.owner.address.lower(), "evidence": word("evidence"),
        "uri": "https://evidence",
    }  # fmt: skip
    assert evm.call(rights.registry, "work", stolen)[6] == 2
    assert evm.refusal(rights.owner, rights.registry, "dispute", *arguments, value=DISPUTE_BOND) == "not-good"
    assert evm.refusal(rights.owner, rights.registry, "conclude", stolen) == "undecided"
    rights.decide(rights.registry, stolen.to_bytes(32, "big"), 1, upheld=True)
    evm.do(evm.accounts[3], rights.registry, "conclude", stolen)  # anybody may
    assert evm.call(rights.registry, "work", stolen)[6] == 3
    assert evm.call(rights.registry, "first", word("b")) == 0
    assert evm.refusal(rights.owner, rights.registry, "conclude", stolen) == "not-disputed"
    assert (
        evm.balance(rights.registry.address)
        == evm.call(rights.registry, "refunds", rights.owner.address)
        == DISPUTE_BOND
    )
    evm.do(rights.owner, rights.registry, "refund")
    assert evm.balance(rights.registry.address) == 0
    assert evm.refusal(rights.owner, rights.registry, "refund") == "nothing-owed"
    # Void: no offer of it can be accepted, nothing derived from it, no second registration; money stays the holders'.
    terms = Terms(stolen, rights.owner.address)
    call = (terms.values(), rights.sign(terms, thief))
    assert evm.refusal(rights.owner, rights.grants, "accept", *call) == "void-work"
    again = (CONTENT, named(word("b")), b"", "", 0, bytes(32), [])
    assert evm.refusal(thief, rights.registry, "register", *again) == "registered"
    evm.do(rights.owner, rights.shares(stolen), "pay", NATIVE, 10, word("use"), value=10)
    evm.do(rights.owner, rights.shares(stolen), "claim", thief.address, NATIVE)


def test_a_void_works_grants_give_nothing_any_more(rights: Rights) -> None:
    evm = rights.evm
    data = rights.register(rights.owner, word("a"))
    grant = rights.granted(data)
    assert evm.call(rights.grants, "live", grant) is True
    evm.do(rights.builder, rights.registry, "dispute", data, 0, word("e"), "", value=DISPUTE_BOND)
    assert evm.call(rights.grants, "live", grant) is True  # a dispute alone blocks nobody
    rights.decide(rights.registry, data.to_bytes(32, "big"), 1, upheld=True)
    evm.do(rights.owner, rights.registry, "conclude", data)
    assert evm.call(rights.grants, "live", grant) is False
    assert made(rights, [(grant, WHOLE)], by="refusal") == "void-work"


def test_a_dispute_that_is_rejected_pays_the_holders(rights: Rights) -> None:
    evm = rights.evm
    work = rights.register(rights.owner, word("a"))
    for round_ in (1, 2):  # each has a case of its own
        evm.do(rights.builder, rights.registry, "dispute", work, 0, word("evidence"), "", value=DISPUTE_BOND)
        assert evm.refusal(rights.owner, rights.registry, "conclude", work) == "undecided"
        rights.decide(rights.registry, work.to_bytes(32, "big"), round_, upheld=False)
        evm.do(rights.builder, rights.registry, "conclude", work)
        assert evm.call(rights.shares(work), "claimable", rights.owner.address, NATIVE) == round_ * DISPUTE_BOND
    assert evm.call(rights.registry, "work", work)[6] == 1
    assert evm.refusal(rights.builder, rights.registry, "refund") == "nothing-owed"
    assert evm.balance(rights.registry.address) == 0


def test_disputes_name_works_that_there_are(rights: Rights) -> None:
    evm, work = rights.evm, rights.register(rights.owner, word("a"))
    for asked, earlier, reason in ((7, 0, "no-work"), (work, 7, "bad-earlier"), (work, work, "bad-earlier")):
        call = (asked, earlier, word("e"), "")
        assert evm.refusal(rights.owner, rights.registry, "dispute", *call, value=DISPUTE_BOND) == reason


def test_after_a_void_the_next_earliest_leads(rights: Rights) -> None:
    evm, rows = rights.evm, word("rows")
    works = [rights.register(one, rows) for one in evm.accounts[:4]]
    assert evm.refusal(rights.owner, rights.registry, "lead", works[2]) == "not-earlier"
    evm.do(rights.owner, rights.registry, "dispute", works[0], 0, word("e"), "", value=DISPUTE_BOND)
    rights.decide(rights.registry, works[0].to_bytes(32, "big"), 1, upheld=True)
    evm.do(rights.owner, rights.registry, "conclude", works[0])
    assert evm.call(rights.registry, "first", rows) == 0
    assert evm.refusal(rights.owner, rights.registry, "lead", works[0]) == "void-work"
    assert evm.refusal(rights.owner, rights.registry, "lead", 7) == "no-work"
    for called, first in ((3, 3), (1, 1)):
        evm.do(evm.accounts[5], rights.registry, "lead", works[called])
        assert evm.call(rights.registry, "first", rows) == works[first]
    assert evm.refusal(rights.owner, rights.registry, "lead", works[2]) == "not-earlier"
