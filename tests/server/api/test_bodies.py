"""What strangers send: too much, too slow, zips that are not what they say, names that are paths."""

from __future__ import annotations

import asyncio
import json
import struct
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_world import ROOMY, World, refused, zipped
from bailee.errors import InputError
from bailee.server.api.archives import unpack
from bailee.server.api.limits import Limits, Pace

DIGEST = "ab" * 32
PAPER = {"passport.json": b"{}"}


def test_bodies_are_counted_as_they_come(world: World) -> None:
    headers = world.headers("owner", "k")
    most = world.context.limits.body
    refused(world.client.post("/v1/grants", content=b"x" * (most + 1), headers=headers), 413, "TooLarge")

    def blocks() -> Any:
        for _ in range(3):
            yield b"x" * (most // 2)

    refused(world.client.post("/v1/grants", content=blocks(), headers=headers), 413, "TooLarge")  # no length stated
    with World.open(world.folder, replace(ROOMY, upload=1000)) as small:
        refused(
            small.upload("consumer", zipped({**PAPER, f"attachments/{DIGEST}": b"x"}) + b"x" * 1000), 413, "TooLarge"
        )
        assert not list(small.context.jobs.uploads.glob("**/.body-*"))


def test_a_body_that_does_not_come_is_not_waited_for(world: World) -> None:
    """By ASGI: a client that sends a head, half a body, and then nothing."""
    with World.open(world.folder, replace(ROOMY, idle=0.05)) as slow:
        token = slow.token("owner")
        sent: list[dict[str, Any]] = []

        async def run() -> None:
            parts = [{"type": "http.request", "body": b"{", "more_body": True}]

            async def receive() -> dict[str, Any]:
                if parts:
                    return parts.pop()
                await asyncio.Event().wait()
                raise AssertionError

            async def send(message: Any) -> None:
                sent.append(message)

            scope = {
                "type": "http", "method": "POST", "path": "/v1/grants", "raw_path": b"/v1/grants", "query_string": b"",
                "headers": [(b"authorization", f"Bearer {token}".encode()), (b"idempotency-key", b"k")],
                "client": ("1.2.3.4", 1), "server": ("x", 1), "scheme": "http", "http_version": "1.1", "root_path": "",
            }  # fmt: skip
            await slow.client.app(scope, receive, send)  # type: ignore[arg-type, operator]

        asyncio.run(run())
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["type"].endswith("/TooSlow")


def test_whoever_asks_too_often_is_told_when_to_come_back(world: World) -> None:
    tight = replace(ROOMY, callers=Pace(0.001, 5), writes=Pace(0.001, 1), strangers=Pace(0.001, 12))
    with World.open(world.folder, tight) as small:
        headers = small.headers("owner", "k")
        answers = [small.client.get("/v1/datasets", headers=headers) for _ in range(6)]
        assert [one.status_code for one in answers] == [200] * 5 + [429]
        refused(answers[5], 429, "TooManyRequests", "come back in")
        assert int(answers[5].headers["retry-after"]) > 100
        other = small.headers("consumer")  # another caller has a bucket of its own
        assert small.client.get("/v1/datasets", headers=other).status_code == 200
        found = [small.client.get("/v1/datasets", headers={"Authorization": "Bearer no"}) for _ in range(12)]
        assert {one.status_code for one in found} == {401, 429}  # guessing tokens is slowed, too
        refused(small.client.get("/v1/identity"), 429, "TooManyRequests")


TRICKS = (
    "..", "../..", "..%2f..%2fowner", "%2e%2e", "/etc/passwd", "%2Fetc%2Fpasswd", "tiny%00", "tiny/../tiny", ".tiny",
    "tiny\\..", "%c0%ae%c0%ae", "~", "*", "ti%3Fy", "[t]iny", "x" * 5000,
)  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_names_are_no_paths(world: World, trick: str) -> None:
    secret = (world.folder / "owner" / "identity.pem").read_text()
    headers = world.headers("owner", "k")
    for path in ("datasets/{}", "datasets/{}/card", "datasets/{}/proof", "grants/{}", "grants/{}/record",
                 "revocations/{}", "sessions/{}", "sessions/{}/events", "verifications/{}"):  # fmt: skip
        found = world.client.get(f"/v1/{path.format(trick)}", headers=headers)
        if found.status_code == 200:  # the client made another path of it, or a wildcard a list
            assert found.request.url.path.rstrip("/") in ("/v1/datasets", "/v1/datasets/tiny") or "*" not in trick
        assert found.status_code in (200, 307, 404, 405), (path, found.text)
        assert "PRIVATE KEY" not in found.text
        assert secret[40:80] not in found.text
        assert str(world.folder) not in found.text
    asked = world.asked_grant(dataset=trick[:200])
    refused(world.client.post("/v1/grants", json=asked, headers=headers), 404, "NotFoundError")
    assert world.client.delete(f"/v1/passports/{trick}", headers=headers).status_code in (404, 405)


def bombs() -> dict[str, bytes]:
    """Zips by what is wrong with them."""
    name = f"attachments/{DIGEST}"
    link = zipfile.ZipInfo(name)
    link.external_attr = 0o120777 << 16

    def add_link(archive: zipfile.ZipFile) -> None:
        archive.writestr(link, b"/etc/passwd")

    def add_twice(archive: zipfile.ZipFile) -> None:
        with warnings.catch_warnings(action="ignore"):
            archive.writestr("passport.json", b"[]")

    many = {f"attachments/{number:064x}": b"" for number in range(70)}
    good = zipped({**PAPER, name: b"abc"})
    lying = bytearray(zipped({**PAPER, name: b"\0" * 300_000}))
    at = lying.rindex(b"PK\x01\x02")
    lying[at + 24 : at + 28] = struct.pack("<L", 3)  # says that 3 bytes come out
    huge = bytearray(good)
    huge[-12:-10] = struct.pack("<H", 65_535)
    return {
        "unpacked": zipped({**PAPER, name: b"\0" * 300_000}),
        "lying": bytes(lying),
        "many": zipped({**PAPER, **many}),
        "entries": bytes(huge),
        "link": zipped(PAPER, add_link),
        "twice": zipped(PAPER, add_twice),
        "outside": zipped({**PAPER, "../escaped": b"x"}),
        "absolute": zipped({**PAPER, "/tmp/escaped": b"x"}),
        "other": zipped({**PAPER, "attachments/readme.txt": b"x"}),
        "deep": zipped({"a/b/passport.json": b"{}"}),
        "two": zipped({"a/passport.json": b"{}", "b/passport.json": b"{}"}),
        "empty": zipped({}),
        "none": b"",
        "text": b"PK\x05\x06 this is no zip at all, however long it may be",
        "comment": good[:-2] + b"\x05\x00hello",
        "cut": good[:-30],
    }


SMALL = replace(Limits(), zip_entries=64, zip_unpacked=100_000)


@pytest.mark.parametrize("what", sorted(bombs()))
def test_a_zip_that_is_not_what_it_should_be_leaves_nothing(what: str, tmp_path: Path) -> None:
    (tmp_path / "z").write_bytes(bombs()[what])
    with pytest.raises(InputError, match=r"zip|papers"):
        unpack(tmp_path / "z", tmp_path / "out" / "x", SMALL)
    assert [path.name for path in tmp_path.rglob("*")] in (["z"], ["z", "out"], ["out", "z"])


def test_a_good_zip_may_have_one_folder(tmp_path: Path) -> None:
    files = {"mine/passport.json": b"{}", f"mine/attachments/{DIGEST}": b"abc", "mine/report.json": b"{}"}
    (tmp_path / "z").write_bytes(zipped(files))
    unpack(tmp_path / "z", tmp_path / "x", SMALL)
    found = sorted(str(path.relative_to(tmp_path / "x")) for path in (tmp_path / "x").rglob("*") if path.is_file())
    assert found == [f"attachments/{DIGEST}", "passport.json"]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_bytes_make_it_fall_over(data: st.DataObject) -> None:
    """A good zip with some bytes changed: taken out whole, or refused; never anything outside, nor another error."""
    import tempfile

    whole = bytearray(zipped({**PAPER, f"attachments/{DIGEST}": b"abc" * 50}))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "z").write_bytes(bytes(whole))
        try:
            unpack(Path(folder) / "z", Path(folder) / "x", SMALL)
        except InputError:
            assert not (Path(folder) / "x").exists()
        names = {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}
        assert names <= {"z", "x/passport.json", f"x/attachments/{DIGEST}"}


def test_uploads_are_bounded_and_ones_own(world: World) -> None:
    with World.open(world.folder, replace(ROOMY, uploads_of_one=2)) as small:
        papers = [zipped({"passport.json": b"%d" % number}) for number in range(3)]
        made = [small.upload("consumer", paper, str(number)) for number, paper in enumerate(papers)]
        assert [one.status_code for one in made] == [201, 201, 429]
        refused(made[2], 429, "TooManyUploads")
        name = made[0].json()["passport"]
        again = small.upload("consumer", papers[0], "again")
        assert (again.status_code, again.json()["passport"]) == (201, name)
        refused(small.client.delete(f"/v1/passports/{name}", headers=small.headers("owner")), 404, "NotFoundError")
        asked = {"passport": name}
        headers = small.headers("owner", "v")
        refused(small.client.post("/v1/verifications", json=asked, headers=headers), 404, "NotFoundError")
        assert small.client.delete(f"/v1/passports/{name}", headers=small.headers("consumer")).status_code == 204
        left = small.client.get("/v1/passports", headers=small.headers("consumer")).json()["items"]
        assert [one["passport"] for one in left] == [made[1].json()["passport"]]
        wrong = small.client.post("/v1/passports", content=b"{}", headers=small.headers("consumer", "w"))
        refused(wrong, 415, "NotAZip")


def test_ids_of_requests_are_harmless(world: World) -> None:
    for sent, kept in (("good-id.01", True), ("x", False), ("a b c d e f g h", False), ("a" * 65, False)):
        found = world.client.get("/healthz", headers={"X-Request-Id": sent}).headers["x-request-id"]
        assert (found == sent) is kept


def test_every_answer_says_how_it_may_be_used(world: World) -> None:
    for path in ("/healthz", "/nothing", "/v1/datasets"):
        headers = world.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers
