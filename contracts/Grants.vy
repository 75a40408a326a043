# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Grants
@notice Consent: terms that a work's owner signed and a builder accepted and paid, and the privacy budget they spend.
@dev    docs/ledger.md, section 3. Its registry is whoever makes it: Registry does, in its own constructor.
        A grant's id is the EIP-712 digest of its offer, so chain and contract are in it and no signature is ever needed twice.
"""

interface Registry:
    def ownerOf(id: uint256) -> address: view
    def getApproved(id: uint256) -> address: view
    def isApprovedForAll(owner: address, operator: address) -> bool: view
    def is_void(id: uint256) -> bool: view
    def shares_of(id: uint256) -> address: view

interface Shares:
    def pay(currency: address, amount: uint256, use: bytes32): payable

interface Currency:
    def balanceOf(holder: address) -> uint256: view
    def transferFrom(sender: address, receiver: address, amount: uint256) -> bool: nonpayable
    def approve(spender: address, amount: uint256) -> bool: nonpayable

interface Wallet:
    def isValidSignature(digest: bytes32, signature: Bytes[1024]) -> bytes4: view

struct Offer:
    work: uint256
    builder: address
    record: bytes32
    purpose: bytes32
    plan: bytes32
    fields: bytes32
    not_before: uint64
    not_after: uint64
    currency: address
    price: uint256
    royalty: uint32
    epsilon: uint64
    delta: uint64
    salt: bytes32

struct Grant:
    work: uint256
    builder: address
    accepted: uint64
    revoked: uint64
    not_before: uint64
    not_after: uint64
    royalty: uint32
    epsilon: uint64
    delta: uint64
    spent_epsilon: uint64
    spent_delta: uint64
    sessions: uint64

struct Spending:
    at_block: uint64
    epsilon: uint64
    delta: uint64
    anchor: bytes32

struct Budget:
    epsilon: uint64
    delta: uint64
    spent_epsilon: uint64
    spent_delta: uint64

struct Terms:
    work: uint256
    party: uint256  # builder 160, accepted 64, royalty 32
    times: uint256  # not_before 64, not_after 64
    limits: uint256  # epsilon 64, delta 64
    spent: uint256  # epsilon 64, delta 64, sessions 64

struct Entry:
    amounts: uint256  # block 64, epsilon 64, delta 64
    anchor: bytes32

event Accepted:
    grant: indexed(bytes32)
    work: indexed(uint256)
    builder: indexed(address)
    record: bytes32
    price: uint256
    currency: address
    royalty: uint32

event Revoked:
    grant: indexed(bytes32)
    work: indexed(uint256)

event BudgetSet:
    work: indexed(uint256)
    epsilon: uint64
    delta: uint64

event Spent:
    grant: indexed(bytes32)
    work: indexed(uint256)
    session: indexed(bytes32)
    epsilon: uint64
    delta: uint64
    anchor: bytes32

ONE: constant(uint32) = 10**9
WORD64: constant(uint256) = 2**64 - 1
SET: constant(uint256) = 2**128  # of a budget's limits: one was set, and from then on it only falls
HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168  # of secp256k1
DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
NAME: constant(bytes32) = keccak256("Bailee grants")
VERSION: constant(bytes32) = keccak256("1")
OFFER_TYPE: constant(bytes32) = keccak256(
    "Offer(uint256 work,address builder,bytes32 record,bytes32 purpose,bytes32 plan,bytes32 fields,uint64 not_before,uint64 not_after,address currency,uint256 price,uint32 royalty,uint64 epsilon,uint64 delta,bytes32 salt)"
)

REGISTRY: public(immutable(address))
_terms: HashMap[bytes32, Terms]
_revoked: HashMap[uint256, HashMap[bytes32, uint256]]  # by work: an owner can revoke only what is its own
_spendings: HashMap[bytes32, HashMap[bytes32, Entry]]
_limits: HashMap[uint256, uint256]  # epsilon 64, delta 64, SET
_spent: HashMap[uint256, uint256]  # epsilon 64, delta 64


@deploy
def __init__():
    REGISTRY = msg.sender


# ------------------------------------------------------------------------------------------------ consent


@external
@payable
@nonreentrant
def accept(offer: Offer, signature: Bytes[1024]) -> bytes32:
    """
    @notice By the builder the offer names. The price goes into the work's shares, with the grant's id as its use.
    @dev    The signature is the owner's of this moment: a work that was sold takes its old owner's offers along.
    """
    id: bytes32 = self._digest(offer)
    assert msg.sender == offer.builder, "not-builder"
    assert self._terms[id].party == 0, "accepted"
    assert self._revoked[offer.work][id] == 0, "revoked"
    assert offer.not_before <= offer.not_after, "bad-period"
    assert block.timestamp <= convert(offer.not_after, uint256), "expired"
    assert offer.royalty <= ONE, "royalty-over-one"
    assert not staticcall Registry(REGISTRY).is_void(offer.work), "void-work"
    self._check(staticcall Registry(REGISTRY).ownerOf(offer.work), id, signature)
    self._terms[id] = Terms(
        work=offer.work,
        party=convert(msg.sender, uint256) | (block.number << 160) | (convert(offer.royalty, uint256) << 224),
        times=self._pair(offer.not_before, offer.not_after),
        limits=self._pair(offer.epsilon, offer.delta),
        spent=0,
    )
    log Accepted(
        grant=id,
        work=offer.work,
        builder=msg.sender,
        record=offer.record,
        price=offer.price,
        currency=offer.currency,
        royalty=offer.royalty,
    )
    self._pay(offer, id)
    return id


@external
def revoke(work: uint256, grant: bytes32):
    """
    @notice By the work's owner or whom it approved; before acceptance too: then nobody can accept it any more.
    """
    self._authorised(work)
    assert self._terms[grant].party == 0 or self._terms[grant].work == work, "other-work"
    assert self._revoked[work][grant] == 0, "revoked"
    self._revoked[work][grant] = block.number
    log Revoked(grant=grant, work=work)


@internal
@payable
def _pay(offer: Offer, id: bytes32):
    if offer.price == 0:
        assert msg.value == 0, "bad-value"
        return
    shares: address = staticcall Registry(REGISTRY).shares_of(offer.work)
    if offer.currency == empty(address):
        assert msg.value == offer.price, "bad-value"
        extcall Shares(shares).pay(empty(address), offer.price, id, value=msg.value)
        return
    assert msg.value == 0, "bad-value"
    money: Currency = Currency(offer.currency)
    before: uint256 = staticcall money.balanceOf(self)
    assert extcall money.transferFrom(msg.sender, self, offer.price, default_return_value=True), "not-paid"
    got: uint256 = staticcall money.balanceOf(self) - before  # less than the price, where a currency takes a fee
    assert extcall money.approve(shares, got, default_return_value=True), "not-paid"
    extcall Shares(shares).pay(offer.currency, got, id)


@internal
@view
def _check(owner: address, digest: bytes32, signature: Bytes[1024]):
    """
    @dev The owner's own signature (65 bytes r, s, v; the low s only), or ERC-1271 where the owner is a contract.
    """
    if len(signature) == 65:
        s: uint256 = convert(slice(signature, 32, 32), uint256)
        v: uint256 = convert(slice(signature, 64, 1), uint256)
        if s <= HALF_ORDER and v in [27, 28]:
            r: uint256 = convert(slice(signature, 0, 32), uint256)
            signer: address = ecrecover(digest, v, r, s)
            if signer != empty(address) and signer == owner:
                return
    assert owner.is_contract, "not-signed-by-owner"
    assert staticcall Wallet(owner).isValidSignature(digest, signature) == 0x1626ba7e, "not-signed-by-owner"


# ------------------------------------------------------------------------------------------------ the privacy budget


@external
def set_budget(work: uint256, eps: uint64, delta: uint64):
    """
    @notice All that may ever be spent on a dataset, over all grants. The first time any; afterwards only lower.
    """
    assert msg.sender == staticcall Registry(REGISTRY).ownerOf(work), "not-owner"
    former: uint256 = self._limits[work]
    if former != 0:
        assert convert(eps, uint256) <= former & WORD64, "budget-only-falls"
        assert convert(delta, uint256) <= (former >> 64) & WORD64, "budget-only-falls"
    self._limits[work] = self._pair(eps, delta) | SET
    log BudgetSet(work=work, epsilon=eps, delta=delta)


@external
def spend(grant: bytes32, session: bytes32, eps: uint64, delta: uint64, anchor: bytes32):
    """
    @notice By the work's owner or whom it approved, before it shows its coin in a session. Once a grant and session.
    """
    terms: Terms = self._terms[grant]
    assert terms.party != 0, "no-grant"
    self._authorised(terms.work)
    assert self._live(grant), "not-live"
    assert self._spendings[grant][session].amounts == 0, "spent"
    limits: uint256 = self._limits[terms.work]
    assert limits != 0, "no-budget"
    added: uint256 = self._pair(eps, delta)
    self._spent[terms.work] = self._added(self._spent[terms.work], added, limits, "budget-spent")
    sessions: uint256 = (terms.spent >> 128) + 1
    self._terms[grant].spent = self._added(terms.spent, added, terms.limits, "grant-spent") | (sessions << 128)
    self._spendings[grant][session] = Entry(amounts=block.number | (added << 64), anchor=anchor)
    log Spent(grant=grant, work=terms.work, session=session, epsilon=eps, delta=delta, anchor=anchor)


@internal
@pure
def _added(spent: uint256, added: uint256, limits: uint256, reason: String[12]) -> uint256:
    """
    @dev Both halves, each at most its limit: so each stays below 2^64, and no half ever runs into the other.
    """
    low: uint256 = (spent & WORD64) + (added & WORD64)
    high: uint256 = ((spent >> 64) & WORD64) + (added >> 64)
    assert low <= limits & WORD64 and high <= (limits >> 64) & WORD64, reason
    return low | (high << 64)


@internal
@pure
def _pair(low: uint64, high: uint64) -> uint256:
    return convert(low, uint256) | (convert(high, uint256) << 64)


# ------------------------------------------------------------------------------------------------ reading


@external
@view
def live(grant: bytes32) -> bool:
    """
    @return Accepted, within its time, not revoked, its work not void.
    """
    return self._live(grant)


@external
@view
def grant(grant: bytes32) -> Grant:
    """
    @return All zero where nobody accepted it (`revoked` says whether that still can be).
    """
    terms: Terms = self._terms[grant]
    return Grant(
        work=terms.work,
        builder=convert(terms.party & convert(max_value(uint160), uint256), address),
        accepted=convert((terms.party >> 160) & WORD64, uint64),
        revoked=convert(self._revoked[terms.work][grant], uint64),
        not_before=convert(terms.times & WORD64, uint64),
        not_after=convert(terms.times >> 64, uint64),
        royalty=convert(terms.party >> 224, uint32),
        epsilon=convert(terms.limits & WORD64, uint64),
        delta=convert(terms.limits >> 64, uint64),
        spent_epsilon=convert(terms.spent & WORD64, uint64),
        spent_delta=convert((terms.spent >> 64) & WORD64, uint64),
        sessions=convert(terms.spent >> 128, uint64),
    )


@external
@view
def revoked(work: uint256, grant: bytes32) -> uint64:
    """
    @return The block of the revocation, accepted or not; 0 for none.
    """
    return convert(self._revoked[work][grant], uint64)


@external
@view
def spending(grant: bytes32, session: bytes32) -> Spending:
    found: Entry = self._spendings[grant][session]
    return Spending(
        at_block=convert(found.amounts & WORD64, uint64),
        epsilon=convert((found.amounts >> 64) & WORD64, uint64),
        delta=convert(found.amounts >> 128, uint64),
        anchor=found.anchor,
    )


@external
@view
def budget(work: uint256) -> Budget:
    limits: uint256 = self._limits[work]
    spent: uint256 = self._spent[work]
    return Budget(
        epsilon=convert(limits & WORD64, uint64),
        delta=convert((limits >> 64) & WORD64, uint64),
        spent_epsilon=convert(spent & WORD64, uint64),
        spent_delta=convert(spent >> 64, uint64),
    )


@external
@view
def digest(offer: Offer) -> bytes32:
    return self._digest(offer)


@internal
@view
def _digest(offer: Offer) -> bytes32:
    domain: bytes32 = keccak256(abi_encode(DOMAIN_TYPE, NAME, VERSION, chain.id, self))
    return keccak256(concat(b"\x19\x01", domain, keccak256(abi_encode(OFFER_TYPE, offer))))


@internal
@view
def _live(grant: bytes32) -> bool:
    terms: Terms = self._terms[grant]
    if terms.party == 0 or self._revoked[terms.work][grant] != 0:
        return False
    if block.timestamp < terms.times & WORD64 or block.timestamp > terms.times >> 64:
        return False
    return not staticcall Registry(REGISTRY).is_void(terms.work)


@internal
@view
def _authorised(work: uint256):
    registry: Registry = Registry(REGISTRY)
    owner: address = staticcall registry.ownerOf(work)
    if msg.sender == owner or msg.sender == staticcall registry.getApproved(work):
        return
    assert staticcall registry.isApprovedForAll(owner, msg.sender), "not-allowed"
