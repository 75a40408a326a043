"""The passport of a run whose chunks are all proven, and the attachments it names."""

from __future__ import annotations

from collections.abc import Sequence

from bailee.records import Signed, digest, sign, time_text
from bailee.records.model import AnchoredModelPassport, ModelPassport, ModelShare, ProvenChunk, ProvenShuffle
from bailee.statements.hidden.accounting import accounting
from bailee.statements.hidden.model_file import ModelFile, write_model
from bailee.statements.session import share
from bailee.train.model.begin import Begun
from bailee.train.model.holding import ModelHolding, ModelSetting


def make_passport(
    holdings: Sequence[ModelHolding],
    begun: Begun,
    shuffles: Sequence[ProvenShuffle],
    chunks: Sequence[ProvenChunk],
    model: ModelFile,
    setting: ModelSetting,
) -> Signed[ModelPassport]:
    """Signed and in the run's folder, every attachment before it. Proofs are attached already."""
    folder, setup, loss = begun.folder, begun.setup, begun.loss
    folder.keep(begun.opening.envelope, "the opening")
    for coin in begun.coins:
        folder.keep(coin.envelope, "a coin")
    if begun.anchored is not None:
        folder.keep(begun.anchored.anchor.envelope, "the anchor")
        for said in begun.anchored.spent:
            folder.keep(said.envelope, "a spending")
    for holding in holdings:
        papers = [holding.card.envelope, holding.card_proof, holding.grant.envelope]
        for data in papers + ([holding.waiver.envelope] if holding.waiver else []):
            folder.keep(data, f"what {holding.card.record.owner_name} signed")
    revealed = folder.keep(write_model(ModelFile(model.state, model.seed)), "the model") if setting.reveal else None
    uses = [setup.uses(place) for place in range(len(holdings))]
    owners = tuple(
        ModelShare(
            owner=holding.card.record.owner,
            name=holding.card.record.owner_name,
            rows=holding.card.record.rows,
            card=holding.card.digest,
            card_proof=digest(holding.card_proof),
            grant=holding.grant.digest,
            waiver=holding.waiver.digest if holding.waiver else None,
            uses=used,
            share=share(used, sum(uses)),
        )
        for holding, used in zip(holdings, uses, strict=True)
    )
    record = ModelPassport(
        session=begun.session,
        builder=setting.identity.public_key.hex(),
        builder_name=setting.identity.name,
        plan=setup.plan.to_mapping(),
        opening=begun.opening.digest,
        coins=tuple(coin.digest for coin in begun.coins),
        coins_drawn_by=_drawn_by(begun, setting),
        owners=owners,
        shuffles=tuple(shuffles),
        chunks=tuple(chunks),
        revealed=revealed,
        epsilon=None if loss is None else loss.epsilon,
        delta=setup.plan.delta,
        accounting=accounting(setup, loss),
        created=time_text(setting.clock()),
    )
    if begun.anchored is not None:
        spent = tuple(said.digest for said in begun.anchored.spent)
        record = AnchoredModelPassport(**vars(record), anchor=begun.anchored.anchor.digest, spent=spent)
    signed = sign(record, setting.identity)
    folder.folder.put("passport.json", signed.envelope, "the passport")
    return signed


def _drawn_by(begun: Begun, setting: ModelSetting) -> str:
    """Whether anybody drew a coin outside this process."""
    if not begun.coins:
        return "nobody"
    here = {party.public_key.hex() for party in setting.parties}
    return "trainer" if here >= {coin.record.party for coin in begun.coins} else "parties"
