"""Attacks on the S3 door: by strangers before any signature, by callers with few rights, by carriers."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
import resource
import socket
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest

from ambiguous import AMBIGUOUS
from bailee.adapters import connection
from bailee.adapters.stores.entry import StoreEntry
from bailee.keys import Identity
from bailee.seal.vault.facts import Code, LockMode, Policy
from bailee.seal.vault.vault import Vault
from bailee.server.s3 import new_access_key, sending, xml
from bailee.server.s3.errors import S3Error
from server.s3.door import open_door

app = import_module("bailee.server.s3.application")  # the package gives a function of that name


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def owner(home):
    return new_access_key(home, "owner")


@pytest.fixture(scope="module")
def vault(home):
    stores = [StoreEntry(f"s{at}", f"file://{home}/s{at}?sync=no") for at in range(3)]
    with Vault.create(home, Identity.generate("Owner"), stores, Policy(Code(2, 3))) as opened:
        yield opened


@pytest.fixture(scope="module")
def door(vault, home, owner):
    with open_door(vault, home) as opened:
        for name in ("/plain", "/locked"):
            headers = {"x-amz-bucket-object-lock-enabled": "true"} if name == "/locked" else {}
            assert opened.signed(owner, "PUT", name, headers=headers)[0] == 200
        yield opened


def code_of(answer):
    text = answer[2].decode()
    return text.partition("<Code>")[2].partition("</Code>")[0] if answer[0] >= 300 else answer[0]


def knock(door):
    knocking = socket.create_connection(("127.0.0.1", door.port))
    knocking.settimeout(20)
    return knocking


def heard(knocking) -> bytes:
    """All that is answered until the other side closes."""
    found = b""
    try:
        while piece := knocking.recv(1 << 16):
            found += piece
    except (ConnectionError, TimeoutError):
        pass
    return found


# Before anybody has signed anything


@pytest.mark.parametrize(
    "endless",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 4096,
        b"GET /" + b"a" * 4096,
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 512,
        b"PUT /plain/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"a" * 4096,
        b"PUT /plain/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: a\r\n" * 512,
    ],
    ids=["one header", "path", "many headers", "chunk extension", "trailers"],
)
def test_a_head_without_end_is_cut_off(door, endless):
    with knock(door) as knocking:
        sent = 0
        with suppress(OSError):  # reset, or a pipe that broke
            knocking.sendall(endless)
            while sent < 64 << 20:
                knocking.sendall(endless[-2048:] * 32)
                sent += 65536
        assert sent < 32 << 20  # what two sockets' buffers hold


def test_a_head_that_never_comes_is_not_waited_for(door, monkeypatch):
    monkeypatch.setattr(connection, "HEAD_TIME", 0.2)
    for begun in (b"", b"GET / HTTP/1.1\r\nHost:"):
        with knock(door) as knocking:
            knocking.sendall(begun)
            assert heard(knocking) == b""


def test_who_takes_no_answer_holds_no_place(vault, home, monkeypatch):
    monkeypatch.setattr(sending, "SILENCE", 0.01)

    async def full(_message):
        await asyncio.Event().wait()

    async def nothing():
        return {"type": "http.request"}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/plain",
        "raw_path": b"/plain",
        "query_string": b"",
        "headers": [],
    }
    asyncio.run(asyncio.wait_for(app.application(vault, home)(scope, nothing, full), 20))


def test_who_sends_a_byte_a_minute_holds_no_place(monkeypatch):
    monkeypatch.setattr(app, "_BLOCK_TIME", 0.1)

    async def drip():
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"a", "more_body": True}

    with pytest.raises(S3Error, match="not read from or written to within the timeout") as caught:
        asyncio.run(app._Body({"headers": []}, drip).block())
    assert caught.value.code == "RequestTimeout"


@pytest.mark.parametrize("length", [b"Content-Length: 33", b"Transfer-Encoding: chunked"])
def test_the_body_of_an_upgrade_is_no_second_request(door, length):
    inner = b"GET /inner HTTP/1.1\r\nHost: x\r\n\r\n\r\n"
    with knock(door) as knocking:
        knocking.sendall(
            b"PUT /plain/k HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n" + length + b"\r\n\r\n"
        )
        time.sleep(0.05)
        with_inner = b""
        try:
            knocking.sendall(inner)
            with_inner = heard(knocking)
        except ConnectionError:
            pass
    assert with_inner.count(b"HTTP/1.1 ") <= 1
    assert b"inner" not in with_inner


@pytest.mark.parametrize("request_", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_a_request_that_two_parsers_read_differently_is_refused(door, request_):
    with knock(door) as knocking:
        knocking.sendall(request_)
        assert heard(knocking).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "document",
    [
        b"<Delete>" + b"<a/>" * 1_000_000 + b"</Delete>",
        b"<Delete " + b" ".join(b'a%x=""' % at for at in range(300_000)) + b"/>",
    ],
    ids=["elements", "attributes"],
)
def test_a_document_of_a_million_marks_is_not_built(document):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(S3Error, match="too many elements or attributes"):
        xml.read(document, "Delete")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 << 10


def test_nobodys_document_is_not_read(door, owner):
    body = b"<Delete><Object><Key>k</Key></Object></Delete>"
    headers = {"content-md5": base64.b64encode(hashlib.md5(body).digest()).decode()}
    assert code_of(door.ask("POST", "/plain?delete", body, headers)) == "AccessDenied"
    assert door.signed(owner, "POST", "/plain", [("delete", "")], body)[0] == 200


def test_a_broken_file_of_keys_does_not_tell_where_it_is(door, owner, home, caplog):
    path = home / "s3-keys.jsonl"
    kept = path.read_bytes()
    try:
        path.write_bytes(kept + b"{}\n")
        answer = door.signed(owner, "GET", "/")
    finally:
        path.write_bytes(kept)
    assert code_of(answer) == "ServiceUnavailable"
    assert str(home).encode() not in answer[2]
    assert str(path) in caplog.text


# Locks


def locked_until(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_lock_beyond_all_dates_would_make_its_object_unreadable(door, owner, vault):
    far = "9999-12-31T23:59:59-12:00"
    headers = {"x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": far}
    assert code_of(door.signed(owner, "PUT", "/locked/far", body=b"x", headers=headers)) == "InvalidArgument"
    assert door.signed(owner, "PUT", "/locked/near", body=b"x")[0] == 200
    body = f"<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>{far}</RetainUntilDate></Retention>".encode()
    assert code_of(door.signed(owner, "PUT", "/locked/near", [("retention", "")], body)) == "MalformedXML"
    assert door.signed(owner, "GET", "/locked/near")[2] == b"x"


def test_an_upload_that_was_begun_before_the_buckets_lock_is_locked(door, owner, vault):
    assert door.signed(owner, "PUT", "/later", headers={"x-amz-bucket-object-lock-enabled": "true"})[0] == 200
    begun = door.signed(owner, "POST", "/later/k", [("uploads", "")])[2].decode()
    upload = begun.partition("<UploadId>")[2].partition("<")[0]
    etag = door.signed(owner, "PUT", "/later/k", [("partNumber", "1"), ("uploadId", upload)], b"x")[1]["etag"]
    rule = (
        b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>"
        b"<Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>"
    )
    assert door.signed(owner, "PUT", "/later", [("object-lock", "")], rule)[0] == 200
    document = (
        f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    )
    assert door.signed(owner, "POST", "/later/k", [("uploadId", upload)], document.encode())[0] == 200
    version = vault.head("later/k")
    assert version.lock is not None
    assert version.lock.mode is LockMode.COMPLIANCE
    bypass = {"x-amz-bypass-governance-retention": "true"}
    answer = door.signed(owner, "DELETE", "/later/k", [("versionId", version.id)], headers=bypass)
    assert code_of(answer) == "AccessDenied"


def test_locked_versions_survive_every_way_to_lose_them(door, owner, home, vault):
    until = {"x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": locked_until(1)}
    version = door.signed(owner, "PUT", "/locked/kept", body=b"kept", headers=until)[1]["x-amz-version-id"]
    bypass = {"x-amz-bypass-governance-retention": "true"}
    one = f"<Delete><Object><Key>kept</Key><VersionId>{version}</VersionId></Object></Delete>".encode()
    tries = [
        ("DELETE", "/locked/kept", [("versionId", version)], b"", bypass),
        ("POST", "/locked", [("delete", "")], one, bypass),
        ("PUT", "/locked/kept", [("retention", ""), ("versionId", version)], b"<Retention/>", bypass),
        (
            "PUT",
            "/locked",
            [("versioning", "")],
            b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>",
            {},
        ),
        ("DELETE", "/locked", [], b"", {}),
        ("PUT", "/locked/kept", [("versionId", version)], b"overwritten", {}),
        ("PUT", "/locked/kept", [("versionId", "null")], b"overwritten", {}),
        ("DELETE", "/locked/kept", [("versionId", "null")], b"", bypass),
    ]
    for method, path, query, body, headers in tries:
        answer = door.signed(owner, method, path, query, body, headers)
        assert answer[0] >= 400 or b"<Error>" in answer[2], (method, query)
    for headers in ({"x-amz-copy-source": "/locked/near2"}, {}):
        if headers:
            door.signed(owner, "PUT", "/locked/near2", body=b"other")
        assert door.signed(owner, "PUT", "/locked/kept", body=b"" if headers else b"newer", headers=headers)[0] == 200
    assert door.signed(owner, "DELETE", "/locked/kept")[0] == 204
    assert door.signed(owner, "GET", "/locked/kept", [("versionId", version)])[2] == b"kept"


# What was skipped instead of refused


def test_a_copy_keeps_its_conditions(door, owner):
    for key in ("a", "b"):
        assert door.signed(owner, "PUT", f"/plain/{key}", body=key.encode())[0] == 200
    for condition in ({"if-none-match": "*"}, {"if-match": '"0"'}):
        headers = {"x-amz-copy-source": "/plain/a", **condition}
        assert code_of(door.signed(owner, "PUT", "/plain/b", headers=headers)) == "PreconditionFailed"
    assert door.signed(owner, "GET", "/plain/b")[2] == b"b"


@pytest.mark.parametrize("query", [[("partNumber", "1")], [("versionId", "0" * 32)]])
def test_a_put_that_means_something_else_replaces_nothing(door, owner, query):
    assert door.signed(owner, "PUT", "/plain/whole", body=b"whole")[0] == 200
    assert code_of(door.signed(owner, "PUT", "/plain/whole", query, b"part")) == "InvalidArgument"
    assert door.signed(owner, "GET", "/plain/whole")[2] == b"whole"


def test_buckets_of_somebody_else_are_not_here(door, owner):
    for name in ("x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"):
        assert code_of(door.signed(owner, "GET", "/plain", headers={name: "111122223333"})) == "AccessDenied"
    assert door.signed(owner, "GET", "/plain", headers={"x-amz-expected-bucket-owner": "bailee"})[0] == 200


# Signatures, carried on by somebody else


@pytest.mark.parametrize(
    ("method", "path", "other"),
    [
        ("GET", "/plain/a%2Fb", "/plain%2Fa/b"),
        ("GET", "/plain/a", "/plain%2Fa"),
        ("DELETE", "/plain/a/b", "/plain%2Fa%2Fb"),
        ("GET", "/plain/a", "//plain/a"),
        ("GET", "/plain/a", "/plain/./a"),
        ("GET", "/plain/a%20b", "/plain/a+b"),
        ("GET", "/plain/%61", "/plain/%2561"),
    ],
)
def test_another_spelling_of_a_signed_path_reaches_nothing_else(door, owner, method, path, other):
    from urllib.parse import quote, unquote

    from server.s3.door import sign

    canonical = quote(unquote(path), safe="/-._~")
    given = sign(owner, method, canonical, (), b"", {}, host=f"127.0.0.1:{door.port}")
    answer = door.ask(method, other, b"", given)
    assert answer[0] in (403, 404)
    assert code_of(answer) in ("SignatureDoesNotMatch", "NoSuchBucket", "NoSuchKey")


def test_a_second_parameter_or_header_of_a_name_is_signed_too(door, owner):
    from server.s3.door import sign

    host = f"127.0.0.1:{door.port}"
    given = sign(owner, "GET", "/plain", [("prefix", "a")], b"", {}, host=host)
    for target in (
        "/plain?prefix=a&prefix=b",
        "/plain?prefix=b&prefix=a",
        "/plain?prefix=a&Prefix=",
        "/plain?prefix=a;",
    ):
        assert code_of(door.ask("GET", target, b"", given)) == "SignatureDoesNotMatch"
    given = sign(owner, "GET", "/plain", (), b"", {}, host=host)
    for name in ("x-amz-copy-source", "x-amz-acl", "X-Amz-Bypass-Governance-Retention"):
        assert code_of(door.ask("GET", "/plain", b"", {**given, name: "x"})) == "AccessDenied"
    assert code_of(door.ask("GET", "/plain", b"", {**given, "Host": "other.example"})) == "SignatureDoesNotMatch"


def test_a_trailer_is_no_header(door, owner):
    """What follows a body in chunks must not turn into a header that nobody signed."""
    from server.s3.door import sign

    given = sign(owner, "GET", "/plain", (), b"", {}, host=f"127.0.0.1:{door.port}")
    lines = [f"{name}: {value}" for name, value in given.items()]
    head = "\r\n".join(
        [
            "GET /plain HTTP/1.1",
            f"Host: 127.0.0.1:{door.port}",
            "Transfer-Encoding: chunked",
            "Connection: close",
            *lines,
        ]
    )
    with knock(door) as knocking:
        knocking.sendall(head.encode() + b"\r\n\r\n0\r\nX-Amz-Acl: public-read\r\n\r\n")
        answer = heard(knocking)
    assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 403 "))
    if answer.startswith(b"HTTP/1.1 403 "):
        assert b"HeadersNotSigned" in answer


def test_a_policy_on_one_bucket_says_nothing_of_another_with_its_name_as_prefix(door, owner, home):
    guest = new_access_key(home, "guest")
    for name in ("/pre", "/pre-fix"):
        assert door.signed(owner, "PUT", name)[0] == 200
        assert door.signed(owner, "PUT", f"{name}/k", body=b"x")[0] == 200
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::pre", "arn:aws:s3:::pre/*"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement}).encode()
    assert door.signed(owner, "PUT", "/pre", [("policy", "")], policy)[0] == 204
    assert door.signed(guest, "GET", "/pre/k")[2] == b"x"
    assert code_of(door.signed(guest, "GET", "/pre-fix/k")) == "AccessDenied"
    headers = {"x-amz-copy-source": "/pre-fix/k"}
    assert code_of(door.signed(guest, "PUT", "/pre/stolen", headers=headers)) == "AccessDenied"
    bad = json.dumps({"Statement": {**statement, "Resource": "arn:aws:s3:::pre-fix/*"}}).encode()
    assert code_of(door.signed(owner, "PUT", "/pre", [("policy", "")], bad)) == "MalformedPolicy"
    listed = door.signed(owner, "GET", "/pre", [("list-type", "2"), ("start-after", "../pre-fix/")])[2]
    assert b"pre-fix/k" not in listed
    token = base64.urlsafe_b64encode(b"pre-fix/").decode()
    answer = door.signed(guest, "GET", "/pre", [("list-type", "2"), ("continuation-token", token)])
    assert code_of(answer) == "InvalidArgument"
    assert os.fspath(home) not in io.BytesIO(answer[2]).read().decode()
