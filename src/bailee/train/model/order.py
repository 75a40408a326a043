"""Rows put in a secret order, proven: chunks then read them in place of the dataset (docs/sessions.md, secret order).

One proof for each dataset spends one opening of its commitment, whatever the number of chunks and passes. All of it
follows from the run's secret and the coins: a run that comes back has the same order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from bailee.argument.commitment_record import Commitment
from bailee.errors import SessionError, StatementError
from bailee.records import digest
from bailee.records.model import ProvenShuffle
from bailee.statements.hidden.order import shuffle_claim, shuffle_context, shuffle_spending
from bailee.statements.shuffle import ShuffleClaim, draw_uniforms, ranking
from bailee.train.model.begin import Begun
from bailee.train.model.engine import Rows, ShuffleCommitments, ShuffleSecrets
from bailee.train.model.holding import ModelHolding, ModelSetting


def put_in_order(begun: Begun, place: int, rows: Rows, setting: ModelSetting) -> Rows:
    """The rows of dataset number `place` in the run's secret order, and their commitment."""
    claim = _claim(begun, place)
    uniforms = draw_uniforms(claim.rows, begun.folder.seed("order", place).reveal())
    matrix = rows.matrix[ranking(uniforms, claim.coins)]
    seed = begun.folder.seed("shuffled", place)
    return Rows(matrix, seed, setting.engine.data(matrix, begun.setup.order_openings(place), seed.reveal()))


def prove_orders(
    holdings: Sequence[ModelHolding],
    begun: Begun,
    before: Sequence[Rows],
    after: Sequence[Rows],
    setting: ModelSetting,
    tell: Callable[[float], None],
) -> tuple[ProvenShuffle, ...]:
    """Prove that `after` are the rows `before` in their order, or find it proven; `tell` is given the seconds of each.

    An opening is written off before its proof is begun, under a name that gives it the same one on every resume.
    """
    found: list[ProvenShuffle] = []
    for place, holding in enumerate(holdings):
        begin = time.monotonic()
        card = holding.card.digest
        spent = holding.spend(shuffle_spending(begun.session, card))
        order = Commitment.from_json(begun.opening.record.orders[place])
        shuffled = after[place].commitment
        context = shuffle_context(begun.session, begun.opening.digest, place, card, spent, order, shuffled)
        wanted = ProvenShuffle(spent, shuffled.to_json(), digest(context), "")
        kept = begun.folder.get_shuffle(place, wanted)
        if kept is None:
            secrets = ShuffleSecrets(
                rows=before[place],
                spent=spent,
                order=begun.folder.seed("order", place),
                shuffled=after[place],
                proof=begun.folder.seed("shuffle proof", place),
            )
            proof = _prove(_claim(begun, place), secrets, order, context, setting)
            kept = ProvenShuffle(spent, shuffled.to_json(), digest(context), digest(proof))
            begun.folder.put_shuffle(place, kept, proof)
        found.append(kept)
        tell(time.monotonic() - begin)
    return tuple(found)


def _claim(begun: Begun, place: int) -> ShuffleClaim:
    return shuffle_claim(begun.setup, begun.session, begun.opening.digest, begun.drawn, place, begun.beacon)


def _prove(
    claim: ShuffleClaim, secrets: ShuffleSecrets, order: Commitment, context: bytes, setting: ModelSetting
) -> bytes:
    try:
        proof = setting.engine.shuffle(claim, secrets, context)
    except StatementError as error:
        raise SessionError(f"the order cannot be proven: {error}; start a new run without --resume") from None
    of = ShuffleCommitments(secrets.rows.commitment, secrets.spent, order, secrets.shuffled.commitment)
    setting.engine.verify_shuffle(claim, of, context, proof)
    return proof
