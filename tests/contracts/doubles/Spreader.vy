# pragma version 0.4.3
"""
@title A holder that gives one unit each to many new holders
"""

from ethereum.ercs import IERC20


@external
def spread(shares: address, first: uint256, count: uint256):
    for i: uint256 in range(count, bound=1000):
        receiver: address = convert(convert(keccak256(abi_encode(first + i)), uint256) & (2**160 - 1), address)
        extcall IERC20(shares).transfer(receiver, 1)
