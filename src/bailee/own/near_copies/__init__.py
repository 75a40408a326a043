"""Which earlier works a new one is near to, and how near.

scores    three scores of two fingerprints          verdict   copy, near copy, related, unrelated; who was first
shelf     candidates among very many, by arrays     index     all of it on disk          scanning   kernels
"""

from typing import TYPE_CHECKING, Any

from bailee.own.near_copies.scores import Scores, scores
from bailee.own.near_copies.verdict import (
    COPY,
    NEAR_COPY,
    NOT_COMPARABLE,
    RELATED,
    UNRELATED,
    Entry,
    Verdict,
    decide,
    judge,
)

if TYPE_CHECKING:
    from bailee.own.near_copies.index import NearCopies

__all__ = [
    "COPY",
    "NEAR_COPY",
    "NOT_COMPARABLE",
    "RELATED",
    "UNRELATED",
    "Entry",
    "NearCopies",
    "Scores",
    "Verdict",
    "decide",
    "judge",
    "scores",
]


def __getattr__(name: str) -> Any:
    """The index brings compiled kernels: who only tells copies apart, or draws the graph, does without."""
    if name == "NearCopies":
        from bailee.own.near_copies.index import NearCopies

        return NearCopies
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
