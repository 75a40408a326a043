"""The bill of materials of a model: CycloneDX 1.6 with a model card (cyclonedx.org/docs/1.6/json).

The model is the document's subject; its datasets, by their commitments, and the exported files are its components.
Fields that the standard has no place for are properties whose names begin with `bailee:`.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from bailee import __version__
from bailee.records import canonical, digest
from bailee.release.facts import Dataset, Facts

SPEC = "1.6"
TASKS = {"logistic": "binary classification", "softmax": "multiclass classification", "squared": "regression"}


def bill_of_materials(facts: Facts, models: Mapping[str, bytes]) -> bytes:
    """The document as JSON, the same for the same facts. models: the exported files, by name."""
    datasets = [_dataset(place, one) for place, one in enumerate(facts.datasets, 1)]
    files = [_file(name, data) for name, data in models.items()]
    refs = [part["bom-ref"] for part in (*datasets, *files)]
    document = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'urn:blake3:{facts.passport}')}",
        "version": 1,
        "metadata": {
            "timestamp": facts.record.created,
            "tools": {"components": [{"type": "application", "name": "bailee", "version": __version__}]},
            "component": _model(facts, [one["bom-ref"] for one in datasets]),
        },
        "components": [*datasets, *files],
        "dependencies": [{"ref": "model", "dependsOn": refs}, *({"ref": ref} for ref in refs)],
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def _model(facts: Facts, datasets: list[str]) -> dict[str, Any]:
    record = facts.record
    return {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": facts.name,
        "manufacturer": {"name": record.builder_name},
        "hashes": [{"alg": "BLAKE3", "content": facts.model}],
        "externalReferences": [
            {
                "type": "attestation",
                "url": f"urn:blake3:{facts.passport}",
                "comment": "The signed passport: bailee verify checks every link of it.",
                "hashes": [
                    {"alg": "BLAKE3", "content": facts.passport},
                    {"alg": "SHA-256", "content": hashlib.sha256(facts.envelope).hexdigest()},
                ],
            }
        ],
        "modelCard": {
            "modelParameters": {
                "approach": {"type": "supervised"},
                "task": TASKS[facts.loss],
                "architectureFamily": "linear model" if len(facts.widths) == 2 else "ReLU network",
                "modelArchitecture": "-".join(map(str, facts.widths)),
                "datasets": [{"ref": ref} for ref in datasets],
            },
            **_measured(facts),
            "considerations": {"useCases": [facts.purpose]},
        },
        "properties": list(_properties(facts)),
    }


def _measured(facts: Facts) -> dict[str, Any]:
    metrics = [
        {
            "type": told.what,
            "value": told.said,
            "slice": f"{told.rows}, of {one.rows} rows of {one.dataset} of {one.owner_name}"
            + (" (trained on)" if one.trained_on else ""),
        }
        for one in facts.evaluated
        for told in one.measured
    ]
    return {"quantitativeAnalysis": {"performanceMetrics": metrics}} if metrics else {}


def _properties(facts: Facts) -> Iterator[dict[str, str]]:
    known = {
        "builder": facts.builder,
        "session": facts.record.session,
        "plan": digest(canonical(facts.plan)),
        "published": "yes" if facts.published else "no",
        "privacy": "unprotected" if facts.unprotected else "proven",
        "proof-bits": f"{facts.checked.bits:.0f}",
    }
    yield from ({"name": f"bailee:{name}", "value": value} for name, value in known.items())
    yield from ({"name": "bailee:not-checked", "value": value} for value in facts.checked.not_checked)
    yield from ({"name": "bailee:evaluation", "value": one.record} for one in facts.evaluated)


def _dataset(place: int, dataset: Dataset) -> dict[str, Any]:
    card = dataset.card.record
    commitment = digest(canonical(card.commitment))
    owner = {"organization": {"name": card.owner_name}}
    facts = {
        "owner": f"ed25519:{card.owner}",
        "card": dataset.card.digest,
        "grant": dataset.grant,
        "rows": str(card.rows),
        "columns": str(len(dataset.schema.columns)),
        "share": dataset.share,
        "epsilon": dataset.epsilon,
        "delta": dataset.delta,
    }
    return {
        "type": "data",
        "bom-ref": f"dataset-{place}",
        "name": card.name,
        "hashes": [{"alg": "BLAKE3", "content": commitment}],
        "data": [{"type": "dataset", "name": card.name, "governance": {"owners": [owner]}}],
        "properties": [
            {"name": f"bailee:{name}", "value": value} for name, value in facts.items() if value is not None
        ],
    }


def _file(name: str, data: bytes) -> dict[str, Any]:
    digests = [{"alg": "SHA-256", "content": hashlib.sha256(data).hexdigest()}]
    return {"type": "file", "bom-ref": name, "name": name, "hashes": digests}
