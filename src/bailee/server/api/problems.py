"""Errors as problem+json (RFC 9457): the one mapping from the tree in `bailee.errors` to HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException
from starlette.responses import Response

from bailee import errors
from bailee.errors import BaileeError

KIND = "application/problem+json"
BASE = "https://bailee.dev/errors/"

STATUS: dict[type[BaileeError], int] = {
    errors.BaileeError: 500,
    errors.InputError: 400,
    errors.NotFoundError: 404,
    errors.SchemaError: 422,
    errors.PlanError: 422,
    errors.RecordError: 422,
    errors.AuthorityError: 403,
    errors.BudgetError: 409,
    errors.LockedError: 423,
    errors.PaymentError: 402,
    errors.ProofError: 422,
    errors.SessionError: 502,
    errors.StorageError: 503,
    errors.StoreError: 502,
    errors.MissingError: 404,
    errors.ChainError: 502,
    errors.DamageError: 500,
    errors.ConflictError: 409,
}
"""An error that is not here has its nearest ancestor's."""


class ProblemError(HTTPException):
    """A refusal that is HTTP's own: no token, too many requests, a body too large. `name` ends its type."""

    def __init__(self, status: int, name: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.name = name


def status_of(error: BaileeError) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(
    status: int, name: str, detail: str, instance: str, more: Mapping[str, Any], headers: Mapping[str, str]
) -> Response:
    """`instance`: the request's id; `more`: members beside the standard ones."""
    facts = {
        "type": BASE + name,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": f"urn:bailee:request:{instance}",
        **more,
    }
    return Response(json.dumps(facts, ensure_ascii=False), status, dict(headers), KIND)


def of_error(error: BaileeError, instance: str, home: str) -> Response:
    """`home` is taken out of what is said: callers need not know where on a disk things lie."""
    name = type(error).__name__
    more = {"error": name, "exit_code": error.exit_code}
    detail = str(error).replace(home, "the party's folder") if home else str(error)
    headers = {"Retry-After": "5"} if status_of(error) == 503 else {}
    return problem(status_of(error), name, detail, instance, more, headers)


def of_problem(error: ProblemError, instance: str) -> Response:
    return problem(error.status_code, error.name, str(error.detail), instance, {}, error.headers or {})


def unforeseen(instance: str) -> Response:
    """For what nobody raised on purpose: not a word of why; the log has the id."""
    detail = "something went wrong here that is not your doing; the server's log tells more under this id"
    return problem(500, "InternalError", detail, instance, {}, {})
