# pragma version 0.4.3
"""
@title Asks many questions in one call
"""


@external
@view
def look(
    targets: DynArray[address, 1000], messages: DynArray[Bytes[68], 1000], holders: DynArray[address, 24]
) -> DynArray[uint256, 1024]:
    """
    @notice What each target answers, then what native money each holder has.
    """
    found: DynArray[uint256, 1024] = []
    for i: uint256 in range(len(targets), bound=1000):
        answer: Bytes[32] = raw_call(targets[i], messages[i], max_outsize=32, is_static_call=True)
        found.append(convert(answer, uint256))
    for holder: address in holders:
        found.append(holder.balance)
    return found
