"""Putting one object: the receiver of its body, small ones in one go, large ones block by block."""

from __future__ import annotations

from typing import Protocol

from bailee.seal.vault.facts import Version
from bailee.seal.vault.history import Wanted
from bailee.seal.vault.together import Small
from bailee.server.s3.body import Intake
from bailee.server.s3.call import Call
from bailee.server.s3.checksums import PREFIX, wanted_algorithm
from bailee.server.s3.conditions import write_conditions
from bailee.server.s3.errors import S3Error
from bailee.server.s3.finding import version_headers
from bailee.server.s3.objects import settle
from bailee.server.s3.options import read_options
from bailee.server.s3.request import Response
from bailee.server.s3.signing import Signed

MAX_PUT = 5 * (1 << 30)


class Receiver(Protocol):
    """Takes a body: `whole` for a small one, else start, take, take ..., finish; abandon after any failure."""

    intake: Intake

    def whole(self, raw: bytes) -> Response: ...

    def start(self) -> None: ...

    def take(self, raw: bytes) -> None: ...

    def finish(self) -> Response: ...

    def abandon(self) -> None: ...


class _Writer(Protocol):
    """What the vault gives, whether it looks for equal chunks or not."""

    def write(self, data: bytes | memoryview, /) -> None: ...

    def finish(self) -> Version: ...

    def abandon(self) -> None: ...


class PutObject:
    """Raises S3Error from its making where the headers already tell that it cannot be."""

    def __init__(self, call: Call, signed: Signed | None) -> None:
        self._call = call
        self.intake = Intake(call.request, signed, wanted_algorithm(call.request.headers))
        if self.intake.length > MAX_PUT:
            raise S3Error(
                "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", MaxSizeAllowed=str(MAX_PUT)
            )
        self._options = read_options(call)
        self._match, self._none_match = write_conditions(call.request.headers)
        self._metadata = dict(self._options.metadata)
        self._writer: _Writer | None = None

    def whole(self, raw: bytes) -> Response:
        small = self.small(raw)
        wanted = small.wanted
        version = self._call.vault.put(
            small.name,
            small.data,
            content_type=wanted.content_type,
            metadata=wanted.metadata,
            lock=wanted.lock,
            if_match=wanted.if_match,
            if_none_match=wanted.if_none_match,
        )
        return self.answer(version)

    def small(self, raw: bytes) -> Small:
        """What the body says, once all of it is here and right."""
        self._call.registry.admit(self._call.bucket, self.intake.length)
        pieces: list[bytes | memoryview] = []
        self.intake.take(raw, pieces.append)
        self.intake.finish()
        options = self._options
        wanted = Wanted(
            options.content_type,
            options.with_checksum(self.intake.algorithm, self.intake.checksum),
            options.lock,
            if_match=self._match,
            if_none_match=self._none_match,
        )
        return Small(self._call.name, bytes(pieces[0]) if len(pieces) == 1 else b"".join(pieces), wanted)

    def is_done(self, version: Version) -> bool:
        """Whether nothing is left to do in the vault but to answer."""
        is_settled = version.number == 1 or self._call.bucket.is_versioned
        return is_settled and not self._options.on_hold and not self._options.tags

    def start(self) -> None:
        self._call.registry.admit(self._call.bucket, self.intake.length)
        options = self._options
        self._writer = self._call.vault.writer(
            self._call.name,
            content_type=options.content_type,
            metadata=self._metadata,
            lock=options.lock,
            if_match=self._match,
            if_none_match=self._none_match,
        )

    def take(self, raw: bytes) -> None:
        self.intake.take(raw, self._open.write)

    def finish(self) -> Response:
        self.intake.finish()
        # A trailing checksum is known only now; the writer reads this mapping when it finishes.
        self._metadata |= self._options.with_checksum(self.intake.algorithm, self.intake.checksum)
        return self.answer(self._open.finish())

    def abandon(self) -> None:
        if self._writer is not None:
            self._writer.abandon()

    @property
    def _open(self) -> _Writer:
        if self._writer is None:
            raise S3Error("InternalError", "A body came before its writer was open.")
        return self._writer

    def answer(self, version: Version) -> Response:
        call, intake = self._call, self.intake
        if self._options.on_hold:
            call.vault.hold(version.name, version.id, True)
        if self._options.tags:
            call.vault.set_tags(version.name, version.id, self._options.tags)
        settle(call, version)
        headers = [("etag", f'"{version.etag}"'), *version_headers(call, version)]
        if intake.algorithm is not None:
            headers += [(PREFIX + intake.algorithm, intake.checksum), (f"{PREFIX}type", "FULL_OBJECT")]
        return Response(200, headers)
