"""Codes of a picture: the Image-Code of the standard, of the whole and of 14 views of it, for cropped copies.

Before, as the standard's own tools do: turned upright (EXIF), transparency on white, an even border cut away, grey,
32 x 32. A view is nine tenths of each side (the middle and the four corners) or four fifths (those and the middles of
the sides). An even picture has no code of its content: it would be near everything.

Pictures are hostile until shown otherwise: only the formats below are opened, and no more pixels than MOST_PIXELS are
ever unpacked, whatever a header claims.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import iscc_lib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from bailee.adapters.files import storage_errors
from bailee.errors import InputError
from bailee.own.fingerprints.codes import BITS, body
from bailee.records.fingerprint import CONTENT, VIEW, VIEWS

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
MOST_PIXELS = 120_000_000
_WORKING_SIDE = 1024
_EVEN = 3.0
"""Standard deviation of the grey values, of 255, below which a picture counts as even."""
_BORDER = 12
"""How far a border's values may lie apart, of 255."""
_MOST_BORDERS = 3
_NINE = tuple((across, down) for down in range(3) for across in range(3))
_FIVE = ((1, 1), (0, 0), (2, 0), (0, 2), (2, 2))
"""Where views lie: left or top, middle, right or bottom."""


def read_image(path: Path) -> Image.Image:
    """The first picture of a file, upright, in RGB on white, at most _WORKING_SIDE on a side. InputError otherwise."""
    with storage_errors(path):
        if not path.is_file():
            raise InputError(f"picture {path} does not exist; check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as file:
                width, height = file.size
                if width * height > MOST_PIXELS:
                    raise InputError(
                        f"picture {path} claims {width} x {height} pixels; at most {MOST_PIXELS} are unpacked"
                    )
                file.draft("RGB", (_WORKING_SIDE, _WORKING_SIDE))
                file.seek(0)
                return _upright(file)
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise InputError(f"picture {path} claims more pixels than the {MOST_PIXELS} that are unpacked") from None
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, KeyError) as error:
        raise InputError(f"{path} is not readable as a picture ({type(error).__name__}); it is damaged") from None


def _upright(file: Image.Image) -> Image.Image:
    file.load()
    if max(file.size) > 2 * _WORKING_SIDE:
        file = file.reduce(max(file.size) // _WORKING_SIDE) if file.mode in ("L", "RGB", "RGBA") else file
    picture = ImageOps.exif_transpose(file)
    if picture.mode in ("RGBA", "LA", "PA", "P") or "transparency" in picture.info:
        over = picture.convert("RGBA")
        white = Image.new("RGBA", over.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, over)
    picture = picture.convert("RGB")
    picture.thumbnail((_WORKING_SIDE, _WORKING_SIDE), Image.Resampling.BOX)
    return picture


def image_codes(picture: Image.Image) -> dict[str, bytes]:
    """Codes of a picture in RGB; none for an even one."""
    grey = _without_border(picture).convert("L")
    if float(np.asarray(grey, np.float32).std()) < _EVEN:
        return {}
    return {CONTENT: _code(grey), VIEWS: b"".join(_code(view)[:VIEW] for view in _views(grey))}


def _without_border(picture: Image.Image) -> Image.Image:
    """Without even borders; a frame around a picture that has one of its own are two."""
    for _ in range(_MOST_BORDERS):
        values: NDArray[np.int16] = np.asarray(picture, np.int16)
        inside = (np.abs(values - values[0, 0]) > _BORDER).any(axis=2)
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        if not len(rows) or inside.shape == (rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1):
            break
        picture = picture.crop((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))
    return picture


def _views(picture: Image.Image) -> Iterator[Image.Image]:
    width, height = picture.size
    for tenths, places in ((9, _FIVE), (8, _NINE)):
        part = max(1, width * tenths // 10), max(1, height * tenths // 10)
        for across, down in places:
            left, top = (width - part[0]) * across // 2, (height - part[1]) * down // 2
            yield picture.crop((left, top, left + part[0], top + part[1]))


def _code(grey: Image.Image) -> bytes:
    small = grey.resize((32, 32), Image.Resampling.BICUBIC)
    return body(iscc_lib.gen_image_code_v0(small.tobytes(), bits=BITS).iscc)
