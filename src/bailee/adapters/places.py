"""HOST:PORT: read, whether this machine can listen there, and who else reaches it."""

from __future__ import annotations

import ipaddress
import socket

from bailee.errors import InputError


def place_of(text: str, expected: str = "--listen HOST:PORT") -> tuple[str, int]:
    """Host (IPv6 without brackets) and port. InputError, which says what was expected."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    digits = port.isascii() and port.isdecimal() and len(port) <= 5
    if not _is_name(host) or not digits or int(port) > 65_535:
        raise InputError(f"expected {expected}, got {text[:80]!r}")
    return host, int(port)


def check_free(host: str, port: int, guess: str = "is a door open there?", option: str = "--listen") -> None:
    """InputError where nothing can listen there, said before anything slow is done. guess: at what else may be."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        why = str(error.strerror).partition(" (")[0]
        listen = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise InputError(f"cannot listen at {listen}: {why}; {guess} {option} takes another") from None


def is_here(host: str) -> bool:
    """Only this machine reaches it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_name(host: str) -> bool:
    """Whether the system may be asked for it: names with an empty or endless part end in errors of other kinds."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return host != "" and "\0" not in host
