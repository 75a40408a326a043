"""How often near copies are found, and how often strangers are taken for one: real files, edited by rule.

    python benchmarks/bench_fingerprints.py --texts DIR --images DIR --sounds DIR --videos DIR --tables DIR [--most 400]

Each folder is searched for files of its kind, in an order of chance with a fixed seed. One half of the files (every
second) chooses the threshold: the least at which at most one in 10,000 pairs of different files, and one in 20 pairs
that look alike on purpose (disjoint rows of one table), is called a near copy. The other half is measured, at that
threshold and at the one in use. Different files that share a fifth of their content in truth (rows; runs of eight
words) are no strangers: they are told apart, and left out. The edits are in `edited_copies.py`. The same benchmark
times a table of a gigabyte (--big FILE); look-ups are timed by `bench_index.py`.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from edited_copies import IMAGE_EDITS, SOUND_EDITS, TABLE_EDITS, TEXT_EDITS, VIDEO_EDITS, Edit, halves, plain_text
from PIL import Image

from bailee.errors import InputError
from bailee.own.fingerprints import fingerprint
from bailee.own.near_copies import scores
from bailee.own.near_copies.verdict import THRESHOLDS
from bailee.records.fingerprint import AUDIO, IMAGE, TABLE, TEXT, VIDEO, Fingerprint

LARGE = 500, 8
"""Rows and columns from which a table is measured once more apart from the smaller ones."""
_LOOKED_AT = 0.2
"""Score from which two different files are looked at in full; the same share of content makes them no strangers."""
Halves = tuple[list[float], list[float]]


# --- measuring


def _usable(kind: str, path: Path, folder: Path) -> Path | None:
    """The file as it is measured, or nothing where it is too small to be recognised by its content."""
    if kind == TEXT:
        text = plain_text(path)
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


@dataclass
class Found:
    """Scores of subject, by half."""

    count: int
    copies: dict[str, Halves]
    large: dict[str, list[float]] = field(default_factory=dict)
    """Of the half that is measured, of large tables."""
    strangers: tuple[list[tuple[float, str, str]], ...] = ([], [])
    sharing: list[str] = field(default_factory=list)
    alike: Halves = ([], [])


def measure(kind: str, folder: Path, most: int, edits: dict[str, Edit]) -> None:
    rng = random.Random(7)
    with tempfile.TemporaryDirectory() as scratch_name:
        scratch = Path(scratch_name)
        prints = _originals(kind, folder, most, scratch)
        found = Found(len(prints), {name: ([], []) for name in edits}, {name: [] for name in edits})
        for name, edit in edits.items():
            for at, (path, original) in enumerate(prints):
                try:
                    score = scores(original, fingerprint(edit(path, scratch, rng), kind)).subject
                except (InputError, subprocess.CalledProcessError, ValueError):
                    score = 0.0
                found.copies[name][at % 2].append(score)
                if at % 2 and kind == TABLE and _is_large(original):
                    found.large[name].append(score)
        if kind == TABLE:
            for at, (path, _) in enumerate(prints):
                one, other = halves(path, scratch, rng)
                apart = scores(fingerprint(one, kind), fingerprint(other, kind)).subject
                found.alike[at % 2].append(apart)
                if apart >= THRESHOLDS[kind].subject:
                    print(f"same source, no row shared, near all the same: {apart:.2f} {path.name}")
        for half in (0, 1):
            for (path, one_print), (path_other, other_print) in combinations(prints[half::2], 2):
                score = scores(one_print, other_print).subject
                if score >= _LOOKED_AT and _share(kind, path, path_other) >= _LOOKED_AT:
                    found.sharing.append(f"{score:.2f} {path.name} {path_other.name}")
                else:
                    found.strangers[half].append((score, path.name, path_other.name))
    _report(kind, found)


def _originals(kind: str, folder: Path, most: int, scratch: Path) -> list[tuple[Path, Fingerprint]]:
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
    return prints


def _is_large(table: Fingerprint) -> bool:
    return table.extent >= LARGE[0] and len(table.items("columns")) >= LARGE[1]


def _share(kind: str, one: Path, other: Path) -> float:
    """How much of the smaller file is in the larger, in truth; 0 for kinds that are not looked into."""
    if kind not in (TEXT, TABLE):
        return 0.0
    read: Callable[[Path], Any] = _runs if kind == TEXT else pd.read_csv
    mine, theirs = read(one), read(other)
    if kind == TABLE:
        common = [name for name in mine.columns if name in theirs.columns]
        if not common:
            return 0.0
        tables = [set(table[common].astype(str).itertuples(index=False, name=None)) for table in (mine, theirs)]
        if any(len(rows) < len(table) / 2 for rows, table in zip(tables, (mine, theirs), strict=True)):
            return 0.0  # the common columns do not tell rows apart
        mine, theirs = tables
    return len(mine & theirs) / max(1, min(len(mine), len(theirs)))


def _runs(path: Path) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", path.read_text().lower())
    return {tuple(words[at : at + 8]) for at in range(len(words) - 7)}


def _report(kind: str, found: Found) -> None:
    chosen = next(
        threshold
        for threshold in np.arange(0.05, 1.02, 0.01)
        if np.mean([score >= threshold for score, _, _ in found.strangers[0]]) <= 1e-4
        and (not found.alike[0] or np.mean([score >= threshold for score in found.alike[0]]) <= 0.05)
    )
    used = THRESHOLDS[kind].subject
    print(f"\n## {kind}: {found.count} files; threshold chosen on one half {chosen:.2f}, in use {used:.2f}")
    large = max((len(some) for some in found.large.values()), default=0)
    more = f" of {large} large ones at the one in use |" if large else ""
    print(f"| copy | found at the chosen one | at the one in use |{more} median score |")
    print("| --- " * (5 if large else 4) + "|")
    for name, (_, measured) in found.copies.items():
        at = [np.mean([score >= threshold for score in measured]) for threshold in (chosen, used)]
        of_large = f" {np.mean([score >= used for score in found.large[name]]):.1%} |" if large else ""
        print(f"| {name} | {at[0]:.1%} | {at[1]:.1%} |{of_large} {np.median(measured):.2f} |")
    for half, what in ((1, "different files"), (0, "the same, of the half that chose")):
        some = [score for score, _, _ in found.strangers[half]]
        wrong = [sum(score >= threshold for score in some) for threshold in (chosen, used)]
        print(f"| *{what}* ({len(some)} pairs) | {wrong[0]} pairs | {wrong[1]} pairs |{' |' if large else ''} "
              f"{np.median(some):.2f} |")  # fmt: skip
    if found.alike[1]:
        at = [np.mean([score >= threshold for score in found.alike[1]]) for threshold in (chosen, used)]
        print(f"| *same source, no row shared* ({len(found.alike[1])} pairs) | {at[0]:.1%} | {at[1]:.1%} | | "
              f"{np.median(found.alike[1]):.2f} |")  # fmt: skip
    nearest = sorted((*found.strangers[0], *found.strangers[1]), reverse=True)[:8]
    print("nearest different files:", "; ".join(f"{score:.2f} {one} {other}" for score, one, other in nearest))
    print("different files that share content:", "; ".join(found.sharing) or "none")


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
