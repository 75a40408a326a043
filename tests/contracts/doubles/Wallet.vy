# pragma version 0.4.3
"""
@title An owner that is a contract: acts for its maker, signs by ERC-1271 what it approved, takes tokens as it is told
"""

maker: address
approved: public(HashMap[bytes32, bool])
answer: public(bytes4)  # to a safe transfer
calls: public(uint256)
target: address
message: Bytes[1024]
reached: public(bool)


@deploy
def __init__():
    self.maker = msg.sender
    self.answer = 0x150b7a02


@external
def set_approved(digest: bytes32, approved: bool):
    self.approved[digest] = approved


@external
def set_answer(answer: bytes4):
    self.answer = answer


@external
def set_call(target: address, message: Bytes[1024]):
    self.target = target
    self.message = message


@external
@payable
def act(target: address, message: Bytes[8192]):
    raw_call(target, message, value=msg.value)


@external
@view
def isValidSignature(digest: bytes32, signature: Bytes[1024]) -> bytes4:
    return 0x1626ba7e if self.approved[digest] else 0xffffffff


@external
def onERC721Received(operator: address, sender: address, id: uint256, data: Bytes[1024]) -> bytes4:
    self.calls += 1
    if self.target != empty(address):
        self.reached = raw_call(self.target, self.message, revert_on_failure=False)
    return self.answer


@external
@payable
def __default__():
    if self.target != empty(address):
        self.calls += 1
        self.reached = raw_call(self.target, self.message, revert_on_failure=False)
