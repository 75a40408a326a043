"""Committed values proved per second, look-ups included, and memory per value: the card proof of 262,144 x 64 rows.

Baseline: the same rules checked by plain NumPy on the same rows, in the same run. The first pass also pays the
operating system for its memory; all passes are printed.
"""

from __future__ import annotations

import sys

import numpy as np
from measure import WORD, machine, peak_memory, resident, rows_of, timed

from bailee.algebra import kernels
from bailee.argument.commitment import CommittedVector
from bailee.argument.prover import prove
from bailee.argument.tape import Tape
from bailee.statements.dataset import TENSOR, DatasetClaim, dataset_tape, padded, verify_dataset


def plain_check(claim: DatasetClaim, matrix: np.ndarray) -> bool:
    wide = matrix.astype(np.int64)
    inside = all(
        ((wide[:, j] >= d.low) & (wide[:, j] <= d.high) & ((wide[:, j] - d.low) % d.step == 0)).all()
        for j, d in enumerate(claim.domains)
    )
    groups = all((wide[:, list(g)].sum(axis=1) == claim.unit).all() for g in claim.groups)
    return bool(inside and groups and ((wide**2).sum(axis=1) <= claim.norm_bound).all())


def main() -> None:
    rows, columns = (int(a) for a in sys.argv[1:3]) if len(sys.argv) > 2 else (1 << 18, 64)
    machine()
    kernels.warm()
    claim, matrix = rows_of(rows, columns)
    base = resident()
    plain, fine = timed(lambda: plain_check(claim, matrix), 2)
    if not fine:
        raise SystemExit("the benchmark's rows do not satisfy the benchmark's claim")

    def card() -> tuple[CommittedVector, bytes, int]:
        vector = CommittedVector({TENSOR: padded(matrix)}, 8, bytes(32))
        tape = Tape({(0, TENSOR): vector.tensor(TENSOR)})
        dataset_tape(tape, claim, vector.record, 0)
        proof = prove(tape, [vector], b"benchmark")
        return vector, proof, sum(1 << bits for source in tape.sources for _, bits in source.tensors)

    record, proof = None, b""
    for attempt in ("first pass", "second pass", "third pass"):
        with peak_memory() as peak:
            seconds, (vector, proof, values) = timed(card)
        record, vector = vector.record, None
        words = (peak[0] - base) / WORD / values
        rate = values / seconds / 1e6
        print(
            f"{attempt}: {values:,} committed values in {seconds:.2f} s = {rate:.2f} million a second, "
            f"peak {words:.1f} words a value, {seconds / plain:.0f} x the plain check ({plain:.2f} s)"
        )
    fast, _ = timed(lambda: verify_dataset(claim, record, 0, b"benchmark", proof), 2)
    slow, _ = timed(lambda: verify_dataset(claim, record, 0, b"benchmark", proof, plain=True))
    print(
        f"proof {len(proof) / 1e6:.2f} MB = {len(proof) / values * 2**24 / 1e6:.2f} MB per 2^24 values; "
        f"verified in {fast:.2f} s, in plain Python {slow:.2f} s"
    )


if __name__ == "__main__":
    main()
