"""CORS: which pages of other origins a browser may let read an answer. Rules are stored with the bucket."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from bailee.server.s3 import xml
from bailee.server.s3.documents import deleting, giving, taking
from bailee.server.s3.encoding import to_int
from bailee.server.s3.errors import S3Error
from bailee.server.s3.policy import matches
from bailee.server.s3.registry import Bucket
from bailee.server.s3.request import Request, Response

_METHODS = {"GET", "PUT", "POST", "DELETE", "HEAD"}
_MOST_RULES = 100


@dataclass(frozen=True)
class Rule:
    origins: tuple[str, ...]
    methods: frozenset[str]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age: int | None

    def fits(self, origin: str, method: str, headers: tuple[str, ...] = ()) -> bool:
        return (
            any(matches(pattern, origin) for pattern in self.origins)
            and method in self.methods
            and all(any(matches(pattern, name) for pattern in self.headers) for name in headers)
        )

    def answer(self, origin: str) -> list[tuple[str, str]]:
        is_any = "*" in self.origins
        found = [("access-control-allow-origin", "*" if is_any else origin)]
        found.append(("access-control-allow-methods", ", ".join(sorted(self.methods))))
        if self.exposed:
            found.append(("access-control-expose-headers", ", ".join(self.exposed)))
        if self.max_age is not None:
            found.append(("access-control-max-age", str(self.max_age)))
        if not is_any:
            found.append(("access-control-allow-credentials", "true"))
        found.append(("vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"))
        return found


@lru_cache(256)
def read_rules(text: str) -> tuple[Rule, ...]:
    root = xml.read(text.encode(), "CORSConfiguration")
    xml.only(root, "CORSRule")
    if not 0 < len(root) <= _MOST_RULES:
        raise xml.malformed(f"expected 1 to {_MOST_RULES} rules")
    rules = []
    for item in root:
        xml.only(item, "ID", "AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader", "MaxAgeSeconds")
        values = {name: tuple((one.text or "").strip() for one in item.findall(name)) for name in
                  ("AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader")}  # fmt: skip
        if not values["AllowedOrigin"] or not values["AllowedMethod"]:
            raise xml.malformed("expected an AllowedOrigin and an AllowedMethod")
        if not set(values["AllowedMethod"]) <= _METHODS:
            raise S3Error("InvalidRequest", "Found unsupported HTTP method in CORS config.")
        for name, texts in values.items():
            most = 0 if name in ("AllowedMethod", "ExposeHeader") else 1
            if any(text.count("*") > most or not text.isascii() or not text.isprintable() for text in texts):
                raise S3Error(
                    "InvalidRequest", f"{name} can not have more than {most} wildcards, nor special characters."
                )
        age_text = xml.text_of(item, "MaxAgeSeconds")
        age = None if age_text is None else to_int(age_text, 0, 1 << 31)
        if age is None and age_text is not None:
            raise xml.malformed("expected a number of seconds as MaxAgeSeconds")
        headers = tuple(text.lower() for text in values["AllowedHeader"])
        methods = frozenset(values["AllowedMethod"])
        rules.append(Rule(values["AllowedOrigin"], methods, headers, values["ExposeHeader"], age))
    return tuple(rules)


def cors_headers(bucket: Bucket, request: Request) -> list[tuple[str, str]]:
    """What an answer to a page's request carries; nothing where no rule fits."""
    origin, text = request.headers.get("origin"), bucket.settings.get("cors")
    if origin is None or text is None:
        return []
    for rule in read_rules(text):
        if rule.fits(origin, request.method):
            return rule.answer(origin)
    return []


def preflight(bucket: Bucket | None, request: Request) -> Response:
    """The answer to OPTIONS, which carries no credentials. Raises S3Error AccessForbidden where no rule fits."""
    origin, method = request.headers.get("origin"), request.headers.get("access-control-request-method")
    if origin is None or method is None:
        raise S3Error("BadRequest", "Insufficient information. Origin request header needed.")
    asked = request.headers.get("access-control-request-headers", "")
    names = tuple(name.strip().lower() for name in asked.split(",") if name.strip())
    text = None if bucket is None else bucket.settings.get("cors")
    for rule in () if text is None else read_rules(text):
        if rule.fits(origin, method, names):
            headers = rule.answer(origin)
            if names:
                headers.append(("access-control-allow-headers", ", ".join(names)))
            return Response(200, headers)
    raise S3Error("AccessForbidden", "CORSResponse: This CORS request is not allowed.")


get_cors, delete_cors = giving("cors"), deleting("cors")
put_cors = taking("cors", lambda call: read_rules(call.text))
