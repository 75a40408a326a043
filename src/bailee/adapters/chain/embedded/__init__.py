"""An EVM in this process, kept on disk: Ethereum's own specification makes blocks that are valid Ethereum blocks.

specification.py   the specification's package, pinned, and everything that is changed in it
genesis.py         the first block and the contracts that it holds
execution.py       a block being made; calls that change nothing; estimates of gas
blocks.py          blocks, transactions, receipts and logs in SQLite: the truth
ledger.py          both together: what survives a crash, who may write, batches, money from outside
memory.py          a chain for tests, in memory, that can go back
methods.py         JSON-RPC: what is asked and answered       formats.py, refusals.py   its words
provider.py        the same for web3.py in this process       serve.py     and over HTTP, for others

One process makes the blocks, so it can also rewrite them: see docs/ledger.md, section 1.
"""
