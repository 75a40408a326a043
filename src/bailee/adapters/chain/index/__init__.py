"""What the contracts of one ledger said, in a database: SQLite or PostgreSQL.

tables.py      blocks that were read up to, and logs as the node gave them
opening.py     an index by URL                following.py   up to date with the chain; what a reorganisation took back
reading.py     events of a work               checking.py    every row asked of the node again

A row is only a copy: `checking.py` finds one that was changed, added or taken out.
"""

from bailee.adapters.chain.index.checking import check
from bailee.adapters.chain.index.following import follow
from bailee.adapters.chain.index.opening import Index, open_index
from bailee.adapters.chain.index.reading import IndexedEvent, claims_of, events, registrations, works_of

__all__ = ["Index", "IndexedEvent", "check", "claims_of", "events", "follow", "open_index", "registrations", "works_of"]
