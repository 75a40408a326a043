"""The tree of RFC 9162: the published roots and proofs, and every proof that must not pass."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.errors import InputError, ProofError
from bailee.records import tree

# The eight entries and their roots, of the reference tests of Certificate Transparency (merkle_tree_test.cc).
ENTRIES = [
    bytes.fromhex(entry)
    for entry in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {  # (leaf, size): proof, of the same tests
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
}
CONSISTENCY = {  # (old, new): proof, of the same tests
    (1, 8): INCLUSION[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
LEAVES = [tree.leaf_hash(entry) for entry in ENTRIES]


def leaves_of(size: int) -> list[bytes]:
    return [tree.leaf_hash(index.to_bytes(4, "big")) for index in range(size)]


def recursive(leaves: list[bytes]) -> bytes:
    """The definition of the RFC, word by word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else tree.EMPTY
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return tree.node_hash(recursive(leaves[:half]), recursive(leaves[half:]))


def test_roots_are_the_published_ones() -> None:
    assert tree.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    growing = tree.Accumulator()
    for size, expected in enumerate(ROOTS, start=1):
        assert tree.root(LEAVES[:size]).hex() == expected
        growing.append(LEAVES[size - 1])
        assert growing.root().hex() == expected


def test_proofs_are_the_published_ones() -> None:
    for (index, size), expected in INCLUSION.items():
        assert [step.hex() for step in tree.inclusion(LEAVES[:size], index)] == expected
    for (old, size), expected in CONSISTENCY.items():
        assert [step.hex() for step in tree.consistency(LEAVES[:size], old)] == expected


def test_every_small_tree_agrees_with_the_definition_and_its_proofs_hold() -> None:
    nodes: dict[tuple[int, int], bytes] = {}

    def node(level: int, index: int) -> bytes:
        return nodes[level, index]

    growing = tree.Accumulator()
    leaves = leaves_of(35)
    for size in range(1, 36):
        nodes.update({(level, index): value for level, index, value in growing.append(leaves[size - 1])})
        top = recursive(leaves[:size])
        assert tree.root(leaves[:size]) == growing.root() == top
        assert tree.Accumulator(size, growing.peaks).root() == top
        for index in range(size):
            proof = tree.inclusion(leaves[:size], index)
            kept = [tree.range_hash(*span, node) for span in tree.inclusion_ranges(index, size)]
            assert list(proof) == kept
            tree.check_inclusion(leaves[index], index, size, proof, top)
            old_root = recursive(leaves[:index])
            proof = tree.consistency(leaves[:size], index)
            kept = [tree.range_hash(*span, node) for span in tree.consistency_ranges(index, size)]
            assert list(proof) == kept
            tree.check_consistency(index, old_root, size, top, proof)
        tree.check_consistency(size, top, size, top, ())


def test_a_proof_of_one_leaf_or_tree_is_none_of_another() -> None:
    leaves = leaves_of(13)
    top = tree.root(leaves)
    for index in range(13):
        proof = tree.inclusion(leaves, index)
        for other in range(13):
            if other != index:
                with pytest.raises(ProofError, match="inclusion: "):
                    tree.check_inclusion(leaves[index], other, 13, proof, top)
        proof = tree.consistency(leaves, index)
        for old in range(14):
            if old != index:
                with pytest.raises(ProofError, match="consistency: "):
                    tree.check_consistency(old, tree.root(leaves[:index]), 13, top, proof)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_changed_proofs_are_refused(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 200))
    index = data.draw(st.integers(0, size - 1))
    leaves = leaves_of(size)
    top = tree.root(leaves)
    for kind in ("inclusion", "consistency"):
        proof = list(tree.inclusion(leaves, index) if kind == "inclusion" else tree.consistency(leaves, index))
        change = data.draw(st.sampled_from(["flip", "drop", "add", "cut", "swap", "root", "leaf"]))
        known, head = (leaves[index] if kind == "inclusion" else tree.root(leaves[:index])), top
        before = (list(proof), known, head)
        if change == "flip" and proof:
            at = data.draw(st.integers(0, len(proof) - 1))
            bit = data.draw(st.integers(0, 255))
            proof[at] = (int.from_bytes(proof[at], "big") ^ 1 << bit).to_bytes(32, "big")
        elif change == "drop":
            proof = proof[1:]
        elif change == "add":
            proof.append(data.draw(st.sampled_from([top, *proof])))
        elif change == "cut" and proof:
            proof[-1] = proof[-1][:-1]
        elif change == "swap":
            proof.reverse()
        elif change == "root":
            head = known
        elif change == "leaf":
            known = head
        if (proof, known, head) == before or (kind == "consistency" and index == 0 and change == "root"):
            continue  # nothing was changed; and every tree begins with the empty one
        if kind == "inclusion":
            with pytest.raises(ProofError, match="inclusion: "):
                tree.check_inclusion(known, index, size, proof, head)
        else:
            with pytest.raises(ProofError, match="consistency: "):
                tree.check_consistency(index, known, size, head, proof)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(-2, 2**64), st.integers(-2, 2**64), st.lists(st.binary(min_size=32, max_size=32), max_size=70),
    st.binary(max_size=33), st.binary(max_size=33),
)  # fmt: skip
def test_arbitrary_bytes_are_refused_with_a_proof_error(
    index: int, size: int, proof: list[bytes], leaf: bytes, top: bytes
) -> None:
    with pytest.raises(ProofError, match="inclusion: "):
        tree.check_inclusion(leaf, index, size, proof, top)
    if index != 0 and leaf != top:
        with pytest.raises(ProofError, match="consistency: "):
            tree.check_consistency(index, leaf, size, top, proof)


def test_what_is_no_tree_is_said() -> None:
    with pytest.raises(InputError, match="expected leaf hashes of 32 bytes"):
        tree.root([b"short"])
    with pytest.raises(InputError, match="expected a leaf hash of 32 bytes, got 5"):
        tree.Accumulator().append(b"short")
    with pytest.raises(InputError, match="expected 2 peaks of 32 bytes for a tree of 3, got 1"):
        tree.Accumulator(3, [bytes(32)])
    with pytest.raises(InputError, match="expected a leaf from 0 to 2, got 3"):
        tree.inclusion_ranges(3, 3)
    with pytest.raises(InputError, match="expected an older size from 0 to 3, got 4"):
        tree.consistency_ranges(4, 3)
