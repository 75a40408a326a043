"""A whole sealed card for 100,000 x 32 rows, from the CSV file to the sealed folder.

Baseline: reading the same CSV by PyArrow.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.csv
from measure import machine, timed

from bailee.algebra import kernels
from bailee.keys import Identity
from bailee.seal import read_schema, seal


def main() -> None:
    rows, columns = 100_000, 32
    machine()
    kernels.warm()
    draw = np.random.default_rng(2)
    names = [f"x{i}" for i in range(columns - 1)]
    schema = (
        '[dataset]\nname = "bench"\nlabel = "y"\n'
        + "".join(f'[[column]]\nname = "{n}"\ntype = "number"\nmin = -4.0\nmax = 4.0\n' for n in names)
        + '[[column]]\nname = "y"\ntype = "flag"\n'
    )
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "rows.csv"
        values = np.clip(draw.normal(size=(rows, columns - 1)), -4, 4)
        label = draw.integers(0, 2, rows)
        with table.open("w") as out:
            out.write(",".join([*names, "y"]) + "\n")
            for row, y in zip(values, label, strict=True):
                out.write(",".join(f"{v:.4f}" for v in row) + ("," + ("true" if y else "false")) + "\n")
        baseline, _ = timed(lambda: pyarrow.csv.read_csv(table), 2)
        owner = Identity.generate("bench")
        for attempt in ("first pass", "second pass"):
            target = Path(folder) / attempt.replace(" ", "-")
            seconds, dataset = timed(
                lambda target=target: seal(owner, read_schema(schema.encode()), table, target, datetime.now(UTC))
            )
            print(
                f"{attempt}: {rows:,} x {columns} sealed in {seconds:.2f} s, {seconds / baseline:.0f} x reading it "
                f"({baseline:.3f} s); proof {len(dataset.proof) / 1e6:.2f} MB"
            )


if __name__ == "__main__":
    sys.exit(main())
