"""Small puts that come at once: each gets its own answer, whatever the others run into."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from bailee.seal.vault.vault import Vault


@pytest.fixture(scope="module")
def bucket(s3):
    s3.create_bucket(Bucket="swarm")
    return "swarm"


@pytest.fixture
def sizes(vault, monkeypatch):
    """Of the batches."""
    found = []

    def count(self, smalls):
        found.append(len(smalls))
        return ordinary(self, smalls)

    ordinary = Vault.put_together
    monkeypatch.setattr(Vault, "put_together", count)
    return found


def test_many_at_once(door, owner, s3, bucket, sizes):
    def put(at):
        body = b"%d" % at * at
        md5 = hashlib.md5(body).hexdigest()
        headers = {"if-none-match": "*"} if at % 3 == 0 else {}
        payload = "0" * 64 if at % 7 == 0 else None  # a digest that is not the body's
        name = f"/swarm/{at // 6 if at % 3 == 0 else at + 1000}"
        status, answer, _ = door.signed(owner, "PUT", name, (), body, headers, payload=payload)
        assert status in (200, 400, 412)
        assert (status == 400) == (at % 7 == 0)
        assert status != 200 or answer["etag"] == f'"{md5}"'
        return name, status, body

    with ThreadPoolExecutor(16) as pool:
        done = list(pool.map(put, range(120)))
    kept = {name: body for name, status, body in done if status == 200}
    assert len(kept) == sum(status == 200 for _, status, _ in done)  # of two for a new name one was refused
    for name, body in kept.items():
        assert s3.get_object(Bucket=bucket, Key=name.removeprefix("/swarm/"))["Body"].read() == body
    assert max(sizes) > 1


def test_what_follows_a_put_is_done_before_its_answer(s3, bucket, vault, sizes):
    s3.put_object(Bucket=bucket, Key="tagged", Body=b"a", Tagging="a=b")
    assert s3.get_object_tagging(Bucket=bucket, Key="tagged")["TagSet"] == [{"Key": "a", "Value": "b"}]
    s3.put_object(Bucket=bucket, Key="tagged", Body=b"b")
    assert [version.number for version in vault.versions("swarm/tagged").versions] == [2]
    assert sizes == [1, 1]


def test_a_failure_of_all_is_told_to_each(s3, bucket, monkeypatch):
    def fail(self, smalls):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(Vault, "put_together", fail)
    with pytest.raises(s3.exceptions.ClientError, match="InternalError"):
        s3.put_object(Bucket=bucket, Key="x", Body=b"a")
    monkeypatch.undo()
    s3.put_object(Bucket=bucket, Key="x", Body=b"a")
