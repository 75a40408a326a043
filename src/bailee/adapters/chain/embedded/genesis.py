"""The first block of an embedded chain: contracts, no money, no key.

The contracts are those that fork Prague calls in every block, and the deterministic deployment proxy, by which our
contracts have the same addresses on every chain. Their codes are what the transactions that deploy them on every chain
leave behind (EIP-4788, EIP-2935, EIP-7002, EIP-7251, all CC0; the proxy: github.com/Arachnid/deterministic-deployment-
proxy): a test recovers each sender and so each address from those transactions' code and signature. Money comes in by
withdrawals (EIP-4895), as it does on Ethereum from its consensus layer.
"""

from __future__ import annotations

from typing import Any

from ethereum_types.bytes import Bytes8, Bytes32
from ethereum_types.numeric import U64, U256, Uint

from bailee.adapters.chain.embedded import specification as spec

GAS_LIMIT = 60_000_000
BASE_FEE = 10**9
"""Of the first block, in wei; it falls by an eighth with each block that is nearly empty."""

_SYSTEM = "3373fffffffffffffffffffffffffffffffffffffffe"
"""How all four begin: is the caller the system?"""
BEACON_ROOTS = (
    _SYSTEM
    + "14604d57602036146024575f5ffd5b5f35801560495762001fff810690815414603c575f5ffd5b62001fff01545f5260205ff35b5f"
    "5ffd5b62001fff42064281555f359062001fff015500"
)
HISTORY = (
    _SYSTEM
    + "14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611f"
    "ff60014303065500"
)
WITHDRAWAL_REQUESTS = (
    _SYSTEM + "1460cb5760115f54807fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff146101f4576"
    "00182026001905f5b5f82111560685781019083028483029004916001019190604d565b909390049250505036603814608857366101f45"
    "7346101f4575f5260205ff35b34106101f457600154600101600155600354806003026004013381556001015f358155600101602035905"
    "53360601b5f5260385f601437604c5fa0600101600355005b6003546002548082038060101160df575060105b5f5b81811461018357828"
    "10160030260040181604c02815460601b8152601401816001015481526020019060020154807fffffffffffffffffffffffffffffffff0"
    "0000000000000000000000000000000168252906010019060401c908160381c81600701538160301c81600601538160281c81600501538"
    "160201c81600401538160181c81600301538160101c81600201538160081c81600101535360010160e1565b91018092146101955790600"
    "2556101a0565b90505f6002555f6003555b5f54807fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff141"
    "56101cd57505f5b6001546002828201116101e25750505f6101e8565b01600290035b5f555f600155604c025ff35b5f5ffd"
)
CONSOLIDATION_REQUESTS = (
    _SYSTEM + "1460d35760115f54807fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff1461019a576"
    "00182026001905f5b5f82111560685781019083028483029004916001019190604d565b9093900492505050366060146088573661019a5"
    "73461019a575f5260205ff35b341061019a57600154600101600155600354806004026004013381556001015f358155600101602035815"
    "560010160403590553360601b5f5260605f60143760745fa0600101600355005b6003546002548082038060021160e7575060025b5f5b8"
    "181146101295782810160040260040181607402815460601b8152601401816001015481526020018160020154815260200190600301549"
    "05260010160e9565b910180921461013b5790600255610146565b90505f6002555f6003555b5f54807ffffffffffffffffffffffffffff"
    "fffffffffffffffffffffffffffffffffffff141561017357505f5b6001546001828201116101885750505f61018e565b01600190035b5"
    "f555f6001556074025ff35b5f5ffd"
)
DEPLOYMENT_PROXY = (
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b"
    "8082525050506014600cf3"
)
CONTRACTS = {
    "000f3df6d732807ef1319fb7b8bb8522d0beac02": BEACON_ROOTS,
    "0000f90827f1c53a10cb7a02335b175320002935": HISTORY,
    "00000961ef480eb55e80d19ad83579a64c007002": WITHDRAWAL_REQUESTS,
    "0000bbddc7ce488642fb579f8b00f3a590007251": CONSOLIDATION_REQUESTS,
    "4e59b44847b379578588920ca78fbf26c0b4956c": DEPLOYMENT_PROXY,
}
"""Address to code, both in hexadecimal digits."""


def fill(state: Any) -> bytes:
    """Write the first block's accounts into an empty state (of either kind); its root."""
    for address, code in CONTRACTS.items():
        account = spec.fork_types.Account(nonce=Uint(1), balance=U256(0), code=bytes.fromhex(code))
        spec.state.set_account(state, spec.fork_types.Address(bytes.fromhex(address)), account)
    return bytes(spec.state.state_root(state))


def first_header(state_root: bytes, time: int, prev_randao: bytes) -> Any:
    """The header of block 0. `time` in seconds since 1970; `prev_randao`: 32 random bytes, so that no two are alike."""
    empty = bytes(spec.trie.root(spec.trie.Trie(secured=False, default=None)))
    return spec.blocks.Header(
        parent_hash=Bytes32(bytes(32)), ommers_hash=spec.fork.EMPTY_OMMER_HASH,
        coinbase=spec.fork_types.Address(bytes(20)), state_root=Bytes32(state_root), transactions_root=Bytes32(empty),
        receipt_root=Bytes32(empty), bloom=spec.bloom.logs_bloom(()), difficulty=Uint(0), number=Uint(0),
        gas_limit=Uint(GAS_LIMIT), gas_used=Uint(0), timestamp=U256(time), extra_data=b"bailee",
        prev_randao=Bytes32(prev_randao), nonce=Bytes8(bytes(8)), base_fee_per_gas=Uint(BASE_FEE),
        withdrawals_root=Bytes32(empty), blob_gas_used=U64(0), excess_blob_gas=U64(0),
        parent_beacon_block_root=Bytes32(bytes(32)), requests_hash=spec.requests.compute_requests_hash([]),
    )  # fmt: skip
