"""How often near copies are found, and how often strangers are taken for one: real files, edited by rule.

    python benchmarks/bench_fingerprints.py --texts DIR --images DIR --sounds DIR --videos DIR --tables DIR [--most 400]

Each folder is searched for files of its kind. Half of the files (by the hash of their names) choose the threshold: the
least at which at most one in 10,000 pairs of different files, and one in 20 pairs that look alike on purpose (disjoint
rows of one table), is called a near copy. The other half is measured, at that threshold and at the one in use. The same
benchmark times a table of a gigabyte (--big FILE) and a look-up (see bench_index.py).
"""

from __future__ import annotations

import argparse
import gzip
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from bailee.adapters import media
from bailee.errors import InputError
from bailee.own.fingerprints import fingerprint
from bailee.own.near_copies import scores
from bailee.own.near_copies.verdict import THRESHOLDS
from bailee.records.fingerprint import AUDIO, IMAGE, TABLE, TEXT, VIDEO, Fingerprint

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


def _text(path: Path) -> str:
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


SOUND_EDITS: dict[str, Edit] = {
    "MP3, 64 kbit/s": _converted("copy.mp3", "-b:a", "64k"),
    "Opus, 24 kbit/s": _converted("copy.ogg", "-c:a", "libopus", "-b:a", "24k"),
    "half as loud": _converted("copy.wav", "-af", "volume=0.5"),
    "telephone band": _converted("copy.wav", "-af", "highpass=f=300,lowpass=f=3400", "-ar", "8000"),
    "first second cut": _converted("copy.wav", "-ss", "1"),
    "first half only": _converted("copy.wav", "-af", "atrim=end=2.5"),
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


def _halves(path: Path, folder: Path, rng: random.Random) -> tuple[Path, Path]:
    """Two tables of the same columns that share no row: those of the same source, drawn apart."""
    table = pd.read_csv(path, low_memory=False).sample(frac=1, random_state=_seed(rng))
    distinct = table.drop_duplicates()
    middle = len(distinct) // 2
    one, other = folder / "one.csv", folder / "other.csv"
    distinct.iloc[:middle].to_csv(one, index=False)
    distinct.iloc[middle:].to_csv(other, index=False)
    return one, other


# --- measuring


def _usable(kind: str, path: Path, folder: Path) -> Path | None:
    """The file as it is measured, or nothing where it is too small to be recognised by its content."""
    if kind == TEXT:
        text = _text(path)
        if len(text) < 2000:
            return None
        target = folder / f"{path.name}.txt"
        target.write_text(text)
        return target
    if kind == IMAGE:
        with Image.open(path) as file:
            return path if min(file.size) >= 96 else None
    if kind == TABLE:
        table = pd.read_csv(path, low_memory=False)
        return path if len(table) >= 60 and len(table.columns) >= 3 and len(table) < 200_000 else None
    return path


def _files(kind: str, folder: Path, most: int, scratch: Path) -> Iterator[Path]:
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    random.Random(5).shuffle(found)
    kept = 0
    for path in found:
        try:
            usable = _usable(kind, path, scratch)
        except (OSError, ValueError):
            continue
        if usable is not None:
            yield usable
            kept += 1
        if kept >= most:
            return


def measure(kind: str, folder: Path, most: int, edits: dict[str, Edit]) -> None:
    rng = random.Random(7)
    with tempfile.TemporaryDirectory() as scratch_name:
        scratch = Path(scratch_name)
        prints: list[tuple[Path, Fingerprint]] = []
        seen: set[bytes] = set()
        for path in _files(kind, folder, most * 3, scratch):
            try:
                found = fingerprint(path, kind)
            except InputError:
                continue
            needed = found.parts.get("content", found.parts.get("probes"))
            if needed is None or needed in seen or (kind == AUDIO and found.extent < 4000):
                continue
            seen.add(needed)
            prints.append((path, found))
            if len(prints) == most:
                break
        copies: dict[str, list[list[float]]] = {name: [[], []] for name in edits}
        for name, edit in edits.items():
            for at, (path, original) in enumerate(prints):
                try:
                    copies[name][at % 2].append(_best(scores(original, fingerprint(edit(path, scratch, rng), kind))))
                except (InputError, subprocess.CalledProcessError, ValueError):
                    copies[name][at % 2].append(0.0)
        alike: list[list[float]] = [[], []]
        if kind == TABLE:
            for at, (path, _) in enumerate(prints):
                one, other = _halves(path, scratch, rng)
                apart = _best(scores(fingerprint(one, kind), fingerprint(other, kind)))
                alike[at % 2].append(apart)
                if apart >= THRESHOLDS[kind].subject:
                    print(f"same source, no row shared, near all the same: {apart:.2f} {path.name}")
    strangers: list[list[tuple[float, str, str]]] = [[], []]
    for half in (0, 1):
        for (path, one), (path_other, other) in combinations(prints[half::2], 2):
            strangers[half].append((_best(scores(one, other)), path.name, path_other.name))
    _report(kind, len(prints), copies, strangers, alike)


def _best(found: Any) -> float:
    return float(found.subject)


def _report(
    kind: str,
    count: int,
    copies: dict[str, list[list[float]]],
    strangers: list[list[tuple[float, str, str]]],
    alike: list[list[float]],
) -> None:
    chosen = next(
        threshold
        for threshold in np.arange(0.05, 1.01, 0.01)
        if np.mean([score >= threshold for score, _, _ in strangers[0]]) <= 1e-4
        and (not alike[0] or np.mean([score >= threshold for score in alike[0]]) <= 0.05)
    )
    used = THRESHOLDS[kind].subject
    print(f"\n## {kind}: {count} files; threshold chosen on one half {chosen:.2f}, in use {used:.2f}")
    print("| copy | found at the chosen one | at the one in use | median score |\n| --- | --- | --- | --- |")
    for name, (_, measured) in copies.items():
        at = [np.mean([score >= threshold for score in measured]) for threshold in (chosen, used)]
        print(f"| {name} | {at[0]:.1%} | {at[1]:.1%} | {np.median(measured):.2f} |")
    wrong = [sum(score >= threshold for score, _, _ in strangers[1]) for threshold in (chosen, used)]
    print(f"| *different files* ({len(strangers[1])} pairs) | {wrong[0]} pairs | {wrong[1]} pairs | "
          f"{np.median([score for score, _, _ in strangers[1]]):.2f} |")  # fmt: skip
    if alike[1]:
        wrong = [np.mean([score >= threshold for score in alike[1]]) for threshold in (chosen, used)]
        print(f"| *same source, no row shared* ({len(alike[1])} pairs) | {wrong[0]:.1%} | {wrong[1]:.1%} | "
              f"{np.median(alike[1]):.2f} |")  # fmt: skip
    nearest = sorted(strangers[1], reverse=True)[:8]
    print("nearest different files:", "; ".join(f"{score:.2f} {one} {other}" for score, one, other in nearest))


def time_big(path: Path) -> None:
    fingerprint(path, TABLE) if path.stat().st_size < 1 << 20 else None
    wall, cpu = time.perf_counter(), time.process_time()
    found = fingerprint(path, TABLE)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(
        f"{path.name}: {path.stat().st_size / 1e9:.2f} GB, {found.extent} rows: {wall:.1f} s, {cpu:.1f} s of processor"
    )


def main() -> None:
    edits = {TEXT: TEXT_EDITS, IMAGE: IMAGE_EDITS, AUDIO: SOUND_EDITS, VIDEO: VIDEO_EDITS, TABLE: TABLE_EDITS}
    names = {TEXT: "texts", IMAGE: "images", AUDIO: "sounds", VIDEO: "videos", TABLE: "tables"}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in names.values():
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--most", type=int, default=400)
    parser.add_argument("--big", type=Path, action="append", default=[])
    given = parser.parse_args()
    for kind, name in names.items():
        if (folder := getattr(given, name)) is not None:
            measure(kind, folder, given.most, edits[kind])
    for path in given.big:
        time_big(path)


if __name__ == "__main__":
    main()
