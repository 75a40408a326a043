"""Chains: where works are registered, consent is given and money flows. Any EVM chain, by one setting.

opening.py    a chain by URL: the embedded one of a home, or any by JSON-RPC
chain.py      what the rest of Bailee asks of a chain            accounts.py   encrypted keys of Ethereum accounts
embedded/     an EVM in this process, on disk                    artefacts/    the contracts: ABI and bytecode
index/        events of our contracts in a database

What a chain needs beyond Bailee's own dependencies is the extra `ledger`; nothing is imported before a chain is opened.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

RECURSION_LIMIT = sys.getrecursionlimit()


@contextmanager
def recursion_kept() -> Iterator[None]:
    """Around imports of web3, eth_account and the specification: two of the packages that these import raise the limit
    of recursion for the whole process and for good. A deeply nested JSON text, which Python else refuses, would then
    end the process.
    """
    try:
        yield
    finally:
        sys.setrecursionlimit(RECURSION_LIMIT)
