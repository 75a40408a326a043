# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Shares of what a work earns: an ERC-20 of 10^9 units, and the money that belongs to it
@license Apache-2.0
@notice One contract a work, an EIP-1167 proxy of one implementation. Money is credited to all holders at once by one
        counter, and pulled by each: no payment, claim or transfer calls anybody but its receiver and its currency.
@dev docs/ledger.md, "Shares". A slot of money is   received (112 bits) | withdrawn (112) | accepted (1).
     A slot of an account is   seen (112: `received` when it was last settled) | owed (112) | residue (32).
     `owed` and `residue` are the quotient and the remainder by 10^9 of units * received, added up: exact in 256 bits,
     below (2^112 * 2^30) * 2. What all are owed together is at most received - withdrawn.
"""

from ethereum.ercs import IERC20

implements: IERC20

interface Works:
    def ownerOf(work: uint256) -> address: view

interface Earning:
    def claim(holder: address, currency: address) -> uint256: nonpayable

interface Authorizing:  # EIP-3009
    def receiveWithAuthorization(
        payer: address, payee: address, amount: uint256, valid_after: uint256, valid_before: uint256, nonce: bytes32, v: uint8, r: bytes32, s: bytes32
    ): nonpayable
    def transferWithAuthorization(
        payer: address, payee: address, amount: uint256, valid_after: uint256, valid_before: uint256, nonce: bytes32, v: uint8, r: bytes32, s: bytes32
    ): nonpayable

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    value: uint256

event Paid:
    currency: indexed(address)
    payer: indexed(address)
    use: indexed(bytes32)
    amount: uint256

event Credited:
    currency: indexed(address)
    amount: uint256

event Claimed:
    holder: indexed(address)
    currency: indexed(address)
    amount: uint256
    to: address

event Gathered:
    child: indexed(address)
    currency: indexed(address)
    amount: uint256

event CurrencyAccepted:
    currency: indexed(address)

WHOLE: constant(uint256) = 10**9
MOST: constant(uint256) = 2**112 - 1  # of money received in one currency, ever; and the mask of a field
ACCEPTED: constant(uint256) = 1 << 224
NATIVE: constant(address) = empty(address)

name: public(constant(String[13])) = "Bailee shares"
symbol: public(constant(String[6])) = "SHARES"
decimals: public(constant(uint8)) = 7
totalSupply: public(constant(uint256)) = WHOLE

balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
registry: public(address)
work: public(uint256)
listed: DynArray[address, 7]  # accepted besides native money
money: HashMap[address, uint256]
accounts: HashMap[address, HashMap[address, uint256]]  # holder -> currency


@deploy
def __init__():
    self.registry = self  # the implementation itself is never initialised


@external
@payable
def __default__():
    """
    @notice Native money that comes by a plain transfer; `credit` counts it.
    """
    assert len(msg.data) == 0, "shares: no such function"


# Units


@external
def initialise(work: uint256, holders: DynArray[address, 65], units: DynArray[uint256, 65], currencies: DynArray[address, 3]):
    """
    @notice Once, in the transaction that makes the proxy; whoever calls is its registry.
    """
    assert self.registry == empty(address), "shares: initialised already"
    assert len(holders) == len(units), "shares: one number of units a holder"
    self.registry = msg.sender
    self.work = work
    self.money[NATIVE] = ACCEPTED
    total: uint256 = 0
    for i: uint256 in range(len(holders), bound=65):
        self._require_receiver(holders[i])
        self.balanceOf[holders[i]] += units[i]
        total += units[i]
        log Transfer(sender=empty(address), receiver=holders[i], value=units[i])
    assert total == WHOLE, "shares: units are not 10^9 in all"
    for currency: address in currencies:
        self._accept(currency)


@external
def transfer(receiver: address, units: uint256) -> bool:
    self._move(msg.sender, receiver, units)
    return True


@external
def transferFrom(sender: address, receiver: address, units: uint256) -> bool:
    allowed: uint256 = self.allowance[sender][msg.sender]
    if allowed != max_value(uint256):
        assert allowed >= units, "shares: more than allowed"
        self.allowance[sender][msg.sender] = unsafe_sub(allowed, units)
    self._move(sender, receiver, units)
    return True


@external
def approve(spender: address, units: uint256) -> bool:
    self.allowance[msg.sender][spender] = units
    log Approval(owner=msg.sender, spender=spender, value=units)
    return True


@internal
def _move(sender: address, receiver: address, units: uint256):
    self._require_receiver(receiver)
    held: uint256 = self.balanceOf[sender]
    assert held >= units, "shares: more than held"
    if sender != receiver and units != 0:
        known: uint256 = self.balanceOf[receiver]
        self._settle_both(NATIVE, sender, held, receiver, known)
        for currency: address in self.listed:
            self._settle_both(currency, sender, held, receiver, known)
        self.balanceOf[sender] = unsafe_sub(held, units)
        self.balanceOf[receiver] = unsafe_add(known, units)
    log Transfer(sender=sender, receiver=receiver, value=units)


@internal
@view
def _require_receiver(receiver: address):
    assert receiver != empty(address) and receiver != self, "shares: units sent where nobody can claim"


# Money in


@external
@payable
@nonreentrant
def pay(currency: address, amount: uint256, use: bytes32) -> uint256:
    """
    @notice Pulls `amount` (or takes the value) and credits it to all holders.
    @param use What is paid for: the id of a grant, the digest of a request.
    @return What came of it: less than `amount` only if the currency takes a fee.
    """
    slot: uint256 = self._accepted(currency)
    before: uint256 = 0
    if currency == NATIVE:
        assert msg.value == amount, "shares: the value sent is not the amount"
        before = self.balance - amount
    else:
        assert msg.value == 0, "shares: native money sent beside another currency"
        before = self._balance(currency)
        assert extcall IERC20(currency).transferFrom(msg.sender, self, amount, default_return_value=True), "shares: the currency refuses"
    return self._paid(slot, currency, msg.sender, amount, before, use)


@external
@nonreentrant
def pay_with_authorization(
    currency: address, payer: address, amount: uint256, valid_after: uint256, valid_before: uint256, use: bytes32, signature: Bytes[65]
) -> uint256:
    """
    @notice Cashes an EIP-3009 ReceiveWithAuthorization whose nonce is `use`. Only this contract can cash it, and its payer signed the use.
    """
    slot: uint256 = self._accepted(currency)
    before: uint256 = self._balance(currency)
    v: uint8 = 0
    r: bytes32 = empty(bytes32)
    s: bytes32 = empty(bytes32)
    v, r, s = self._split(signature)
    extcall Authorizing(currency).receiveWithAuthorization(payer, self, amount, valid_after, valid_before, use, v, r, s)
    return self._paid(slot, currency, payer, amount, before, use)


@external
@nonreentrant
def pay_with_transfer_authorization(
    currency: address, payer: address, amount: uint256, valid_after: uint256, valid_before: uint256, use: bytes32, signature: Bytes[65]
) -> uint256:
    """
    @notice The same with a TransferWithAuthorization, which is what x402 clients sign. Anybody can cash that at the currency itself: then this call fails,
            the money is here all the same, and `credit` counts it (docs/ledger.md, "Paid requests").
    """
    slot: uint256 = self._accepted(currency)
    before: uint256 = self._balance(currency)
    v: uint8 = 0
    r: bytes32 = empty(bytes32)
    s: bytes32 = empty(bytes32)
    v, r, s = self._split(signature)
    extcall Authorizing(currency).transferWithAuthorization(payer, self, amount, valid_after, valid_before, use, v, r, s)
    return self._paid(slot, currency, payer, amount, before, use)


@external
@nonreentrant
def credit(currency: address) -> uint256:
    """
    @notice Credits what came by plain transfers.
    """
    return self._credit(self._accepted(currency), currency, self._balance(currency), 0)


@external
@nonreentrant
def gather(child: address, currency: address) -> uint256:
    """
    @notice Fetches what this work earned as a holder of `child`'s shares. Anyone may call.
    @dev `child` may be any contract: what counts is what came, and no more than it says.
    """
    slot: uint256 = self._accepted(currency)
    before: uint256 = self._balance(currency)
    said: uint256 = extcall Earning(child).claim(self, currency)
    after: uint256 = self._balance(currency)
    came: uint256 = min(after - before, said)
    self._credit(slot, currency, after, came)
    log Gathered(child=child, currency=currency, amount=came)
    return came


@internal
def _paid(slot: uint256, currency: address, payer: address, amount: uint256, before: uint256, use: bytes32) -> uint256:
    # What comes beyond the amount (a claim for this contract, made from within the currency) is nobody's payment.
    after: uint256 = self._balance(currency)
    came: uint256 = min(after - before, amount)
    self._credit(slot, currency, after, came)
    log Paid(currency=currency, payer=payer, use=use, amount=came)
    return came


@internal
def _credit(slot: uint256, currency: address, balance: uint256, came: uint256) -> uint256:
    """
    @dev Credits what is held beyond received - withdrawn. If a currency has shrunk (a rebasing token), new money first fills the hole. `came`, of a
         payment, must fit below 2^112; plain transfers are credited as far as they fit, so that nobody can block payments with them.
    """
    received: uint256 = slot & MOST
    held: uint256 = received - ((slot >> 112) & MOST)
    room: uint256 = MOST - received
    assert came <= room, "shares: a currency's total stays below 2^112"
    amount: uint256 = 0
    if balance > held:
        amount = min(balance - held, room)
        self.money[currency] = slot + amount
    if amount > came:
        log Credited(currency=currency, amount=amount - came)
    return amount


# Money out


@external
@nonreentrant
def claim(holder: address, currency: address) -> uint256:
    """
    @notice Sends a holder what it earned. Anyone may call: it goes to the holder.
    """
    return self._claim(holder, currency, holder)


@external
@nonreentrant
def claim_to(currency: address, to: address) -> uint256:
    """
    @notice Sends what the caller earned somewhere else.
    """
    return self._claim(msg.sender, currency, to)


@internal
def _claim(holder: address, currency: address, to: address) -> uint256:
    assert to != empty(address) and to != self, "shares: money sent where nobody has it"
    slot: uint256 = self._accepted(currency)
    account: uint256 = self._settled(self.accounts[holder][currency], slot & MOST, self.balanceOf[holder])
    # Less is held than owed only if the currency shrank: then whoever comes first has what there is.
    amount: uint256 = min((account >> 112) & MOST, self._balance(currency))
    self.accounts[holder][currency] = account - (amount << 112)
    if amount == 0:
        return 0
    self.money[currency] = slot + (amount << 112)
    log Claimed(holder=holder, currency=currency, amount=amount, to=to)
    if currency == NATIVE:
        raw_call(to, b"", value=amount)
    else:
        assert extcall IERC20(currency).transfer(to, amount, default_return_value=True), "shares: the currency refuses"
    return amount


# Currencies


@external
def accept_currency(currency: address):
    """
    @notice By the work's owner; at most 8 with native money; none can be removed.
    """
    assert msg.sender == staticcall Works(self.registry).ownerOf(self.work), "shares: only the work's owner"
    self._accept(currency)


@internal
def _accept(currency: address):
    assert self.money[currency] == 0, "shares: accepted already"
    assert currency.is_contract, "shares: no contract there"
    # Shares of works are no money: the lineage's units would be handed out as if they were.
    assert currency.codehash != self.codehash, "shares: shares of works are no currency"
    assert len(self.listed) < 7, "shares: 8 currencies at most"
    self.listed.append(currency)
    self.money[currency] = ACCEPTED
    log CurrencyAccepted(currency=currency)


# What is read


@external
@view
def currencies() -> DynArray[address, 8]:
    every: DynArray[address, 8] = [NATIVE]
    for currency: address in self.listed:
        every.append(currency)
    return every


@external
@view
def received(currency: address) -> uint256:
    return self.money[currency] & MOST


@external
@view
def withdrawn(currency: address) -> uint256:
    return (self.money[currency] >> 112) & MOST


@external
@view
def claimable(holder: address, currency: address) -> uint256:
    """
    @notice What a claim would send now (of money already credited).
    """
    return (self._settled(self.accounts[holder][currency], self.money[currency] & MOST, self.balanceOf[holder]) >> 112) & MOST


# Inside


@internal
@view
def _accepted(currency: address) -> uint256:
    slot: uint256 = self.money[currency]
    assert slot != 0, "shares: a currency that is not accepted"
    return slot


@internal
@view
def _balance(currency: address) -> uint256:
    if currency == NATIVE:
        return self.balance
    return staticcall IERC20(currency).balanceOf(self)


@internal
def _settle_both(currency: address, sender: address, sending: uint256, receiver: address, receiving: uint256):
    received: uint256 = self.money[currency] & MOST
    account: uint256 = self.accounts[sender][currency]
    if account & MOST != received:
        self.accounts[sender][currency] = self._settled(account, received, sending)
    account = self.accounts[receiver][currency]
    if account & MOST != received:
        self.accounts[receiver][currency] = self._settled(account, received, receiving)


@internal
@pure
def _settled(account: uint256, received: uint256, units: uint256) -> uint256:
    due: uint256 = ((account >> 112) & MOST) * WHOLE + (account >> 224) + units * (received - (account & MOST))
    return received | ((due // WHOLE) << 112) | ((due % WHOLE) << 224)


@internal
@pure
def _split(signature: Bytes[65]) -> (uint8, bytes32, bytes32):
    assert len(signature) == 65, "shares: a signature of 65 bytes"
    return convert(slice(signature, 64, 1), uint8), convert(slice(signature, 0, 32), bytes32), convert(slice(signature, 32, 32), bytes32)
