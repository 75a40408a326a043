"""HOST:PORT: what is one, what is refused in words, and what can be listened at."""

from __future__ import annotations

import socket

import pytest

from bailee.adapters.places import check_free, is_here, place_of
from bailee.errors import InputError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:65535", ("::1", 65535)),
        ("[fe80::1%eth0]:00080", ("fe80::1%eth0", 80)),
        ("clinic_1.example.:8443", ("clinic_1.example.", 8443)),
        ("klinik-süd.example:1", ("klinik-süd.example", 1)),
    ],
)
def test_host_and_port(text: str, found: tuple[str, int]) -> None:
    assert place_of(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "", "clinic", ":80", "[]:80", "clinic:", "clinic:-1", "clinic:+1", "clinic:65536", "clinic:000000999999",
        "clinic:²", f"clinic:{'0' * 5000}1", "clinic..example:80", ".:80", f"{'a' * 64}.example:80", "cli\0nic:80",
        "\ud800:80",
    ],
)  # fmt: skip
def test_what_is_no_place_is_refused_before_the_system_is_asked(text: str) -> None:
    with pytest.raises(InputError, match="expected an address, got "):
        place_of(text, "an address")


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        host, port = taken.getsockname()
        with pytest.raises(InputError, match=rf"cannot listen at {host}:{port}: .*; who is there\? --at takes"):
            check_free(host, port, "who is there?", "--at")
    check_free("127.0.0.1", 0)


@pytest.mark.parametrize("host", ["127.8.9.1", "::1", "localhost"])
def test_only_this_machine_reaches_loopback(host: str) -> None:
    assert is_here(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "localhost.example", "127.0.0.1.example"])
def test_others_reach_what_is_no_loopback(host: str) -> None:
    assert not is_here(host)
