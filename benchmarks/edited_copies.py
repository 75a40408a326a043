"""Copies of files, edited by rule: what `bench_fingerprints.py` looks for again."""

from __future__ import annotations

import gzip
import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from bailee.adapters import media

Edit = Callable[[Path, Path, random.Random], Path]
_PAIRS = """
file/document use/employ used/employed value/quantity set/assign return/yield returns/yields call/invoke
called/invoked error/fault errors/faults
option/choice options/choices show/display shows/displays make/create many/numerous must/should
number/count default/standard begin/start change/modify changed/modified also/too first/initial only/merely user/person
system/machine name/label list/series see/consult however/yet given/provided if/when since/because into/inside
about/regarding get/obtain allow/permit allows/permits need/require other/another new/fresh large/big small/little
current/present contain/hold contains/holds following/next
"""
SYNONYMS = dict(pair.split("/", 1) for pair in _PAIRS.split())
"""What the rule of `paraphrased by rule` exchanges; it also swaps sentences. Real paraphrases change far more."""
HOMOGLYPHS = str.maketrans("aeopcyx", "аеорсух")


# --- text


def plain_text(path: Path) -> str:
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    text = data.decode("utf-8", "ignore")
    if path.suffix == ".gz":  # a manual page: without its macros
        text = "\n".join(line for line in text.splitlines() if not line.startswith((".", "'")))
        text = re.sub(r"\\f[A-Z]|\\[-&|]", "", text)
    return text


def _texts(edit: Callable[[str, random.Random], str]) -> Edit:
    def run(path: Path, folder: Path, rng: random.Random) -> Path:
        target = folder / "copy.txt"
        target.write_text(edit(path.read_text(), rng))
        return target

    return run


def _some_words(text: str, rng: random.Random, share: float) -> str:
    words = text.split(" ")
    return " ".join(rng.choice(words) if rng.random() < share else word for word in words)


def _paraphrase(text: str, rng: random.Random) -> str:
    swapped = re.sub(r"[A-Za-z]+", lambda found: SYNONYMS.get(found.group().lower(), found.group()), text)
    sentences = re.split(r"(?<=[.!?])\s+", swapped)
    for at in range(0, len(sentences) - 1, 2):
        if rng.random() < 0.5:
            sentences[at], sentences[at + 1] = sentences[at + 1], sentences[at]
    return " ".join(sentences)


def _shuffled(text: str, rng: random.Random) -> str:
    parts = re.split(r"\n\s*\n", text)
    rng.shuffle(parts)
    return "\n\n".join(parts)


def _part(text: str, share: float) -> str:
    start = int(len(text) * (1 - share) / 2)
    return text[start : start + int(len(text) * share)]


TEXT_EDITS: dict[str, Edit] = {
    "5 % of words changed": _texts(lambda text, rng: _some_words(text, rng, 0.05)),
    "20 % of words changed": _texts(lambda text, rng: _some_words(text, rng, 0.20)),
    "paraphrased by rule": _texts(_paraphrase),
    "paragraphs shuffled": _texts(_shuffled),
    "half of it": _texts(lambda text, rng: _part(text, 0.5)),
    "a quarter of it": _texts(lambda text, rng: _part(text, 0.25)),
    "case, spaces, unseen letters": _texts(lambda text, rng: "\u200b".join(text.upper().replace("\n", "  \n"))),
    "look-alike letters": _texts(lambda text, rng: text.translate(HOMOGLYPHS)),
}


# --- pictures


def _images(edit: Callable[[Image.Image, random.Random], Image.Image], **options: Any) -> Edit:
    def run(path: Path, folder: Path, rng: random.Random) -> Path:
        with Image.open(path) as file:
            over = file.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")
        target = folder / ("copy.jpg" if options else "copy.png")
        edit(picture, rng).save(target, **options)
        return target

    return run


def _crop(picture: Image.Image, rng: random.Random, share: float) -> Image.Image:
    width, height = picture.size
    part = max(8, int(width * (1 - share))), max(8, int(height * (1 - share)))
    left, top = rng.randint(0, max(0, width - part[0])), rng.randint(0, max(0, height - part[1]))
    return picture.crop((left, top, left + part[0], top + part[1]))


def _written(picture: Image.Image, rng: random.Random) -> Image.Image:
    picture = picture.copy()
    width, height = picture.size
    ImageDraw.Draw(picture).rectangle((width // 2, height * 7 // 8, width, height), fill="black")
    return picture


IMAGE_EDITS: dict[str, Edit] = {
    "JPEG 75": _images(lambda picture, rng: picture, quality=75),
    "JPEG 20": _images(lambda picture, rng: picture, quality=20),
    "half the size": _images(lambda picture, rng: picture.reduce(2)),
    "brighter, more contrast": _images(
        lambda picture, rng: ImageEnhance.Contrast(ImageEnhance.Brightness(picture).enhance(1.2)).enhance(1.3)
    ),
    "grey": _images(lambda picture, rng: ImageOps.grayscale(picture)),
    "frame of 15 %": _images(lambda picture, rng: ImageOps.expand(picture, max(picture.size) * 15 // 100, "navy")),
    "black bar over 1/16": _images(_written),
    "cropped by 10 % a side": _images(lambda picture, rng: _crop(picture, rng, 0.10)),
    "cropped by 25 % a side": _images(lambda picture, rng: _crop(picture, rng, 0.25)),
    "turned by 5 degrees": _images(lambda picture, rng: picture.rotate(5, fillcolor="white")),
    "mirrored": _images(lambda picture, rng: ImageOps.mirror(picture)),
}


# --- sound and video, through ffmpeg


def _converted(name: str, *arguments: str) -> Edit:
    def run(path: Path, folder: Path, rng: random.Random) -> Path:
        target = folder / name
        quiet = [media.program(), "-nostdin", "-loglevel", "error", "-y", "-i", str(path)]
        subprocess.run([*quiet, *arguments, str(target)], check=True, stdin=subprocess.DEVNULL)
        return target

    return run


def _first_half(path: Path, folder: Path, rng: random.Random) -> Path:
    seconds = len(media.chroma_features(path)) * 1365 / 11025  # as Chromaprint counts them
    return _converted("copy.wav", "-t", f"{seconds / 2:.2f}")(path, folder, rng)


SOUND_EDITS: dict[str, Edit] = {
    "MP3, 64 kbit/s": _converted("copy.mp3", "-b:a", "64k"),
    "Opus, 24 kbit/s": _converted("copy.ogg", "-c:a", "libopus", "-b:a", "24k"),
    "half as loud": _converted("copy.wav", "-af", "volume=0.5"),
    "telephone band": _converted("copy.wav", "-af", "highpass=f=300,lowpass=f=3400", "-ar", "8000"),
    "first second cut": _converted("copy.wav", "-ss", "1"),
    "first half only": _first_half,
    "3 % faster": _converted("copy.wav", "-af", "atempo=1.03"),
}
_H264 = ("-an", "-c:v", "libx264", "-preset", "veryfast")
VIDEO_EDITS: dict[str, Edit] = {
    "H.264, coarse": _converted("copy.mp4", *_H264, "-crf", "36"),
    "half the size": _converted("copy.mp4", *_H264, "-vf", "scale=trunc(iw/4)*2:trunc(ih/4)*2"),
    "brighter": _converted("copy.mp4", *_H264, "-vf", "eq=brightness=0.1:contrast=1.2"),
    "cropped by 10 %": _converted("copy.mp4", *_H264, "-vf", "crop=trunc(iw*0.45)*2:trunc(ih*0.45)*2"),
    "first fifth cut": _converted("copy.mp4", "-ss", "1.2", *_H264),
}


# --- tables


def _tables(edit: Callable[[pd.DataFrame, random.Random], pd.DataFrame]) -> Edit:
    def run(path: Path, folder: Path, rng: random.Random) -> Path:
        target = folder / "copy.csv"
        edit(pd.read_csv(path, low_memory=False), rng).to_csv(target, index=False)
        return target

    return run


def _seed(rng: random.Random) -> int:
    return rng.randrange(1 << 30)


def _without(table: pd.DataFrame, rng: random.Random, share: float) -> pd.DataFrame:
    count = max(1, round(len(table.columns) * share))
    return table.drop(columns=rng.sample(list(table.columns), min(count, len(table.columns) - 1)))


def _renamed(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_axis([f"v{number}" for number in range(len(table.columns))], axis=1)


def _rounded(table: pd.DataFrame, digits: int) -> pd.DataFrame:
    table = table.copy()
    for name in table.select_dtypes("number").columns:
        table[name] = [float(f"{value:.{digits}g}") for value in table[name]]
    return table


def _changed(table: pd.DataFrame, rng: random.Random) -> pd.DataFrame:
    """One cell in twenty gets the value of another row."""
    order = np.random.default_rng(_seed(rng))
    return table.apply(lambda column: column.where(order.random(len(column)) > 0.05, order.permutation(column)))


TABLE_EDITS: dict[str, Edit] = {
    "rows shuffled": _tables(lambda table, rng: table.sample(frac=1, random_state=_seed(rng))),
    "columns reordered": _tables(lambda table, rng: table[rng.sample(list(table.columns), len(table.columns))]),
    "a column dropped": _tables(lambda table, rng: _without(table, rng, 0)),
    "a third of columns dropped": _tables(lambda table, rng: _without(table, rng, 1 / 3)),
    "half of columns dropped": _tables(lambda table, rng: _without(table, rng, 1 / 2)),
    "half of the rows": _tables(lambda table, rng: table.sample(frac=0.5, random_state=_seed(rng))),
    "a tenth of the rows": _tables(lambda table, rng: table.sample(frac=0.1, random_state=_seed(rng))),
    "rounded to 3 digits": _tables(lambda table, rng: _rounded(table, 3)),
    "rounded to 2 digits": _tables(lambda table, rng: _rounded(table, 2)),
    "5 % of cells changed": _tables(_changed),
    "columns renamed": _tables(lambda table, rng: _renamed(table)),
    "renamed, a third dropped": _tables(lambda table, rng: _renamed(_without(table, rng, 1 / 3))),
    "half the rows, a third dropped": _tables(
        lambda table, rng: _without(table.sample(frac=0.5, random_state=_seed(rng)), rng, 1 / 3)
    ),
}


def halves(path: Path, folder: Path, rng: random.Random) -> tuple[Path, Path]:
    """Two tables of the same columns that share no row: those of the same source, drawn apart."""
    table = pd.read_csv(path, low_memory=False).sample(frac=1, random_state=_seed(rng))
    distinct = table.drop_duplicates()
    middle = len(distinct) // 2
    one, other = folder / "one.csv", folder / "other.csv"
    distinct.iloc[:middle].to_csv(one, index=False)
    distinct.iloc[middle:].to_csv(other, index=False)
    return one, other
