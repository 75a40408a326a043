"""`bailee work` without a ledger: fingerprints written, compared, withheld and opened; and how it refuses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bailee.records.fingerprint import Fingerprint
from commands import run

ROWS = "age,dose,name\n" + "".join(
    f"{at % 90},{at * 7919 % 1000 / 7:.3f},patient {at * 31 % 977}\n" for at in range(300)
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return path


def test_a_shuffled_part_of_a_table_is_a_near_copy(table: Path, tmp_path: Path) -> None:
    head, *rows = ROWS.splitlines(keepends=True)
    part = tmp_path / "part.csv"
    part.write_text(head + "".join(sorted(rows[::2])))
    code, facts = run("work", "compare", table, part)
    assert (code, facts["decision"], facts["structural"]) == (0, "near-copy", 1.0)
    assert facts["subject"] > 0.6
    (tmp_path / "other.txt").write_text("Something else, and not a table.\n" * 9)
    code, facts = run("work", "compare", table, tmp_path / "other.txt")
    assert (code, facts["decision"]) == (0, "not comparable")


def test_a_record_compares_as_the_work_it_is_of(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.print"
    code, facts = run("work", "fingerprint", table, "--title", "Doses", "--out", out)
    assert code == 0
    found = Fingerprint.from_bytes(out.read_bytes())
    assert (facts["kind"], facts["extent"], facts["digest"], facts["withheld"]) == ("table", 300, found.digest, False)
    assert bytes.fromhex(facts["record"]) == out.read_bytes()
    assert [code[:6] for code in facts["codes"].split()] == ["ISCC:A", "ISCC:I"]
    code, facts = run("work", "compare", out, table)
    assert (code, facts) == (0, {"decision": "copy", "structural": 1.0, "subject": 1.0, "semantic": 1.0})
    code, facts = run("work", "fingerprint", table, "--out", out)
    assert (code, facts["error"]) == (6, "StorageError")


def test_a_withheld_record_opens_with_its_secret_alone(table: Path, tmp_path: Path) -> None:
    out, secret = tmp_path / "rows.print", tmp_path / "rows.print.secret"
    code, facts = run("work", "fingerprint", table, "--withhold", "--out", out)
    assert (code, facts["withheld"], facts["extent"]) == (0, True, 0)
    assert out.stat().st_size < 100
    assert secret.stat().st_mode & 0o777 == 0o600
    code, facts = run("work", "compare", out, table)
    assert (code, facts["decision"], facts["subject"]) == (0, "not comparable", 0.0)
    code, facts = run("work", "open", out, secret, "--out", tmp_path / "whole.print")
    assert (code, facts["extent"]) == (0, 300)
    code, facts = run("work", "compare", tmp_path / "whole.print", table)
    assert (code, facts["decision"]) == (0, "copy")
    text = secret.read_text()
    digit = "1" if text[-3] == "0" else "0"
    secret.write_text(text[:-3] + digit + text[-2:])
    code, facts = run("work", "open", out, secret)
    assert (code, facts["error"]) == (2, "RecordError")
    assert "is not the one that was committed to" in facts["message"]
    secret.write_text("{}")
    code, facts = run("work", "open", out, secret)
    assert (code, "is not what --withhold wrote" in facts["message"]) == (2, True)


def test_a_key_keeps_strangers_from_comparing(table: Path, tmp_path: Path) -> None:
    key, out = tmp_path / "key", tmp_path / "keyed.print"
    key.write_bytes(bytes(range(32)))
    assert run("work", "fingerprint", table, "--key", key, "--out", out)[0] == 0
    assert run("work", "compare", out, table)[1]["decision"] == "not comparable"
    assert run("work", "compare", out, table, "--key", key)[1]["decision"] == "copy"
    key.write_bytes(b"short")
    code, facts = run("work", "fingerprint", table, "--key", key)
    assert (code, facts["message"]) == (2, "expected a fingerprint key of 32 bytes, got 5")


def test_what_does_not_fit_is_refused(table: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "noise.csv").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    os.mkfifo(tmp_path / "pipe")
    assert run("work", "fingerprint", table, "--withhold", "--out", tmp_path / "withheld.print")[0] == 0
    for arguments, message in (
        (("fingerprint", tmp_path / "missing"), "does not exist; check the path"),
        (("fingerprint", table, "--kind", "film"), "expected a kind of text, image"),
        (("fingerprint", table, "--withhold"), "--withhold makes two files: say where with --out"),
        (("compare", table, tmp_path / "missing"), "does not exist; check the path"),
        (("compare", table, tmp_path), "is a directory or a pipe; expected a file"),
        (("fingerprint", tmp_path), "got a directory; fingerprint its files one by one"),
        (("fingerprint", tmp_path / "pipe"), "is a pipe, and a work is read more than once"),
        (("fingerprint", tmp_path / "empty.csv"), "is empty; expected a CSV file with a header line"),
        (("fingerprint", tmp_path / "noise.csv"), "the header is not text in UTF-8"),
        (("fingerprint", tmp_path / "broken.parquet"), "is not readable as Parquet (OSError); it is damaged"),
        (("fingerprint", table, "--key", table), "is larger than 32 bytes; this cannot be one"),
        (("open", tmp_path / "withheld.print", tmp_path / "noise.csv"), "is not what --withhold wrote"),
        (("open", table, table), "is not a fingerprint"),
    ):
        code, facts = run("work", *arguments)
        assert code == 2
        assert message in facts["message"]
    broken = tmp_path / "broken.print"
    broken.write_bytes(b"BFP\x01 and no more of it")
    code, facts = run("work", "compare", table, broken)
    assert (code, facts["error"]) == (2, "RecordError")


def test_without_the_extra_the_way_out_is_said(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in __import__("sys").modules if name.startswith("bailee.own.fingerprints")]:
        monkeypatch.delitem(__import__("sys").modules, name)
    monkeypatch.setitem(__import__("sys").modules, "iscc_lib", None)
    code, facts = run("work", "fingerprint", table)
    assert (code, facts["error"]) == (2, "InputError")
    assert "pip install 'bailee[fingerprints]' (iscc_lib is missing)" in facts["message"]
