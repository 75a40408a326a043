"""What was released and where it came from, as SLSA provenance (slsa.dev/provenance/v1) in an in-toto Statement v1.

The DSSE envelope around it is signed by the builder of the passport. It claims no SLSA level: the builder speaks of its
own work, and what makes its word more than that is the passport, which it names by digest and anyone can verify.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from bailee import __version__
from bailee.records import Json, canonical, digest
from bailee.records.envelope import STATEMENT_TYPE, Signer, enveloped, open_enveloped
from bailee.release.facts import Dataset, Facts

PROVENANCE_TYPE = "https://slsa.dev/provenance/v1"
TRAINING_TYPE = "https://bailee.dev/training/v1"
"""What `buildDefinition` means: the plan of `externalParameters` was run on the datasets of `resolvedDependencies`."""


def provenance(facts: Facts, models: Mapping[str, bytes], beside: Mapping[str, bytes]) -> bytes:
    """The statement, as canonical JSON. models: the exported files, by name; beside: what is released with them.

    The subject is always the model as the passport names it, which is all there is where the model stays hidden.
    """
    subject: list[Json] = [{"name": "model", "digest": {"blake3": facts.model}}]
    subject += [_file(name, data) for name, data in models.items()]
    passport: Json = {
        "name": "passport",
        "uri": f"urn:blake3:{facts.passport}",
        "digest": {"blake3": facts.passport, "sha256": hashlib.sha256(facts.envelope).hexdigest()},
    }
    plan = facts.plan
    definition: Json = {
        "buildType": TRAINING_TYPE,
        "externalParameters": {"plan": plan, "planDigest": {"blake3": digest(canonical(plan))}},
        "resolvedDependencies": [*map(_dataset, facts.datasets), passport],
    }
    details: Json = {
        "builder": {"id": facts.builder, "version": {"bailee": __version__}},
        "metadata": {
            "invocationId": facts.record.session,
            "startedOn": facts.checked.started,
            "finishedOn": facts.record.created,
        },
        "byproducts": [_file(name, data) for name, data in beside.items()],
    }
    return canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": subject,
            "predicateType": PROVENANCE_TYPE,
            "predicate": {"buildDefinition": definition, "runDetails": details},
        }
    )


def sign_provenance(statement: bytes, signer: Signer) -> bytes:
    """A file of JSON lines with one envelope, as in-toto bundles are kept."""
    return enveloped(statement, signer) + b"\n"


def open_provenance(data: bytes, signer: bytes) -> bytes:
    """The statement of such a file, by the raw public key that must have signed it. RecordError, SignatureError."""
    return open_enveloped(data.removesuffix(b"\n"), signer, "provenance")


def _file(name: str, data: bytes) -> Json:
    return {"name": name, "digest": {"sha256": hashlib.sha256(data).hexdigest()}}


def _dataset(dataset: Dataset) -> Json:
    card = dataset.card
    commitment = digest(canonical(card.record.commitment))
    return {
        "name": dataset.title,
        "uri": f"urn:blake3:{commitment}",
        "digest": {"blake3": commitment},
        "annotations": {
            "owner": f"ed25519:{card.record.owner}",
            "card": card.digest,
            "grant": dataset.grant,
            "rows": card.record.rows,
            "share": dataset.share,
        },
    }
