from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

import engine_swift
import engines


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """SeaweedFS with a bucket `vault`."""
    with engines.seaweed(tmp_path_factory.mktemp("weed")) as url:
        client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id=engines.ACCESS_KEY,
            aws_secret_access_key=engines.SECRET_KEY,
        )
        client.create_bucket(Bucket="vault")
        yield url


@pytest.fixture(scope="session")
def webdav_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with engines.webdav(tmp_path_factory.mktemp("dav")) as url:
        yield url


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[engine_swift.Swift]:
    with engine_swift.swift(tmp_path_factory.mktemp("swift"), hasty=True) as found:
        yield found
