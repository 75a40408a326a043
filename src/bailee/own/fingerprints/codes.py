"""ISO 24138:2024 codes through `iscc-lib`, as the raw bits that are compared; and back, as the standard spells them.

All are 256 bits where the standard lets one choose. What each is made from: `texts`, `images`, `media`, and here the
bytes of a file (Data-Code, Instance-Code) and its title (Meta-Code).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import iscc_lib

from bailee.adapters.files import storage_errors
from bailee.errors import InputError
from bailee.records.fingerprint import (
    AUDIO,
    CODE,
    CONTENT,
    DATA,
    IMAGE,
    INSTANCE,
    META,
    TEXT,
    VIDEO,
    Fingerprint,
)

BITS = 8 * CODE
_READ = 4 << 20
_CONTENT_TYPES = {TEXT: iscc_lib.ST.TEXT, IMAGE: iscc_lib.ST.IMAGE, AUDIO: iscc_lib.ST.AUDIO, VIDEO: iscc_lib.ST.VIDEO}


def body(iscc: str) -> bytes:
    """The bits of one ISCC unit."""
    return bytes(iscc_lib.iscc_decode(iscc)[4])


def file_codes(path: Path, with_data: bool = True) -> tuple[dict[str, bytes], int]:
    """Instance-Code (BLAKE3 of the bytes) and Data-Code (which pieces of bytes occur) of a file; its size."""
    instance, data, size = iscc_lib.InstanceHasher(), iscc_lib.DataHasher(), 0
    try:
        with storage_errors(path), path.open("rb") as file:
            while piece := file.read(_READ):
                size += len(piece)
                instance.update(piece)
                if with_data:
                    data.update(piece)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; check the path") from None
    parts = {INSTANCE: body(instance.finalize(bits=BITS).iscc)}
    if with_data:
        parts[DATA] = body(data.finalize(bits=BITS).iscc)
    return parts, size


def meta_code(title: str, description: str) -> dict[str, bytes]:
    """The Meta-Code of a title and a description; nothing where there is no title."""
    if not iscc_lib.text_clean(title):
        return {}
    return {META: body(iscc_lib.gen_meta_code_v0(title, description or None, bits=BITS).iscc)}


def spelt(fingerprint: Fingerprint) -> list[str]:
    """The standard's own spelling of the codes that are its: what other programs read."""
    kinds: Iterable[tuple[str, int, int]] = (
        (META, iscc_lib.MT.META, iscc_lib.ST.NONE),
        (CONTENT, iscc_lib.MT.CONTENT, _CONTENT_TYPES.get(fingerprint.kind, iscc_lib.ST.NONE)),
        (DATA, iscc_lib.MT.DATA, iscc_lib.ST.NONE),
        (INSTANCE, iscc_lib.MT.INSTANCE, iscc_lib.ST.NONE),
    )
    return [
        "ISCC:" + iscc_lib.encode_component(main, sub, iscc_lib.VS.V0, BITS, fingerprint.parts[name])
        for name, main, sub in kinds
        if name in fingerprint.parts
    ]
