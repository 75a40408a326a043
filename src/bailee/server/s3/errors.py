"""What the S3 door answers when it refuses: S3's error codes, and how the vault's own errors become one of them.

`S3Error` is an answer on the wire, not an error of Bailee's tree: it never leaves `application`.
"""

from __future__ import annotations

from bailee.errors import (
    AuthorityError,
    BaileeError,
    ConflictError,
    DamageError,
    InputError,
    LockedError,
    NotFoundError,
    StorageError,
)

_STATUS = {
    200: "OK",
    304: "NotModified",
    400: """AuthorizationHeaderMalformed AuthorizationQueryParametersError BadDigest BadRequest EntityTooSmall
        EntityTooLarge IncompleteBody IllegalVersioningConfigurationException InvalidArgument InvalidBucketName
        InvalidDigest InvalidPart InvalidPartOrder InvalidRequest InvalidTag InvalidURI KeyTooLongError
        InvalidStorageClass MalformedACLError MalformedPolicy MalformedXML MetadataTooLarge RequestTimeout
        XAmzContentSHA256Mismatch InvalidLocationConstraint AccessControlListNotSupported""",
    403: "AccessDenied InvalidAccessKeyId RequestTimeTooSkewed SignatureDoesNotMatch AccessForbidden QuotaExceeded",
    404: """NoSuchBucket NoSuchKey NoSuchUpload NoSuchVersion NoSuchBucketPolicy NoSuchCORSConfiguration NoSuchTagSet
        NoSuchLifecycleConfiguration NoSuchObjectLockConfiguration ObjectLockConfigurationNotFoundError
        ServerSideEncryptionConfigurationNotFoundError NoSuchPublicAccessBlockConfiguration
        OwnershipControlsNotFoundError NoSuchWebsiteConfiguration ReplicationConfigurationNotFoundError""",
    405: "MethodNotAllowed",
    409: "BucketAlreadyOwnedByYou BucketNotEmpty InvalidBucketState OperationAborted",
    411: "MissingContentLength",
    412: "PreconditionFailed",
    416: "InvalidRange",
    500: "InternalError",
    501: "NotImplemented",
    503: "ServiceUnavailable SlowDown",
}
STATUS = {code: status for status, codes in _STATUS.items() for code in codes.split()}


class S3Error(BaileeError):
    """One refusal. `code` is S3's and decides the status; `fields` are further elements of the error document."""

    def __init__(self, code: str, message: str = "", headers: dict[str, str] | None = None, **fields: str) -> None:
        super().__init__(message or code)
        self.code, self.message, self.headers, self.fields = code, message or code, headers or {}, fields

    @property
    def status(self) -> int:
        return STATUS[self.code]


def from_vault(error: BaileeError) -> S3Error:
    """The refusal for an error of the vault. What may name stores or paths of the owner is not told."""
    match error:
        case S3Error():
            return error
        case NotFoundError():
            return S3Error("NoSuchKey", "The specified key does not exist.")
        case LockedError():
            return S3Error("AccessDenied", "Access Denied because object protected by object lock.")
        case AuthorityError():
            return S3Error("AccessDenied", "Access Denied")
        case ConflictError():
            return S3Error("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        case InputError():
            return S3Error("InvalidArgument", str(error))
        case DamageError():
            return S3Error("InternalError", "The object cannot be read now: too few of its fragments answer.")
        case StorageError():
            return S3Error("ServiceUnavailable", "Too few stores answer; try again later.")
    return S3Error("InternalError", "We encountered an internal error. Please try again.")
