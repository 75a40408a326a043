"""A vault as a file system of `fsspec`: pandas, PyArrow, DuckDB, Zarr and others open `bailee://NAME`.

filesystem   names, listings, copies      sealed_file   bytes in and out      homes   vaults that are open
"""

from bailee.files.filesystem import VaultFileSystem
from bailee.files.sealed_file import SealedFile

__all__ = ["SealedFile", "VaultFileSystem"]
