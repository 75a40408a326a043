"""What is proven beside training: answers of a model that stays hidden, how well it does, rules on sealed rows.

holding   what is needed: the trained model, the rows, where finished proofs are kept
answer    the two proofs about a model, each written off before it is made and kept before it leaves
rules     the proof of a rule on an owner's rows
"""

from bailee.prove.answer import answer, evaluate
from bailee.prove.holding import FreshRows, ProvingSetting, PublicRows, SealedRows, TrainedModel
from bailee.prove.kept import Proven
from bailee.prove.rules import prove_rules

__all__ = [
    "FreshRows", "Proven", "ProvingSetting", "PublicRows", "SealedRows", "TrainedModel", "answer", "evaluate",
    "prove_rules",
]  # fmt: skip
