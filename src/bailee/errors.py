"""Everything Bailee raises on purpose, as one tree.

    BaileeError                  anything a person can act on; its exit code is `exit_code`
    ├── InputError               a file, table, schema or plan that does not fit          (2)
    │   ├── NotFoundError        no object, version or store of that name
    │   ├── SchemaError          a schema or a row that does not fit its schema
    │   ├── PlanError            a training plan that cannot be run as written
    │   └── RecordError          a record that is not canonical, not complete or not of its version
    ├── AuthorityError           who may do what                                          (3)
    │   ├── SignatureError       a signature that is missing, foreign or wrong
    │   ├── GrantError           no grant, or one expired, revoked, foreign, of another purpose
    │   ├── BudgetError          no privacy loss or no opening left to spend
    │   ├── LockedError          a retention lock or a legal hold forbids it
    │   ├── PaymentError         no payment, or one that is wrong, not covered, used for something else
    │   └── RevertError          a contract of the ledger refused; `reason` and `data` say why
    ├── ProofError               a proof that does not convince                           (4)
    │   ├── ProofFormatError     bytes that are not a proof of this statement's shape
    │   ├── StatementError       a witness that does not satisfy the statement (raised by a prover)
    │   └── PassportError        a link of a passport that does not hold
    ├── SessionError             another party failed, left, or said two things           (5)
    └── StorageError             the disk is full, a file is damaged, or another run holds it (6)
        ├── StoreError           a store of a vault does not answer, or not as it should
        │   └── MissingError     nothing is there under that name
        ├── ChainError           a chain does not answer, or not as it should
        ├── DamageError          too few fragments are left, or what they give does not open
        └── ConflictError        another writer was first; read again and decide

Messages say what was expected, what came, and what the person can do; never a secret. What is no error but must be
heard is a PrivacyWarning.
"""


class BaileeError(Exception):
    exit_code = 1


class InputError(BaileeError):
    exit_code = 2


class NotFoundError(InputError):
    pass


class SchemaError(InputError):
    pass


class PlanError(InputError):
    pass


class RecordError(InputError):
    pass


class AuthorityError(BaileeError):
    exit_code = 3


class SignatureError(AuthorityError):
    pass


class GrantError(AuthorityError):
    pass


class BudgetError(AuthorityError):
    pass


class LockedError(AuthorityError):
    pass


class PaymentError(AuthorityError):
    pass


class RevertError(AuthorityError):
    """`reason`: the contract's words, or the name of what stopped it; `data`: what it returned, to decode errors by."""

    def __init__(self, message: str, reason: str = "", data: bytes = b"") -> None:
        super().__init__(message)
        self.reason, self.data = reason, data


class ProofError(BaileeError):
    exit_code = 4


class ProofFormatError(ProofError):
    pass


class StatementError(ProofError):
    pass


class PassportError(ProofError):
    pass


class SessionError(BaileeError):
    exit_code = 5


class StorageError(BaileeError):
    exit_code = 6


class StoreError(StorageError):
    pass


class MissingError(StoreError):
    pass


class ChainError(StorageError):
    pass


class DamageError(StorageError):
    pass


class ConflictError(StorageError):
    pass


class PrivacyWarning(UserWarning):
    """Something was learned from rows that the privacy loss does not count."""
