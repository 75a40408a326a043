"""Signing in: a challenge, signed; then a token for minutes."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from bailee.errors import SignatureError
from bailee.records import time_text
from bailee.server.api.context import context_of
from bailee.server.api.problems import ProblemError
from bailee.server.api.routes import allows, router
from bailee.server.api.shapes import ChallengeAsk, ChallengeShape, TokenAsk, TokenShape, spelled

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
    try:
        key = context.challenges.answered(asked.challenge, asked.signature)
        role = context.gate.callers.role_of(key)
        if role is None:
            raise SignatureError("this key has no role here; its owner gives one with: bailee caller add")
        context.challenges.use(asked.challenge)
    except SignatureError as error:
        raise ProblemError(401, "SignInRefused", str(error), {"WWW-Authenticate": "Bearer"}) from None
    seconds = min(context.limits.token, asked.seconds or context.limits.token)
    made, ends = context.gate.tokens.give(key, role, seconds)
    told = TokenShape(token=made, issuer=context.gate.tokens.issuer, role=role, expires=time_text(ends))
    return Response(spelled(told), media_type="application/json")
