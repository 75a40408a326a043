"""Signing in: a challenge, signed by a party's key or by its linked account; then a token for minutes. Signing out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import Request
from starlette.responses import Response

from bailee.errors import SignatureError
from bailee.records import time_text
from bailee.server.api.callers import Role
from bailee.server.api.context import Context, context_of
from bailee.server.api.gate import holder_of
from bailee.server.api.problems import ProblemError
from bailee.server.api.routes import allows, router
from bailee.server.api.shapes import (
    ChallengeAsk,
    ChallengeShape,
    EthereumChallengeAsk,
    EthereumChallengeShape,
    EthereumTokenAsk,
    TokenAsk,
    TokenShape,
    spelled,
)

routes = router()


@routes.post("/v1/auth/challenges", response_model=ChallengeShape, tags=["signing in"])
@allows("auth.challenge", anybody=True, access="write")
async def challenge(request: Request, asked: ChallengeAsk) -> Response:
    """A text to sign with the key that asks. Any key gets one: who has a role is not told."""
    challenges = context_of(request).challenges
    text, ends = challenges.give(asked.key)
    told = ChallengeShape(challenge=text, audience=challenges.audience, expires=time_text(ends))
    return Response(spelled(told), media_type="application/json")


@routes.post("/v1/auth/tokens", response_model=TokenShape, tags=["signing in"])
@allows("auth.token", anybody=True, access="write")
async def token(request: Request, asked: TokenAsk) -> Response:
    """A token for a challenge that was signed rightly, once."""
    context = context_of(request)
    with _refusals():
        key = context.challenges.answered(asked.challenge, asked.signature)
        role = _role(context, key)
        context.challenges.use(asked.challenge)
    return _given(context, key, role, asked.seconds)


@routes.post("/v1/auth/ethereum/challenges", response_model=EthereumChallengeShape, tags=["signing in"])
@allows("auth.ethereum-challenge", anybody=True, access="write")
async def ethereum_challenge(request: Request, asked: EthereumChallengeAsk) -> Response:
    """A message by ERC-4361, for the account that is linked to a party's key."""
    signs = context_of(request).ethereum
    text, ends = await asyncio.to_thread(signs.give, asked.link)
    told = EthereumChallengeShape(message=text, audience=signs.audience, expires=time_text(ends))
    return Response(spelled(told), media_type="application/json")


@routes.post("/v1/auth/ethereum/tokens", response_model=TokenShape, tags=["signing in"])
@allows("auth.ethereum-token", anybody=True, access="write")
async def ethereum_token(request: Request, asked: EthereumTokenAsk) -> Response:
    """A token for such a message that its account signed, once. It is the linked party's, in that party's role."""
    context = context_of(request)
    with _refusals():
        key, nonce, ends = await asyncio.to_thread(context.ethereum.answered, asked.message, asked.signature)
        role = _role(context, key)
        if role is Role.OWNER:
            raise SignatureError("the owner signs in with the folder's own key, not with an account that is paid")
        context.challenges.use_nonce(nonce, ends)
    return _given(context, key, role, asked.seconds)


@routes.delete("/v1/auth/token", status_code=204, response_class=Response, tags=["signing in"])
@allows("auth.sign-out", Role, access="write")
async def sign_out(request: Request) -> Response:
    """End the token that this is asked with, and all that were weakened from it."""
    context_of(request).gate.tokens.end(holder_of(request))
    return Response(status_code=204)


@contextmanager
def _refusals() -> Iterator[None]:
    """Who does not get in is told why by 401."""
    try:
        yield
    except SignatureError as error:
        raise ProblemError(401, "SignInRefused", str(error), {"WWW-Authenticate": "Bearer"}) from None


def _role(context: Context, key: str) -> Role:
    role = context.gate.callers.role_of(key)
    if role is None:
        raise SignatureError("this key has no role here; its owner gives one with: bailee caller add")
    return role


def _given(context: Context, key: str, role: Role, seconds: int | None) -> Response:
    made, ends = context.gate.tokens.give(key, role, min(context.limits.token, seconds or context.limits.token))
    told = TokenShape(token=made, issuer=context.gate.tokens.issuer, role=role, expires=time_text(ends))
    return Response(spelled(told), media_type="application/json")
