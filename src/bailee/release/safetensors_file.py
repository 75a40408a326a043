"""The weights as a safetensors file, named as PyTorch names those of Sequential(Linear, ReLU, Linear, ...).

`0.weight` is (outputs, inputs) float32, `0.bias` (outputs,), then `2.weight` and so on: every weight is exact in
float32. Inputs are the encoded columns of `bailee.inputs`, 1.0 a full range (docs/records.md, encoding).
"""

from __future__ import annotations

import json

import numpy as np

from bailee.release.description import description, missing_extra
from bailee.release.model import ReleasedModel


def safetensors_bytes(model: ReleasedModel) -> bytes:
    """The file's bytes, the same for the same model. InputError where the package safetensors is not installed."""
    try:
        from safetensors.numpy import save
    except ImportError:
        raise missing_extra("safetensors") from None
    tensors = {}
    for number, layer in enumerate(model.layers):
        tensors[f"{2 * number}.weight"] = np.ascontiguousarray(layer.weight.T.astype(np.float32))
        tensors[f"{2 * number}.bias"] = layer.bias.astype(np.float32)
    found: bytes = save(tensors, metadata=description(model))
    return _ordered(found)


def _ordered(data: bytes) -> bytes:
    """The same file with its header's names in order: the package writes metadata in an order that changes."""
    size = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8 : 8 + size]), sort_keys=True, ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)  # tensors begin at a multiple of 8, as the format wants
    return len(header).to_bytes(8, "little") + header + data[8 + size :]
