"""Capability tokens (Biscuit): what a caller may, for minutes, and which whoever holds one can only weaken.

The first block is the server's: who, as what, at which server, until when. Blocks that others append may hold checks
and nothing else. (Facts in them would count for nothing: what is asked here trusts the first block and the server's.)
The signing key is drawn at the start and never stored: a restart ends every token.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from biscuit_auth import (
    AuthorizationError,
    AuthorizerBuilder,
    Biscuit,
    BiscuitBuilder,
    BiscuitValidationError,
    BlockBuilder,
    DataLogError,
    KeyPair,
    PublicKey,
    Rule,
)

from bailee.errors import InputError
from bailee.server.api.callers import Role
from bailee.server.api.problems import ProblemError

_GRANT = "caller({caller}); role({role}); audience({audience}); check if time($time), $time < {ends};"
_ASK = (
    "time({time}); operation({operation}); resource({resource}); access({access}); "
    "allow if caller($caller), role($role), audience({audience});"
)
_WHO = "who($caller, $role, $ends) <- caller($caller), role($role), ends($ends)"
_ROUNDS = 20
"""Biscuit gives a decision a millisecond of the wall's clock: on a busy machine a good token may need another try."""
_REMEMBERED = 4096


@dataclass(frozen=True)
class Holder:
    """Who a token speaks for. ends: seconds since 1970."""

    key: str
    role: Role
    ends: float
    ids: tuple[str, ...] = ()
    """Of the token's blocks, hex: one weakened from another has the other's, and one more."""


@dataclass
class Tokens:
    """Of one server, whose key is `audience` (hex). `clock` gives the time (aware)."""

    audience: str
    clock: Callable[[], datetime]
    most_bytes: int
    most_blocks: int
    _keys: KeyPair = field(default_factory=KeyPair, repr=False)
    _seen: OrderedDict[tuple[str, str, str, str, int], Holder] = field(default_factory=OrderedDict, repr=False)
    _whole: OrderedDict[str, Holder] = field(default_factory=OrderedDict, repr=False)
    """Tokens that nobody weakened, opened once: what such a token asks of a request is that its time is not over."""
    _ended: dict[str, float] = field(default_factory=dict, repr=False)
    """Tokens that were signed out: the id of their last block, and when they would have ended."""

    @property
    def issuer(self) -> str:
        """What tokens are signed with, in public."""
        return repr(self._keys.public_key)

    def give(self, key: str, role: Role, seconds: float) -> tuple[str, datetime]:
        """(the token, when it ends)."""
        ends = (self.clock() + timedelta(seconds=seconds)).replace(microsecond=0)
        facts = {"caller": key, "role": str(role), "audience": self.audience, "ends": ends}
        made = BiscuitBuilder(_GRANT + " ends({ends});", facts).build(self._keys.private_key)
        return made.to_base64(), ends

    def check(self, token: str, operation: str, resource: str, access: str) -> Holder:
        """Who asks. Raises ProblemError: 401 for no token of ours, or one that ended; 403 where it was weakened.

        An answer is remembered for the second it was given in; time in tokens is in whole seconds.
        """
        now = self.clock().replace(microsecond=0)
        whole = self._whole.get(token)
        if whole is not None and now.timestamp() < whole.ends:
            return self._not_ended(whole)
        asked = (token, operation, resource, access, int(now.timestamp()))
        found = self._seen.get(asked)
        if found is None:
            found = self._decide(token, operation, resource, access, now)
            self._seen[asked] = found
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        return self._not_ended(found)

    def end(self, holder: Holder) -> None:
        """From now on this token, and what was weakened from it, is none."""
        now = self.clock().timestamp()
        self._ended = {name: ends for name, ends in self._ended.items() if ends > now}
        self._ended[holder.ids[-1]] = holder.ends

    def is_ended(self, holder: Holder) -> bool:
        """Whether the token was signed out, or one that it was weakened from."""
        return bool(self._ended) and any(name in self._ended for name in holder.ids)

    def _not_ended(self, holder: Holder) -> Holder:
        if self.is_ended(holder):
            raise _unknown("the token was signed out; sign in again")
        return holder

    def _decide(self, token: str, operation: str, resource: str, access: str, now: datetime) -> Holder:
        if len(token) > self.most_bytes:
            raise _unknown(f"the token is longer than {self.most_bytes} bytes")
        try:
            opened = Biscuit.from_base64(token, self._keys.public_key)
        except (BiscuitValidationError, ValueError):
            raise _unknown("this is no token of this server, or one of before its last start; sign in") from None
        if opened.block_count() > self.most_blocks:
            raise _unknown(f"the token was weakened more than {self.most_blocks - 1} times")
        _check_blocks(opened)
        facts = {
            "time": now,
            "operation": operation,
            "resource": resource,
            "access": access,
            "audience": self.audience,
        }
        for _ in range(_ROUNDS):
            authorizer = AuthorizerBuilder(_ASK, facts).build(opened)
            try:
                authorizer.authorize()
                (who,) = authorizer.query(Rule(_WHO))
                break
            except AuthorizationError as error:
                if "limits" not in str(error):
                    raise _refused(authorizer, now) from None
        else:
            raise ProblemError(503, "Busy", "the token could not be judged in time; try again", {"Retry-After": "1"})
        key, role, ends = who.terms
        found = Holder(key, Role(role), ends.timestamp(), tuple(opened.revocation_ids))
        if opened.block_count() == 1:
            self._whole[token] = found
            if len(self._whole) > _REMEMBERED:
                self._whole.popitem(last=False)
        return found


def weaken(token: str, checks: Sequence[str], issuer: str) -> str:
    """The token with checks appended, as `operation("grants.list")`. Needs no secret and no server.

    issuer: the public key that the server named beside the token. Raises InputError for a check or token that is none.
    """
    try:
        block = BlockBuilder("".join(f"check if {check};" for check in checks))
        return Biscuit.from_base64(token, PublicKey(issuer)).append(block).to_base64()
    except (DataLogError, BiscuitValidationError, ValueError) as error:
        raise InputError(f'expected checks like operation("grants.list"), and a token: {error}') from None


def _check_blocks(token: Biscuit) -> None:
    """That blocks which others appended hold checks only, and none with a loop of its own.

    Biscuit looks at its clock between steps, not within one: a rule over some facts, or loops within loops over sets,
    would hold this server for as long as their author likes. With one fact of each name, as here, a check ends at once.
    """
    for place in range(1, token.block_count()):
        for line in token.block_source(place).splitlines():
            if not line.startswith("check if ") or "->" in line:
                raise ProblemError(403, "TokenRefused", "a token may be weakened by `check if` alone, without closures")


def _refused(authorizer: object, now: datetime) -> ProblemError:
    """Ended, or weakened below this: the first is 401, so that clients sign in again."""
    try:
        ends = authorizer.query(Rule("e($ends) <- ends($ends)"))[0].terms[0]  # type: ignore[attr-defined]
        ended = now >= ends
    except (AuthorizationError, IndexError):
        ended = False
    if ended:
        return _unknown("the token has ended; sign in again")
    return ProblemError(403, "TokenRefused", "the token was weakened to less than this call")


def _unknown(why: str) -> ProblemError:
    return ProblemError(401, "NotSignedIn", why, {"WWW-Authenticate": 'Bearer realm="bailee"'})
