"""Authentication and authorization: secret keys, public tokens, and the scopes that routes require.

Public tokens are JWTs signed with the environment's secret key. Source: tests/wire/recordings/README.md §1 and §10,
recordings 900-918. The scopes of each route come from the server's source code.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum

from tui.emulator.environment import Environment
from tui.emulator.exchange import Refusal
from tui.emulator.limits import PUBLIC_TOKEN, SECRET_KEY, Limit
from tui.emulator.public_tokens import BadToken, acting_user, claimed_subject, is_public_token, read_token
from tui.emulator.simulation.ledger import Ledger

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
    secret key. `user` is the user that a public token acts for.
    """

    token: str
    environment: Environment | None
    scopes: frozenset[str] | None = None
    error: str = "Invalid API key"
    user: str | None = None

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
    return _public(unknown, token, environments, now_ms) if is_public_token(token) else unknown


def _public(unknown: Access, token: str, environments: Collection[Environment], now_ms: int) -> Access:
    subject = claimed_subject(token)
    environment = next((each for each in environments if each.id == subject), None)
    if environment is not None:
        with suppress(BadToken):
            return Access(token, environment, read_token(token, environment.key, now_ms), user=acting_user(token))
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
