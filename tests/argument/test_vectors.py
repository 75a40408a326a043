"""Stored proofs that both verifiers must accept for ever: the encoding and the meaning of version 1 do not change.

`toy` knows neither permutations nor shifts, `turned` does. `python -m tests.argument.test_vectors` writes both again;
do that only together with a new version in the protocol (or before the first release).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.argument import plain, prover, verifier
from bailee.argument.commitment_record import Commitment
from bailee.errors import ProofError, RecordError

from . import toy

VECTORS = Path(__file__).parent / "vectors"
CONTEXT = b"a stored proof"
CHECKS = [verifier.verify, plain.verify]


def stored(name: str) -> tuple[Commitment, bytes]:
    commitment = Commitment.from_json(json.loads((VECTORS / f"{name}.json").read_text()))
    return commitment, (VECTORS / f"{name}.proof").read_bytes()


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", ["toy", "turned"])
def test_a_stored_proof_still_convinces(check, name):
    commitment, proof = stored(name)
    assert check(toy.verifier_tape(commitment, first=name == "toy"), CONTEXT, proof)["total"] >= 100


def test_a_stored_seed_still_gives_the_stored_commitment():
    assert toy.committed(toy.rows()).record == stored("toy")[0] == stored("turned")[0]


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=400), keep=st.integers(0, 2000))
def test_no_bytes_make_a_verifier_fail_in_another_way(data, keep):
    commitment, proof = stored("turned")
    for check in CHECKS:
        with pytest.raises(ProofError):
            check(toy.verifier_tape(commitment), CONTEXT, proof[:keep] + data)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=70),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["root", "shape", "openings", "x"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_no_json_makes_a_commitment_fail_in_another_way(data):
    try:
        found = Commitment.from_json(data)
    except RecordError:
        return
    assert Commitment.from_json(found.to_json()) == found


def main() -> None:
    vector = toy.committed(toy.rows())
    for name in ("toy", "turned"):
        proof = prover.prove(toy.prover_tape(vector, first=name == "toy"), [vector], CONTEXT)
        (VECTORS / f"{name}.json").write_text(json.dumps(vector.record.to_json()))
        (VECTORS / f"{name}.proof").write_bytes(proof)


if __name__ == "__main__":
    main()
