"""A trained model goes out: answered with in its own integers, written as ONNX and safetensors with a stated bound, and
released with what others' tools read of it.

model.py     a model and what it was trained on, from its passport     onnx_file.py          the ONNX graph
bound.py     how far floats may be from the proven integers            safetensors_file.py   the weights alone
facts.py     what a release says, from passport and cards              bom.py                CycloneDX
folder.py    all files of a release, written and compared              provenance.py         SLSA, in-toto
model_card.py, pages.py   the model card, as Markdown and HTML         model_signature.py    OpenSSF Model Signing
"""

from bailee.release.bound import Bound, float_bound
from bailee.release.facts import Checked, Dataset, Evaluated, Facts, Measured, facts_of
from bailee.release.folder import Release, release_of
from bailee.release.model import ReleasedModel, open_model
from bailee.release.model_signature import ReleaseKey
from bailee.release.onnx_file import onnx_bytes
from bailee.release.safetensors_file import safetensors_bytes

__all__ = [
    "Bound", "Checked", "Dataset", "Evaluated", "Facts", "Measured", "Release", "ReleaseKey", "ReleasedModel",
    "facts_of", "float_bound", "onnx_bytes", "open_model", "release_of", "safetensors_bytes",
]  # fmt: skip
