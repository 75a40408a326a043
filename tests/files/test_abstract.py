"""The suite that fsspec has for its implementations. Skipped by it here: what needs empty directories."""

from __future__ import annotations

import posixpath

import pytest
from fsspec.tests.abstract import (
    AbstractCopyTests,
    AbstractFixtures,
    AbstractGetTests,
    AbstractOpenTests,
    AbstractPipeTests,
    AbstractPutTests,
)

from bailee.files import VaultFileSystem


class Sealed(AbstractFixtures):
    @pytest.fixture
    def fs(self, sealed: VaultFileSystem) -> VaultFileSystem:
        return sealed

    @pytest.fixture
    def fs_path(self) -> str:
        return "abstract"

    @pytest.fixture
    def fs_join(self) -> object:
        return posixpath.join

    @pytest.fixture
    def supports_empty_directories(self) -> bool:
        return False


class TestCopy(Sealed, AbstractCopyTests): ...


class TestGet(Sealed, AbstractGetTests): ...


class TestPut(Sealed, AbstractPutTests): ...


class TestPipe(Sealed, AbstractPipeTests): ...


class TestOpen(Sealed, AbstractOpenTests): ...
