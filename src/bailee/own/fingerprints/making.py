"""A file in, its fingerprint out, by what kind of work it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bailee.adapters.files import storage_errors
from bailee.errors import InputError
from bailee.own.fingerprints.codes import BITS, body, file_codes, meta_code
from bailee.records.fingerprint import (
    AUDIO,
    BYTES,
    CONTENT,
    IMAGE,
    KINDS,
    TABLE,
    TEXT,
    VIDEO,
    Fingerprint,
)

T = TypeVar("T")
Report = Callable[[str, float], None]
_BEGINNINGS = (
    (0, b"PAR1", TABLE),
    (0, b"\x89PNG\r\n", IMAGE),
    (0, b"\xff\xd8\xff", IMAGE),
    (0, b"GIF8", IMAGE),
    (8, b"WEBP", IMAGE),
    (0, b"BM", IMAGE),
    (0, b"II*\0", IMAGE),
    (0, b"MM\0*", IMAGE),
    (8, b"WAVE", AUDIO),
    (0, b"ID3", AUDIO),
    (0, b"fLaC", AUDIO),
    (0, b"OggS", AUDIO),
    (0, b"\xff\xfb", AUDIO),
    (4, b"ftypM4A", AUDIO),
    (4, b"ftyp", VIDEO),
    (0, b"\x1aE\xdf\xa3", VIDEO),
    (8, b"AVI ", VIDEO),
)
_TABLE_NAMES = {".csv", ".parquet"}
_LEAST_DIFFERENT = 4
"""Sound or video with fewer different features (silence, a still) has no code of its content."""


@dataclass(frozen=True)
class Title:
    """What a work is called, for its Meta-Code. Both may be empty."""

    name: str = ""
    description: str = ""


def guess_kind(path: Path) -> str:
    """The kind of a work by the first bytes of its file, then by its name, then by whether it is text."""
    _refuse_pipe(path)
    with storage_errors(path):
        try:
            with path.open("rb") as file:
                start = file.read(4096)
        except FileNotFoundError:
            raise InputError(f"{path} does not exist; check the path") from None
        except IsADirectoryError:
            raise InputError(f"expected a file at {path}, got a directory; fingerprint its files one by one") from None
    for at, magic, kind in _BEGINNINGS:
        if start[at : at + len(magic)] == magic:
            return kind
    if path.suffix.lower() in _TABLE_NAMES:
        return TABLE
    try:
        start[: max(0, len(start) - 3) if len(start) == 4096 else None].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.end < len(start) - 6 or len(start) < 4096:
            return BYTES
    return BYTES if b"\0" in start or not start else TEXT


def _refuse_pipe(path: Path) -> None:
    """Opening one would wait for a writer."""
    with storage_errors(path):
        if path.is_fifo():
            raise InputError(f"{path} is a pipe, and a work is read more than once; save it to a file first")


def fingerprint(
    path: Path,
    kind: str | None = None,
    title: Title = Title(),
    key: bytes | None = None,
    progress: Report | None = None,
) -> Fingerprint:
    """The fingerprint of a file. kind: guessed where not given. key: for tables, 32 bytes, see docs/fingerprints.md.

    Raises InputError where the file is not readable as that kind.
    """
    _refuse_pipe(path)
    kind = guess_kind(path) if kind is None else kind
    if kind not in KINDS:
        raise InputError(f"expected a kind of {', '.join(KINDS)}, got {kind!r}")
    if key is not None and kind != TABLE:
        raise InputError(f"only tables can be fingerprinted under a key; withhold that of this {kind} instead")
    if kind == TABLE:
        return _of_table(path, title, key, progress)
    parts, size = file_codes(path)
    if size == 0:
        raise InputError(f"{path} is empty; there is nothing to fingerprint")
    content, extent = _content(path, kind, size)
    return Fingerprint(kind, extent, {**parts, **content, **meta_code(title.name, title.description)})


def _content(path: Path, kind: str, size: int) -> tuple[dict[str, bytes], int]:
    """Only what is asked for is imported: pictures need Pillow, sound and video need ffmpeg."""
    if kind == TEXT:
        from bailee.own.fingerprints.texts import read_text, text_codes

        return text_codes(read_text(path))
    if kind == IMAGE:
        from bailee.own.fingerprints.images import image_codes, read_image

        return image_codes(read_image(path)), 0
    if kind == AUDIO:
        return _of_sound(path)
    if kind == VIDEO:
        return _of_video(path)
    return {}, size


def _of_sound(path: Path) -> tuple[dict[str, bytes], int]:
    import iscc_lib

    from bailee.adapters.media import chroma_features

    features = chroma_features(path)
    extent = len(features) * 1365 * 1000 // 11025  # Chromaprint's step, in samples of its rate
    if len(set(features)) < _LEAST_DIFFERENT:
        return {}, extent
    return {CONTENT: body(iscc_lib.gen_audio_code_v0(features, bits=BITS).iscc)}, extent


def _of_video(path: Path) -> tuple[dict[str, bytes], int]:
    import iscc_lib
    import numpy as np

    from bailee.adapters.media import FRAMES_A_SECOND, frame_signatures

    frames = frame_signatures(path)
    extent = len(frames) * 1000 // FRAMES_A_SECOND
    if len(frames) == 0 or len(np.unique(frames)) < 2:
        return {}, extent
    return {CONTENT: body(iscc_lib.gen_video_code_v0(frames.tolist(), bits=BITS).iscc)}, extent


def _of_table(path: Path, title: Title, key: bytes | None, progress: Report | None) -> Fingerprint:
    from bailee.adapters.tables import read_table, table_columns
    from bailee.own.fingerprints.tables import TableSketch

    columns = table_columns(path)
    sketch = TableSketch(columns, key)
    with ThreadPoolExecutor(1, thread_name_prefix="bailee-instance") as hashing:
        codes = None if key is not None else hashing.submit(file_codes, path, False)
        for batch in _ahead(read_table(path, columns)):
            sketch.add(batch.columns, batch.rows)
            if progress is not None:
                progress("fingerprint", batch.part)
        parts = sketch.parts()
        if codes is not None:
            parts |= codes.result()[0] | meta_code(title.name, title.description)
    return Fingerprint(TABLE, sketch.rows, parts)


def _ahead(batches: Iterator[T]) -> Iterator[T]:
    """The same, each read while the one before is worked on."""
    with ThreadPoolExecutor(1, thread_name_prefix="bailee-reading") as reading:
        nothing = object()
        pending = reading.submit(next, batches, nothing)
        while (batch := pending.result()) is not nothing:
            pending = reading.submit(next, batches, nothing)
            yield batch  # type: ignore[misc]
