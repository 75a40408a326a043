# pragma version 0.4.3
"""
@title Asks many questions in one call
"""


@external
@view
def look(targets: DynArray[address, 1024], messages: DynArray[Bytes[68], 1024]) -> DynArray[uint256, 1024]:
    found: DynArray[uint256, 1024] = []
    for i: uint256 in range(len(targets), bound=1024):
        answer: Bytes[32] = raw_call(targets[i], messages[i], max_outsize=32, is_static_call=True)
        found.append(convert(answer, uint256))
    return found
