"""A signed request that somebody copied off the wire: what the copy can do, and all that it cannot (docs/howto/s3.md).

The door keeps no list of signatures, as S3 keeps none: an exact copy is let in while its date is near. Nothing else is.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from bailee.adapters.stores.entry import StoreEntry
from bailee.keys import Identity
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.vault import Vault
from bailee.server.s3 import new_access_key, remove_access_key
from server.s3.door import open_door, sign


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def owner(home):
    return new_access_key(home, "owner")


@pytest.fixture(scope="module")
def door(home, owner):
    stores = [StoreEntry(f"s{at}", f"file://{home}/s{at}?sync=no") for at in range(3)]
    with (
        Vault.create(home, Identity.generate("Owner"), stores, Policy(Code(2, 3))) as vault,
        open_door(vault, home) as opened,
    ):
        for name in ("/plain", "/other", "/history"):
            assert opened.signed(owner, "PUT", name)[0] == 200
        versioning = {"VersioningConfiguration": {"Status": "Enabled"}}
        opened.boto(owner).put_bucket_versioning(Bucket="history", **versioning)
        yield opened


def copied(door, key, method, path, body=b"", headers=None, **options):
    """A request as it went over the wire, to be sent again and again."""
    headers = headers or {}
    return method, path, body, {**headers, **sign(key, method, path, (), body, headers, host=host(door), **options)}


def host(door):
    return f"127.0.0.1:{door.port}"


def code_of(answer):
    return answer[2].decode().partition("<Code>")[2].partition("</Code>")[0] or answer[0]


def test_an_exact_copy_does_the_same_again(door, owner):
    request = copied(door, owner, "PUT", "/plain/note", b"first")
    assert door.ask(*request)[0] == 200
    assert door.signed(owner, "PUT", "/plain/note", body=b"second")[0] == 200
    assert door.ask(*request)[0] == 200  # this is what a replay can do: older bytes are current again
    assert door.signed(owner, "GET", "/plain/note")[2] == b"first"


def test_in_a_bucket_with_versions_nothing_is_lost_by_it(door, owner):
    request = copied(door, owner, "PUT", "/history/note", b"first")
    first = door.ask(*request)[1]["x-amz-version-id"]
    second = door.signed(owner, "PUT", "/history/note", body=b"second")[1]["x-amz-version-id"]
    again = door.ask(*request)[1]["x-amz-version-id"]
    assert len({first, second, again}) == 3
    assert door.signed(owner, "GET", "/history/note", [("versionId", second)])[2] == b"second"


def test_a_condition_stops_it(door, owner):
    request = copied(door, owner, "PUT", "/plain/once", b"once", {"if-none-match": "*"})
    assert door.ask(*request)[0] == 200
    assert code_of(door.ask(*request)) == "PreconditionFailed"
    bare = {name: value for name, value in request[3].items() if name != "if-none-match"}
    assert code_of(door.ask(*request[:3], bare)) == "AccessDenied"  # signed, and not there
    etag = door.signed(owner, "HEAD", "/plain/once")[1]["etag"]
    changing = copied(door, owner, "PUT", "/plain/once", b"changed", {"if-match": etag})
    assert door.ask(*changing)[0] == 200
    assert code_of(door.ask(*changing)) == "PreconditionFailed"


CHANGES = {
    "method": lambda method, path, body, headers: ("DELETE", path, body, headers),
    "name": lambda method, path, body, headers: (method, "/plain/target", body, headers),
    "bucket": lambda method, path, body, headers: (method, "/other/note", body, headers),
    "query": lambda method, path, body, headers: (method, f"{path}?versionId={'0' * 32}", body, headers),
    "subresource": lambda method, path, body, headers: (method, f"{path}?tagging", body, headers),
    "header": lambda method, path, body, headers: (method, path, body, {**headers, "x-amz-meta-ward": "8"}),
    "new header": lambda method, path, body, headers: (method, path, body, {**headers, "x-amz-acl": "public-read"}),
    "date": lambda method, path, body, headers: (method, path, body, {**headers, "x-amz-date": later()}),
}


def later():
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + 60))


@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_that_was_changed_is_refused(door, owner, change):
    request = copied(door, owner, "PUT", "/plain/changed", b"bytes", {"x-amz-meta-ward": "7"})
    assert door.ask(*request)[0] == 200
    answer = door.ask(*CHANGES[change](*request))
    refusals = {"SignatureDoesNotMatch", "AccessDenied", "InvalidArgument", "AuthorizationHeaderMalformed"}
    assert code_of(answer) in refusals
    assert door.signed(owner, "GET", "/plain/changed")[2] == b"bytes"
    assert door.signed(owner, "HEAD", "/plain/target")[0] == 404


def test_other_bytes_do_not_fit_the_signature(door, owner):
    method, path, _, headers = copied(door, owner, "PUT", "/plain/bytes", b"bytes")
    assert code_of(door.ask(method, path, b"setyb", headers)) == "XAmzContentSHA256Mismatch"
    assert door.signed(owner, "HEAD", "/plain/bytes")[0] == 404


@pytest.mark.parametrize("ago", [-16 * 60, 16 * 60])
def test_an_old_copy_and_one_from_the_future_are_refused(door, owner, ago):
    request = copied(door, owner, "GET", "/plain/note", moment=time.time() - ago)
    assert code_of(door.ask(*request)) == "RequestTimeTooSkewed"


def test_it_ends_with_its_key(door, home):
    key = new_access_key(home, "writer")
    request = copied(door, key, "PUT", "/plain/by-key", b"x")
    assert door.ask(*request)[0] == 200
    remove_access_key(home, key.id)
    assert code_of(door.ask(*request)) == "InvalidAccessKeyId"


def test_a_presigned_url_is_used_until_its_end_and_for_nothing_else(door, owner):
    client = door.boto(owner, signature_version="s3v4")
    url = urlsplit(client.generate_presigned_url("get_object", {"Bucket": "plain", "Key": "note"}, ExpiresIn=2))
    path = f"{url.path}?{url.query}"
    assert door.ask("PUT", path, b"x")[0] == 403
    assert door.ask("GET", path.replace("/note", "/once"))[0] == 403
    assert door.ask("GET", path.replace("X-Amz-Expires=2&", "X-Amz-Expires=604800&"))[0] == 403
    for _ in range(100):
        answer = door.ask("GET", path)
        if answer[0] != 200:
            break
        time.sleep(0.1)
    assert (answer[0], b"Request has expired" in answer[2]) == (403, True)
    client.close()


def test_of_many_writers_with_the_same_condition_one_is_let_in(door, owner):
    def put(number):
        return door.signed(owner, "PUT", "/plain/race", body=b"%d" % number, headers={"if-none-match": "*"})[0]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(put, range(8)))
    assert sorted(answers) == [200] + [412] * 7
    assert door.signed(owner, "GET", "/plain/race")[2] == b"%d" % answers.index(200)
