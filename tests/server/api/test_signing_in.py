"""Challenges and tokens, as somebody would try them who is not let in, or wants more than was given."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from biscuit_auth import (
    AuthorizationError,
    AuthorizerBuilder,
    Biscuit,
    BiscuitBuilder,
    BlockBuilder,
    KeyPair,
    PublicKey,
)
from hypothesis import given
from hypothesis import strategies as st

from api_world import World, refused
from bailee.errors import InputError
from bailee.keys import Identity
from bailee.records.sign_in import PREFIX, answer
from bailee.server.api import tokens
from bailee.server.api.problems import ProblemError
from bailee.server.api.tokens import weaken


def ask(world: World, token: str, path: str = "/v1/datasets") -> int:
    return world.client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_challenge_is_good_once(world: World) -> None:
    given_ = world.challenge("verifier")
    asked = {
        "challenge": given_["challenge"],
        "signature": answer(world.identity("verifier"), given_["challenge"], given_["audience"]),
    }
    assert world.client.post("/v1/auth/tokens", json=asked).status_code == 200
    refused(world.client.post("/v1/auth/tokens", json=asked), 401, "SignInRefused", "used already")
    told = json.loads(asked["challenge"])
    for other in (json.dumps(told), json.dumps(dict(reversed(told.items())), separators=(",", ":")), told["nonce"]):
        changed = asked | {"challenge": other}  # another spelling of it is another text
        refused(world.client.post("/v1/auth/tokens", json=changed), 401, "SignInRefused", "no challenge")


def test_a_challenge_ends(world: World) -> None:
    given_ = world.challenge("verifier")
    signature = answer(world.identity("verifier"), given_["challenge"], given_["audience"])
    world.late = timedelta(seconds=world.context.limits.challenge + 1)
    asked = {"challenge": given_["challenge"], "signature": signature}
    refused(world.client.post("/v1/auth/tokens", json=asked), 401, "SignInRefused", "has ended")


@pytest.mark.parametrize("member", ["audience", "caller", "expires", "nonce", "mac"])
def test_a_challenge_that_was_changed_is_none(world: World, member: str) -> None:
    given_ = world.challenge("verifier")
    told = json.loads(given_["challenge"])
    told[member] = "2099-01-01T00:00:00Z" if member == "expires" else "ab" * 32
    text = json.dumps(told, separators=(",", ":"), sort_keys=True)
    signature = world.identity("verifier").sign(PREFIX + text.encode()).hex()
    asked = {"challenge": text, "signature": signature}
    refused(world.client.post("/v1/auth/tokens", json=asked), 401, "SignInRefused", "no challenge of this server")


def test_another_key_cannot_answer(world: World) -> None:
    given_ = world.challenge("owner")
    for signature in (
        world.identity("stranger").sign(PREFIX + given_["challenge"].encode()),
        world.identity("owner").sign(given_["challenge"].encode()),  # without the prefix: it may be anything's
    ):
        asked = {"challenge": given_["challenge"], "signature": signature.hex()}
        refused(world.client.post("/v1/auth/tokens", json=asked), 401, "SignInRefused", "not that of the challenge")


def test_a_challenge_of_before_a_restart_is_none(world: World) -> None:
    given_ = world.challenge("verifier")
    signature = answer(world.identity("verifier"), given_["challenge"], given_["audience"])
    with World.open(world.folder) as again:
        asked = {"challenge": given_["challenge"], "signature": signature}
        refused(again.client.post("/v1/auth/tokens", json=asked), 401, "SignInRefused", "last start")


def test_a_caller_signs_for_the_server_it_means(world: World) -> None:
    """A server in the middle hands on another one's challenge: the caller's side refuses."""
    given_ = world.challenge("verifier")
    me = world.identity("verifier")
    with pytest.raises(InputError, match="of another server"):
        answer(me, given_["challenge"], Identity.generate("Eve").public_key.hex())
    with pytest.raises(InputError, match="another caller"):
        answer(world.identity("consumer"), given_["challenge"], given_["audience"])
    late = world.context.clock() + timedelta(hours=1)
    with pytest.raises(InputError, match="has ended"):
        answer(me, given_["challenge"], given_["audience"], late)
    with pytest.raises(InputError, match="no challenge"):
        answer(me, "[]", given_["audience"])


def test_tokens_end(world: World) -> None:
    token, short = world.token("verifier"), world.token("verifier", seconds=60)
    assert (ask(world, token), ask(world, short)) == (200, 200)
    world.late = timedelta(seconds=61)
    assert (ask(world, token), ask(world, short)) == (200, 401)
    world.late = timedelta(seconds=world.context.limits.token + 1)
    response = world.client.get("/v1/datasets", headers={"Authorization": f"Bearer {token}"})
    refused(response, 401, "NotSignedIn", "has ended")
    assert response.headers["www-authenticate"].startswith("Bearer")


def test_nobody_gets_a_longer_token_by_asking(world: World) -> None:
    token = world.token("verifier", seconds=86_400)
    world.late = timedelta(seconds=world.context.limits.token + 1)
    assert ask(world, token) == 401


def test_a_token_is_weakened_by_whoever_holds_it(world: World) -> None:
    signed_in = world.sign_in("owner").json()
    token, issuer = signed_in["token"], signed_in["issuer"]
    lists = weaken(token, ['operation("datasets.list")'], issuer)
    assert (ask(world, lists), ask(world, lists, "/v1/status")) == (200, 403)
    below = weaken(token, ['resource($r), $r.starts_with("/v1/datasets/")'], issuer)
    assert (ask(world, below), ask(world, below, "/v1/datasets/tiny")) == (403, 200)
    reads = weaken(token, ['access("read")'], issuer)
    headers = {"Authorization": f"Bearer {reads}", "Idempotency-Key": "k"}
    refused(world.client.post("/v1/grants", json=world.asked_grant(), headers=headers), 403, "TokenRefused")
    both = weaken(lists, ['operation("status.read")'], issuer)  # checks add up: nothing passes two that exclude
    assert (ask(world, both), ask(world, both, "/v1/status")) == (403, 403)
    ends = weaken(token, ["time($t), $t < 2020-01-01T00:00:00Z"], issuer)
    assert ask(world, ends) == 403
    with pytest.raises(InputError, match="expected checks"):
        weaken(token, ["operation("], issuer)


@pytest.mark.parametrize(
    "more",
    [
        'role("owner");',
        'caller("{owner}"); role("owner");',
        "ends(2099-01-01T00:00:00Z);",
        "role($r) <- caller($c), operation($r);",
        'who("{owner}", "owner", 2099-01-01T00:00:00Z);',
    ],
)
def test_a_token_cannot_be_widened(world: World, more: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts and rules in a block that others appended count for nothing: not who, not as what, not until when."""
    signed_in = world.sign_in("consumer").json()
    opened = Biscuit.from_base64(signed_in["token"], PublicKey(signed_in["issuer"]))
    more = more.replace("{owner}", world.identity("owner").public_key.hex())
    wider = opened.append(BlockBuilder(more)).to_base64()
    assert (ask(world, wider), ask(world, wider, "/v1/status")) == (403, 403)
    # And where they were let through, they would still count for nothing.
    monkeypatch.setattr(tokens, "_check_blocks", lambda token: None)
    world.late = timedelta(seconds=1)
    assert (ask(world, wider), ask(world, wider, "/v1/status")) == (200, 403)
    world.late = timedelta(seconds=world.context.limits.token + 1)
    assert ask(world, wider) == 401


def test_a_token_of_another_server_or_key_is_none(world: World) -> None:
    key = world.identity("owner").public_key.hex()
    facts = {"k": key, "ends": world.context.clock() + timedelta(hours=1)}
    for audience in (key, "ab" * 32):
        code = 'caller({k}); role("owner"); audience({a}); ends({ends});'
        forged = BiscuitBuilder(code, {**facts, "a": audience}).build(KeyPair().private_key)
        assert ask(world, forged.to_base64(), "/v1/status") == 401
    own = world.context.gate.tokens
    elsewhere = tokens.Tokens("ab" * 32, world.context.clock, 4096, 16, own._keys)  # same signing key, other audience
    token, _ = elsewhere.give(key, world.context.gate.callers.role_of(key), 60)  # type: ignore[arg-type]
    assert ask(world, token, "/v1/status") == 403
    with World.open(world.folder) as again:
        assert ask(again, world.token("owner")) == 401  # of another start


def test_tokens_that_are_too_much(world: World) -> None:
    signed_in = world.sign_in("verifier").json()
    token = signed_in["token"]
    for _ in range(16):
        token = weaken(token, ['access("read")'], signed_in["issuer"])
    assert ask(world, token) == 401
    long = weaken(signed_in["token"], [f'resource($r), $r != "{"x" * 4000}"'], signed_in["issuer"])
    assert ask(world, long) == 401


@pytest.mark.parametrize(
    "more",
    [
        " ".join(f"n({number});" for number in range(60)) + " t($a, $b, $c, $d) <- n($a), n($b), n($c), n($d);",
        "check if caller($c), {1, 2, 3}.any($p -> {1, 2, 3}.any($q -> $p == $q));",
        'check if caller("\nx(1);");',
    ],
)
def test_a_token_cannot_be_made_to_take_long(world: World, more: str) -> None:
    """The library's own limit is looked at between steps only: the first of these would run for minutes."""
    signed_in = world.sign_in("verifier").json()
    opened = Biscuit.from_base64(signed_in["token"], PublicKey(signed_in["issuer"]))
    token = opened.append(BlockBuilder(more)).to_base64()
    response = world.client.get("/v1/datasets", headers={"Authorization": f"Bearer {token}"})
    refused(response, 403, "TokenRefused", "`check if` alone")


def test_a_decision_that_took_too_long_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Biscuit's own limit is a millisecond of the wall's clock: a busy machine must not refuse a good token."""
    token, failures = world.token("verifier"), [3]

    class Slow:
        def __init__(self, code: str, facts: object) -> None:
            self.real = AuthorizerBuilder(code, facts)  # type: ignore[arg-type]

        def build(self, opened: Biscuit) -> object:
            if failures[0]:
                failures[0] -= 1
                return self
            return self.real.build(opened)

        def authorize(self) -> int:
            raise AuthorizationError("Reached Datalog execution limits")

    monkeypatch.setattr(tokens, "AuthorizerBuilder", Slow)
    assert (ask(world, token), failures) == (200, [0])
    failures[0], token = 10**9, world.token("verifier")
    response = world.client.get("/v1/revocations", headers={"Authorization": f"Bearer {token}"})
    refused(response, 503, "Busy")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic b3duZXI6", "Bearer x", "Bearer \u00e9", "bearer " + "A" * 300]
)
def test_no_token_no_call(world: World, header: str) -> None:
    response = world.client.get("/v1/datasets", headers={"Authorization": header.encode("latin-1")})  # type: ignore[dict-item]
    refused(response, 401, "NotSignedIn")


@given(st.text(max_size=200))
def test_no_text_is_a_token(text: str) -> None:
    from datetime import UTC, datetime

    found = tokens.Tokens("ab" * 32, lambda: datetime.now(UTC), 4096, 16)
    with pytest.raises(ProblemError) as caught:
        found.check(text, "status.read", "/v1/status", "read")
    assert caught.value.status_code == 401


def test_secrets_are_in_no_line_of_the_log(world: World) -> None:
    given_ = world.challenge("owner")
    signature = answer(world.identity("owner"), given_["challenge"], given_["audience"])
    asked = {"challenge": given_["challenge"], "signature": signature}
    token = world.client.post("/v1/auth/tokens", json=asked).json()["token"]
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "a-secret-key"}
    world.client.get("/v1/datasets?cursor=a-secret-query", headers=headers)
    world.client.post("/v1/grants", json={"plan": "a-secret-plan"}, headers=headers)
    world.client.get("/v1/datasets/a-secret-path", headers=headers)
    text = "\n".join(world.lines)
    assert '"operation": "grants.give"' in text
    for secret in (token, token[:40], signature, given_["challenge"], "a-secret"):
        assert secret not in text
    assert all(isinstance(json.loads(line), dict) for line in world.lines)


def test_signing_out_ends_what_was_weakened_from_it_and_not_the_other_way_round(world: World) -> None:
    given_ = world.sign_in("builder").json()
    less = weaken(given_["token"], ['operation($o), ["auth.sign-out", "grants.list"].contains($o)'], given_["issuer"])
    least = weaken(less, ['access("read")'], given_["issuer"])
    assert [ask(world, token, "/v1/grants") for token in (given_["token"], less, least)] == [200, 200, 200]
    done = world.client.delete("/v1/auth/token", headers={"Authorization": f"Bearer {less}"})
    assert done.status_code == 204
    assert [ask(world, token, "/v1/grants") for token in (given_["token"], less, least)] == [200, 401, 401]
    fresh = weaken(less, ["true"], given_["issuer"])
    assert ask(world, fresh, "/v1/grants") == 401
    world.client.delete("/v1/auth/token", headers={"Authorization": f"Bearer {given_['token']}"})
    assert ask(world, given_["token"], "/v1/grants") == 401


def test_what_was_signed_out_is_forgotten_with_its_time(world: World) -> None:
    for _ in range(3):
        token = world.token("builder", seconds=30)
        assert world.client.delete("/v1/auth/token", headers={"Authorization": f"Bearer {token}"}).status_code == 204
    assert len(world.context.gate.tokens._ended) == 3
    world.late = timedelta(seconds=31)
    token = world.token("builder")
    assert world.client.delete("/v1/auth/token", headers={"Authorization": f"Bearer {token}"}).status_code == 204
    assert len(world.context.gate.tokens._ended) == 1
