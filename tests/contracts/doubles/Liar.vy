# pragma version 0.4.3
"""
@title Says that it paid
"""


@external
def claim(holder: address, currency: address) -> uint256:
    return 10**18
