"""Requests that two parsers of HTTP read differently (RFC 9112, 11.2): a proxy sees one where its server sees two."""

from __future__ import annotations

_HOST = b"Host: x\r\n"
_INNER = b"GET /inner HTTP/1.1\r\nHost: x\r\n\r\n"


def _post(headers: bytes, body: bytes = b"0\r\n\r\n") -> bytes:
    return b"POST /plain/k HTTP/1.1\r\n" + _HOST + headers + b"\r\n\r\n" + body + _INNER


AMBIGUOUS = {
    "length and chunks": _post(b"Content-Length: 5\r\nTransfer-Encoding: chunked"),
    "chunks and length": _post(b"Transfer-Encoding: chunked\r\nContent-Length: 5"),
    "two lengths": _post(b"Content-Length: 5\r\nContent-Length: 6", b"hello!"),
    "two lengths in one": _post(b"Content-Length: 5, 6", b"hello!"),
    "signed length": _post(b"Content-Length: +5", b"hello"),
    "hexadecimal length": _post(b"Content-Length: 0x5", b"hello"),
    "length beyond 64 bits": _post(b"Content-Length: 18446744073709551621", b"hello"),
    "unknown coding": _post(b"Transfer-Encoding: xchunked"),
    "chunks not last": _post(b"Transfer-Encoding: chunked, identity"),
    "chunks beyond 64 bits": _post(b"Transfer-Encoding: chunked", b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    "signed chunks": _post(b"Transfer-Encoding: chunked", b"+5\r\nhello\r\n0\r\n\r\n"),
    "chunk without its end": _post(b"Transfer-Encoding: chunked", b"5\r\nhelloXX0\r\n\r\n"),
    "folded": b"GET /plain/k HTTP/1.1\r\n" + _HOST + b"X-A: b\r\n Content-Length: 33\r\n\r\n" + _INNER,
    "space before colon": b"GET /plain/k HTTP/1.1\r\nHost: x\r\nContent-Length : 33\r\n\r\n" + _INNER,
    "bare line feeds": b"GET /plain/k HTTP/1.1\nHost: x\n\n" + _INNER,
    "bare carriage returns": b"GET /plain/k HTTP/1.1\r\nHost: x\rContent-Length: 33\r\n\r\n" + _INNER,
    "nothing in a header": b"GET /plain/k HTTP/1.1\r\nHost: x\r\nX-A: b\x00\r\n\r\n" + _INNER,
    "no such version": b"GET /plain/k HTTP/3.7\r\nHost: x\r\n\r\n" + _INNER,
}
"""What is sent, by what is wrong with it. Another request, for /inner, follows at once."""
