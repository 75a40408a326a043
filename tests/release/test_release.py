"""A release: others' tools read every file, the same passport gives the same bytes, and no changed file passes."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from markdown_it import MarkdownIt

from bailee.errors import BaileeError, InputError, PassportError, RecordError, SignatureError, StorageError
from bailee.keys import Identity
from bailee.party.releasing import describe
from bailee.records import Card, canonical, digest
from bailee.records.envelope import enveloped
from bailee.release import Checked, Evaluated, Facts, Measured, Release, ReleaseKey, facts_of, open_model, release_of
from bailee.release.model_card import Section, Table
from bailee.release.model_signature import KEY_FILE, bundle, open_bundle, statement
from bailee.release.pages import markdown, page
from bailee.release.provenance import provenance, sign_provenance
from croissants import needs_mlcroissant, read_croissant
from model_cast import UNPROTECTED, make_cast
from parties import make_cast as make_session
from parties import run_session

pytest.importorskip("onnx")
pytest.importorskip("safetensors")
CHECKED = Checked("2026-01-02T03:04:05Z", 104.9, {}, ("that the beacon's block is there",))
EVALUATED = Evaluated("e" * 64, "St. Ann", "tumours-2", 40, True, (Measured("right answers", "women", "at least 0.7"),))
HOSTILE = "<img src=x onerror=alert(1)> [a](javascript:1) ![b](http://c.example/d) `e` **f** | g &lt; www.h.example $i$"


def released(path: Path, checked: Checked = CHECKED, evaluated: tuple[Evaluated, ...] = ()) -> Release:
    facts = facts_of(path, checked, evaluated)
    return release_of(facts, open_model(path) if facts.published else None, describe(facts))


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> tuple[Identity, Path]:
    """A builder and the passport of its session with two owners."""
    cast = make_session(tmp_path_factory.mktemp("session"), (30, 40))
    outcome, said = run_session(cast)
    assert outcome is not None, said
    return cast.builder, outcome.path


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> tuple[Identity, Path]:
    """A trainer and the passport of a network that stays hidden."""
    cast = make_cast(tmp_path_factory.mktemp("hidden"))
    return cast.trainer, cast.train().path


@pytest.fixture(scope="module")
def folders(
    session: tuple[Identity, Path], hidden: tuple[Identity, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A release of each."""
    root = tmp_path_factory.mktemp("released")
    released(session[1]).write(root / "session", session[0], root)
    released(hidden[1], evaluated=(EVALUATED,)).write(root / "hidden", hidden[0], root)
    return root / "session", root / "hidden"


def test_a_published_model_is_released_whole_and_the_same_again(
    session: tuple[Identity, Path], folders: tuple[Path, Path], tmp_path: Path
) -> None:
    made = released(session[1])
    again = made.write(tmp_path / "again", session[0], folders[0].parent)
    assert again == made.check(folders[0]) == (
        "MODEL_CARD.md", "bom.cdx.json", "croissant-1.json", "croissant-2.json", "model.onnx", "model.safetensors",
        "model.sig", "model_card.html", "provenance.intoto.jsonl", "release-key.pub.pem",
    )  # fmt: skip
    for name in again:
        assert (tmp_path / "again" / name).read_bytes() == (folders[0] / name).read_bytes(), name


def test_a_hidden_model_is_released_without_weights(hidden: tuple[Identity, Path], folders: tuple[Path, Path]) -> None:
    names = released(hidden[1], evaluated=(EVALUATED,)).check(folders[1])
    assert "MODEL_CARD.md" in names
    assert not [name for name in names if name.startswith("model.") and name != "model.sig"]


@pytest.mark.parametrize("place", [0, 1])
def test_model_signing_verifies_the_folder_and_refuses_a_changed_one(
    folders: tuple[Path, Path], place: int, tmp_path: Path
) -> None:
    verifying = pytest.importorskip("model_signing.verifying")
    folder = tmp_path / "copy"
    shutil.copytree(folders[place], folder)

    def verify(key: Path = folder / "release-key.pub.pem") -> None:
        verifying.Config().use_elliptic_key_verifier(public_key=key).verify(folder, folder / "model.sig")

    verify()
    other = tmp_path / "other.pem"
    other.write_bytes(ReleaseKey.of_home(tmp_path).public_pem)
    with pytest.raises(ValueError, match="Key mismatch"):
        verify(other)
    with (folder / "MODEL_CARD.md").open("a") as file:
        file.write("x")
    with pytest.raises(ValueError, match=r"Hash mismatch for .*MODEL_CARD\.md"):
        verify()
    shutil.copy(folders[place] / "MODEL_CARD.md", folder)
    (folder / "more").write_text("x")
    with pytest.raises(ValueError, match="Extra files found"):
        verify()


@pytest.mark.parametrize("place", [0, 1])
def test_in_toto_reads_the_provenance_and_securesystemslib_its_signature(
    session: tuple[Identity, Path], hidden: tuple[Identity, Path], folders: tuple[Path, Path], place: int
) -> None:
    pb = pytest.importorskip("in_toto_attestation.v1.statement_pb2")
    from google.protobuf import json_format
    from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
    from in_toto_attestation.v1.statement import Statement
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

    builder, path = (session, hidden)[place]
    (line,) = (folders[place] / "provenance.intoto.jsonl").read_text().splitlines()
    envelope = Envelope.from_dict(json.loads(line))
    (keyid,) = envelope.signatures
    key = SSlibKey(keyid, "ed25519", "ed25519", {"public": builder.public_key.hex()})
    assert list(envelope.verify([key], 1)) == [keyid]
    found = json_format.Parse(envelope.payload, pb.Statement())
    Statement.copy_from_pb(found).validate()
    assert found.predicate_type == "https://slsa.dev/provenance/v1"
    said = json.loads(envelope.payload)
    read = json_format.ParseDict(said["predicate"], provenance_pb2.Provenance())  # refuses a field it does not know
    facts = facts_of(path, CHECKED)
    assert read.run_details.builder.id == f"ed25519:{builder.public_key.hex()}"
    assert read.run_details.metadata.started_on.ToJsonString() == CHECKED.started
    assert [dict(one.digest) for one in read.build_definition.resolved_dependencies][:-1] == [
        {"blake3": digest(canonical(one.card.record.commitment))} for one in facts.datasets
    ]
    assert read.build_definition.resolved_dependencies[-1].digest["blake3"] == digest(path.read_bytes())
    files = ["model.onnx", "model.safetensors"] if place == 0 else []
    assert [one.name for one in found.subject] == ["model", *files]
    for one in (*found.subject[1:], *read.run_details.byproducts):
        data = (folders[place] / one.name).read_bytes()
        assert dict(one.digest) == {"sha256": hashlib.sha256(data).hexdigest()}


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("version", ["V1_6", "V1_7"])
def test_cyclonedx_validates_the_bill_of_materials(folders: tuple[Path, Path], place: int, version: str) -> None:
    schema = pytest.importorskip("cyclonedx.schema")
    validation = pytest.importorskip("cyclonedx.validation.json")
    text = (folders[place] / "bom.cdx.json").read_text()
    if version == "V1_7":  # the next version still takes it
        text = text.replace('"1.6"', '"1.7"').replace("bom-1.6", "bom-1.7")
    validator = validation.JsonStrictValidator(schema.SchemaVersion[version])
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"supervised"', '"guessed"')) is not None
    metrics = json.loads(text)["metadata"]["component"]["modelCard"].get("quantitativeAnalysis")
    expected = {"type": "right answers", "value": "at least 0.7",
                "slice": "women, of 40 rows of tumours-2 of St. Ann (trained on)"}  # fmt: skip
    assert metrics == (None if place == 0 else {"performanceMetrics": [expected]})


@needs_mlcroissant
def test_croissants_own_library_reads_every_dataset(session: tuple[Identity, Path], folders: tuple[Path, Path]) -> None:
    for place, dataset in enumerate(facts_of(session[1], CHECKED).datasets, 1):
        found = read_croissant(folders[0] / f"croissant-{place}.json", "columns")
        assert found.errors == []
        assert [record["columns/name"] for record in found.records] == [
            column.name for column in dataset.schema.columns
        ]


def test_the_card_says_what_was_proven_and_what_was_not(
    session: tuple[Identity, Path], hidden: tuple[Identity, Path], folders: tuple[Path, Path]
) -> None:
    one, two = ((folder / "MODEL_CARD.md").read_text() for folder in folders)
    facts = facts_of(session[1], CHECKED)
    for dataset in facts.datasets:
        assert f"| {dataset.title} | {dataset.epsilon} | {dataset.delta} |" in one
        assert dataset.card.digest in one
    assert "nothing is said of how well it does" in one
    assert "3-1 linear model, logistic loss" in one
    assert "float32; outputs within " in one
    assert "Not checked: that the beacon's block is there." in one
    assert "3-4-1 ReLU network, logistic loss" in two
    assert "| right answers | women | at least 0.7 |" in two
    assert "These very rows also trained the model" in two
    assert "not published" in two


def test_an_unprotected_model_says_so_and_a_revoked_grant_too(tmp_path: Path) -> None:
    path = make_cast(tmp_path, (60,), UNPROTECTED).train(reveal=True).path
    card = facts_of(path, CHECKED).datasets[0].card
    made = released(path, replace(CHECKED, revoked={card.digest: "2026-02-03T04:05:06Z"}))
    text = made.documents["MODEL_CARD.md"].decode()
    assert "UNPROTECTED: no clipping, no noise" in text
    assert "has since been revoked (2026-02-03T04:05:06Z)" in text
    assert "Used without privacy, as its owner signed" in text
    assert "epsilon" not in made.documents["bom.cdx.json"].decode()


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_strangers_words_are_only_text() -> None:
    sections = [Section(HOSTILE, (f"Of {HOSTILE}.",), Table((HOSTILE, "b"), ((HOSTILE, "x\u202e\ny"),)))]
    read = Tags()
    read.feed(page(HOSTILE, sections).decode())
    plain = {"html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "section", "p", "div", "table",
             "thead", "tbody", "tr", "th", "td"}  # fmt: skip
    assert read.tags == plain
    assert read.attributes <= {"lang", "charset", "http-equiv", "content", "name", "scope"}
    assert read.text.count(HOSTILE) == 6
    assert "x\\u202e\\ny" in read.text
    shown = MarkdownIt("gfm-like", {"linkify": False}).render(markdown(HOSTILE, sections).decode())
    read = Tags()
    read.feed(shown)
    assert read.tags == {"h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td"}
    assert read.text.count(HOSTILE) == 5


def change_text(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes() + b" ")


def resign(folder: Path, builder: Identity, made: Release, key: ReleaseKey) -> None:
    """As the builder itself would, around what now lies in the folder."""
    inside = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "model.sig"}
    (folder / "model.sig").write_bytes(bundle(statement(made.facts.name, inside), key))


BROKEN: list[tuple[Callable[[Path], Any], type[BaileeError], str]] = [
    *((change_text(name), PassportError, f"{name} is not what this version of Bailee derives")
      for name in ("model.onnx", "model.safetensors", "bom.cdx.json", "croissant-2.json", "MODEL_CARD.md",
                   "model_card.html")),
    (change_text("provenance.intoto.jsonl"), RecordError, "expected canonical JSON"),
    (change_text("release-key.pub.pem"), PassportError, "jsonl speaks of other files, another key"),
    (change_text("model.sig"), RecordError, r"expected the canonical bytes of one application/vnd"),
    (lambda folder: (folder / "model.sig").write_text("{}"), RecordError, "model.sig: expected a Sigstore bundle"),
    (lambda folder: (folder / "more").mkdir(), PassportError, r"too many: \['more'\]"),
    (lambda folder: (folder / "model.sig").unlink(), PassportError, r"missing: \['model.sig'\]"),
]  # fmt: skip


@pytest.mark.parametrize(("harm", "kind", "message"), BROKEN)
def test_no_changed_file_passes(
    session: tuple[Identity, Path], folders: tuple[Path, Path], tmp_path: Path, checked: Release,
    harm: Callable[[Path], Any], kind: type[BaileeError], message: str,
) -> None:  # fmt: skip
    folder = tmp_path / "copy"
    shutil.copytree(folders[0], folder)
    harm(folder)
    with pytest.raises(kind, match=message):
        checked.check(folder)


@pytest.fixture(scope="module")
def checked(session: tuple[Identity, Path]) -> Release:
    return released(session[1])


def test_no_other_key_signs(
    session: tuple[Identity, Path], folders: tuple[Path, Path], checked: Release, tmp_path: Path
) -> None:
    eve, key = Identity.generate("Eve"), ReleaseKey.of_home(tmp_path)
    with pytest.raises(SignatureError, match=r"who alone can release it; the key at hand is .* \(Eve\)"):
        checked.write(tmp_path / "eve", eve, tmp_path / "home")
    assert not (tmp_path / "eve").exists()
    folder = tmp_path / "copy"
    shutil.copytree(folders[0], folder)
    resign(folder, session[0], checked, key)  # another release key than the builder vouches for
    with pytest.raises(SignatureError, match=r"model\.sig: expected a signature by the key"):
        checked.check(folder)
    (folder / "release-key.pub.pem").write_bytes(key.public_pem)
    beside = {**checked.documents, "release-key.pub.pem": key.public_pem}
    said = provenance(checked.facts, checked.models, beside)
    (folder / "provenance.intoto.jsonl").write_bytes(enveloped(said, eve) + b"\n")
    resign(folder, session[0], checked, key)
    with pytest.raises(SignatureError, match="provenance: expected signature of key"):
        checked.check(folder)
    (folder / "provenance.intoto.jsonl").write_bytes(sign_provenance(said, session[0]))
    resign(folder, session[0], checked, key)  # the builder may take a new release key
    assert checked.check(folder)
    (folder / "model.sig").write_bytes(bundle(statement(checked.facts.name, {}), key))
    with pytest.raises(PassportError, match=r"model\.sig signs other files"):
        checked.check(folder)


def test_a_bundle_that_another_key_signed_or_was_changed(tmp_path: Path) -> None:
    key = ReleaseKey.of_home(tmp_path)
    made = bundle(b"{}", key)
    assert open_bundle(made, key.public_pem) == b"{}"
    assert bundle(b"{}", key) == made
    read = json.loads(made)
    read["dsseEnvelope"]["payload"] = base64.b64encode(b"[]").decode()
    with pytest.raises(SignatureError, match="the signature does not fit"):
        open_bundle(canonical(read), key.public_pem)
    with pytest.raises(RecordError, match="expected a public P-256 key"):
        open_bundle(made, b"x")


def test_the_release_key_stays_and_is_kept_from_others(tmp_path: Path) -> None:
    key = ReleaseKey.of_home(tmp_path)
    assert ReleaseKey.of_home(tmp_path).public_pem == key.public_pem
    assert os.stat(tmp_path / KEY_FILE).st_mode & 0o777 == 0o600
    assert "PRIVATE" not in repr(key)
    (tmp_path / KEY_FILE).chmod(0o644)
    with pytest.raises(StorageError, match=r"can be read by others \(mode 0644\)"):
        ReleaseKey.of_home(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o600)
    other = ec.generate_private_key(ec.SECP384R1())
    for bad in (b"x", other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())):
        (tmp_path / KEY_FILE).write_bytes(bad)
        with pytest.raises(InputError, match="is not a release key: expected a private P-256 key"):
            ReleaseKey.of_home(tmp_path)


def test_what_is_no_passport_and_facts_of_another(
    session: tuple[Identity, Path], hidden: tuple[Identity, Path]
) -> None:
    facts: Facts = facts_of(session[1], CHECKED)
    card = session[1].parent / "attachments" / facts.datasets[0].card.digest
    with pytest.raises(RecordError, match=r"is a record of kind .*/card/v1; expected a passport"):
        facts_of(card, CHECKED)
    with pytest.raises(PassportError, match="the model is of the passport"):
        release_of(facts_of(hidden[1], CHECKED), open_model(session[1]), ())
    assert isinstance(facts.datasets[0].card.record, Card)
