"""A hidden model with the real argument system: two owners, mini-batches, noise; both verifiers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bailee.argument.plain.recommit import recommit
from bailee.errors import ProofError
from bailee.records import digest, sign
from bailee.statements.network.boundary import commit_boundary, tensors
from bailee.statements.network.plan import ModelPlan
from bailee.train.model.engine import real_engine
from bailee.verify.model import verify_model_passport
from model_cast import FULL, PLAN, UNPROTECTED, make_cast, real_cast


@pytest.mark.slow
def test_a_real_passport_holds_and_breaks(tmp_path: Path) -> None:
    cast = real_cast(tmp_path, replace(PLAN, epochs=1))
    run = cast.train(engine=real_engine(), reveal=True)
    fast = verify_model_passport(run.path)
    assert fast.bits >= 100
    plain = verify_model_passport(run.path, plain=True)
    assert replace(plain, plain=False, bits=fast.bits, weights=None) == replace(fast, weights=None)
    assert all(np.array_equal(values, run.weights[name]) for name, values in (plain.weights or {}).items())

    record = run.passport.record
    folder = run.path.parent / "attachments"
    proof = bytearray((folder / record.chunks[1].proof).read_bytes())
    proof[len(proof) // 2] ^= 1
    forged = digest(bytes(proof))
    (folder / forged).write_bytes(bytes(proof))
    chunks = (record.chunks[0], replace(record.chunks[1], proof=forged))
    run.path.write_bytes(sign(replace(record, chunks=chunks), cast.trainer).envelope)
    for how in (False, True):
        with pytest.raises(ProofError, match="chunk 2: "):
            verify_model_passport(run.path, plain=how)


@pytest.mark.parametrize("plan", [FULL, replace(UNPROTECTED, epochs=1)], ids=["full", "unprotected"])
def test_other_modes(tmp_path: Path, plan: ModelPlan) -> None:
    cast = real_cast(tmp_path, plan, (12, 20))
    run = cast.train(engine=real_engine())
    proven = verify_model_passport(run.path)
    assert proven.weights is None
    # killed before the last chunk was written down: it is proved again, by the same proof
    run.path.unlink()
    last = len(run.passport.record.chunks) - 1
    (run.path.parent / f"chunk-{last:05}.json").unlink()
    (run.path.parent / "attachments" / run.passport.record.chunks[last].proof).unlink()
    again = cast.train(engine=real_engine(), resume=True)
    assert again.passport.record.chunks == run.passport.record.chunks
    assert proven.bits >= 100


def test_a_plain_commitment_is_the_same(tmp_path: Path) -> None:
    run = make_cast(tmp_path).train()
    for openings in (2, 16):
        made = commit_boundary(run.architecture, run.model.state, openings, run.model.seed).record
        assert recommit(tensors(run.architecture, run.model.state), openings, run.model.seed) == made
