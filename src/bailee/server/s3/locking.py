"""Object lock: the bucket's switch and default, retention and legal holds of versions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from bailee.seal.vault.facts import Lock, LockMode
from bailee.server.s3 import xml
from bailee.server.s3.call import Call
from bailee.server.s3.encoding import iso, parse_iso, to_int
from bailee.server.s3.errors import S3Error
from bailee.server.s3.finding import find_version, version_headers
from bailee.server.s3.registry import Bucket
from bailee.server.s3.request import Response

_DAY = 24 * 3600.0
_LONGEST_DAYS = 36500
_LAST = 253402300799.0
"""The end of the year 9999: what is later has no date that an answer could tell."""
_MODES = {"GOVERNANCE": LockMode.GOVERNANCE, "COMPLIANCE": LockMode.COMPLIANCE}


def read_lock_headers(headers: Mapping[str, str], bucket: Bucket, now: float) -> tuple[Lock | None, bool]:
    """(lock, whether on hold) of a put's headers."""
    mode, until = headers.get("x-amz-object-lock-mode"), headers.get("x-amz-object-lock-retain-until-date")
    hold = headers.get("x-amz-object-lock-legal-hold")
    if mode is None and until is None and hold is None:
        return None, False
    if not bucket.has_locks:
        raise S3Error("InvalidRequest", "Bucket is missing Object Lock Configuration")
    if hold not in (None, "ON", "OFF"):
        raise S3Error("InvalidArgument", "Legal Hold must be either of 'ON' or 'OFF'")
    lock = None
    if mode is not None or until is not None:
        if mode is None or until is None:
            raise S3Error(
                "InvalidArgument",
                "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
            )
        lock = _lock(mode, until, now, "InvalidArgument")
    return lock, hold == "ON"


def _lock(mode: str, until: str, now: float, code: str) -> Lock:
    moment = parse_iso(until)
    if mode not in _MODES or moment is None or moment > _LAST:
        raise S3Error(code, "Expected a mode of GOVERNANCE or COMPLIANCE and a date in ISO 8601")
    if moment <= now:
        raise S3Error("InvalidArgument", "The retain until date must be in the future!")
    return Lock(_MODES[mode], moment)


def default_lock(bucket: Bucket, now: float) -> Lock | None:
    text = bucket.settings.get("lock")
    rule = _read_configuration(text) if text is not None and bucket.has_locks else None
    return None if rule is None else Lock(rule[0], now + rule[1] * _DAY)


@lru_cache(256)
def _read_configuration(text: str) -> tuple[LockMode, int] | None:
    root = xml.read(text.encode(), "ObjectLockConfiguration")
    xml.only(root, "ObjectLockEnabled", "Rule")
    if xml.required(root, "ObjectLockEnabled") != "Enabled":
        raise xml.malformed("expected ObjectLockEnabled of Enabled")
    rules = root.findall("Rule")
    if not rules:
        return None
    defaults = rules[0].findall("DefaultRetention")
    if len(rules) > 1 or len(defaults) != 1:
        raise xml.malformed("expected one DefaultRetention")
    xml.only(defaults[0], "Mode", "Days", "Years")
    mode, days, years = (xml.text_of(defaults[0], name) for name in ("Mode", "Days", "Years"))
    if mode not in _MODES or (days is None) == (years is None):
        raise xml.malformed("expected a Mode, and Days or Years")
    count = to_int(days or years or "", 1, _LONGEST_DAYS)
    total = None if count is None else count * (1 if days is not None else 365)
    if total is None or total > _LONGEST_DAYS:
        raise S3Error("InvalidArgument", f"Expected a default retention of 1 to {_LONGEST_DAYS} days")
    return _MODES[mode], total


def get_lock_configuration(call: Call) -> Response:
    if not call.bucket.has_locks:
        raise S3Error(
            "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"
        )
    text = call.bucket.settings.get("lock")
    if text is not None:
        return Response(body=text.encode())
    return Response(body=xml.write("ObjectLockConfiguration", [("ObjectLockEnabled", "Enabled")]))


def put_lock_configuration(call: Call) -> Response:
    if not call.bucket.is_versioned:
        raise S3Error(
            "InvalidBucketState", "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        )
    _read_configuration(call.text)
    call.switch_on(locks=True)
    call.change_setting("lock", call.text)
    return Response()


def get_retention(call: Call) -> Response:
    version = find_version(_locked(call))
    if version.lock is None:
        raise S3Error("NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration")
    fields: list[xml.Node] = [("Mode", version.lock.mode.upper()), ("RetainUntilDate", iso(version.lock.until))]
    return Response(body=xml.write("Retention", fields))


def put_retention(call: Call) -> Response:
    root = xml.read(call.document, "Retention")
    xml.only(root, "Mode", "RetainUntilDate")
    mode, until = xml.text_of(root, "Mode"), xml.text_of(root, "RetainUntilDate")
    lock = None
    if mode is not None or until is not None:
        lock = _lock(mode or "", until or "", call.now, "MalformedXML")
    version = find_version(_locked(call))
    call.vault.lock(version.name, version.id, lock, bypass=may_bypass(call))
    return Response(200, version_headers(call, version))


def get_legal_hold(call: Call) -> Response:
    version = find_version(_locked(call))
    return Response(body=xml.write("LegalHold", [("Status", "ON" if version.on_hold else "OFF")]))


def put_legal_hold(call: Call) -> Response:
    root = xml.read(call.document, "LegalHold")
    xml.only(root, "Status")
    status = xml.required(root, "Status")
    if status not in ("ON", "OFF"):
        raise xml.malformed("expected a Status of ON or OFF")
    version = find_version(_locked(call))
    call.vault.hold(version.name, version.id, status == "ON")
    return Response(200, version_headers(call, version))


def may_bypass(call: Call) -> bool:
    """Whether the caller asks to lift a governance lock, and may. Raises S3Error where it asks and may not."""
    if call.request.headers.get("x-amz-bypass-governance-retention", "").lower() != "true":
        return False
    call.require("s3:BypassGovernanceRetention")
    return True


def _locked(call: Call) -> Call:
    if not call.bucket.has_locks:
        raise S3Error("InvalidRequest", "Bucket is missing Object Lock Configuration")
    return call
