"""One blob per column beside Parquet modular encryption (PyArrow): bytes, seconds, and what a fresh key costs.

    python benchmarks/bench_columns.py [--rows 1000000]

Both encrypt under a key for each column. The vault writes to three folders, any two of which are enough (so its bytes
are 1.5 times the ciphertext); `code 1 of 1` writes one fragment to one folder, to compare like with like. Parquet is
plain-encoded and uncompressed, as the Arrow streams are.
"""

from __future__ import annotations

import argparse
import base64
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

from bailee.adapters.stores.entry import StoreEntry
from bailee.keys import Identity
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.share.rotation import rotate
from bailee.seal.vault.share.tables import get_table, put_table
from bailee.seal.vault.vault import Vault

GROUP = 65536


class Keys(pe.KmsClient):  # type: ignore[misc]
    """Wraps nothing: only the file's own work is measured."""

    def __init__(self, _: Any) -> None:
        pe.KmsClient.__init__(self)

    def wrap_key(self, key: bytes, name: str) -> str:
        return base64.b64encode(name.encode() + key).decode()

    def unwrap_key(self, wrapped: str, name: str) -> bytes:
        return base64.b64decode(wrapped)[len(name.encode()) :]


def table(rows: int, columns: int) -> pa.Table:
    rng = np.random.default_rng(1)
    return pa.table(
        {"id": np.arange(rows), "name": [f"patient {i}" for i in range(rows)]}
        | {f"x{i}": rng.normal(size=rows) for i in range(columns - 2)}
    )


def timed(work: Callable[[], Any], times: int = 3) -> float:
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def parquet(data: pa.Table, folder: Path) -> dict[str, float]:
    factory = pe.CryptoFactory(Keys)
    connection = pe.KmsConnectionConfig()
    terms = pe.EncryptionConfiguration(
        footer_key="footer", column_keys={f"key {name}": [name] for name in data.column_names},
        encryption_algorithm="AES_GCM_V1", data_key_length_bits=256, double_wrapping=False,
    )  # fmt: skip
    path = folder / "table.parquet"
    reading = pe.DecryptionConfiguration()

    def write() -> None:
        sealed = factory.file_encryption_properties(connection, terms)
        with pq.ParquetWriter(path, data.schema, encryption_properties=sealed, compression="none",
                              use_dictionary=False) as writer:  # fmt: skip
            writer.write_table(data, row_group_size=GROUP)

    def read(names: list[str] | None) -> pa.Table:
        opened = factory.file_decryption_properties(connection, reading)
        return pq.ParquetFile(path, decryption_properties=opened).read(columns=names)

    def again() -> None:
        """One column under a fresh key: the file is read and written again."""
        whole = read(None)
        assert whole.num_rows == data.num_rows
        write()

    seconds = {"put": timed(write), "get": timed(lambda: read(None)), "get 1 column": timed(lambda: read(["x0"]))}
    assert read(None).equals(data)
    seconds["fresh key for 1 column"] = timed(again, 1)
    return {"bytes": path.stat().st_size, **seconds}


def vault(data: pa.Table, folder: Path, code: Code) -> dict[str, float]:
    entries = [StoreEntry(f"s{i}", str(folder / f"s{i}")) for i in range(code.n)]
    with Vault.create(folder / "home", Identity.generate("owner"), entries, Policy(code)) as made:
        seconds = {"put": timed(lambda: put_table(made, "t", data))}
        for version in made.versions().versions[1:]:
            made.remove("t", version.id)
        size = sum(stored.size for store in made.ground.stores.values() for stored in store.paths())
        assert get_table(made, "t").equals(data)
        seconds["get"] = timed(lambda: get_table(made, "t"))
        seconds["get 1 column"] = timed(lambda: get_table(made, "t", ["x0"]))
        seconds["fresh key for 1 column"] = timed(lambda: rotate(made, "t", parts=["x0"]), 1)
        return {"bytes": size, **seconds}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--columns", type=int, default=20)
    chosen = arguments.parse_args()
    data = table(chosen.rows, chosen.columns)
    print(f"{data.num_rows} rows, {data.num_columns} columns, {data.nbytes / 1e6:.1f} MB in memory")
    runs: list[tuple[str, Callable[[Path], dict[str, float]]]] = [
        ("Parquet, modular encryption", lambda folder: parquet(data, folder)),
        ("blob per column, 1 of 1", lambda folder: vault(data, folder, Code(1, 1))),
        ("blob per column, 2 of 3", lambda folder: vault(data, folder, Code(2, 3))),
    ]
    for name, run in runs:
        with tempfile.TemporaryDirectory() as folder:
            found = run(Path(folder))
        told = ", ".join(f"{what} {value:.3f} s" for what, value in found.items() if what != "bytes")
        print(f"{name}: {found['bytes'] / 1e6:.1f} MB, {told}")


if __name__ == "__main__":
    main()
