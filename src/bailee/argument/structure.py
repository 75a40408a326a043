"""The digest of a tape: what both sides must agree on before the first challenge (docs/protocol.md, section 13)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from blake3 import blake3

from bailee import tags
from bailee.argument.nodes import Axis, Committed, Contract, Linear, Node, Public, Select, Shift, Source, Tuples, Words

if TYPE_CHECKING:
    from bailee.argument.tape import Tape


def digest_of(tape: Tape) -> bytes:
    """32 bytes; the same for a prover's tape and a verifier's of one statement."""
    whole: dict[str, Any] = {
        "sources": [_source(source) for source in tape.sources],
        "nodes": [_node(tape, node) for node in tape.nodes],
        "tables": [{"axis": _axes([t.axis]), "columns": [_digest(c) for c in t.columns]} for t in tape.tables],
        "lookups": [[look.tag, [c.id for c in look.columns]] for look in tape.lookups],
        "assertions": [node.id for node in tape.assertions],
    }
    if tape.permutations:
        # left out where there are none: such tapes keep the digest they had before permutations were known
        whole["permutations"] = [[p.tag, _blocks(p.left), _blocks(p.right)] for p in tape.permutations]
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return blake3(text.encode(), key=tags.STRUCTURE).digest()


def _digest(words: Words) -> str:
    return blake3(np.ascontiguousarray(words, dtype="<u8").tobytes()).hexdigest()


def _axes(of: Sequence[Axis]) -> list[list[Any]]:
    return [[axis.name, axis.bits] for axis in of]


def _blocks(side: Sequence[Tuples]) -> list[list[int]]:
    return [[column.id for column in block.columns] for block in side]


def _source(source: Source) -> dict[str, Any]:
    openings = source.commitment.openings if source.commitment else 1
    return {"tensors": [[n, b] for n, b in source.tensors], "opening": source.opening, "openings": openings}


def _node(tape: Tape, node: Node) -> dict[str, Any]:
    entry: dict[str, Any] = {"kind": type(node).__name__.lower(), "axes": _axes(node.axes)}
    if isinstance(node, Committed):
        entry |= {"source": tape.source_of(node), "tensor": node.tensor}
    elif isinstance(node, Public):
        entry |= {"factors": [[_axes(part), _digest(words)] for part, words in node.factors]}
    elif isinstance(node, Linear):
        entry |= {"constant": str(node.constant), "terms": [[str(c), child.id] for c, child in node.terms]}
    elif isinstance(node, Select):
        entry |= {"child": node.child.id, "axis": node.axis.name, "index": node.index}
    elif isinstance(node, Shift):
        entry |= {"child": node.child.id, "axis": node.axis.name}
    elif isinstance(node, Contract):
        entry |= {"left": node.left.id, "right": node.right.id, "over": _axes(node.over)}
    return entry
