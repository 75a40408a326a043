"""Buckets: making, listing, removing, and the small questions clients ask of them."""

from __future__ import annotations

import re

from bailee.errors import ConflictError, NotFoundError
from bailee.server.s3 import xml
from bailee.server.s3.acl import acl_of_headers
from bailee.server.s3.call import Call
from bailee.server.s3.documents import deleting, stored, taking
from bailee.server.s3.encoding import iso
from bailee.server.s3.errors import S3Error
from bailee.server.s3.listing import OWNER
from bailee.server.s3.policy import parse_policy
from bailee.server.s3.registry import Bucket
from bailee.server.s3.request import Response

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+\Z", re.ASCII)


def is_bucket_name(name: str) -> bool:
    return bool(_NAME.match(name)) and not any(each in name for each in ("..", ".-", "-.")) and not _ADDRESS.match(name)


def list_buckets(call: Call) -> Response:
    nodes: list[xml.Node] = [
        ("Bucket", [("Name", bucket.name), ("CreationDate", iso(bucket.created))]) for bucket in call.registry.buckets()
    ]
    return Response(body=xml.write("ListAllMyBucketsResult", [("Owner", list(OWNER)), ("Buckets", nodes)]))


def create_bucket(call: Call) -> Response:
    name = call.request.bucket
    if not is_bucket_name(name):
        raise S3Error("InvalidBucketName", "The specified bucket is not valid.", BucketName=name[:100])
    _check_region(call)
    acl = acl_of_headers(call)
    has_locks = call.request.headers.get("x-amz-bucket-object-lock-enabled", "").lower() == "true"
    settings = {} if acl is None else {"acl": acl}
    try:
        call.registry.add_bucket(Bucket(name, call.now, has_locks, has_locks, settings))
    except ConflictError:
        raise S3Error(
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
        ) from None
    return Response(200, [("location", f"/{name}")])


def _check_region(call: Call) -> None:
    if not call.document:
        return
    root = xml.read(call.document, "CreateBucketConfiguration")
    region = xml.text_of(root, "LocationConstraint")
    if region not in (None, "", call.region):
        raise S3Error(
            "InvalidLocationConstraint", f"The specified location-constraint is not valid; this is {call.region}"
        )


def head_bucket(call: Call) -> Response:
    return Response(200, [("x-amz-bucket-region", call.region)])


def delete_bucket(call: Call) -> Response:
    try:
        call.registry.remove_bucket(call.bucket.name)
    except ConflictError:
        raise S3Error(
            "BucketNotEmpty", "The bucket you tried to delete is not empty; its versions and uploads count too."
        ) from None
    except NotFoundError:
        raise S3Error("NoSuchBucket", "The specified bucket does not exist", BucketName=call.bucket.name) from None
    return Response(204)


def get_location(call: Call) -> Response:
    # S3's oldest region has no name here.
    region = "" if call.region == "us-east-1" else call.region
    text = f'<LocationConstraint xmlns="{xml.NAMESPACE}">{region}</LocationConstraint>'
    return Response(body=f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode())


def get_versioning(call: Call) -> Response:
    nodes: list[xml.Node] = [("Status", "Enabled")] if call.bucket.is_versioned else []
    return Response(body=xml.write("VersioningConfiguration", nodes))


def put_versioning(call: Call) -> Response:
    root = xml.read(call.document, "VersioningConfiguration")
    xml.only(root, "Status", "MfaDelete")
    if xml.text_of(root, "MfaDelete") not in (None, "Disabled"):
        raise S3Error("NotImplemented", "MFA delete is not known here; use object lock.")
    status = xml.text_of(root, "Status")
    if status == "Suspended":
        raise S3Error(
            "NotImplemented",
            "Versioning is never suspended here: a version, once kept, is removed by its id or by a lifecycle rule.",
        )
    if status != "Enabled":
        raise S3Error("IllegalVersioningConfigurationException", "The Versioning element must be specified")
    call.switch_on(versioning=True)
    return Response()


def get_policy(call: Call) -> Response:
    return Response(200, [("content-type", "application/json")], stored(call, "policy").encode())


put_policy = taking("policy", lambda call: parse_policy(call.text, call.bucket.name), 204)
delete_policy = deleting("policy")


def get_policy_status(call: Call) -> Response:
    statements = parse_policy(stored(call, "policy"), call.bucket.name).statements
    is_public = any(one.is_allow and one.principals is None for one in statements)
    return Response(body=xml.write("PolicyStatus", [("IsPublic", is_public)]))


def get_encryption(_call: Call) -> Response:
    rule: list[xml.Node] = [
        ("ApplyServerSideEncryptionByDefault", [("SSEAlgorithm", "AES256")]),
        ("BucketKeyEnabled", False),
    ]
    return Response(body=xml.write("ServerSideEncryptionConfiguration", [("Rule", rule)]))


def get_ownership(_call: Call) -> Response:
    return Response(body=xml.write("OwnershipControls", [("Rule", [("ObjectOwnership", "BucketOwnerEnforced")])]))


def get_request_payment(_call: Call) -> Response:
    return Response(body=xml.write("RequestPaymentConfiguration", [("Payer", "BucketOwner")]))
