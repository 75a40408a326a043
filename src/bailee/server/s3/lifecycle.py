"""Lifecycle rules: what expires, when; and `expire`, which does it. Run it once a day, or as often as you like.

Expiry of days, dates and lone delete markers, of versions that are no longer current, and of unfinished uploads.
Transitions are refused: there is one storage class. Locks and holds win over any rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from xml.etree.ElementTree import Element

from bailee.errors import LockedError, NotFoundError
from bailee.seal.vault.facts import Version
from bailee.seal.vault.vault import Vault
from bailee.server.s3 import xml
from bailee.server.s3.documents import deleting, giving, taking
from bailee.server.s3.encoding import parse_iso, to_int
from bailee.server.s3.errors import S3Error
from bailee.server.s3.registry import Bucket, Registry

_DAY = 24 * 3600.0
_MOST_RULES = 1000


@dataclass(frozen=True)
class Rule:
    """Days are whole; a date is seconds since 1970. None where the rule does not speak of it."""

    is_enabled: bool
    prefix: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    above: int | None = None
    below: int | None = None
    days: int | None = None
    date: float | None = None
    drops_markers: bool = False
    old_days: int | None = None
    old_kept: int = 0
    upload_days: int | None = None


@dataclass
class Expired:
    """What a run did. kept: versions that a lock or a hold kept."""

    objects: int = 0
    versions: int = 0
    markers: int = 0
    uploads: int = 0
    kept: int = 0


@lru_cache(256)
def read_rules(text: str) -> tuple[Rule, ...]:
    root = xml.read(text.encode(), "LifecycleConfiguration")
    xml.only(root, "Rule")
    if not 0 < len(root) <= _MOST_RULES:
        raise xml.malformed(f"expected 1 to {_MOST_RULES} rules")
    return tuple(_rule(item) for item in root)


def _rule(item: Element) -> Rule:
    for name in ("Transition", "NoncurrentVersionTransition"):
        if item.find(name) is not None:
            raise S3Error("NotImplemented", "There is one storage class; rules can expire and not move.")
    xml.only(
        item,
        "ID",
        "Status",
        "Prefix",
        "Filter",
        "Expiration",
        "NoncurrentVersionExpiration",
        "AbortIncompleteMultipartUpload",
    )
    status = xml.required(item, "Status")
    if status not in ("Enabled", "Disabled"):
        raise xml.malformed("expected a Status of Enabled or Disabled")
    values: dict[str, object] = {"is_enabled": status == "Enabled", "prefix": xml.raw_text_of(item, "Prefix") or ""}
    filters = item.find("Filter")
    if filters is not None:
        values |= _filter(filters)
    expiration, old, upload = (
        item.find(n) for n in ("Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
    )
    if expiration is not None:
        values |= _expiration(expiration)
    if old is not None:
        xml.only(old, "NoncurrentDays", "NewerNoncurrentVersions")
        values["old_days"] = _days(xml.required(old, "NoncurrentDays"))
        kept = xml.text_of(old, "NewerNoncurrentVersions")
        values["old_kept"] = 0 if kept is None else _days(kept)
    if upload is not None:
        values["upload_days"] = _days(xml.required(upload, "DaysAfterInitiation"))
        if values.get("tags") or values.get("above") is not None or values.get("below") is not None:
            raise xml.malformed("AbortIncompleteMultipartUpload cannot be specified with tags or sizes")
    if expiration is None and old is None and upload is None:
        raise xml.malformed("a rule that does nothing")
    return Rule(**values)  # type: ignore[arg-type]


def _filter(filters: Element) -> dict[str, object]:
    within = filters.find("And")
    source = filters if within is None else within
    if len(filters) > 1:
        raise xml.malformed("expected one element in Filter, or And")
    xml.only(source, "Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan")
    found: dict[str, object] = {}
    prefix = xml.raw_text_of(source, "Prefix")
    if prefix is not None:
        found["prefix"] = prefix
    found["tags"] = tuple((xml.required(tag, "Key"), xml.text_of(tag, "Value") or "") for tag in source.findall("Tag"))
    for name, field in (("ObjectSizeGreaterThan", "above"), ("ObjectSizeLessThan", "below")):
        text = xml.text_of(source, name)
        if text is not None:
            found[field] = _number(text)
    return found


def _expiration(item: Element) -> dict[str, object]:
    xml.only(item, "Days", "Date", "ExpiredObjectDeleteMarker")
    if len(item) != 1:
        raise xml.malformed("expected one of Days, Date and ExpiredObjectDeleteMarker")
    days, date = xml.text_of(item, "Days"), xml.text_of(item, "Date")
    if days is not None:
        return {"days": _days(days)}
    if date is not None:
        moment = parse_iso(date)
        if moment is None or moment % _DAY:
            raise S3Error("InvalidArgument", "'Date' must be at midnight GMT")
        return {"date": moment}
    return {"drops_markers": xml.text_of(item, "ExpiredObjectDeleteMarker") == "true"}


def _days(text: str) -> int:
    return _number(text, 1, 1 << 31)


def _number(text: str, low: int = 0, high: int = 1 << 62) -> int:
    value = to_int(text, low, high)
    if value is None:
        raise S3Error("InvalidArgument", f"Expected a number of at least {low}")
    return value


def expire(vault: Vault, now: float) -> Expired:
    """Do what the rules of all buckets ask for at `now`. Safe to run again, and to break off.

    Raises LockedError while the vault's clock is behind what it has seen: then nothing is erased by time.
    """
    vault.ground.time.check()
    done, registry = Expired(), Registry(vault)
    for bucket in registry.buckets():
        text = bucket.settings.get("lifecycle")
        for rule in () if text is None else read_rules(text):
            if rule.is_enabled:
                _run(vault, registry, bucket, rule, now, done)
    return done


def _run(vault: Vault, registry: Registry, bucket: Bucket, rule: Rule, now: float, done: Expired) -> None:
    prefix = f"{bucket.name}/{rule.prefix}"
    for versions in _histories(vault, prefix):
        _run_on(vault, bucket, rule, versions, now, done)
    if rule.upload_days is not None:
        for upload in registry.uploads(bucket.name, rule.prefix):
            if now >= _due(upload.created, rule.upload_days):
                registry.remove_upload(upload.id)
                done.uploads += 1


def _run_on(vault: Vault, bucket: Bucket, rule: Rule, versions: list[Version], now: float, done: Expired) -> None:
    newest = versions[0]
    if newest.is_marker and len(versions) == 1 and rule.drops_markers:
        done.markers += _remove(vault, newest, done)
        return
    is_over = (rule.days is not None and now >= _due(newest.created, rule.days)) or (
        rule.date is not None and now >= rule.date
    )
    if is_over and not newest.is_marker and _fits(vault, rule, newest):
        if bucket.is_versioned:
            vault.delete(newest.name)
            done.objects += 1
        else:
            done.objects += sum(_remove(vault, version, done) for version in reversed(versions)) > 0
            return
    if rule.old_days is None:
        return
    # A version is old since the next one came.
    for at, version in enumerate(versions[1:], start=1):
        if at > rule.old_kept and now >= _due(versions[at - 1].created, rule.old_days) and _fits(vault, rule, version):
            done.versions += _remove(vault, version, done)


def _remove(vault: Vault, version: Version, done: Expired) -> int:
    try:
        vault.remove(version.name, version.id)
    except NotFoundError:
        return 0
    except LockedError:
        done.kept += 1
        return 0
    return 1


def _fits(vault: Vault, rule: Rule, version: Version) -> bool:
    if (rule.above is not None and version.length <= rule.above) or (
        rule.below is not None and version.length >= rule.below
    ):
        return False
    if not rule.tags or version.is_marker:
        return not rule.tags
    tags = vault.tags(version.name, version.id)
    return all(tags.get(key) == value for key, value in rule.tags)


def _due(moment: float, days: int) -> float:
    """As S3 counts: whole days, then the next midnight."""
    return -(-(moment + days * _DAY) // _DAY) * _DAY


def _histories(vault: Vault, prefix: str) -> Iterator[list[Version]]:
    """All versions of each name, the newest first."""
    after, history = "", list[Version]()
    while True:
        page = vault.versions(prefix, after, 1000)
        for version in page.versions:
            if history and history[0].name != version.name:
                yield history
                history = []
            history.append(version)
        if not page.after:
            break
        after = page.after
    if history:
        yield history


get_lifecycle, delete_lifecycle = giving("lifecycle"), deleting("lifecycle")
put_lifecycle = taking("lifecycle", lambda call: read_rules(call.text))
