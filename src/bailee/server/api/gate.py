"""Who asks, and may they: before anything of a request but its head is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request

from bailee.server.api.callers import Callers, Role
from bailee.server.api.limits import Limits
from bailee.server.api.pace import Buckets
from bailee.server.api.problems import ProblemError
from bailee.server.api.routes import Call
from bailee.server.api.tokens import Holder, Tokens


@dataclass
class Gate:
    """`clock`: seconds that never go back."""

    callers: Callers
    tokens: Tokens
    limits: Limits
    clock: Callable[[], float]
    _strangers: Buckets = field(init=False)
    _callers: Buckets = field(init=False)
    _writes: Buckets = field(init=False)

    def __post_init__(self) -> None:
        self._strangers = Buckets(self.limits.strangers, self.clock)
        self._callers = Buckets(self.limits.callers, self.clock)
        self._writes = Buckets(self.limits.writes, self.clock)

    def admit(self, request: Request, call: Call) -> Holder | None:
        """The caller; None where anybody may call. Raises ProblemError: 401, 403, 429."""
        if call.anybody:
            self.slow(request)
            return None
        try:
            holder = self.tokens.check(_bearer(request), call.operation, request.scope["path"], call.access)
        except ProblemError:
            self.slow(request)  # guessing is as slow as any other way in
            raise
        role = self.callers.role_of(holder.key)
        if role is None or role is not holder.role:
            raise ProblemError(401, "NotSignedIn", "your role here has changed; sign in again")
        if role not in call.roles:
            who = " or ".join(sorted(call.roles))
            raise ProblemError(403, "RoleRefused", f"this call is for the role {who}; you are {role}")
        self._callers.take(holder.key)
        if call.access == "write":
            self._writes.take(holder.key)
        return holder

    def still(self, holder: Holder) -> bool:
        """Whether who was admitted still would be, but for the token's time: what streams ask while they run."""
        return not self.tokens.is_ended(holder) and self.callers.role_of(holder.key) is holder.role

    def slow(self, request: Request) -> None:
        self._strangers.take(request.client.host if request.client is not None else "")


def holder_of(request: Request) -> Holder:
    """Who was admitted to a call that is not anybody's."""
    found = request.state.caller
    if not isinstance(found, Holder):
        raise TypeError("nobody was admitted")
    return found


def owns(holder: Holder) -> bool:
    return holder.role is Role.OWNER


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise ProblemError(401, "NotSignedIn", "sign in first, at /v1/auth/challenges", {"WWW-Authenticate": "Bearer"})
    return token.strip()
