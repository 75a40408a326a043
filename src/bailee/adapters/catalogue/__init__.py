"""The vault's catalogue in SQLite or PostgreSQL: tables, migrations, short transactions.

tables      what there is      migrations/   how it came to be      opening     a URL becomes a Catalogue
committing  many small transactions in one commit
"""

from bailee.adapters.catalogue.committing import Ticket, Unit
from bailee.adapters.catalogue.opening import Catalogue, open_catalogue

__all__ = ["Catalogue", "Ticket", "Unit", "open_catalogue"]
