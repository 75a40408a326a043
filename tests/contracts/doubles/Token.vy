# pragma version 0.4.3
"""
@title A token that can misbehave: takes a fee, shrinks what is held, lies, refuses, calls back in the middle
@dev Anybody mints and sets how it behaves.
"""

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256

balances: HashMap[address, uint256]
allowance: public(HashMap[address, HashMap[address, uint256]])
fee: public(uint256)  # of a transfer, in 1/10,000, burnt
lie: public(int256)  # added to each balance that is told
refusing: public(address)  # a receiver or sender for whom transfers fail
silent: public(address)  # ... for whom they answer False and do nothing
target: address  # called once, in the middle of a transfer
message: Bytes[1024]
after: bool  # after the money has moved, or before
reached: public(bool)  # whether the last call back went through


@external
def mint(receiver: address, amount: uint256):
    self.balances[receiver] += amount


@external
def burn(holder: address, amount: uint256):
    self.balances[holder] -= amount


@external
def set_fee(fee: uint256):
    self.fee = fee


@external
def set_lie(lie: int256):
    self.lie = lie


@external
def set_refusing(who: address):
    self.refusing = who


@external
def set_silent(who: address):
    self.silent = who


@external
def set_call(target: address, message: Bytes[1024], after: bool):
    self.target = target
    self.message = message
    self.after = after


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
@view
def balanceOf(holder: address) -> uint256:
    return convert(convert(self.balances[holder], int256) + self.lie, uint256)


@external
def transfer(receiver: address, amount: uint256) -> bool:
    return self._move(msg.sender, receiver, amount)


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    self.allowance[sender][msg.sender] -= amount
    return self._move(sender, receiver, amount)


@internal
def _move(sender: address, receiver: address, amount: uint256) -> bool:
    assert self.refusing == empty(address) or (sender != self.refusing and receiver != self.refusing), "token: refused"
    if self.silent != empty(address) and (sender == self.silent or receiver == self.silent):
        return False
    if not self.after:
        self._call_back()
    self.balances[sender] -= amount
    self.balances[receiver] += amount - amount * self.fee // 10_000
    log Transfer(sender=sender, receiver=receiver, value=amount)
    if self.after:
        self._call_back()
    return True


@internal
def _call_back():
    target: address = self.target
    if target != empty(address):
        self.target = empty(address)
        self.reached = raw_call(target, self.message, revert_on_failure=False)
