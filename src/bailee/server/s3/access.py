"""Who may do what: an access key's role, the bucket's policy and canned ACL, in one decision that fails closed.

A denial of the policy wins over everything, but for the owner's right to change the policy itself. Then any of the
role, the policy or the ACL may allow. Nothing else does.
"""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from functools import lru_cache

from bailee.server.s3.access_keys import Role
from bailee.server.s3.encoding import iso
from bailee.server.s3.errors import S3Error
from bailee.server.s3.policy import Facts, parse_policy
from bailee.server.s3.registry import Bucket
from bailee.server.s3.request import Request
from bailee.server.s3.signing import Signed

OWNER_ID = "bailee"
"""How the one owner of all buckets here is called."""
_LIST = frozenset({"s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"})
_GET = frozenset({"s3:GetObject", "s3:GetObjectVersion"})
_READ = _LIST | _GET | {
    "s3:ListAllMyBuckets",
    "s3:ListMultipartUploadParts",
    "s3:GetBucketLocation",
    "s3:GetBucketVersioning",
    "s3:GetBucketTagging",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetEncryptionConfiguration",
    "s3:GetObjectAcl",
    "s3:GetObjectAttributes",
    "s3:GetObjectTagging",
    "s3:GetObjectVersionTagging",
    "s3:GetObjectRetention",
    "s3:GetObjectLegalHold",
}  # fmt: skip
_PUT = frozenset({"s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject"})
_WRITE = _READ | _PUT | {
    "s3:PutObjectTagging",
    "s3:PutObjectVersionTagging",
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersionTagging",
}  # fmt: skip
_ROLES = {Role.READER: _READ, Role.WRITER: _WRITE, Role.GUEST: frozenset[str]()}
_OF_POLICY = {"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"}

ACLS: dict[str, tuple[frozenset[str], bool]] = {
    "private": (frozenset(), True),
    "public-read": (_LIST | _GET, False),
    "public-read-write": (_LIST | _GET | _PUT, False),
    "authenticated-read": (_LIST | _GET, True),
}
"""Canned ACLs of buckets: actions they add, and whether only to those with an access key."""


@dataclass(frozen=True)
class Caller:
    """Who asks. key_id and role are None for somebody without credentials."""

    key_id: str | None
    role: Role | None
    facts: Facts

    def may(self, action: str, bucket: Bucket | None, key: str = "", **facts: str) -> bool:
        """Whether `action` is allowed on the bucket, or on `key` in it. facts: more than the request itself has."""
        if bucket is not None:
            policy_text = bucket.settings.get("policy")
            if policy_text is not None and not (self.role is Role.OWNER and action in _OF_POLICY):
                resource = f"{bucket.name}/{key}" if key else bucket.name
                try:
                    decision = parse_policy(policy_text, bucket.name).decide(
                        self.key_id, action, resource, {**self.facts, **facts} if facts else self.facts
                    )
                except S3Error:
                    return False
                if decision is not None:
                    return decision
            actions, needs_key = ACLS.get(bucket.settings.get("acl", "private"), ACLS["private"])
            if action in actions and (self.key_id is not None or not needs_key):
                return True
        if self.role is Role.OWNER:
            return True
        return self.role is not None and action in _ROLES[self.role]

    def require(self, action: str, bucket: Bucket | None, key: str = "", **facts: str) -> None:
        if not self.may(action, bucket, key, **facts):
            raise S3Error("AccessDenied", "Access Denied")


def caller_of(request: Request, signed: Signed | None, now: float | None = None) -> Caller:
    """Whoever signed the request, or nobody. Raises S3Error where the caller expects buckets of somebody else."""
    for name in ("x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"):
        if request.headers.get(name, OWNER_ID) != OWNER_ID:
            raise S3Error("AccessDenied", "The buckets here are not of the owner that was expected.")
    facts = {
        "aws:securetransport": "true" if request.secure else "false",
        "aws:currenttime": iso(time.time() if now is None else now),
    }
    address = _address(request.client)
    if address:
        facts["aws:sourceip"] = address
    for fact, header in (("aws:useragent", "user-agent"), ("aws:referer", "referer"), ("s3:x-amz-acl", "x-amz-acl")):
        if header in request.headers:
            facts[fact] = request.headers[header]
    for fact, parameter in (("s3:prefix", "prefix"), ("s3:delimiter", "delimiter"), ("s3:max-keys", "max-keys"),
                            ("s3:versionid", "versionId")):  # fmt: skip
        if parameter in request.query:
            facts[fact] = request.query[parameter]
    if signed is None:
        return Caller(None, None, facts)
    facts["aws:username"] = signed.key.id
    facts["s3:authtype"] = "REST-HEADER" if signed.claim.expires is None else "REST-QUERY-STRING"
    return Caller(signed.key.id, signed.key.role, facts)


@lru_cache(4096)
def _address(client: str) -> str:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
