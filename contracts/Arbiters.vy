# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Arbiters
@notice Named people who decide disputes: k of n, for good. Registry and Verifiers ask `verdict`; nothing here moves money.
@dev    A case is keccak256(abi.encode(contract, subject, round)). A majority is needed (2k > n), so that two verdicts
        can never race; when all have voted and no side has k, nothing was shown, and the case is rejected.
"""

event Voted:
    case: indexed(bytes32)
    arbiter: indexed(address)
    upheld: bool

event Decided:
    case: indexed(bytes32)
    upheld: bool

MOST: constant(uint256) = 15

threshold: public(immutable(uint256))
count: immutable(uint256)
is_member: public(HashMap[address, bool])
voted: public(HashMap[bytes32, HashMap[address, bool]])
_members: DynArray[address, MOST]
_for: HashMap[bytes32, uint256]
_against: HashMap[bytes32, uint256]


@deploy
def __init__(members: DynArray[address, MOST], k: uint256):
    assert k <= len(members) and 2 * k > len(members), "no-majority"
    for member: address in members:
        assert member != empty(address) and not self.is_member[member], "bad-member"
        self.is_member[member] = True
    self._members = members
    threshold = k
    count = len(members)


@external
def vote(case: bytes32, upheld: bool):
    """
    @notice One voice of one arbiter; it stands. Refused once the case is decided.
    """
    assert self.is_member[msg.sender], "not-arbiter"
    assert not self.voted[case][msg.sender], "voted"
    assert self._verdict(case) == 0, "decided"
    self.voted[case][msg.sender] = True
    if upheld:
        self._for[case] += 1
    else:
        self._against[case] += 1
    log Voted(case=case, arbiter=msg.sender, upheld=upheld)
    found: uint8 = self._verdict(case)
    if found != 0:
        log Decided(case=case, upheld=found == 1)


@external
@view
def verdict(case: bytes32) -> uint8:
    """
    @return 0 open, 1 upheld, 2 rejected
    """
    return self._verdict(case)


@external
@view
def members() -> DynArray[address, MOST]:
    return self._members


@internal
@view
def _verdict(case: bytes32) -> uint8:
    yes: uint256 = self._for[case]
    no: uint256 = self._against[case]
    if yes >= threshold:
        return 1
    if no >= threshold or yes + no == count:
        return 2
    return 0
