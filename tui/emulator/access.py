"""Authentication and authorization: secret keys, public tokens, the scopes that routes require, and rate limits."""

import json
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from hmac import compare_digest
from typing import Any

import jwt
from jwt.utils import base64url_decode, base64url_encode

from tui.emulator.environment import Environment
from tui.emulator.exchange import Refusal
from tui.emulator.simulation.ledger import Ledger
from tui.emulator.simulation.script import Json

# Rate limits by bearer token, with their headers and the 429.
#
# A secret key has a bucket of 750 requests, refilled by 250 every 10 s from its first request on. A public token has 60
# requests a minute. Source: tests/wire/recordings/README.md §10, recordings 010, 910-918, 930, 931.


MAX_TOKENS = 1000
"""Tokens that are remembered. Random keys must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket of `most` requests, refilled by `refill` every `period_ms`; with `is_aligned` at the clock's minutes."""

    most: int
    refill: int
    period_ms: int
    is_aligned: bool = False


SECRET_KEY = Limit(750, 250, 10_000)
DEPLOYMENTS = Limit(1_500, 250, 10_000)
"""Of the routes of deployments, for every key (recordings 820, 1080). The refill is not recorded."""

PUBLIC_TOKEN = Limit(60, 60, 60_000, is_aligned=True)


@dataclass(slots=True)
class _Bucket:
    remaining: int
    refilled_ms: int


@dataclass(frozen=True, slots=True)
class RateLimitState:
    """The state of a bucket after a request. `reset_ms` is the next refill in epoch milliseconds."""

    limit: int
    remaining: int
    reset_ms: int
    now_ms: int
    is_allowed: bool

    def headers(self) -> Mapping[str, str]:
        """The three headers of every response that counts."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-reset": str(self.reset_ms),
        }

    def refusal(self) -> Json:
        """The body of a 429 (recording 930)."""
        seconds = (self.reset_ms - self.now_ms) / 1000
        text = f"Rate limit exceeded 0/{self.limit} requests remaining. Retry in {seconds:g} seconds."
        return {
            "title": "Rate Limit Exceeded",
            "status": 429,
            "type": "https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/429",
            "detail": text,
            "reset": self.reset_ms,
            "limit": self.limit,
            "remaining": -1,
            "secondsUntilReset": seconds,
            "error": text,
        }


class Limiter:
    """Counts the requests of each token."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def count_request(self, token: str, limit: Limit, now_ms: int) -> RateLimitState:
        bucket = self._buckets.get(token)
        if bucket is None:
            first_ms = now_ms - now_ms % limit.period_ms if limit.is_aligned else now_ms
            bucket = self._buckets[token] = _Bucket(limit.most, first_ms)
            if len(self._buckets) > MAX_TOKENS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(token)
        periods = max(0, now_ms - bucket.refilled_ms) // limit.period_ms
        bucket.refilled_ms += periods * limit.period_ms
        bucket.remaining = min(limit.most, bucket.remaining + periods * limit.refill)
        is_allowed = bucket.remaining > 0
        if is_allowed:
            bucket.remaining -= 1
        return RateLimitState(limit.most, bucket.remaining, bucket.refilled_ms + limit.period_ms, now_ms, is_allowed)

    def forget(self) -> None:
        """Refill all buckets, because the limits have changed."""
        self._buckets.clear()


# Functions that sign and read public access tokens: JWTs with HS256, signed with their environment's key.
#
# They call the library's algorithm directly, because its usual functions warn about keys as short as
# `tr_dev_emulator`. Source: tests/wire/recordings/README.md §1.


ISSUER = "https://id.trigger.dev"
AUDIENCE = "https://api.trigger.dev"
_ALGORITHM = "HS256"


class BadToken(Exception):
    """The token is forged, expired or malformed."""


def sign_token(environment: Environment, scopes: list[str], *, issued_s: float, expires_s: float) -> str:
    """Sign a token with these scopes. Times are epoch seconds."""
    return sign(
        claims_of(environment, scopes) | {"iss": ISSUER, "aud": AUDIENCE, "iat": issued_s, "exp": expires_s},
        environment.key,
    )


def claims_of(environment: Environment, scopes: list[str]) -> dict[str, Any]:
    """The claims of a token, without its times and its audience."""
    return {"sub": environment.id, "pub": True, "scopes": scopes}


def sign(claims: Mapping[str, Any], key: str) -> str:
    """Sign any claims."""
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in ({"alg": _ALGORITHM}, claims)]
    signed = b".".join(base64url_encode(part) for part in parts)
    return b".".join((signed, _signature(signed, key))).decode()


def claimed_subject(token: str) -> str:
    """The environment id that it claims, unchecked; "" for none."""
    subject = _claims(token).get("sub")
    return subject if isinstance(subject, str) else ""


def acting_user(token: str) -> str | None:
    """The id of the user that a token minted with a personal access token acts for, unchecked."""
    actor = _claims(token).get("act")
    user = actor.get("sub") if isinstance(actor, dict) else None
    return user if isinstance(user, str) else None


def read_token(token: str, key: str, now_ms: int) -> frozenset[str]:
    """The scopes of a valid token; no scopes where they have an unknown form.

    Raises `BadToken` for a token that is forged, expired or made for another service.
    """
    signed, _, signature = token.rpartition(".")
    if not compare_digest(_signature(signed.encode(), key), signature.encode()):
        raise BadToken("the signature is another's")
    options = {"verify_signature": False, "verify_aud": True, "verify_iss": True}
    try:
        claims = jwt.decode(token, options=options, audience=AUDIENCE, issuer=ISSUER)  # type: ignore[arg-type]
        algorithm = jwt.get_unverified_header(token).get("alg")
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise BadToken(str(error)) from None
    if algorithm != _ALGORITHM:
        raise BadToken("signed in another way")
    # Expiry is checked with the world's clock, which may differ from the machine's.
    expires_s = claims.get("exp")
    if isinstance(expires_s, bool) or not isinstance(expires_s, int | float) or not expires_s * 1000 > now_ms:
        raise BadToken("over")
    scopes = claims.get("scopes")
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        return frozenset()
    return frozenset(scopes)


def _claims(token: str) -> dict[str, Any]:
    """The unverified claims; empty when they cannot be read."""
    parts = token.split(".")
    try:
        claims = json.loads(base64url_decode(parts[1])) if len(parts) == 3 else None
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _signature(signed: bytes, key: str) -> bytes:
    algorithm = jwt.get_algorithm_by_name(_ALGORITHM)
    return base64url_encode(algorithm.sign(signed, algorithm.prepare_key(key)))


# Identifies the sender of a request, and checks that the route permits it.
#
# Source: tests/wire/recordings/README.md §1 and §10, recordings 900-918. The scopes of each route come from the
# server's source code.


EVERYTHING = "*:all"
"""A scope that is sufficient wherever a public token may pass."""


class Permission(Enum):
    """The permission that a route requires of a public token."""

    READ_LIST = "the list"
    READ_RUN = "one run"
    FOLLOW = "the feed of many runs"
    WRITE_RUN = "to change one run"
    TRIGGER = "to trigger a task"
    QUERY = "to query"
    READ_ERRORS = "error groups"
    WRITE_ERRORS = "to change the state of an error group"
    READ_QUEUE = "one queue"
    READ_DEPLOYMENTS = "deployments"
    COMPLETE = "to complete a waitpoint token"
    SECRET = "a secret key"  # noqa: S105  the name of a permission


_KINDS: Mapping[Permission, tuple[str, str, str]] = {
    Permission.QUERY: ("read", "query", ""),
    Permission.READ_ERRORS: ("read", "errors", "id"),
    Permission.WRITE_ERRORS: ("write", "errors", "id"),
    Permission.READ_QUEUE: ("read", "queues", "queue"),
    Permission.READ_DEPLOYMENTS: ("read", "deployments", "id"),
    Permission.COMPLETE: ("write", "waitpoints", "id"),
}
"""For each permission about one kind of things, the words of its scope, and the part of the path that names one."""


@dataclass(frozen=True, slots=True)
class Access:
    """The sender of a request. `environment` is None for an unknown key, with the `error`; `scopes` is None for a
    secret key.
    """

    token: str
    environment: Environment | None
    scopes: frozenset[str] | None = None
    error: str = "Invalid API key"

    @property
    def limit(self) -> Limit:
        """The rate limit. An unknown token counts as a secret key (recordings 900, 915)."""
        return PUBLIC_TOKEN if self.scopes is not None else SECRET_KEY


def identify(
    authorization: str | None, environments: Collection[Environment], now_ms: int, *, is_realtime: bool = False
) -> Access:
    """Authenticate the sender. Raises `Refusal` without a header (recording 901; for feeds 906)."""
    if authorization is None or not authorization.strip():
        if is_realtime:
            raise Refusal(401, {"error": "Invalid or Missing API key"})
        text = "No authorization header provided"
        raise Refusal(
            401,
            {
                "title": "Unauthorized",
                "status": 401,
                "type": "https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/401",
                "detail": text,
                "error": text,
            },
            {"content-type": "application/problem+json; charset=utf-8"},
        )
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    unknown = Access(authorization, None)
    if scheme.lower() != "bearer":
        return unknown
    for environment in environments:
        if token == environment.key:
            return Access(token, environment)
    # Whether it is a public token is its own claim. Other tokens were compared with the secret keys.
    return _public(unknown, token, environments, now_ms) if _claims(token).get("pub") is True else unknown


def _public(unknown: Access, token: str, environments: Collection[Environment], now_ms: int) -> Access:
    subject = claimed_subject(token)
    environment = next((each for each in environments if each.id == subject), None)
    if environment is not None:
        with suppress(BadToken):
            return Access(token, environment, read_token(token, environment.key, now_ms))
    return replace(unknown, error="Public Access Token is invalid")


def check(
    access: Access, permission: Permission, path: Mapping[str, str], query: Mapping[str, str], ledger: Ledger
) -> None:
    """Raise `Refusal` if the access is not permitted: 401 where no token may pass, 403 for missing scopes.

    A request for an unknown run passes, because the route answers it with a 404.
    """
    if access.scopes is None:
        return
    if permission is Permission.SECRET:
        raise Refusal(401, {"error": "Invalid API key"})
    if permission is Permission.READ_RUN and path["id"].startswith("run_") and path["id"] not in ledger.by_id:
        return
    if not (_sufficient_scopes(permission, path, query, ledger) | {EVERYTHING}) & access.scopes:
        raise forbidden()


def forbidden() -> Refusal:
    """The refusal for missing scopes (recordings 911-914)."""
    body = {"error": "Unauthorized", "code": "unauthorized", "param": "access_token", "type": "authorization"}
    return Refusal(403, body)


def _sufficient_scopes(
    permission: Permission, path: Mapping[str, str], query: Mapping[str, str], ledger: Ledger
) -> frozenset[str]:
    """Any one of these scopes is sufficient."""
    match permission:
        case Permission.READ_LIST:
            tasks = _scopes("read:tasks", query.get("filter[taskIdentifier]", "").split(","))
            return frozenset({"admin", "read:all", "read:runs", "read:tasks", *tasks})
        case Permission.READ_RUN:
            return frozenset({"admin", "read:all", "read:runs", *_scopes_of_run(path["id"], ledger)})
        case Permission.FOLLOW:
            tags = query.get("tags", "").split(",")
            of_tags = {"read:tags", *_scopes("read:tags", tags)} if any(tags) else ()
            return frozenset({"admin", "read:all", "read:runs", *of_tags})
        case Permission.WRITE_RUN:
            return frozenset({"admin", "write:all", "write:runs", f"write:runs:{path['id']}"})
        case Permission.TRIGGER:
            task = path["task"]
            names = ("write:tasks", "trigger:tasks", f"write:tasks:{task}", f"trigger:tasks:{task}")
            return frozenset({"admin", "write:all", *names})
        case Permission.SECRET:
            return frozenset()
        case _:
            word, kind, name = _KINDS[permission]
            return frozenset(
                {"admin", f"{word}:all", f"{word}:{kind}", *_scopes(f"{word}:{kind}", [path.get(name, "")])}
            )


def _scopes_of_run(run_id: str, ledger: Ledger) -> Iterator[str]:
    """The scopes for one run or one batch."""
    yield f"read:runs:{run_id}"
    yield f"read:batch:{run_id}"
    if (run := ledger.by_id.get(run_id)) is not None:
        yield from _scopes("read:tags", run.tags)
        yield from _scopes("read:batch", [run.batch_id])
        yield from _scopes("read:tasks", [run.task_id])


def _scopes(scope: str, names: Iterable[str]) -> Iterator[str]:
    return (f"{scope}:{name}" for name in names if name)
