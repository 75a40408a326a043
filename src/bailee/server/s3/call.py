"""One authorised call, as the operations get it: the vault, the request, who asks, the body of a document."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bailee.errors import NotFoundError
from bailee.seal.vault.vault import Vault
from bailee.server.s3.access import Caller
from bailee.server.s3.errors import S3Error
from bailee.server.s3.registry import Bucket, Registry
from bailee.server.s3.request import Request


@dataclass(slots=True)
class Call:
    """document: the body, for operations that take a document; now: seconds since 1970."""

    vault: Vault
    registry: Registry
    request: Request
    caller: Caller
    region: str
    now: float
    found: Bucket | None = None
    document: bytes = b""
    action: str = ""

    @property
    def bucket(self) -> Bucket:
        if self.found is None:
            raise S3Error("NoSuchBucket", "The specified bucket does not exist", BucketName=self.request.bucket)
        return self.found

    @property
    def key(self) -> str:
        return self.request.key

    @property
    def name(self) -> str:
        """The object's name in the vault."""
        return f"{self.request.bucket}/{self.request.key}"

    @property
    def version_id(self) -> str | None:
        """The version that is asked for; `null` in a bucket without versions means the only one there is."""
        asked = self.request.query.get("versionId")
        if asked is None or (asked == "null" and not self.bucket.is_versioned):
            return None
        return asked

    def require(self, action: str) -> None:
        self.caller.require(action, self.found, self.request.key)

    def find_bucket(self, name: str) -> Bucket:
        if self.found is not None and self.found.name == name:
            return self.found
        try:
            return self.registry.bucket(name)
        except NotFoundError:
            raise S3Error("NoSuchBucket", "The specified bucket does not exist", BucketName=name) from None

    @property
    def text(self) -> str:
        """The document as text. Raises S3Error where it is not UTF-8."""
        try:
            return self.document.decode()
        except UnicodeDecodeError:
            raise S3Error("InvalidRequest", "Expected a document in UTF-8.") from None

    def change_setting(self, kind: str, text: str | None) -> None:
        """One document of the bucket's settings, replaced or (None) taken away."""

        def change(bucket: Bucket) -> Bucket:
            settings = {name: kept for name, kept in bucket.settings.items() if name != kind}
            return replace(bucket, settings=settings if text is None else {**settings, kind: text})

        self.registry.change_bucket(self.bucket.name, change, kind)

    def switch_on(self, *, versioning: bool = False, locks: bool = False) -> None:
        """Neither is ever switched off."""

        def change(bucket: Bucket) -> Bucket:
            is_versioned, has_locks = bucket.is_versioned or versioning, bucket.has_locks or locks
            return replace(bucket, is_versioned=is_versioned, has_locks=has_locks)

        self.registry.change_bucket(self.bucket.name, change, "locks" if locks else "versioning")
