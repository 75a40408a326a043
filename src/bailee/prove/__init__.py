"""A trainer's side after training: a model that stays hidden answers, and is measured on sealed rows.

holding   what is needed: the trained model, the rows, where finished proofs are kept
answer    the two proofs, each written off before it is made and kept before it leaves
"""

from bailee.prove.answer import Proven, answer, evaluate
from bailee.prove.holding import FreshRows, ProvingSetting, PublicRows, SealedRows, TrainedModel

__all__ = [
    "FreshRows", "Proven", "ProvingSetting", "PublicRows", "SealedRows", "TrainedModel", "answer", "evaluate",
]  # fmt: skip
