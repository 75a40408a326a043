"""Networks with open iterates: owners on machines of their own, public weights, each proves its own sums.

`bailee.statements.network` is the relation, `bailee.statements.hidden` the other mode; messages and coins are those of
`bailee.statements.session`.
"""
