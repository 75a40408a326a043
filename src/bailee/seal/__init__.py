"""An owner's side: a table becomes committed, encrypted rows and a public card with a proof that the rows are valid.

schema.py   the schema file         sealed.py   the encrypted file
encode.py   table -> integers       budget.py   which openings of the commitment are spent
card.py     seal, reseal, open     progress.py  how far it is
"""

from bailee.seal.budget import DEFAULT_OPENINGS, Budget, Ledger
from bailee.seal.card import Dataset, open_dataset, reseal, seal
from bailee.seal.progress import Progress
from bailee.seal.schema import read_schema

__all__ = [
    "DEFAULT_OPENINGS",
    "Budget",
    "Dataset",
    "Ledger",
    "Progress",
    "open_dataset",
    "read_schema",
    "reseal",
    "seal",
]
