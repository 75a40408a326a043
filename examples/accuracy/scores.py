"""How good a model is: accuracy, and for rankings the areas under the ROC and the precision-recall curve."""

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Labels = NDArray[np.uint8]


def accuracy(logits: Scores, labels: Labels) -> float:
    """Share of rows whose largest logit, (n, classes), is the label's."""
    return float((logits.argmax(axis=1) == labels).mean())


def auroc(scores: Scores, labels: Labels) -> float:
    """Chance that a positive row scores above a negative one, ties counting half."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    positives = int(labels.sum())
    negatives = len(labels) - positives
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def auprc(scores: Scores, labels: Labels) -> float:
    """Average precision: precision at each score that occurs, weighted by the recall it adds."""
    values, place = np.unique(-scores, return_inverse=True)
    hits = np.bincount(place, weights=labels, minlength=len(values))
    precision = np.cumsum(hits) / np.cumsum(np.bincount(place, minlength=len(values)))
    return float((precision * hits).sum() / hits.sum())
