"""ACLs: canned ones of buckets. Objects have none of their own; they answer with their bucket's.

An ACL as a document is taken where it says the same as a canned one; programs send back what they have read.
"""

from __future__ import annotations

from bailee.server.s3 import xml
from bailee.server.s3.access import ACLS
from bailee.server.s3.call import Call
from bailee.server.s3.errors import S3Error
from bailee.server.s3.listing import OWNER
from bailee.server.s3.request import Response

_GROUPS = "http://acs.amazonaws.com/groups/global/"
_EVERYBODY, _KNOWN = f"{_GROUPS}AllUsers", f"{_GROUPS}AuthenticatedUsers"
_OWN = ("bailee", "FULL_CONTROL")
_GRANTS = {
    "private": {_OWN},
    "public-read": {_OWN, (_EVERYBODY, "READ")},
    "public-read-write": {_OWN, (_EVERYBODY, "READ"), (_EVERYBODY, "WRITE")},
    "authenticated-read": {_OWN, (_KNOWN, "READ")},
}
"""What each canned ACL is as (grantee, permission)."""
_SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"


def acl_of_headers(call: Call) -> str | None:
    headers = call.request.headers
    if any(name.startswith("x-amz-grant-") for name in headers):
        raise S3Error("NotImplemented", "Grants are not known here; use a canned ACL or a bucket policy.")
    acl = headers.get("x-amz-acl")
    if acl is not None and acl not in ACLS:
        raise S3Error("InvalidArgument", f"Expected a canned ACL of {', '.join(ACLS)}", ArgumentName="x-amz-acl")
    return acl


def _asked(call: Call) -> str:
    acl = acl_of_headers(call)
    if acl is not None:
        return acl
    root = xml.read(call.document, "AccessControlPolicy")
    granted = set()
    for grant in root.iterfind("AccessControlList/Grant"):
        grantee = grant.find("Grantee")
        if grantee is None:
            raise S3Error("MalformedACLError", "A grant has no grantee.")
        who = xml.text_of(grantee, "ID") or xml.text_of(grantee, "URI") or ""
        granted.add((who, xml.required(grant, "Permission")))
    for name, grants in _GRANTS.items():
        if grants == granted:
            return name
    raise S3Error("NotImplemented", f"Expected the grants of a canned ACL ({', '.join(ACLS)}), or a policy.")


def put_bucket_acl(call: Call) -> Response:
    call.change_setting("acl", _asked(call))
    return Response()


def put_object_acl(call: Call) -> Response:
    if call.request.headers.get("x-amz-acl") in ("bucket-owner-full-control", "bucket-owner-read"):
        return Response()
    asked = _asked(call)
    if asked not in ("private", call.bucket.settings.get("acl")):
        raise S3Error(
            "AccessControlListNotSupported",
            "Objects have no ACLs of their own here; set one on the bucket, or a bucket policy.",
        )
    return Response()


def get_acl(call: Call) -> Response:
    nodes: list[xml.Node] = []
    for who, permission in sorted(_GRANTS[call.bucket.settings.get("acl", "private")]):
        is_group = who.startswith(_GROUPS)
        kind, fields = ("Group", [("URI", who)]) if is_group else ("CanonicalUser", list(OWNER))
        grantee = f'Grantee xmlns:xsi="{_SCHEMA}" xsi:type="{kind}"'
        nodes.append(("Grant", [(grantee, fields), ("Permission", permission)]))
    return Response(body=xml.write("AccessControlPolicy", [("Owner", list(OWNER)), ("AccessControlList", nodes)]))
