# pragma version 0.4.3
"""
@title A holder that is a contract: refuses native money, or calls back while it receives some
"""

refusing: public(bool)
target: address
message: Bytes[1024]
calls: public(uint256)
reached: public(uint256)  # how many of the calls back went through


@external
def set_refusing(refusing: bool):
    self.refusing = refusing


@external
def set_call(target: address, message: Bytes[1024]):
    self.target = target
    self.message = message


@external
@payable
def act(target: address, message: Bytes[1024], amount: uint256):
    """
    @notice Does something in its own name.
    """
    raw_call(target, message, value=amount)


@external
@payable
def destroy(to: address):
    """
    @notice Forces all its money on somebody.
    """
    selfdestruct(to)


@external
@payable
def __default__():
    assert not self.refusing, "receiver: refused"
    if self.target != empty(address):
        self.calls += 1
        if raw_call(self.target, self.message, revert_on_failure=False):
            self.reached += 1
