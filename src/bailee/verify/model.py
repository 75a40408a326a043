"""Checks a model's passport with nothing but it and its attachments: from sealed rows to committed weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bailee.records import Revocation, Signed


@dataclass(frozen=True)
class ProvenModel:
    """What the passport proves; filled in below."""


def verify_model_passport(
    path: Path, plain: bool = False, revocations: Sequence[Signed[Revocation]] = ()
) -> ProvenModel:
    """The statement that the passport at `path` proves; its attachments lie in the folder `attachments` beside it."""
    raise NotImplementedError
