"""Buying at a paid door: the request, the payment kept on disk before it is sent, the answer and the receipt.

What is kept makes it safe to repeat: a signature that went out may be cashed until it ends, so the same one is brought
again, and a new one is made only when the old one can bring nothing any more.
"""

from __future__ import annotations

import csv
import fcntl
import http.client
import io
import json
import os
import secrets
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from blake3 import blake3

from bailee import json_text
from bailee.adapters.files import read_bytes, storage_errors, write_atomic
from bailee.errors import ChainError, InputError, PaymentError
from bailee.records.canonical import canonical, digest
from bailee.settle.buying import Asked, read_asked, read_settled, sign_payment
from bailee.settle.x402 import REQUIRED, RESPONSE, SIGNATURE, requirements

if TYPE_CHECKING:
    from email.message import Message

    from bailee.adapters.chain.ledger import Ledger

PATH = "/predictions"
_MOST_BODY, _MOST_ANSWER = 1 << 20, 1 << 24
_LATE = 60
"""Seconds that a block may be dated before our clock: until then an old signature may still be cashed."""
_PATIENCE = 300.0
"""Seconds for an answer: a public chain takes its time."""


@dataclass(frozen=True)
class Bought:
    """text: the answer as it came; answer: as JSON, or the text; receipt: a file of the home."""

    text: str
    answer: Any
    transaction: str
    receipt: Path


def read_rows(path: Path) -> bytes:
    """The body of a request: rows of a CSV or JSON file. InputError."""
    data = read_bytes(path, _MOST_BODY, "the rows")
    if path.suffix.lower() == ".csv":
        try:
            rows: Any = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig")), strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{path} is no CSV in UTF-8: {error}") from None
        if any(None in row or None in row.values() for row in rows):
            raise InputError(f"{path} has a row with more or fewer cells than the header")
    else:
        try:
            rows = json_text.load(data)
        except ValueError:
            raise InputError(f"{path} is neither JSON nor a file named .csv") from None
        rows = rows["rows"] if isinstance(rows, dict) and isinstance(rows.get("rows"), list) else rows
        rows = [rows] if isinstance(rows, dict) else rows
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{path} has no rows: expected a CSV with a header, or JSON objects")
    return json.dumps({"rows": rows}, separators=(",", ":")).encode()


def ask_price(url: str, body: bytes, network: str, authority: Path | None) -> Asked:
    """What the door wants for this request. PaymentError, ChainError."""
    status, headers, text = _post(place(url), body, {}, authority)
    if status != 402 or REQUIRED not in headers:
        raise InputError(f"expected a price (402) from {place(url)}, got {status}: {text[:200]}")
    return read_asked(str(headers[REQUIRED]), network)


def buy(url: str, body: bytes, asked: Asked, ledger: Ledger, home: Path, authority: Path | None) -> Bought:
    """Pay with the ledger's account and get the answer. PaymentError, InputError, ChainError."""
    account = ledger.account
    if account is None:
        raise InputError("paying needs an account")
    what = {"url": place(url), "body": blake3(body).hexdigest(), "payer": account.address}
    name = digest(canonical({**what, "price": {k: v for k, v in requirements(asked.price).items() if k != "extra"}}))
    path = home / "payments" / f"{name}.json"
    with _alone(path.parent):  # two runs of the same command bring one payment
        kept = _kept(path, asked, ledger, account.address)
        if kept is not None:
            header, nonce = kept
        else:
            nonce = secrets.token_hex(32)
            paid, header = sign_payment(asked, account, time.time(), nonce)
            facts = {**what, "nonce": nonce, "valid_before": paid.valid_before, "payment": header}
            write_atomic(path, json.dumps(facts).encode(), 0o600)
    status, headers, text = _post(place(url), body, {SIGNATURE: header}, authority)
    if status == 503:
        raise ChainError("the payment is not settled yet: run the same command again; the same payment is brought")
    if status == 400:
        raise InputError(f"the door cannot answer these rows: {_error(text)}")
    if status != 200 or RESPONSE not in headers:
        raise PaymentError(
            f"the door did not answer ({status}): {_error(text)}. What was signed may be cashed for some minutes: run "
            "the same command again, and the same payment is brought"
        )
    transaction = read_settled(str(headers[RESPONSE]))
    receipt = home / "payments" / f"{nonce}.receipt.json"
    told = {**what, "transaction": transaction, "price": requirements(asked.price), "answer": text}
    write_atomic(receipt, json.dumps(told, indent=2).encode() + b"\n", 0o600)
    path.unlink(missing_ok=True)
    try:
        answer = json_text.load(text.encode())
    except ValueError:
        answer = text
    return Bought(text, answer, transaction, receipt)


def place(url: str) -> str:
    """With a path. InputError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise InputError(f"expected a door as http://... or https://..., got {url[:200]!r}")
    return urlunsplit(parts._replace(path=parts.path if parts.path.strip("/") else PATH, fragment=""))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time looks for a payment or signs one; others wait. The kernel frees it on exit."""
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _kept(path: Path, asked: Asked, ledger: Ledger, payer: str) -> tuple[str, str] | None:
    """The payment (header, nonce) of an earlier try, while it can still bring the answer."""
    from bailee.adapters.chain.currencies import authorization_used
    from bailee.party.amounts import currency_address

    if not path.is_file():
        return None
    try:
        facts = json_text.load(read_bytes(path, 1 << 16, "a payment"))
        header, nonce, until = str(facts["payment"]), str(facts["nonce"]), int(facts["valid_before"])
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path} is no payment of this program; move it away") from None
    if time.time() < until + _LATE or authorization_used(
        ledger.chain, currency_address(asked.price.currency.address), payer, nonce
    ):
        return header, nonce
    return None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _post(url: str, body: bytes, headers: dict[str, str], authority: Path | None) -> tuple[int, Message, str]:
    try:
        context = ssl.create_default_context(cafile=None if authority is None else str(authority))
    except OSError as error:
        raise InputError(f"cannot read a certificate in PEM from {authority}: {error.strerror or error}") from None
    opener = urllib.request.build_opener(_NoRedirects, urllib.request.HTTPSHandler(context=context))
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **headers})  # noqa: S310
    try:
        try:
            answer: http.client.HTTPResponse | urllib.error.HTTPError = opener.open(request, timeout=_PATIENCE)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            data, whole = answer.read(_MOST_ANSWER + 1), answer.headers.get("Content-Length", "")
            if whole.isdecimal() and len(data) < min(int(whole), _MOST_ANSWER):
                raise OSError(f"it was cut off after {len(data)} of {whole} bytes")
            return int(answer.status or 0), answer.headers, _text(data)
    except (OSError, ValueError, http.client.HTTPException) as error:
        again = "; what was signed may be cashed by now: run the same again, it is not paid twice" if headers else ""
        raise ChainError(f"the door at {url} does not answer: {getattr(error, 'reason', error)}{again}") from None


def _text(data: bytes) -> str:
    if len(data) > _MOST_ANSWER:
        raise InputError(f"the door answers with more than {_MOST_ANSWER} bytes")
    return data.decode("utf-8", "replace")


def _error(text: str) -> str:
    try:
        found = json_text.load(text.encode())
    except ValueError:
        found = None
    told = found.get("error") if isinstance(found, dict) else None
    return str(told or text)[:300]
