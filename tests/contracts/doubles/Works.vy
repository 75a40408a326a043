# pragma version 0.4.3
"""
@title Stands in for the Registry: works with an owner each, and their Shares as minimal proxies
"""

interface Shares:
    def initialise(
        work: uint256, holders: DynArray[address, 65], units: DynArray[uint256, 65], currencies: DynArray[address, 3]
    ): nonpayable

SHARES: immutable(address)
ownerOf: public(HashMap[uint256, address])
sharesOf: public(HashMap[uint256, address])


@deploy
def __init__(shares: address):
    SHARES = shares


@external
def make(
    work: uint256,
    owner: address,
    holders: DynArray[address, 65],
    units: DynArray[uint256, 65],
    currencies: DynArray[address, 3],
) -> address:
    self.ownerOf[work] = owner
    self.sharesOf[work] = create_minimal_proxy_to(SHARES)
    extcall Shares(self.sharesOf[work]).initialise(work, holders, units, currencies)
    return self.sharesOf[work]
