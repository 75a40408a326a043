"""A trained model goes out: answered with in its own integers, or written as ONNX and safetensors with a stated bound.

model.py     a model and what it was trained on, from its passport     onnx_file.py          the ONNX graph
bound.py     how far floats may be from the proven integers            safetensors_file.py   the weights alone
"""

from bailee.release.bound import Bound, float_bound
from bailee.release.model import ReleasedModel, open_model
from bailee.release.onnx_file import onnx_bytes
from bailee.release.safetensors_file import safetensors_bytes

__all__ = ["Bound", "ReleasedModel", "float_bound", "onnx_bytes", "open_model", "safetensors_bytes"]
