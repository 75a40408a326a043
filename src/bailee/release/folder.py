"""A release: a folder with a model's files and what others' tools read of it; written once, compared at any time.

model.onnx, model.safetensors   the model, where it is published      release-key.pub.pem         key of model.sig
bom.cdx.json                    CycloneDX bill of materials           provenance.intoto.jsonl     SLSA provenance
croissant-1.json, ...           each dataset, for Croissant           model.sig                   over all the others
MODEL_CARD.md, model_card.html  the model card

Every byte but those of the two signatures and the public key follows from the passport.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bailee.adapters.files import new_directory, read_bytes, write_new
from bailee.errors import InputError, PassportError, SignatureError
from bailee.records.envelope import Signer
from bailee.release import model_signature, provenance
from bailee.release.bom import bill_of_materials
from bailee.release.bound import float_bound
from bailee.release.facts import Facts
from bailee.release.model import ReleasedModel
from bailee.release.model_card import model_card
from bailee.release.model_signature import SIGNATURE, ReleaseKey
from bailee.release.onnx_file import onnx_bytes
from bailee.release.pages import markdown, page
from bailee.release.safetensors_file import safetensors_bytes

PUBLIC_KEY, PROVENANCE = "release-key.pub.pem", "provenance.intoto.jsonl"
_LARGEST = 1 << 31


@dataclass(frozen=True)
class Release:
    """What is to be released: exported files and documents about them, by name. Made by `release_of`."""

    facts: Facts
    models: Mapping[str, bytes] = field(repr=False)
    documents: Mapping[str, bytes] = field(repr=False)

    def write(self, folder: Path, signer: Signer, home: Path) -> tuple[str, ...]:
        """The folder, new and whole; names of its files. home: the signer's, where its release key is, or will be.

        Raises SignatureError where the signer did not train the model.
        """
        if signer.public_key.hex() != self.facts.record.builder:
            raise SignatureError(
                f"the model was trained by {self.facts.record.builder_name} ({self.facts.record.builder[:16]}...), who "
                f"alone can release it; the key at hand is {signer.public_key.hex()[:16]}... ({signer.name})"
            )
        key = ReleaseKey.of_home(home)
        beside = {**self.documents, PUBLIC_KEY: key.public_pem}
        signed = provenance.sign_provenance(provenance.provenance(self.facts, self.models, beside), signer)
        files = {**self.models, **beside, PROVENANCE: signed}
        files[SIGNATURE] = model_signature.bundle(model_signature.statement(self.facts.name, files), key)
        with new_directory(folder) as draft:
            draft.chmod(0o755)
            for name, data in files.items():
                write_new(draft / name, data)
        return tuple(sorted(files))

    def check(self, folder: Path) -> tuple[str, ...]:
        """Names of the files in a folder that is this release. Raises PassportError, SignatureError, naming the file.

        Files are derived again and compared; both signatures are checked, the key of model.sig by the provenance that
        the builder signed.
        """
        if not folder.is_dir():
            raise InputError(f"release {folder} does not exist, or is no folder; check the path")
        wanted = {*self.models, *self.documents, PUBLIC_KEY, PROVENANCE, SIGNATURE}
        found = {path.name for path in folder.iterdir()}
        if found != wanted:
            more, less = sorted(found - wanted), sorted(wanted - found)
            raise PassportError(f"{folder}: expected exactly its own files; missing: {less}, too many: {more}")
        files = {name: read_bytes(folder / name, _LARGEST, "release") for name in sorted(wanted)}
        for name, data in {**self.models, **self.documents}.items():
            if files[name] != data:
                raise PassportError(
                    f"{folder / name} is not what this version of Bailee derives from the passport; it was changed, or "
                    "released by another version or with other evaluations (name them with --evaluation)"
                )
        beside = {**self.documents, PUBLIC_KEY: files[PUBLIC_KEY]}
        statement = provenance.open_provenance(files[PROVENANCE], bytes.fromhex(self.facts.record.builder))
        if statement != provenance.provenance(self.facts, self.models, beside):
            raise PassportError(f"{folder / PROVENANCE} speaks of other files, another key or another passport")
        signature = files.pop(SIGNATURE)
        if model_signature.open_bundle(signature, files[PUBLIC_KEY]) != model_signature.statement(
            self.facts.name, files
        ):
            raise PassportError(f"{folder / SIGNATURE} signs other files")
        return tuple(sorted(wanted))


def release_of(facts: Facts, model: ReleasedModel | None, croissants: tuple[bytes, ...]) -> Release:
    """model: of the same passport, None where it stays hidden; croissants: one a dataset, in the order of the facts.

    InputError where the packages of an export are missing.
    """
    if model is not None and model.passport != facts.passport:
        raise PassportError(f"the model is of the passport {model.passport}, the facts of {facts.passport}")
    models = {} if model is None else {"model.onnx": onnx_bytes(model), "model.safetensors": safetensors_bytes(model)}
    card = model_card(facts, None if model is None else float_bound(model))
    documents = {
        "bom.cdx.json": bill_of_materials(facts, models),
        **{f"croissant-{place}.json": data for place, data in enumerate(croissants, 1)},
        "MODEL_CARD.md": markdown(*card),
        "model_card.html": page(*card),
    }
    return Release(facts, models, documents)
