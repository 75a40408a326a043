"""A whole session with the real argument system: sealed cards, proven rounds, and both verifiers on the passport."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import parties
from bailee.argument.commitment_record import Commitment
from bailee.errors import ProofError
from bailee.keys import Identity
from bailee.records import Proven, digest, open_signed, sign
from bailee.records.passport import Passport
from bailee.seal.card import ArgumentProver
from bailee.statements.card import card_context
from bailee.train.holding import Holding
from bailee.train.proving import check, proving
from bailee.verify.passport import verify_passport


def sealed(holding: Holding, builder: Identity, cast: parties.Cast) -> Holding:
    """The same rows under a real commitment, with a real proof on the card."""
    prover, seed = ArgumentProver(), holding.seed.reveal()
    commitment: Commitment = prover.commit(holding.matrix, parties.OPENINGS, seed)
    draft = replace(holding.card.record, commitment=commitment.to_json())
    proof = prover.valid(parties.SCHEMA, holding.matrix, seed, parties.OPENINGS, 0, card_context(draft))
    card = sign(replace(draft, proof=digest(proof)), holding.identity)
    grant = sign(parties.make_grant(card, builder, cast.now), holding.identity)
    return replace(holding, card=card, card_proof=proof, grant=grant, dataset=card.digest)


@pytest.mark.slow
def test_a_real_passport_holds_and_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cast = parties.make_cast(tmp_path, (30, 40))
    cast = replace(cast, owners=tuple(sealed(holding, cast.builder, cast) for holding in cast.owners))
    monkeypatch.setattr(parties, "PRETENDED", proving())
    monkeypatch.setattr(parties, "pretend_check", check)
    outcome, said = parties.run_session(cast)
    assert outcome is not None, said
    fast = verify_passport(outcome.path)
    assert fast.bits >= 100
    plain = verify_passport(outcome.path, plain=True)
    assert replace(plain, plain=False, bits=fast.bits) == fast

    copy = tmp_path / "copy"
    shutil.copytree(outcome.path.parent, copy)
    part = outcome.passport.record.owners[0]
    proof = bytearray((copy / "attachments" / part.proof).read_bytes())
    proof[len(proof) // 2] ^= 1
    forged = digest(bytes(proof))
    (copy / "attachments" / forged).write_bytes(bytes(proof))
    identity = next(holding.identity for holding in cast.owners if holding.key == part.owner)

    proven = open_signed((copy / "attachments" / part.proven).read_bytes(), Proven).record
    again = sign(replace(proven, proof=forged), identity)
    (copy / "attachments" / again.digest).write_bytes(again.envelope)
    owners = (replace(part, proven=again.digest, proof=forged), *outcome.passport.record.owners[1:])
    passport: Passport = replace(outcome.passport.record, owners=owners)
    (copy / "passport.json").write_bytes(sign(passport, cast.builder).envelope)
    for how in (False, True):
        with pytest.raises(ProofError, match="proof of Hospital"):
            verify_passport(copy / "passport.json", plain=how)
