"""Which request is which operation, and the action that its caller needs. What is not in this table is refused.

A subresource (`?policy`) that is known to S3 and not here must never fall through to the operation without it: DELETE
of a bucket's website is not DELETE of the bucket.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from bailee.server.s3 import acl, buckets, cors, lifecycle, listing, locking, multipart, objects, tagging
from bailee.server.s3.call import Call
from bailee.server.s3.errors import S3Error
from bailee.server.s3.putting import PutObject, Receiver
from bailee.server.s3.request import Request, Response
from bailee.server.s3.signing import Signed


class Level(Enum):
    SERVICE = "service"
    BUCKET = "bucket"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Operation:
    """One of three ways of working: `work`; `work` after a document was read; `receiver` for a streamed body.

    action: what the caller needs; "" where the operation asks for each key itself. versioned: the action where the
    query names a version. at_once: tried before `work`, in the loop itself, so it must not wait; None where it would.
    """

    name: str
    method: str
    level: Level
    subresource: str
    action: str
    work: Callable[[Call], Response] | None = None
    receiver: Callable[[Call, Signed | None], Receiver] | None = None
    takes_document: bool = False
    versioned: str = ""
    changes_bucket: bool = False
    at_once: Callable[[Call], Response | None] | None = None

    def action_for(self, request: Request) -> str:
        return self.versioned if self.versioned and "versionId" in request.query else self.action


def _of(
    name: str,
    method: str,
    level: Level,
    subresource: str,
    action: str,
    work: Callable[[Call], Response],
    *,
    document: bool = False,
    versioned: str = "",
    at_once: Callable[[Call], Response | None] | None = None,
) -> Operation:
    changes = level is Level.BUCKET and method in ("PUT", "DELETE")
    return Operation(name, method, level, subresource, action, work, None, document, versioned, changes, at_once)


_B, _O = Level.BUCKET, Level.OBJECT
OPERATIONS = (
    _of("ListBuckets", "GET", Level.SERVICE, "", "s3:ListAllMyBuckets", buckets.list_buckets),
    _of("CreateBucket", "PUT", _B, "", "s3:CreateBucket", buckets.create_bucket, document=True),
    _of("HeadBucket", "HEAD", _B, "", "s3:ListBucket", buckets.head_bucket),
    _of("DeleteBucket", "DELETE", _B, "", "s3:DeleteBucket", buckets.delete_bucket),
    _of("ListObjects", "GET", _B, "", "s3:ListBucket", listing.list_objects),
    _of("ListObjectsV2", "GET", _B, "list-type", "s3:ListBucket", listing.list_objects_v2),
    _of("ListObjectVersions", "GET", _B, "versions", "s3:ListBucketVersions", listing.list_versions),
    _of("ListMultipartUploads", "GET", _B, "uploads", "s3:ListBucketMultipartUploads", multipart.list_uploads),
    _of("DeleteObjects", "POST", _B, "delete", "", objects.delete_objects, document=True),
    _of("GetBucketLocation", "GET", _B, "location", "s3:GetBucketLocation", buckets.get_location),
    _of("GetBucketVersioning", "GET", _B, "versioning", "s3:GetBucketVersioning", buckets.get_versioning),
    _of(
        "PutBucketVersioning", "PUT", _B, "versioning", "s3:PutBucketVersioning", buckets.put_versioning, document=True
    ),
    _of("GetBucketPolicy", "GET", _B, "policy", "s3:GetBucketPolicy", buckets.get_policy),
    _of("PutBucketPolicy", "PUT", _B, "policy", "s3:PutBucketPolicy", buckets.put_policy, document=True),
    _of("DeleteBucketPolicy", "DELETE", _B, "policy", "s3:DeleteBucketPolicy", buckets.delete_policy),
    _of("GetBucketPolicyStatus", "GET", _B, "policyStatus", "s3:GetBucketPolicyStatus", buckets.get_policy_status),
    _of("GetBucketAcl", "GET", _B, "acl", "s3:GetBucketAcl", acl.get_acl),
    _of("PutBucketAcl", "PUT", _B, "acl", "s3:PutBucketAcl", acl.put_bucket_acl, document=True),
    _of("GetBucketCors", "GET", _B, "cors", "s3:GetBucketCORS", cors.get_cors),
    _of("PutBucketCors", "PUT", _B, "cors", "s3:PutBucketCORS", cors.put_cors, document=True),
    _of("DeleteBucketCors", "DELETE", _B, "cors", "s3:PutBucketCORS", cors.delete_cors),
    _of("GetBucketLifecycle", "GET", _B, "lifecycle", "s3:GetLifecycleConfiguration", lifecycle.get_lifecycle),
    _of(
        "PutBucketLifecycle",
        "PUT",
        _B,
        "lifecycle",
        "s3:PutLifecycleConfiguration",
        lifecycle.put_lifecycle,
        document=True,
    ),
    _of("DeleteBucketLifecycle", "DELETE", _B, "lifecycle", "s3:PutLifecycleConfiguration", lifecycle.delete_lifecycle),
    _of("GetBucketTagging", "GET", _B, "tagging", "s3:GetBucketTagging", tagging.get_bucket_tagging),
    _of("PutBucketTagging", "PUT", _B, "tagging", "s3:PutBucketTagging", tagging.put_bucket_tagging, document=True),
    _of("DeleteBucketTagging", "DELETE", _B, "tagging", "s3:PutBucketTagging", tagging.delete_bucket_tagging),
    _of(
        "GetObjectLockConfiguration",
        "GET",
        _B,
        "object-lock",
        "s3:GetBucketObjectLockConfiguration",
        locking.get_lock_configuration,
    ),
    _of(
        "PutObjectLockConfiguration",
        "PUT",
        _B,
        "object-lock",
        "s3:PutBucketObjectLockConfiguration",
        locking.put_lock_configuration,
        document=True,
    ),
    _of("GetBucketEncryption", "GET", _B, "encryption", "s3:GetEncryptionConfiguration", buckets.get_encryption),
    _of(
        "GetBucketOwnershipControls",
        "GET",
        _B,
        "ownershipControls",
        "s3:GetBucketOwnershipControls",
        buckets.get_ownership,
    ),
    _of(
        "GetBucketRequestPayment",
        "GET",
        _B,
        "requestPayment",
        "s3:GetBucketRequestPayment",
        buckets.get_request_payment,
    ),
    _of(
        "GetObject",
        "GET",
        _O,
        "",
        "s3:GetObject",
        objects.get_object,
        versioned="s3:GetObjectVersion",
        at_once=objects.get_at_once,
    ),
    _of(
        "HeadObject",
        "HEAD",
        _O,
        "",
        "s3:GetObject",
        objects.head_object,
        versioned="s3:GetObjectVersion",
        at_once=objects.head_at_once,
    ),
    _of("DeleteObject", "DELETE", _O, "", "s3:DeleteObject", objects.delete_object, versioned="s3:DeleteObjectVersion"),
    Operation("PutObject", "PUT", _O, "", "s3:PutObject", receiver=PutObject),
    _of("CopyObject", "PUT", _O, "copy", "s3:PutObject", objects.copy_object),
    _of(
        "GetObjectAttributes",
        "GET",
        _O,
        "attributes",
        "s3:GetObjectAttributes",
        objects.get_object_attributes,
        versioned="s3:GetObjectVersion",
    ),
    _of("GetObjectAcl", "GET", _O, "acl", "s3:GetObjectAcl", acl.get_acl),
    _of("PutObjectAcl", "PUT", _O, "acl", "s3:PutObjectAcl", acl.put_object_acl, document=True),
    _of(
        "GetObjectTagging",
        "GET",
        _O,
        "tagging",
        "s3:GetObjectTagging",
        tagging.get_object_tagging,
        versioned="s3:GetObjectVersionTagging",
    ),
    _of(
        "PutObjectTagging",
        "PUT",
        _O,
        "tagging",
        "s3:PutObjectTagging",
        tagging.put_object_tagging,
        document=True,
        versioned="s3:PutObjectVersionTagging",
    ),
    _of(
        "DeleteObjectTagging",
        "DELETE",
        _O,
        "tagging",
        "s3:DeleteObjectTagging",
        tagging.delete_object_tagging,
        versioned="s3:DeleteObjectVersionTagging",
    ),
    _of("GetObjectRetention", "GET", _O, "retention", "s3:GetObjectRetention", locking.get_retention),
    _of("PutObjectRetention", "PUT", _O, "retention", "s3:PutObjectRetention", locking.put_retention, document=True),
    _of("GetObjectLegalHold", "GET", _O, "legal-hold", "s3:GetObjectLegalHold", locking.get_legal_hold),
    _of("PutObjectLegalHold", "PUT", _O, "legal-hold", "s3:PutObjectLegalHold", locking.put_legal_hold, document=True),
    _of("CreateMultipartUpload", "POST", _O, "uploads", "s3:PutObject", multipart.create_upload),
    Operation("UploadPart", "PUT", _O, "uploadId", "s3:PutObject", receiver=multipart.UploadPart),
    _of("UploadPartCopy", "PUT", _O, "uploadId copy", "s3:PutObject", multipart.copy_part),
    _of("ListParts", "GET", _O, "uploadId", "s3:ListMultipartUploadParts", multipart.list_parts),
    _of("CompleteMultipartUpload", "POST", _O, "uploadId", "s3:PutObject", multipart.complete_upload, document=True),
    _of("AbortMultipartUpload", "DELETE", _O, "uploadId", "s3:AbortMultipartUpload", multipart.abort_upload),
)
_TABLE = {(one.method, one.level, one.subresource): one for one in OPERATIONS}
_UNKNOWN = {
    "accelerate", "analytics", "append", "intelligent-tiering", "inventory", "logging", "metadataTable",
    "metadataConfiguration", "metrics", "notification", "publicAccessBlock", "renameObject", "replication", "restore",
    "select", "session", "torrent", "website", "abac", "annotation",
}  # fmt: skip
_SUBRESOURCES = {one.subresource for one in OPERATIONS if one.subresource and "copy" not in one.subresource} | _UNKNOWN
_ABSENT = {
    "publicAccessBlock": "NoSuchPublicAccessBlockConfiguration",
    "replication": "ReplicationConfigurationNotFoundError",
    "website": "NoSuchWebsiteConfiguration",
}
_WITH_WRITES = {"versionId", "partNumber", "uploadId", "x-id", "select-type"}


def find_operation(request: Request) -> Operation:
    """Raises S3Error NotImplemented or MethodNotAllowed for what the door does not do."""
    level = Level.OBJECT if request.key else Level.BUCKET if request.bucket else Level.SERVICE
    subresource = ""
    if request.query:
        found = _SUBRESOURCES.intersection(request.query)
        if len(found) > 1:
            raise S3Error("InvalidArgument", "Conflicting query string parameters: " + ", ".join(sorted(found)))
        subresource = found.pop() if found else ""
        if request.method not in ("GET", "HEAD"):
            _refuse_strange(request, subresource)
    if subresource in _ABSENT and request.method == "GET":
        raise S3Error(_ABSENT[subresource], "There is no such configuration.")
    if "x-amz-copy-source" in request.headers and request.method == "PUT" and level is Level.OBJECT:
        subresource = f"{subresource} copy".strip() if subresource in ("", "uploadId") else subresource
    operation = _TABLE.get((request.method, level, subresource))
    if operation is None:
        if subresource:
            raise S3Error("NotImplemented", f"{request.method} of {subresource[:40]} is not implemented here.")
        raise S3Error("MethodNotAllowed", "The specified method is not allowed against this resource.")
    return operation


def _refuse_strange(request: Request, subresource: str) -> None:
    if request.method == "PUT" and subresource in ("", "uploadId") and "versionId" in request.query:
        raise S3Error("InvalidArgument", "A version is never written again; expected no versionId.")
    if "partNumber" in request.query and subresource != "uploadId":
        # Else a part whose upload was forgotten would replace the whole object.
        raise S3Error("InvalidArgument", "Expected an uploadId beside the partNumber.")
    for name in request.query:
        if name != subresource and name not in _WITH_WRITES and not name.startswith("X-Amz-"):
            raise S3Error("NotImplemented", f"The query parameter {name[:40]} is not known here.")
