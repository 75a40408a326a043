# What `bailee` has, for type checkers: at run time each name is loaded when it is first used. In an import of
# __init__.py, the room of verbs would stand above and below every other (pyproject.toml, [tool.importlinter]).
from bailee import errors as errors
from bailee.errors import BaileeError as BaileeError
from bailee.errors import PrivacyWarning as PrivacyWarning
from bailee.verbs.drafts import DraftSchema as DraftSchema
from bailee.verbs.drafts import schema as schema
from bailee.verbs.drafts import schema_of as schema_of
from bailee.verbs.parties import Party as Party
from bailee.verbs.parties import Status as Status
from bailee.verbs.parties import init as init
from bailee.verbs.parties import open_party as open  # noqa: A004 - as in gzip.open
from bailee.verbs.passports import Passport as Passport
from bailee.verbs.passports import Statement as Statement
from bailee.verbs.passports import passport as passport
from bailee.verbs.plans import plan as plan
from bailee.verbs.proofs import Proof as Proof
from bailee.verbs.sealed import Card as Card
from bailee.verbs.sealed import Dataset as Dataset
from bailee.verbs.sealed import Grant as Grant
from bailee.verbs.sealed import Part as Part
from bailee.verbs.sealed import card as card

__version__: str

__all__ = [
    "BaileeError",
    "Card",
    "Dataset",
    "DraftSchema",
    "Grant",
    "Part",
    "Party",
    "Passport",
    "PrivacyWarning",
    "Proof",
    "Statement",
    "Status",
    "__version__",
    "card",
    "errors",
    "init",
    "open",
    "passport",
    "plan",
    "schema",
    "schema_of",
]
