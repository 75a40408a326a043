# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Registry
@notice Works (1 dataset, 2 model, 3 content) as ERC-721 tokens: what they are, since when, from what they were made.
@dev    docs/ledger.md, section 3. No administrator. Its neighbours are fixed when it is made: it creates Grants itself.
        It calls only contracts of that set, and the receiver of a safe transfer, always after its own state is written.
"""

interface Shares:
    def initialise(
        work: uint256, holders: DynArray[address, 65], units: DynArray[uint256, 65], currencies: DynArray[address, 3]
    ): nonpayable
    def pay(currency: address, amount: uint256, use: bytes32): payable

interface Grants:
    def grant(grant: bytes32) -> Grant: view

interface Verifiers:
    def is_final(claim: bytes32) -> bool: view

interface Arbiters:
    def verdict(case: bytes32) -> uint8: view

interface Receiver:
    def onERC721Received(operator: address, sender: address, id: uint256, data: Bytes[1024]) -> bytes4: nonpayable

struct Naming:
    commitment: bytes32
    schema: bytes32
    fingerprints: bytes32
    terms: bytes32
    metadata: bytes32

struct Part:
    grant: bytes32
    share: uint256

struct Work:
    kind: uint8
    naming: Naming
    since: uint64
    registered: uint64
    shares: address
    resale: uint16
    status: uint8

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

struct Dispute:
    by: address
    earlier: uint256
    round: uint256

event Registered:
    id: indexed(uint256)
    registrant: indexed(address)
    commitment: indexed(bytes32)
    kind: uint8
    naming: Naming
    fingerprint: Bytes[2048]
    uri: String[256]
    shares: address
    since: uint64

event Derived:
    id: indexed(uint256)
    parent: indexed(uint256)
    grant: bytes32
    share: uint256
    units: uint256

event Reserved:
    ticket: indexed(bytes32)

event Disputed:
    id: indexed(uint256)
    earlier: indexed(uint256)
    by: indexed(address)
    evidence: bytes32
    uri: String[256]

event Concluded:
    id: indexed(uint256)
    upheld: bool

event Refunded:
    to: indexed(address)
    amount: uint256

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    id: indexed(uint256)

event Approval:
    owner: indexed(address)
    approved: indexed(address)
    id: indexed(uint256)

event ApprovalForAll:
    owner: indexed(address)
    operator: indexed(address)
    approved: bool

DATASET: constant(uint256) = 1
MODEL: constant(uint256) = 2
CONTENT: constant(uint256) = 3
GOOD: constant(uint256) = 1
DISPUTED: constant(uint256) = 2
VOID: constant(uint256) = 3
ALL: constant(uint256) = 10**9  # units of a work, and a share of use of one
MAX_RESALE: constant(uint16) = 1000  # basis points

# A work's word, from bit 0: shares 160, since 40, registered 40, resale 10, kind 3, status 3.
BLOCK: constant(uint256) = 2**40 - 1
STATUS: constant(uint256) = 2**253

name: public(constant(String[12])) = "Bailee works"
symbol: public(constant(String[4])) = "WORK"

SHARES: public(immutable(address))
GRANTS: public(immutable(address))
VERIFIERS: public(immutable(address))
ARBITERS: public(immutable(address))
dispute_bond: public(immutable(uint256))

reserved: public(HashMap[bytes32, uint256])  # block of the first reservation of a ticket
refunds: public(HashMap[address, uint256])
open_dispute: public(HashMap[uint256, Dispute])
_word: HashMap[uint256, uint256]
_naming: HashMap[uint256, Naming]
_uri: HashMap[uint256, String[256]]
_first: HashMap[bytes32, uint256]
_owner: HashMap[uint256, address]
_balance: HashMap[address, uint256]
_approved: HashMap[uint256, address]
isApprovedForAll: public(HashMap[address, HashMap[address, bool]])


@deploy
def __init__(shares: address, grants_blueprint: address, verifiers: address, arbiters: address, bond: uint256):
    assert shares.is_contract and verifiers.is_contract and arbiters.is_contract, "no-contract"
    assert bond != 0, "no-bond"
    SHARES = shares
    VERIFIERS = verifiers
    ARBITERS = arbiters
    dispute_bond = bond
    GRANTS = create_from_blueprint(grants_blueprint)  # takes its maker, this contract, as its registry


# ------------------------------------------------------------------------------------------------ registration


@external
def reserve(ticket: bytes32):
    """
    @notice Priority before a commitment is shown: ticket = keccak256(abi.encode(registrant, commitment, salt)).
    @dev    A ticket holds its registrant, so a copied one helps only that registrant; the first block counts.
    """
    assert self.reserved[ticket] == 0, "reserved"
    self.reserved[ticket] = block.number
    log Reserved(ticket=ticket)


@external
def register(
    kind: uint8,
    naming: Naming,
    fingerprint: Bytes[2048],
    uri: String[256],
    resale: uint16,
    salt: bytes32,
    currencies: DynArray[address, 3],
) -> uint256:
    """
    @notice A dataset or a content that came of no other work. All units go to the caller.
    """
    assert convert(kind, uint256) in [DATASET, CONTENT], "bad-kind"
    id: uint256 = self._mint(kind, naming, fingerprint, uri, resale, salt)
    extcall Shares(self._shares(id)).initialise(id, [msg.sender], [ALL], currencies)
    return id


@external
def derive(
    kind: uint8,
    naming: Naming,
    fingerprint: Bytes[2048],
    uri: String[256],
    resale: uint16,
    salt: bytes32,
    currencies: DynArray[address, 3],
    parts: DynArray[Part, 64],
) -> uint256:
    """
    @notice A work made of others, each under a grant that the caller accepted. The works it came from hold
            share * royalty / 10^9 units of it, rounded down; the caller holds the rest.
    """
    assert convert(kind, uint256) in [DATASET, MODEL, CONTENT], "bad-kind"
    assert len(parts) != 0, "no-parts"
    is_model: bool = convert(kind, uint256) == MODEL
    if is_model:
        claim: bytes32 = keccak256(abi_encode(self, msg.sender, naming.commitment, parts))
        assert staticcall Verifiers(VERIFIERS).is_final(claim), "not-final"
    id: uint256 = self._mint(kind, naming, fingerprint, uri, resale, salt)

    holders: DynArray[address, 65] = []
    units: DynArray[uint256, 65] = []
    used: uint256 = 0
    rest: uint256 = ALL
    for part: Part in parts:
        used += part.share
        assert used <= ALL, "parts-over-one"  # before the product: so it cannot overflow
        found: Grant = staticcall Grants(GRANTS).grant(part.grant)
        assert found.accepted != 0 and found.builder == msg.sender, "not-your-grant"
        word: uint256 = self._word[found.work]
        assert word // STATUS != VOID, "void-work"
        if is_model and self._kind(word) == DATASET:
            assert found.sessions != 0, "not-spent"
        given: uint256 = part.share * convert(found.royalty, uint256) // ALL
        log Derived(id=id, parent=found.work, grant=part.grant, share=part.share, units=given)
        if given == 0:
            continue
        rest -= given  # royalty is at most 10^9 and the shares add up to at most that
        holder: address = convert(word & convert(max_value(uint160), uint256), address)
        place: uint256 = len(holders)
        for i: uint256 in range(len(holders), bound=65):
            if holders[i] == holder:
                place = i
                break
        if place == len(holders):
            holders.append(holder)
            units.append(given)
        else:
            units[place] += given
    if rest != 0:
        holders.append(msg.sender)
        units.append(rest)
    extcall Shares(self._shares(id)).initialise(id, holders, units, currencies)
    return id


@external
def lead(id: uint256):
    """
    @notice After a first registration was voided, anybody may show the one that is first now: any that is earlier
            than what `first` says, or any where it says none.
    """
    word: uint256 = self._word[id]
    assert word != 0, "no-work"
    assert word // STATUS != VOID, "void-work"
    assert self._led(id, self._naming[id].commitment), "not-earlier"


@internal
def _mint(
    kind: uint8, naming: Naming, fingerprint: Bytes[2048], uri: String[256], resale: uint16, salt: bytes32
) -> uint256:
    assert naming.commitment != empty(bytes32), "no-commitment"
    assert resale <= MAX_RESALE, "resale-over-limit"
    id: uint256 = convert(keccak256(abi_encode(msg.sender, naming.commitment)), uint256)
    assert self._word[id] == 0, "registered"
    since: uint256 = self.reserved[keccak256(abi_encode(msg.sender, naming.commitment, salt))]
    if since == 0:
        since = block.number
    shares: address = create_minimal_proxy_to(SHARES, salt=convert(id, bytes32))
    self._word[id] = (
        convert(shares, uint256)
        | (since << 160)
        | (block.number << 200)
        | (convert(resale, uint256) << 240)
        | (convert(kind, uint256) << 250)
        | (GOOD * STATUS)
    )
    self._naming[id] = naming
    self._uri[id] = uri
    self._owner[id] = msg.sender
    self._balance[msg.sender] += 1
    self._led(id, naming.commitment)
    log Transfer(sender=empty(address), receiver=msg.sender, id=id)
    log Registered(
        id=id,
        registrant=msg.sender,
        commitment=naming.commitment,
        kind=kind,
        naming=naming,
        fingerprint=fingerprint,
        uri=uri,
        shares=shares,
        since=convert(since, uint64),
    )
    return id


@internal
def _led(id: uint256, commitment: bytes32) -> bool:
    former: uint256 = self._first[commitment]
    if former != 0 and self._since(self._word[former]) <= self._since(self._word[id]):
        return False
    self._first[commitment] = id
    return True


# ------------------------------------------------------------------------------------------------ disputes


@external
@payable
def dispute(id: uint256, earlier: uint256, evidence: bytes32, uri: String[256]):
    """
    @notice Says that a work is not its registrant's to register. `earlier`: the work it copies, or 0.
    """
    word: uint256 = self._word[id]
    assert word != 0, "no-work"
    assert word // STATUS == GOOD, "not-good"
    assert earlier == 0 or (earlier != id and self._word[earlier] != 0), "bad-earlier"
    assert msg.value == dispute_bond, "bad-bond"
    self._word[id] = word + STATUS  # from GOOD to DISPUTED
    found: Dispute = self.open_dispute[id]
    self.open_dispute[id] = Dispute(by=msg.sender, earlier=earlier, round=found.round + 1)
    log Disputed(id=id, earlier=earlier, by=msg.sender, evidence=evidence, uri=uri)


@external
def conclude(id: uint256):
    """
    @notice Carries out the arbiters' verdict. Upheld: void, and the bond goes back; rejected: it goes to the holders.
    """
    word: uint256 = self._word[id]
    assert word // STATUS == DISPUTED, "not-disputed"
    found: Dispute = self.open_dispute[id]
    case: bytes32 = keccak256(abi_encode(self, convert(id, bytes32), found.round))
    verdict: uint8 = staticcall Arbiters(ARBITERS).verdict(case)
    assert verdict != 0, "undecided"
    log Concluded(id=id, upheld=verdict == 1)
    if verdict == 1:
        self._word[id] = word + STATUS
        self.refunds[found.by] += dispute_bond
        commitment: bytes32 = self._naming[id].commitment
        if self._first[commitment] == id:
            self._first[commitment] = 0  # `lead` says which is first now
    else:
        self._word[id] = word - STATUS
        extcall Shares(self._shares(id)).pay(empty(address), dispute_bond, case, value=dispute_bond)


@external
def refund():
    """
    @notice What is owed to the caller.
    """
    amount: uint256 = self.refunds[msg.sender]
    assert amount != 0, "nothing-owed"
    self.refunds[msg.sender] = 0
    log Refunded(to=msg.sender, amount=amount)
    raw_call(msg.sender, b"", value=amount)


# ------------------------------------------------------------------------------------------------ reading


@external
@view
def work(id: uint256) -> Work:
    word: uint256 = self._word[id]
    assert word != 0, "no-work"
    return Work(
        kind=convert(self._kind(word), uint8),
        naming=self._naming[id],
        since=convert(self._since(word), uint64),
        registered=convert((word >> 200) & BLOCK, uint64),
        shares=convert(word & convert(max_value(uint160), uint256), address),
        resale=convert((word >> 240) & 1023, uint16),
        status=convert(word // STATUS, uint8),
    )


@external
@view
def shares_of(id: uint256) -> address:
    return self._shares(id)


@external
@view
def is_void(id: uint256) -> bool:
    return self._word[id] // STATUS == VOID


@external
@view
def first(commitment: bytes32) -> uint256:
    """
    @return The earliest registration of that commitment that is not void; 0 for none (and after a void, see `lead`).
    """
    return self._first[commitment]


@internal
@view
def _shares(id: uint256) -> address:
    word: uint256 = self._word[id]
    assert word != 0, "no-work"
    return convert(word & convert(max_value(uint160), uint256), address)


@internal
@pure
def _since(word: uint256) -> uint256:
    return (word >> 160) & BLOCK


@internal
@pure
def _kind(word: uint256) -> uint256:
    return (word >> 250) & 7


# ------------------------------------------------------------------------------------------------ ERC-721, 2981, 165


@external
@view
def supportsInterface(interface_id: bytes4) -> bool:
    return interface_id in [0x01ffc9a7, 0x80ac58cd, 0x5b5e139f, 0x2a55205a]  # ERC-165, 721, 721 metadata, 2981


@external
@view
def royaltyInfo(id: uint256, price: uint256) -> (address, uint256):
    """
    @notice ERC-2981: a resale of the token itself. What is paid goes to the work's shares, hence to all its holders.
    """
    shares: address = self._shares(id)
    resale: uint256 = (self._word[id] >> 240) & 1023
    return shares, price // 10000 * resale + price % 10000 * resale // 10000  # the same as price * resale // 10000


@external
@view
def tokenURI(id: uint256) -> String[256]:
    self._holder(id)
    return self._uri[id]


@external
@view
def balanceOf(owner: address) -> uint256:
    assert owner != empty(address), "zero-address"
    return self._balance[owner]


@external
@view
def ownerOf(id: uint256) -> address:
    return self._holder(id)


@external
@view
def getApproved(id: uint256) -> address:
    self._holder(id)
    return self._approved[id]


@external
def approve(approved: address, id: uint256):
    owner: address = self._holder(id)
    assert msg.sender == owner or self.isApprovedForAll[owner][msg.sender], "not-allowed"
    self._approved[id] = approved
    log Approval(owner=owner, approved=approved, id=id)


@external
def setApprovalForAll(operator: address, approved: bool):
    self.isApprovedForAll[msg.sender][operator] = approved
    log ApprovalForAll(owner=msg.sender, operator=operator, approved=approved)


@external
def transferFrom(sender: address, receiver: address, id: uint256):
    self._transfer(sender, receiver, id)


@external
def safeTransferFrom(sender: address, receiver: address, id: uint256, data: Bytes[1024] = b""):
    self._transfer(sender, receiver, id)
    if receiver.is_contract:
        answer: bytes4 = extcall Receiver(receiver).onERC721Received(msg.sender, sender, id, data)
        assert answer == 0x150b7a02, "refused"


@internal
def _transfer(sender: address, receiver: address, id: uint256):
    owner: address = self._holder(id)
    assert sender == owner, "not-owner"
    assert receiver != empty(address), "zero-address"
    allowed: bool = msg.sender == owner or msg.sender == self._approved[id] or self.isApprovedForAll[owner][msg.sender]
    assert allowed, "not-allowed"
    self._approved[id] = empty(address)
    self._balance[sender] -= 1
    self._balance[receiver] += 1
    self._owner[id] = receiver
    log Transfer(sender=sender, receiver=receiver, id=id)


@internal
@view
def _holder(id: uint256) -> address:
    owner: address = self._owner[id]
    assert owner != empty(address), "no-work"
    return owner
