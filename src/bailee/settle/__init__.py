"""Every paid use pays the holders: a price, a payer's authorization, one transaction, one receipt, one answer.

pricing.py        what a request costs, in which currency, to which work's shares
authorization.py  what a payer signed (EIP-3009)
x402.py           how price and authorization travel over HTTP
till.py           payment against answer: once, whatever is repeated, killed or raced
buying.py         the client: what is asked, and the signed answer
flow.py           where a payment goes through the lineage, and a picture of it

Payments on the chain are in `adapters.chain.payments`, receipts on disk in `adapters.receipts`, the HTTP door in
`server.pay`. docs/ledger.md, "Paid requests", says what is promised.
"""
