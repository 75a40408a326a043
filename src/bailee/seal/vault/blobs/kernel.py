"""The one native kernel of the vault: products of a matrix over GF(2^8) and long rows of bytes, by ISA-L.

ISA-L comes inside the wheel of `pyeclib`. It is called directly because `pyeclib` adds an 80-byte header to each piece,
copies every piece twice and holds the interpreter meanwhile: here pieces stay where they are, and threads run.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyeclib
from numpy.typing import NDArray

from bailee.errors import StorageError

Bytes: TypeAlias = NDArray[np.uint8]
_TABLE = 32


@cache
def _library() -> ctypes.CDLL:
    beside = Path(pyeclib.__file__).parents[1] / "pyeclib.libs"
    within = Path(pyeclib.__file__).parent / ".dylibs"
    bundled = [str(path) for folder in (beside, within) for path in sorted(folder.glob("libisal*"))]
    for name in (*bundled, ctypes.util.find_library("isal"), "libisal.so.2"):
        if name:
            try:
                return _declared(ctypes.CDLL(name))
            except (OSError, AttributeError):
                continue
    raise StorageError("the erasure code needs ISA-L; install pyeclib from its wheel, or the system's libisal2")


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    pointers = ctypes.POINTER(ctypes.c_void_p)
    library.ec_init_tables.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    library.ec_init_tables.restype = None
    library.ec_encode_data.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p, pointers, pointers]
    library.ec_encode_data.restype = None
    return library


class Product:
    """Multiplication by one matrix. rows: m rows of k entries. Safe from several threads."""

    def __init__(self, rows: list[bytes]) -> None:
        self._m, self._k = len(rows), len(rows[0])
        matrix = np.frombuffer(b"".join(rows), np.uint8).copy()
        self._tables = np.zeros(_TABLE * self._m * self._k, np.uint8)
        self._table = _address(self._tables)
        _library().ec_init_tables(self._k, self._m, _address(matrix), self._table)

    def into(self, sources: list[Bytes], targets: list[Bytes]) -> None:
        """targets[i] = sum over j of rows[i][j] * sources[j]; all contiguous and of one length."""
        if len(sources) != self._k or len(targets) != self._m:
            raise ValueError(f"expected {self._k} sources and {self._m} targets, got {len(sources)} and {len(targets)}")
        length = sources[0].nbytes
        if any(row.nbytes != length or not row.flags.c_contiguous for row in (*sources, *targets)):
            raise ValueError(f"expected contiguous rows of {length} bytes")
        _library().ec_encode_data(length, self._k, self._m, self._table, _each(sources), _each(targets))

    def below(self, matrix: Bytes) -> None:
        """The last m of k + m rows from the first k: as `into`, with less to do before it."""
        if matrix.ndim != 2 or len(matrix) != self._k + self._m or not matrix.flags.c_contiguous:
            raise ValueError(f"expected {self._k + self._m} contiguous rows, got {matrix.shape}")
        first, length = _address(matrix), matrix.shape[1]
        middle, end = first + self._k * length, first + matrix.nbytes
        sources = (ctypes.c_void_p * self._k)(*range(first, middle, length))
        targets = (ctypes.c_void_p * self._m)(*range(middle, end, length))
        _library().ec_encode_data(length, self._k, self._m, self._table, sources, targets)


def _address(array: Bytes) -> int:
    return int(array.__array_interface__["data"][0])


def _each(rows: list[Bytes]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(rows))(*[_address(row) for row in rows])
