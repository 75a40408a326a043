"""Letting an access key into a bucket or a part of it, and out again: statements of the bucket's policy, by their Sid.

What others wrote into the policy stays as it is. A share opens with its own keys and without any door (docs/vault.md,
section 9); this is the owner's door letting somebody in, and ends at once where the statement or the key is taken away.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from bailee.errors import InputError
from bailee.server.s3.policy import parse_policy
from bailee.server.s3.registry import Bucket, Registry

_READ = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectAttributes"]
_WRITE = [*_READ, "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]


def give(registry: Registry, bucket: str, key_id: str, prefix: str = "", writes: bool = False) -> None:
    """The key may list and read what begins with `prefix`, and write there if so; what it was given before ends.

    Raises InputError for a prefix that a policy would read as a pattern, S3Error for a policy that grew too large.
    """
    if any(letter in prefix for letter in "*?$") or not prefix.isprintable():
        raise InputError(f"expected a prefix without * ? and $, which mean something in a policy; got {prefix[:80]!r}")
    place = f"arn:aws:s3:::{bucket}"
    listing: dict[str, Any] = {"Action": "s3:ListBucket", "Resource": place}
    if prefix:
        listing["Condition"] = {"StringLike": {"s3:prefix": f"{prefix}*"}}
    told: list[dict[str, Any]] = [
        {"Action": _WRITE if writes else _READ, "Resource": f"{place}/{prefix}*"},
        {"Action": "s3:GetBucketLocation", "Resource": place},
        listing,
    ]
    named = {"Sid": _sid(key_id), "Effect": "Allow", "Principal": {"AWS": [key_id]}}
    _change(registry, bucket, key_id, [{**named, **one} for one in told])


def take(registry: Registry, bucket: str, key_id: str) -> bool:
    """What `give` gave ends; whether there was something."""
    return _change(registry, bucket, key_id, [])


def given(bucket: Bucket) -> tuple[str, ...]:
    """The access keys that were let in this way."""
    start = _sid("")
    sids = [str(one.get("Sid", "")) for one in _statements(bucket)]
    return tuple(dict.fromkeys(sid.removeprefix(start) for sid in sids if sid.startswith(start)))


def _sid(key_id: str) -> str:
    return f"given-{key_id}"


def _statements(bucket: Bucket) -> list[dict[str, Any]]:
    text = bucket.settings.get("policy")
    found = [] if text is None else json.loads(text)["Statement"]
    return [found] if isinstance(found, dict) else found


def _change(registry: Registry, bucket: str, key_id: str, fresh: list[dict[str, Any]]) -> bool:
    was_there = False

    def change(old: Bucket) -> Bucket:
        nonlocal was_there
        kept = [one for one in _statements(old) if one.get("Sid") != _sid(key_id)]
        was_there = len(kept) < len(_statements(old))
        settings = {name: text for name, text in old.settings.items() if name != "policy"}
        if kept or fresh:
            document = {} if "policy" not in old.settings else json.loads(old.settings["policy"])
            text = json.dumps({"Version": "2012-10-17", **document, "Statement": kept + fresh})
            parse_policy(text, bucket)
            settings["policy"] = text
        return replace(old, settings=settings)

    registry.change_bucket(bucket, change, "policy")
    return was_there
