# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Verifiers
@notice Those who ran `bailee verify` say so under a bond; a quorum and a window without challenge make it final.
@dev    docs/ledger.md, section 3. Money leaves by `withdraw` and `refund` only, to the caller. The balance is the bonds
        of all verifiers, those of open challenges, and what is owed. Each list is bounded: 16 a claim, 8 a verifier.
"""

interface Arbiters:
    def verdict(case: bytes32) -> uint8: view

struct Claim:
    attesters: DynArray[address, 16]
    since: uint64  # of the quorum, or of the last rejected challenge; 0 without quorum
    challenger: address  # of the open challenge
    rounds: uint256  # challenges so far
    void: bool

struct Verifier:
    bonded: bool
    left: uint64  # when it left; 0 while it attests
    claims: DynArray[bytes32, 8]  # that it attested and that were open when it was last looked at

event Joined:
    verifier: indexed(address)

event Left:
    verifier: indexed(address)

event Withdrawn:
    verifier: indexed(address)

event Attested:
    claim: indexed(bytes32)
    verifier: indexed(address)

event Retracted:
    claim: indexed(bytes32)
    verifier: indexed(address)

event Challenged:
    claim: indexed(bytes32)
    by: indexed(address)
    evidence: bytes32
    uri: String[256]

event Concluded:
    claim: indexed(bytes32)
    upheld: bool

event Slashed:
    verifier: indexed(address)
    claim: indexed(bytes32)
    amount: uint256

event Refunded:
    to: indexed(address)
    amount: uint256

MOST: constant(uint256) = 16  # attesters of a claim
OPEN: constant(uint256) = 8  # open claims of a verifier

ARBITERS: public(immutable(address))
quorum: public(immutable(uint256))
window: public(immutable(uint256))
bond: public(immutable(uint256))
owed: public(HashMap[address, uint256])
_verifiers: HashMap[address, Verifier]
_claims: HashMap[bytes32, Claim]


@deploy
def __init__(arbiters: address, n: uint256, seconds: uint256, amount: uint256):
    assert arbiters.is_contract, "no-contract"
    assert n != 0 and n <= MOST, "bad-quorum"
    assert seconds != 0 and seconds <= 2**32, "bad-window"
    assert amount != 0, "no-bond"
    ARBITERS = arbiters
    quorum = n
    window = seconds
    bond = amount


# ------------------------------------------------------------------------------------------------ verifiers


@external
@payable
def join():
    assert not self._verifiers[msg.sender].bonded, "joined"
    assert msg.value == bond, "bad-bond"
    self._verifiers[msg.sender].bonded = True
    log Joined(verifier=msg.sender)


@external
def leave():
    """
    @notice From here on the caller attests no more; its bond stays for two windows and while a claim of its is open.
    """
    self._attesting()
    self._verifiers[msg.sender].left = convert(block.timestamp, uint64)
    log Left(verifier=msg.sender)


@external
def withdraw():
    left: uint256 = convert(self._verifiers[msg.sender].left, uint256)
    assert left != 0, "not-left"
    assert block.timestamp > left + 2 * window, "too-early"
    assert len(self._still_open(msg.sender)) == 0, "claims-open"
    self._verifiers[msg.sender] = empty(Verifier)
    log Withdrawn(verifier=msg.sender)
    raw_call(msg.sender, b"", value=bond)


@external
def attest(claim: bytes32):
    """
    @notice `claim` = keccak256(abi.encode(registry, registrant, commitment, parts)): this passport says this.
    """
    self._attesting()
    found: Claim = self._claims[claim]
    assert not found.void, "void-claim"
    assert found.challenger == empty(address), "challenged"
    assert not self._final(found.since), "final"
    assert msg.sender not in found.attesters, "attested"
    assert len(found.attesters) < MOST, "claim-full"
    claims: DynArray[bytes32, OPEN] = self._still_open(msg.sender)
    assert len(claims) < OPEN, "too-many-open"
    claims.append(claim)
    self._verifiers[msg.sender].claims = claims
    self._claims[claim].attesters.append(msg.sender)
    if len(found.attesters) + 1 == quorum:
        self._claims[claim].since = convert(block.timestamp, uint64)
    log Attested(claim=claim, verifier=msg.sender)


@external
def retract(claim: bytes32):
    """
    @notice Takes an attestation back, while it has no quorum and no challenge: so nobody is bound to a claim for ever.
    """
    found: Claim = self._claims[claim]
    assert msg.sender in found.attesters, "not-attested"
    assert found.since == 0 and not found.void, "quorum-reached"
    assert found.challenger == empty(address), "challenged"
    self._remove(claim, msg.sender)
    claims: DynArray[bytes32, OPEN] = []
    for other: bytes32 in self._verifiers[msg.sender].claims:
        if other != claim:
            claims.append(other)
    self._verifiers[msg.sender].claims = claims


# ------------------------------------------------------------------------------------------------ challenges


@external
@payable
def challenge(claim: bytes32, evidence: bytes32, uri: String[256]):
    found: Claim = self._claims[claim]
    assert not found.void, "void-claim"
    assert len(found.attesters) != 0, "nobody-attested"
    assert found.challenger == empty(address), "challenged"
    assert not self._final(found.since), "final"
    assert msg.value == bond, "bad-bond"
    self._claims[claim].challenger = msg.sender
    self._claims[claim].rounds = found.rounds + 1
    log Challenged(claim=claim, by=msg.sender, evidence=evidence, uri=uri)


@external
def conclude(claim: bytes32):
    """
    @notice Carries out the arbiters' verdict on the open challenge.
    @dev    Upheld: void for good; each attester loses its bond and its word on every other claim that is open.
            Rejected: the challenger's bond goes to the attesters and the window starts anew, so that nobody can shut
            out a better challenge with a worse one.
    """
    found: Claim = self._claims[claim]
    assert found.challenger != empty(address), "not-challenged"
    case: bytes32 = keccak256(abi_encode(self, claim, found.rounds))
    verdict: uint8 = staticcall Arbiters(ARBITERS).verdict(case)
    assert verdict != 0, "undecided"
    self._claims[claim].challenger = empty(address)
    log Concluded(claim=claim, upheld=verdict == 1)
    burnt: uint256 = 0
    count: uint256 = len(found.attesters)
    if verdict == 1:
        self._claims[claim].void = True
        self.owed[found.challenger] += bond + count * (bond // 2)
        burnt = count * (bond - bond // 2)
        for verifier: address in found.attesters:
            self._slash(verifier, claim)
    else:
        if found.since != 0:
            self._claims[claim].since = convert(block.timestamp, uint64)
        for verifier: address in found.attesters:
            self.owed[verifier] += bond // count
        burnt = bond if count == 0 else bond % count  # nobody attests it any more: each was slashed for another claim
    if burnt != 0:
        send(empty(address), burnt)


@external
def refund():
    """
    @notice What is owed to the caller.
    """
    amount: uint256 = self.owed[msg.sender]
    assert amount != 0, "nothing-owed"
    self.owed[msg.sender] = 0
    log Refunded(to=msg.sender, amount=amount)
    raw_call(msg.sender, b"", value=amount)


@internal
def _slash(verifier: address, claim: bytes32):
    claims: DynArray[bytes32, OPEN] = self._verifiers[verifier].claims
    self._verifiers[verifier] = empty(Verifier)
    log Slashed(verifier=verifier, claim=claim, amount=bond)
    for other: bytes32 in claims:
        if other != claim and self._is_open(other):
            self._remove(other, verifier)  # no bond stands behind it any more


@internal
def _remove(claim: bytes32, verifier: address):
    attesters: DynArray[address, MOST] = []
    for other: address in self._claims[claim].attesters:
        if other != verifier:
            attesters.append(other)
    self._claims[claim].attesters = attesters
    if len(attesters) < quorum:
        self._claims[claim].since = 0
    log Retracted(claim=claim, verifier=verifier)


# ------------------------------------------------------------------------------------------------ reading


@external
@view
def is_final(claim: bytes32) -> bool:
    found: Claim = self._claims[claim]
    return not found.void and found.challenger == empty(address) and self._final(found.since)


@external
@view
def claim(claim: bytes32) -> Claim:
    return self._claims[claim]


@external
@view
def verifier(verifier: address) -> Verifier:
    return self._verifiers[verifier]


@internal
@view
def _attesting():
    assert self._verifiers[msg.sender].bonded, "not-bonded"
    assert self._verifiers[msg.sender].left == 0, "left"


@internal
@view
def _final(since: uint64) -> bool:
    """
    @dev Of a claim that is neither void nor challenged.
    """
    return since != 0 and block.timestamp > convert(since, uint256) + window


@internal
@view
def _is_open(claim: bytes32) -> bool:
    found: Claim = self._claims[claim]
    return not found.void and (found.challenger != empty(address) or not self._final(found.since))


@internal
@view
def _still_open(verifier: address) -> DynArray[bytes32, OPEN]:
    claims: DynArray[bytes32, OPEN] = []
    for claim: bytes32 in self._verifiers[verifier].claims:
        if self._is_open(claim):
            claims.append(claim)
    return claims
