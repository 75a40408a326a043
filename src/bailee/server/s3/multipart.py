"""Multipart uploads: each part is a blob of its own, and completing them makes one version without moving bytes."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress

from bailee.errors import NotFoundError
from bailee.seal.vault.facts import Uploaded, Version
from bailee.seal.vault.objects import Writer
from bailee.server.s3 import checksums, xml
from bailee.server.s3.body import Intake
from bailee.server.s3.call import Call
from bailee.server.s3.checksums import PREFIX
from bailee.server.s3.conditions import check_read, write_conditions
from bailee.server.s3.encoding import iso, to_int
from bailee.server.s3.errors import S3Error
from bailee.server.s3.finding import version_headers
from bailee.server.s3.listing import OWNER
from bailee.server.s3.locking import default_lock
from bailee.server.s3.objects import settle
from bailee.server.s3.options import from_settings, read_options, to_settings
from bailee.server.s3.putting import MAX_PUT
from bailee.server.s3.registry import Upload, UploadedPart
from bailee.server.s3.request import Response
from bailee.server.s3.signing import Signed
from bailee.server.s3.sources import copy_source

MOST_PARTS = 10_000
SMALLEST_PART = 5 << 20
"""Bytes of every part but the last, as in S3."""
_PAGE = 1000


def create_upload(call: Call) -> Response:
    options = read_options(call, with_default=False)
    headers = call.request.headers
    algorithm = checksums.wanted_algorithm(headers)
    kind = headers.get("x-amz-checksum-type", "FULL_OBJECT" if algorithm == "crc64nvme" else "COMPOSITE")
    if kind not in ("COMPOSITE", "FULL_OBJECT") or (algorithm and _is_bad_pair(algorithm, kind)):
        raise S3Error("InvalidRequest", f"The checksum type {kind[:20]} cannot be used with {algorithm}.")
    if algorithm is not None:
        checksums.new_hash(algorithm)  # refused now where it cannot be computed
    upload = Upload(secrets.token_hex(16), call.bucket.name, call.key, call.now, to_settings(options, algorithm, kind))
    call.registry.add_upload(upload)
    nodes: list[xml.Node] = [("Bucket", call.bucket.name), ("Key", call.key), ("UploadId", upload.id)]
    out = []
    if algorithm is not None:
        out = [("x-amz-checksum-algorithm", algorithm.upper()), ("x-amz-checksum-type", kind)]
    return Response(200, out, xml.write("InitiateMultipartUploadResult", nodes))


def _is_bad_pair(algorithm: str, kind: str) -> bool:
    return algorithm in ("sha1", "sha256") if kind == "FULL_OBJECT" else algorithm == "crc64nvme"


def _upload(call: Call) -> Upload:
    asked = call.request.query.get("uploadId", "")
    try:
        upload = call.registry.upload(asked)
    except NotFoundError:
        upload = None
    if upload is None or upload.bucket != call.bucket.name or upload.key != call.key:
        raise S3Error(
            "NoSuchUpload",
            "The specified upload does not exist. It may have been aborted or completed, or its ID may be invalid.",
            UploadId=asked[:100],
        )
    return upload


def _number(call: Call) -> int:
    number = to_int(call.request.query.get("partNumber", ""), 1, MOST_PARTS)
    if number is None:
        raise S3Error(
            "InvalidArgument",
            f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive",
            ArgumentName="partNumber",
        )
    return number


class UploadPart:
    """The receiver of a part's body. The upload is looked up when the first bytes are there, in the vault's thread."""

    def __init__(self, call: Call, signed: Signed | None) -> None:
        self._call, self._number = call, _number(call)
        self.intake = Intake(call.request, signed, checksums.wanted_algorithm(call.request.headers))
        if self.intake.length > MAX_PUT:
            raise S3Error(
                "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", MaxSizeAllowed=str(MAX_PUT)
            )
        self._upload: Upload | None = None
        self._writer: Writer[Uploaded] | None = None

    def whole(self, raw: bytes) -> Response:
        self.start()
        try:
            self.take(raw)
            return self.finish()
        except BaseException:
            self.abandon()
            raise

    def start(self) -> None:
        self._upload = _upload(self._call)
        wanted = self._upload.options["algorithm"]
        if wanted and self.intake.algorithm not in (None, wanted):
            raise S3Error(
                "InvalidRequest",
                f"Checksum Type mismatch occurred, expected checksum Type: {wanted}, actual: {self.intake.algorithm}",
            )
        if wanted:
            self.intake.use(wanted)
        self._call.registry.admit(self._call.bucket, self.intake.length, 0)
        self._writer = self._call.vault.part_writer()

    def take(self, raw: bytes) -> None:
        if self._writer is not None:
            self.intake.take(raw, self._writer.write)

    def finish(self) -> Response:
        self.intake.finish()
        if self._writer is None or self._upload is None:
            raise S3Error("InternalError", "A body came before its writer was open.")
        uploaded = self._writer.finish()
        intake = self.intake
        checksum = f"{intake.algorithm} {intake.checksum}" if intake.algorithm else ""
        _add(self._call, self._upload, UploadedPart(self._number, uploaded, self._call.now, checksum))
        headers = [("etag", f'"{uploaded.etag}"')]
        if intake.algorithm is not None:
            headers.append((PREFIX + intake.algorithm, intake.checksum))
        return Response(200, headers)

    def abandon(self) -> None:
        if self._writer is not None:
            self._writer.abandon()


def _add(call: Call, upload: Upload, part: UploadedPart) -> None:
    try:
        call.registry.add_part(upload.id, part)
    except NotFoundError:
        raise S3Error("NoSuchUpload", "The upload was aborted or completed meanwhile.", UploadId=upload.id) from None


def copy_part(call: Call) -> Response:
    number, upload = _number(call), _upload(call)
    source = copy_source(call)
    check_read(call.request.headers, source, "x-amz-copy-source-")
    start, stop = _copied_range(call.request.headers.get("x-amz-copy-source-range"), source)
    call.registry.admit(call.bucket, stop - start, 0)
    algorithm = upload.options["algorithm"]
    running = checksums.new_hash(algorithm) if algorithm else None
    writer = call.vault.part_writer()
    try:
        for chunk in call.vault.get(source.name, source.id, start, stop) if start < stop else ():
            if running is not None:
                running.update(chunk)
            writer.write(chunk)
        uploaded = writer.finish()
    except BaseException:
        writer.abandon()
        raise
    value = "" if running is None else checksums.to_text(running)
    _add(call, upload, UploadedPart(number, uploaded, call.now, f"{algorithm} {value}" if algorithm else ""))
    nodes: list[xml.Node] = [("LastModified", iso(call.now)), ("ETag", f'"{uploaded.etag}"')]
    if algorithm:
        nodes.append((f"Checksum{algorithm.upper()}", value))
    return Response(200, [], xml.write("CopyPartResult", nodes))


def _copied_range(text: str | None, source: Version) -> tuple[int, int]:
    if text is None:
        return 0, source.length
    first_text, _, last_text = text.removeprefix("bytes=").partition("-")
    first, last = to_int(first_text), to_int(last_text)
    if not text.startswith("bytes=") or first is None or last is None or last < first or last >= source.length:
        raise S3Error("InvalidArgument", "Expected x-amz-copy-source-range as bytes=FIRST-LAST, within the source")
    return first, last + 1


def list_parts(call: Call) -> Response:
    upload = _upload(call)
    query = call.request.query
    limit, after = to_int(query.get("max-parts", str(_PAGE))), to_int(query.get("part-number-marker", "0"))
    if limit is None or after is None:
        raise S3Error("InvalidArgument", "Expected numbers as max-parts and part-number-marker")
    limit = min(limit, _PAGE)
    left = [part for part in call.registry.parts(upload.id) if part.number > after]
    page = left[:limit]
    nodes: list[xml.Node] = [
        ("Bucket", upload.bucket),
        ("Key", upload.key),
        ("UploadId", upload.id),
        ("Initiator", list(OWNER)),
        ("Owner", list(OWNER)),
        ("StorageClass", "STANDARD"),
        ("ChecksumAlgorithm", upload.options["algorithm"].upper() or None),
        ("PartNumberMarker", after),
        ("NextPartNumberMarker", page[-1].number if page else None),
        ("MaxParts", limit),
        ("IsTruncated", len(left) > limit),
    ]
    for part in page:
        algorithm, value = _checksum(part)
        nodes.append(
            (
                "Part",
                [
                    ("PartNumber", part.number),
                    ("LastModified", iso(part.modified)),
                    ("ETag", f'"{part.uploaded.etag}"'),
                    ("Size", part.uploaded.length),
                    (f"Checksum{algorithm.upper()}", value or None),
                ],
            )
        )
    return Response(body=xml.write("ListPartsResult", nodes))


def _checksum(part: UploadedPart) -> tuple[str, str]:
    algorithm, _, value = part.checksum.partition(" ")
    return algorithm, value


def complete_upload(call: Call) -> Response:
    upload = _upload(call)
    chosen = _chosen(call, call.registry.parts(upload.id))
    options = from_settings(upload.options)
    match, none_match = write_conditions(call.request.headers)
    algorithm, kind, value = _whole_checksum(upload, chosen)
    _check_promised(call, algorithm, value)
    call.registry.admit(call.bucket, 0)
    try:
        version = call.vault.compose(
            call.name,
            [part.uploaded for part in chosen],
            content_type=options.content_type,
            metadata=options.with_checksum(algorithm, value, kind),
            lock=options.lock or default_lock(call.bucket, call.now),  # the bucket's default now, not then
            if_match=match,
            if_none_match=none_match,
        )
    except NotFoundError:
        if match is not None:
            raise  # there is nothing that could match
        raise S3Error("NoSuchUpload", "The upload was aborted or completed meanwhile.", UploadId=upload.id) from None
    with suppress(NotFoundError):
        call.registry.remove_upload(upload.id)
    if options.on_hold:
        call.vault.hold(version.name, version.id, True)
    if options.tags:
        call.vault.set_tags(version.name, version.id, options.tags)
    settle(call, version)
    nodes: list[xml.Node] = [
        ("Location", f"/{call.bucket.name}/{call.key}"),
        ("Bucket", call.bucket.name),
        ("Key", call.key),
        ("ETag", f'"{version.etag}"'),
    ]
    if value and algorithm:
        nodes += [(f"Checksum{algorithm.upper()}", value), ("ChecksumType", kind)]
    return Response(200, version_headers(call, version), xml.write("CompleteMultipartUploadResult", nodes))


def _chosen(call: Call, there: Sequence[UploadedPart]) -> list[UploadedPart]:
    root = xml.read(call.document, "CompleteMultipartUpload")
    xml.only(root, "Part")
    if not 0 < len(root) <= MOST_PARTS:
        raise xml.malformed(f"expected 1 to {MOST_PARTS} parts")
    by_number = {part.number: part for part in there}
    chosen: list[UploadedPart] = []
    for item in root:
        number = to_int(xml.required(item, "PartNumber"), 1, MOST_PARTS)
        etag = xml.required(item, "ETag").strip('"')
        if number is None:
            raise xml.malformed("expected a part's number")
        if chosen and number <= chosen[-1].number:
            raise S3Error(
                "InvalidPartOrder",
                "The list of parts was not in ascending order. Parts must be ordered by part number.",
            )
        part = by_number.get(number)
        if part is None or part.uploaded.etag != etag:
            raise S3Error(
                "InvalidPart", "One or more of the specified parts could not be found.", PartNumber=str(number)
            )
        algorithm, value = _checksum(part)
        if algorithm and xml.text_of(item, f"Checksum{algorithm.upper()}") not in (None, value):
            raise S3Error(
                "InvalidPart", "A part's checksum is not the one it was uploaded with.", PartNumber=str(number)
            )
        chosen.append(part)
    for part in chosen[:-1]:
        if part.uploaded.length < SMALLEST_PART:
            raise S3Error(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                ProposedSize=str(part.uploaded.length),
                MinSizeAllowed=str(SMALLEST_PART),
                PartNumber=str(part.number),
            )
    size = call.request.headers.get("x-amz-mp-object-size")
    if size is not None and to_int(size) != sum(part.uploaded.length for part in chosen):
        raise S3Error("InvalidRequest", "The provided x-amz-mp-object-size does not match what was uploaded.")
    return chosen


def _whole_checksum(upload: Upload, chosen: Sequence[UploadedPart]) -> tuple[str | None, str, str]:
    """(algorithm, kind, base64), the last "" where the parts do not all have one."""
    algorithm, kind = upload.options["algorithm"], upload.options["checksum_type"]
    values = [_checksum(part) for part in chosen]
    if not algorithm or any(found != algorithm for found, _ in values):
        return None, kind, ""
    if kind == "COMPOSITE":
        return algorithm, kind, checksums.composite(algorithm, [value for _, value in values])
    lengths = [(value, part.uploaded.length) for (_, value), part in zip(values, chosen, strict=True)]
    return algorithm, kind, checksums.full(algorithm, lengths)


def _check_promised(call: Call, algorithm: str | None, value: str) -> None:
    promised = {
        name[len(PREFIX) :]: text.partition("-")[0]
        for name, text in call.request.headers.items()
        if name.startswith(PREFIX) and name[len(PREFIX) :] in checksums.SIZES
    }
    for name, text in promised.items():
        if name != algorithm or value.partition("-")[0] != text:
            raise S3Error("BadDigest", f"The {name.upper()} you specified did not match the calculated checksum.")


def abort_upload(call: Call) -> Response:
    call.registry.remove_upload(_upload(call).id)
    return Response(204)


def list_uploads(call: Call) -> Response:
    query = call.request.query
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    marker, id_marker = query.get("key-marker", ""), query.get("upload-id-marker", "")
    limit = to_int(query.get("max-uploads", str(_PAGE)))
    if limit is None:
        raise S3Error("InvalidArgument", "Expected a number as max-uploads")
    limit = min(limit, _PAGE)
    entries: list[Upload] = []
    prefixes: list[str] = []
    is_truncated = False
    for upload in call.registry.uploads(call.bucket.name, prefix, marker, id_marker if marker else ""):
        cut = upload.key.find(delimiter, len(prefix)) if delimiter else -1
        group = upload.key[: cut + len(delimiter)] if cut >= 0 else ""
        if group and (group in prefixes or group <= marker):
            continue
        if len(entries) + len(prefixes) >= limit:
            is_truncated = True
            break
        if group:
            prefixes.append(group)
        else:
            entries.append(upload)
    last = max([upload.key for upload in entries[-1:]] + prefixes[-1:], key=str.encode, default="")
    nodes: list[xml.Node] = [
        ("Bucket", call.bucket.name),
        ("KeyMarker", marker),
        ("UploadIdMarker", id_marker),
        ("NextKeyMarker", last if is_truncated else None),
        ("NextUploadIdMarker", entries[-1].id if is_truncated and entries and entries[-1].key == last else None),
        ("Prefix", prefix),
        ("Delimiter", delimiter or None),
        ("MaxUploads", limit),
        ("IsTruncated", is_truncated),
    ]
    for upload in entries:
        nodes.append(
            (
                "Upload",
                [
                    ("Key", upload.key),
                    ("UploadId", upload.id),
                    ("Initiator", list(OWNER)),
                    ("Owner", list(OWNER)),
                    ("StorageClass", "STANDARD"),
                    ("Initiated", iso(upload.created)),
                ],
            )
        )
    nodes += [("CommonPrefixes", [("Prefix", group)]) for group in prefixes]
    return Response(body=xml.write("ListMultipartUploadsResult", nodes))
