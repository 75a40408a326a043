"""Where a proof's time goes, part by part, and how far each part is from what this machine can do.

    profile_chunk.py [card] [mlp] [private] [--part FRACTION] [--repeat N] [--kernels]

For each part: wall time, processor time of all threads, that of the calling thread (a part that one thread does has the
same of both; one shared by two cores half), page faults, the kernels' share, and the limits: bytes moved over the
bandwidth of memory, butterflies, products and hashes over the rate at which the same kernels run on data that lies in a
cache. The rates are measured first, in the same run, on all cores. "of the limit" is processor time over the larger
limit. `--kernels` lists the kernels within each part. A busy machine stretches wall times; processor times less so.
"""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any

import numpy as np
from bench_network import Work, prepare, works
from measure import machine, rows_of

from bailee.algebra import kernels
from bailee.algebra.field import P
from bailee.algebra.kernels import parallel
from bailee.argument import fractions, leaves, prover, reduction, tape, values, witness
from bailee.argument.commitment import CommittedVector
from bailee.statements.dataset import TENSOR, dataset_tape, padded
from bailee.statements.network import chunk


@dataclass
class Load:
    """What was asked of kernels: bytes read or written, butterflies, products in F, compressions of BLAKE3."""

    moved: float = 0
    butterflies: float = 0
    products: float = 0
    hashes: float = 0

    def add(self, other: Load) -> None:
        self.moved += other.moved
        self.butterflies += other.butterflies
        self.products += other.products
        self.hashes += other.hashes


@dataclass
class Spent:
    """Seconds and faults of one part, without those of parts within it."""

    wall: float = 0
    processor: float = 0
    caller: float = 0
    system: float = 0
    faults: int = 0
    calls: int = 0
    load: Load = field(default_factory=Load)
    kernels: dict[str, list[float]] = field(default_factory=lambda: defaultdict(lambda: [0.0, 0.0, 0]))


def _now() -> tuple[float, float, float, float, int]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), time.process_time(), time.thread_time(), used.ru_stime, used.ru_minflt


class Profile:
    """Charges the main thread's time, and what other threads do meanwhile, to the innermost part."""

    def __init__(self) -> None:
        self.parts: dict[str, Spent] = {}
        self._open: list[str] = []
        self._last = _now()
        self._lock = threading.Lock()

    def _charge(self) -> None:
        now = _now()
        if self._open:
            spent = self.parts.setdefault(self._open[-1], Spent())
            wall, processor, caller, system, faults = (a - b for a, b in zip(now, self._last, strict=True))
            spent.wall += wall
            spent.processor += processor
            spent.caller += caller
            spent.system += system
            spent.faults += int(faults)
        self._last = now

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._charge()
        self._open.append(name)
        try:
            yield
        finally:
            self._charge()
            self.parts.setdefault(name, Spent()).calls += 1
            self._open.pop()

    def kernel(self, name: str, load: Load, wall: float, processor: float) -> None:
        with self._lock:
            spent = self.parts.setdefault(self._open[-1] if self._open else "outside", Spent())
            spent.load.add(load)
            at = spent.kernels[name]
            at[0] += wall
            at[1] += processor
            at[2] += 1


def _size(m: Any) -> int:
    return int(m.shape[0]) * int(m.shape[1])


def _log(n: int) -> int:
    return n.bit_length() - 1


# What each kernel is asked for, from its arguments. A product in E is four in F.
_LOADS: dict[str, Callable[..., Load]] = {
    "add": lambda a, b: Load(24 * a.size),
    "sub": lambda a, b: Load(24 * a.size),
    "mul": lambda a, b: Load(24 * a.size, products=a.size),
    "scale": lambda a, c, constant=0: Load(16 * a.size, products=a.size),
    "add_scaled": lambda out, a, c: Load(24 * a.size, products=0 if c in (1, P - 1) else a.size),
    "locate_sorted": lambda words, points: Load(16 * len(points)),
    "spread": lambda values, runs, start, stop: Load(16 * (stop - start)),
    "locate_steps": lambda kind, *_: Load(24 * len(kind)),
    "count_into": lambda counts, index: Load(8 * len(index)),
    "to_signed": lambda a: Load(16 * a.size),
    "from_signed": lambda a: Load(16 * a.size),
    "eq_table": lambda point: Load(16 << len(point), products=4 << len(point)),
    "eq_table_add": lambda out, point, *_, **__: Load(32 << len(point), products=4 << len(point)),
    "dot_base": lambda a, b: Load(24 * len(a), products=2 * len(a)),
    "dot_ext": lambda a, b: Load(32 * len(a), products=4 * len(a)),
    "fold": lambda a, r: Load(24 * len(a), products=2 * len(a)),
    "fold_base": lambda a, h, r, out=None: Load(8 * len(a) + 16 * h, products=2 * h),
    "denominators": lambda out, at, column, c, first=None: Load(
        (24 if first is not None else 40) * len(column), products=2 * len(column)
    ),
    "leaves": lambda out, group, low, first=None: Load(
        (16 if first is not None else 32) * len(out) + 8 * len(group.table) * len(out),
        products=2 * len(group.table) * len(out),
    ),
    "combine_rows": lambda m, w: Load(8 * _size(m), products=2 * _size(m)),
    "apply_columns": lambda m, v: Load(8 * _size(m), products=2 * _size(m)),
    "apply_all": lambda m, v: Load(8 * _size(m) * -(-len(v) // 8), products=2 * _size(m) * len(v)),
    "histogram": lambda index, size: Load(8 * len(index)),
    "agree": lambda index, given, listed: Load(16 * len(index)),
    "product_round": lambda a, b, w, h=None: Load(32 * len(a), products=4 * len(a) + (0 if w is None else 4 * len(w))),
    "product_round_base": lambda a, b, w, h=None: Load(16 * len(a), products=len(a)),
    "product_round_mixed": lambda a, b, w, h=None: Load(24 * len(a), products=2 * len(a)),
    "product_start": lambda a, b, *_: Load(32 * len(a), products=8 * len(a)),
    "product_next": lambda a, b, *_: Load(48 * len(a), products=8 * len(a)),
    "fraction_start": lambda a, *_: Load(80 * len(a), products=16 * len(a)),
    "fraction_next": lambda a, *_: Load(96 * len(a), products=14 * len(a)),
    "fraction_combine": lambda p, q, out=None: Load(48 * len(p), products=6 * len(p)),
    "fraction_combine_ones": lambda q, m, out=None: Load(32 * len(q), products=2 * len(q)),
    "interpolate_rows": lambda m, out=None: Load(16 * _size(m), butterflies=_size(m) / 2 * _log(m.shape[1])),
    "coset_rows": lambda c, *_: Load(16 * _size(c), butterflies=_size(c) / 2 * _log(c.shape[1])),
    # steps are made whole until each of the wanted places is in a block of its own, and then there only
    "coset_columns": lambda c, tail, k, n, places: Load(
        8 * _size(c), butterflies=_size(c) / 2 * min(_log(c.shape[1]), _log(len(places)) + 2)
    ),
    "column_digests": lambda key, heads, values: Load(
        8 * _size(values), hashes=values.shape[1] * -(-(len(heads) + len(values)) // 8)
    ),
    "pair_digests": lambda key, level: Load(len(level), hashes=len(level) / 64),
}

_METHODS: list[tuple[Any, str, str]] = [
    (chunk, "_states", "training again"),
    (tape.Tape, "advice", "computing what is committed"),
    (values, "computed", "values that contractions come to"),
    (values.Values, "_count", "counting look-ups"),
    (prover, "check_assertions", "checking assertions"),
    (CommittedVector, "__init__", "committing: layout, randomness"),
    (CommittedVector, "_commit", "committing: code and hashes"),
    (CommittedVector, "columns", "opened columns"),
    (prover.ClosingProver, "__init__", "closing"),
    (prover.ClosingProver, "combine", "closing"),
    (prover, "begin", "digest of the statement"),
    (fractions.FractionTree, "__init__", "building trees"),
    (fractions.LookupTree, "__init__", "building trees"),
    (leaves.Leaves, "__init__", "columns of look-ups that are computed"),
    (witness.TapeWitness, "tables", "building trees"),
    (witness.TapeWitness, "contraction", "contractions: binding"),
    (witness.TapeWitness, "shifting", "contractions: binding"),
    (witness.ProductState, "round", "contractions: rounds"),
    (witness.ProductState, "fold", "contractions: rounds"),
    (witness.TapeWitness, "_dense", "evaluations"),
    (witness.OpeningProver, "__init__", "batched opening"),
    (witness.OpeningProver, "round", "batched opening"),
    (witness.OpeningProver, "fold", "batched opening"),
    (witness.OpeningProver, "row", "batched opening"),
    (witness.OpeningProver, "mask_value", "batched opening"),
    (reduction, "evaluate_public", "public values"),
    (fractions.FractionTree, "layer", "tree sumchecks"),
    (fractions.LayerState, "round", "tree sumchecks"),
    (fractions.LayerState, "children", "tree sumchecks"),
    (fractions.LeafState, "round", "tree sumchecks: leaves"),
    (fractions.LeafState, "children", "tree sumchecks: leaves"),
    (fractions.LookupTree, "_parents", "tree sumchecks: above leaves"),
    (prover, "verify", "checking the proof made"),
]


@contextmanager
def watched(profile: Profile) -> Iterator[None]:
    """Methods above charge their parts, kernels report their loads."""
    undo: list[tuple[Any, str, Any]] = []

    def put(owner: Any, name: str, value: Any) -> None:
        undo.append((owner, name, owner.__dict__[name]))
        setattr(owner, name, value)

    def charged(function: Any, label: str) -> Any:
        @wraps(function)
        def run(*given: Any, **named: Any) -> Any:
            with profile.part(label):
                return function(*given, **named)

        return run

    def counted(function: Any, name: str, load: Callable[..., Load]) -> Any:
        @wraps(function)
        def run(*given: Any, **named: Any) -> Any:
            alone = getattr(parallel._LOCAL, "busy", False)
            clock = time.thread_time if alone else time.process_time
            wall, processor = time.perf_counter(), clock()
            result = function(*given, **named)
            profile.kernel(name, load(*given, **named), time.perf_counter() - wall, clock() - processor)
            return result

        return run

    for owner, name, label in _METHODS:
        put(owner, name, charged(owner.__dict__[name], label))
    for name, load in _LOADS.items():
        put(kernels, name, counted(getattr(kernels, name), name, load))
    try:
        yield
    finally:
        for owner, name, value in reversed(undo):
            setattr(owner, name, value)


@dataclass(frozen=True)
class Rates:
    """A second's worth of processor time on one core: bytes, butterflies, products in F, compressions."""

    moved: float
    butterflies: float
    products: float
    hashes: float

    def limits(self, load: Load) -> dict[str, float]:
        """Processor seconds that each kind of work takes at these rates."""
        return {
            "memory": load.moved / self.moved,
            "butterflies": load.butterflies / self.butterflies,
            "products": load.products / self.products,
            "hashes": load.hashes / self.hashes,
        }


def rates() -> Rates:
    """Measured on all cores at once, over processor time: best of several."""
    draw = np.random.default_rng(1)
    source = draw.integers(0, 1 << 62, 1 << 24).astype(np.uint64)
    target = np.zeros_like(source)

    def rate(amount: float, times: int, work: Callable[[], Any]) -> float:
        """`times` runs, shared among all cores, each of which gives `amount`."""

        def several(start: int, stop: int) -> None:
            for _ in range(start, stop):
                work()

        best = 0.0
        for _ in range(5):
            start = time.process_time()
            parallel.over(times, several, 1)
            best = max(best, times * amount / (time.process_time() - start))
        return best

    moved = 0.0
    for _ in range(5):
        start = time.process_time()
        parallel.over(len(source), lambda i, j: target.__setitem__(slice(i, j), source[i:j]))
        moved = max(moved, 16 * len(source) / (time.process_time() - start))
    row = source[: 1 << 12].reshape(1, -1)
    weight, one = kernels.eq_table([(3, 5)] * 10), kernels.eq_table([])
    left, right = source[: 1 << 12].reshape(-1, 2), source[1 << 12 : 1 << 13].reshape(-1, 2)
    columns, heads = source[: 1 << 15].reshape(1 << 10, 1 << 5), np.zeros((2, 1 << 5), dtype=np.uint64)
    return Rates(
        moved,
        rate((1 << 11) * 12, 4000, lambda: kernels.interpolate_rows(row)),
        rate(8 * 2048, 4000, lambda: kernels.product_start(left, right, one, weight)),
        rate(32 * -(-1026 // 8), 200, lambda: kernels.column_digests(bytes(32), heads, columns)),
    )


def card(part: float) -> Callable[[], Any]:
    """The proof of `bench_values`."""
    claim, matrix = rows_of(int((1 << 18) * part), 64)

    def run() -> bytes:
        vector = CommittedVector({TENSOR: padded(matrix)}, 8, bytes(32))
        statement = tape.Tape({(0, TENSOR): vector.tensor(TENSOR)})
        dataset_tape(statement, claim, vector.record, 0)
        return prover.prove(statement, [vector], b"benchmark")

    return run


def network(work: Work) -> Callable[[], Any]:
    """The chunk of `bench_network`; its data is committed before, as that is not counted there either."""
    prepared = prepare(work)
    return partial(chunk.prove_chunk, prepared.claim, prepared.witness, b"bench")


def report(profile: Profile, machine_rates: Rates, within: bool) -> None:
    """The table, largest first."""
    print("| part | wall | processor | of the caller | system | in kernels | faults | limit | of the limit |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: |")
    total = Spent()
    for name, spent in sorted(profile.parts.items(), key=lambda entry: -entry[1].processor):
        limits = machine_rates.limits(spent.load)
        kind = max(limits, key=lambda each: limits[each])
        inside = sum(at[1] for at in spent.kernels.values())
        limit = f"{kind} {limits[kind]:.3f}" if limits[kind] > 0.001 else "Python"
        times = f"{spent.processor / limits[kind]:.1f} x" if limits[kind] > 0.001 else ""
        print(
            f"| {name} | {spent.wall:.3f} | {spent.processor:.3f} | {spent.caller:.3f} | {spent.system:.3f} "
            f"| {inside:.3f} | {spent.faults:,} | {limit} | {times} |"
        )
        for kernel, (wall, processor, calls) in sorted(spent.kernels.items(), key=lambda e: -e[1][1] if within else 0):
            if within and processor > 0.002:
                print(f"|   {kernel} x {calls} | {wall:.3f} | {processor:.3f} | | | | | |")
        total.wall += spent.wall
        total.processor += spent.processor
        total.caller += spent.caller
        total.system += spent.system
        total.faults += spent.faults
    least = max(total.caller, total.processor / parallel.WORKERS)
    print(
        f"| all | {total.wall:.3f} | {total.processor:.3f} | {total.caller:.3f} | {total.system:.3f} "
        f"| | {total.faults:,} | | |\non idle cores at least {least:.3f} s",
        flush=True,
    )


def main() -> None:
    asked = [word for word in sys.argv[1:] if not word.startswith("--")]
    told = dict(zip(sys.argv[1:], sys.argv[2:], strict=False))
    part, repeat = float(told.get("--part", "1")), int(told.get("--repeat", "2"))
    machine()
    kernels.warm()
    found = rates()
    print(
        f"a core-second: {found.moved / 1e9:.1f} GB moved, {found.butterflies / 1e6:.0f} M butterflies, "
        f"{found.products / 1e6:.0f} M products, {found.hashes / 1e6:.1f} M compressions"
    )
    for name in [word for word in asked if not word.replace(".", "").isdigit()] or ["card", "private"]:
        run = card(part) if name == "card" else network(works(part)[name][0])
        for attempt in range(repeat):
            profile = Profile()
            with watched(profile), profile.part("the rest"):
                run()
            largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
            print(f"\n{name}, pass {attempt + 1}, at most {largest:.2f} GB so far:")
            report(profile, found, "--kernels" in sys.argv)


if __name__ == "__main__":
    main()
