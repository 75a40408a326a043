"""One object as an open file: reading sees the version that was current when it was opened; writing makes a version
when it is closed well, and nothing at all when it is not."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from errno import EACCES, ENOENT, ENOTSUP
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from fsspec.spec import AbstractBufferedFile

from bailee.errors import ConflictError, LockedError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bailee.files.filesystem import VaultFileSystem

BLOCK = 4 << 20


class Writer(Protocol):
    def write(self, data: bytes | memoryview, /) -> None: ...

    def finish(self) -> object: ...

    def abandon(self) -> None: ...


@contextmanager
def file_errors(path: str) -> Iterator[None]:
    """What callers of file systems know how to handle has the names they know; the rest stays as it is."""
    try:
        yield
    except NotFoundError as error:
        raise FileNotFoundError(ENOENT, str(error), path) from None
    except ConflictError as error:
        raise FileExistsError(str(error)) from None
    except LockedError as error:
        raise PermissionError(EACCES, str(error), path) from None


class SealedFile(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    """Made by `VaultFileSystem.open`. options: of the put, where it is written."""

    DEFAULT_BLOCK_SIZE = BLOCK

    def __init__(
        self, fs: VaultFileSystem, path: str, mode: str = "rb", *, options: Mapping[str, Any] | None = None, **more: Any
    ) -> None:
        if mode not in ("rb", "wb", "xb"):
            raise OSError(ENOTSUP, f"a version never changes: expected mode rb, wb or xb, got {mode}", path)
        self._options = dict(options or {}) | ({"if_none_match": True} if mode == "xb" else {})
        self._writer: Writer | None = None
        self._name, self._version = fs.split(path)
        self.buffer: io.BytesIO
        if mode == "rb":
            details = fs.info(path)
            if details["type"] != "file":
                raise IsADirectoryError(path)
            self._details, self._version, more["size"] = details, details["version"], details["size"]
        elif self._version is not None:
            raise OSError(ENOTSUP, "a version never changes: write to the name without ?version=", path)
        elif mode == "xb" and fs.exists(path):  # asked once more when it is closed
            raise FileExistsError(path)
        super().__init__(fs, path, mode, **more)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and self.mode != "rb":
            self.discard()  # half an object is no object
            self.closed = True
        self.close()

    def __del__(self) -> None:
        if not self.closed and self.mode != "rb":
            warnings.warn(f"{self.path} was not closed: nothing was written", ResourceWarning, stacklevel=2)
            self.discard()
            self.closed = True

    def commit(self) -> None:
        """The version is safe and visible when this returns."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with file_errors(self.path):
                writer.finish()

    def discard(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abandon()

    def _initiate_upload(self) -> None:
        with file_errors(self.path):
            self._writer = self.fs.vault.writer(self._name, **self._options)

    def _upload_chunk(self, final: bool = False) -> bool:
        if self._writer is None:
            raise ValueError("this file was discarded")
        with file_errors(self.path):
            self._writer.write(self.buffer.getbuffer())
        self.offset += self.buffer.seek(0, io.SEEK_END)
        self.buffer = io.BytesIO()
        if final and self.autocommit:
            self.commit()
        return False  # the buffer is ours to empty: the base class would look at it once more

    def _fetch_range(self, start: int, end: int) -> bytes:
        with file_errors(self.path):
            return b"".join(self.fs.vault.get(self._name, self._version, start, min(end, self.size)))
