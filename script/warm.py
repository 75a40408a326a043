"""Compiles the numeric kernels before anybody waits for them in the middle of a job, and says why it takes time.

Numba keeps what it compiled beside the sources (`__pycache__`), so the second call returns at once.
"""

import importlib
import importlib.util
import sys
import time


def main() -> None:
    if importlib.util.find_spec("bailee.algebra.kernels") is None:
        return
    warm = getattr(importlib.import_module("bailee.algebra.kernels"), "warm", None)
    if warm is None:
        return
    started = time.monotonic()
    print("setup: compile the proof kernels for this processor (a minute or more, once)", file=sys.stderr)
    warm(lambda line: print(f"setup:   {line}", file=sys.stderr))
    elapsed = time.monotonic() - started
    if elapsed > 10:
        print(f"setup: kernels ready after {elapsed:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
