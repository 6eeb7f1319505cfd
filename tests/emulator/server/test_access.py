"""Authentication and authorization: keys, valid and invalid public tokens, and the scopes of each route."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.emulator.small_world import START_MS, a_world, later, started
from tests.support.recordings import recording
from tui.emulator.access import (
    AUDIENCE,
    ISSUER,
    PUBLIC_TOKEN,
    SECRET_KEY,
    Access,
    Permission,
    check,
    claims_of,
    identify,
    sign,
    sign_token,
)
from tui.emulator.environment import DEVELOPMENT, PRODUCTION
from tui.emulator.exchange import ApiResponse, Refusal
from tui.emulator.world import World

BOTH = (DEVELOPMENT, PRODUCTION)
NOW_S = START_MS / 1000
CLAIMS = claims_of(DEVELOPMENT, ["read:runs"]) | {"iss": ISSUER, "aud": AUDIENCE, "exp": NOW_S + 60}
NO_KEY = "Invalid API key"
NO_TOKEN = "Public Access Token is invalid"


def access_of(header: str | None, now_ms: int = START_MS) -> Access:
    return identify(header, BOTH, now_ms)


def bearer(token: str, now_ms: int = START_MS) -> Access:
    return access_of(f"Bearer {token}", now_ms)


def coded(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(**changes: Any) -> str:
    """A valid token except for these claims. None leaves a claim out."""
    return sign({name: value for name, value in (CLAIMS | changes).items() if value is not None}, DEVELOPMENT.key)


# --- keys


@pytest.mark.parametrize("environment", BOTH)
@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   "])
def test_key_belongs_to_its_environment(environment: Any, scheme: str) -> None:
    access = access_of(f"{scheme}{environment.key} ")
    assert (access.environment, access.scopes, access.limit) == (environment, None, SECRET_KEY)


@pytest.mark.parametrize(
    "header",
    [
        "Bearer tr_dev_emulato",
        "Bearer tr_dev_emulatorx",
        "Bearer TR_DEV_EMULATOR",
        "Bearer tr_pat_0123",
        "Bearer",
        "Bearer  ",
        "Basic dHJfZGV2X2VtdWxhdG9y",
        "tr_dev_emulator",
        "Bearer tr_dev_emulator tr_dev_emulator",
        "Bearer a.b.c",
        "Bearer ..",
        "Bearer \xff\xfe",
        "Bearer " + "." * 10_000,
    ],
)
def test_unknown_token_counts_as_a_secret_key(header: str) -> None:
    access = access_of(header)
    assert (access.environment, access.error, access.limit) == (None, NO_KEY, SECRET_KEY)


@pytest.mark.parametrize("header", [None, "", "   "])
def test_missing_header_is_refused_as_recorded(header: str | None) -> None:
    with pytest.raises(Refusal) as caught:
        access_of(header)
    recorded = recording("901")["response"]
    answer = caught.value.answer
    assert (answer.status, answer.body) == (recorded["status"], recorded["body"])
    assert answer.headers["content-type"] == recorded["headers"]["content-type"]


@given(st.text(st.characters(max_codepoint=255), max_size=200))
def test_any_header_is_known_or_unknown(text: str) -> None:
    if text.strip():
        assert access_of(text).environment is None
    assert bearer(f"{text}.{text}.{text}").environment is None


# --- public tokens


@pytest.mark.parametrize("environment", BOTH)
def test_public_token_belongs_to_its_environment(environment: Any) -> None:
    token = sign_token(environment, ["read:runs", "write:runs"], issued_s=NOW_S, expires_s=NOW_S + 60)
    access = bearer(token)
    assert (access.environment, access.limit) == (environment, PUBLIC_TOKEN)
    assert access.scopes == frozenset({"read:runs", "write:runs"})


def test_token_expires_by_the_worlds_clock() -> None:
    token = signed(exp=NOW_S + 60)
    assert bearer(token, START_MS + 59_999).environment is DEVELOPMENT
    over = bearer(token, START_MS + 60_000)
    assert (over.environment, over.error, over.limit) == (None, NO_TOKEN, SECRET_KEY)
    assert over.error == recording("915")["response"]["body"]["error"]


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": PRODUCTION.id},
        {"sub": "nobody"},
        {"sub": None},
        {"sub": 7},
        {"iss": "https://elsewhere.dev"},
        {"iss": None},
        {"aud": "https://elsewhere.dev"},
        {"aud": None},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": [NOW_S + 60]},
        {"exp": -1},
    ],
)
def test_token_with_wrong_claims_is_invalid(changes: dict[str, Any]) -> None:
    access = bearer(signed(**changes))
    assert (access.environment, access.error) == (None, NO_TOKEN)


def test_required_claims_are_sufficient() -> None:
    assert bearer(signed()).environment is DEVELOPMENT
    assert bearer(signed(aud=["https://elsewhere.dev", AUDIENCE], iat=0, otu=True, more={})).environment is DEVELOPMENT


@pytest.mark.parametrize("pub", [None, False, "true", 1])
def test_token_without_pub_is_an_unknown_key(pub: Any) -> None:
    access = bearer(signed(pub=pub))
    assert (access.environment, access.error) == (None, NO_KEY)


@pytest.mark.parametrize("scopes", [None, [], "read:runs", {"read:runs": True}, ["read:runs", 7], [["read:runs"]], 5])
def test_scopes_of_unknown_form_count_as_none(scopes: Any) -> None:
    access = bearer(signed(scopes=scopes))
    assert (access.environment, access.scopes, access.limit) == (DEVELOPMENT, frozenset(), PUBLIC_TOKEN)
    with pytest.raises(Refusal) as caught:
        check(access, Permission.READ_LIST, {}, {}, a_world().ledger)
    assert caught.value.answer.status == 403


def test_token_signed_with_another_key_is_invalid() -> None:
    for token in (sign(CLAIMS, PRODUCTION.key), sign(CLAIMS, "x"), sign(CLAIMS, "tr_dev_emulator\n")):
        assert (bearer(token).environment, bearer(token).error) == (None, NO_TOKEN)
    assert recording("916")["response"]["body"]["error"] == NO_TOKEN


@pytest.mark.parametrize("algorithm", ["none", "None", "RS256", "HS512", "hs256", "", None, 7])
def test_token_with_another_algorithm_is_invalid(algorithm: Any) -> None:
    head, claims, signature = signed().split(".")
    other = coded({"alg": algorithm, "typ": "JWT"})
    # Without a signature, with that of the true header, and with our own of the other header.
    ours = sign_with_head({"alg": algorithm, "typ": "JWT"})
    for token in (f"{other}.{claims}.", f"{other}.{claims}.{signature}", ours):
        assert (bearer(token).environment, bearer(token).error) == (None, NO_TOKEN)
    assert bearer(f"{head}.{claims}.{signature}").environment is DEVELOPMENT


def sign_with_head(head: Mapping[str, Any]) -> str:
    from tui.emulator.access import _signature

    text = f"{coded(head)}.{coded(CLAIMS)}"
    return f"{text}.{_signature(text.encode(), DEVELOPMENT.key).decode()}"


def test_token_with_extra_header_fields_is_valid() -> None:
    assert bearer(sign_with_head({"alg": "HS256", "typ": "JWT", "kid": "1"})).environment is DEVELOPMENT
    assert bearer(sign_with_head({"alg": "HS256", "kid": 1})).environment is None


def changed(token: str) -> list[str]:
    """The token with an error that a lenient parser overlooks."""
    head, claims, signature = token.split(".")
    return [
        f"{head}.{claims}.{signature}!",
        f"{head}.{claims}.{signature}=",
        f"{head}.{claims}.{signature}AA",
        f"{head}.{claims}.{signature[:-1]}",
        f"{head}.{claims}.{signature[1:]}",
        f"{head}.{claims}.!!!!",
        f"{head}.{claims}.\xff",
        f"{head}.{claims}.",
    ]


@pytest.mark.parametrize("at", range(8))
def test_token_with_a_changed_signature_is_invalid(at: int) -> None:
    access = bearer(changed(signed())[at])
    assert (access.environment, access.error) == (None, NO_TOKEN)


@pytest.mark.parametrize(
    "claims",
    [
        b"",
        b"{",
        b"\xff\xff",
        b"null",
        b"[]",
        b'"pub"',
        b'{"pub":true',
        b"[" * 8000,
        b'{"x":' + b"[" * 8000 + b"]" * 8000 + b"}",
    ],
)
def test_unreadable_token_is_an_unknown_key(claims: bytes) -> None:
    for token in (f"{coded({'alg': 'HS256'})}.{coded(claims)}.AAAA", f"{coded(claims)}.{coded(CLAIMS)}.AAAA"):
        assert bearer(token).environment is None
    assert bearer(f"{coded({'alg': 'HS256'})}.{coded(claims)}.AAAA").error == NO_KEY


# --- scopes


def refusal(
    access: Access, permission: Permission, world: World, path: Mapping[str, str], **query: str
) -> ApiResponse | None:
    try:
        check(access, permission, path, query, world.ledger)
    except Refusal as refused:
        return refused.answer
    return None


Path = Callable[[World], Mapping[str, str]]


def _run(world: World) -> Mapping[str, str]:
    return {"id": started(world, "hello", tags=("a", "b c")).id}


def _child(world: World) -> Mapping[str, str]:
    parent = started(world, "pipeline", 20_000)
    return {"id": next(run for run in parent.children if run.batch_id).id}


def _batch(world: World) -> Mapping[str, str]:
    return {"id": world.ledger.by_id[_child(world)["id"]].batch_id}


def _task(_: World) -> Mapping[str, str]:
    return {"task": "hello"}


def _group(world: World) -> Mapping[str, str]:
    failure = started(world, "fail", 20_000).failure
    assert failure is not None
    return {"id": f"error_{failure.fingerprint}"}


def _nothing(_: World) -> Mapping[str, str]:
    return {}


READ = ("admin", "read:all", "read:runs")
TABLE: list[tuple[Permission, Path, tuple[str, ...], tuple[str, ...]]] = [
    (
        Permission.READ_LIST,
        _nothing,
        (*READ, "read:tasks"),
        ("read:runs:run_x", "read:tags:a", "read:tasks:hello", "write:runs", "read", "read:run", "", "READ:RUNS"),
    ),
    (
        Permission.READ_RUN,
        _run,
        (*READ, "read:runs:<id>", "read:tags:a", "read:tags:b c", "read:tasks:hello"),
        ("read:runs:run_x", "read:tags:b", "read:tags:", "read:batch:", "read:tasks:fail", "write:runs:<id>"),
    ),
    (
        Permission.READ_RUN,
        _child,
        (*READ, "read:runs:<id>", "read:batch:<batch>", "read:tasks:leaf"),
        ("read:batch:batch_x", "read:tags:"),
    ),
    (Permission.READ_RUN, _batch, (*READ, "read:batch:<id>"), ("read:batch:batch_x", "read:runs:run_x", "write:all")),
    (
        Permission.WRITE_RUN,
        _run,
        ("admin", "write:all", "write:runs", "write:runs:<id>"),
        ("read:runs", "read:all", "read:runs:<id>", "write:runs:run_x", "write:tags:a", "write:tasks"),
    ),
    (
        Permission.TRIGGER,
        _task,
        ("admin", "write:all", "write:tasks", "trigger:tasks", "write:tasks:hello", "trigger:tasks:hello"),
        ("trigger:tasks:fail", "write:runs", "read:all", "trigger"),
    ),
    (Permission.QUERY, _nothing, ("admin", "read:all", "*:all", "read:query"), ("read:runs", "write:all")),
    (
        Permission.READ_ERRORS,
        _nothing,
        ("admin", "read:all", "*:all", "read:errors"),
        ("read:runs", "write:all", "write:errors", "read:errors:error_x"),
    ),
    (
        Permission.READ_ERRORS,
        _group,
        ("read:errors", "read:errors:<id>"),
        ("read:runs", "read:errors:error_x", "read:tasks:fail"),
    ),
    (
        Permission.WRITE_ERRORS,
        _group,
        ("admin", "write:all", "*:all", "write:errors", "write:errors:<id>"),
        ("read:all", "read:errors", "write:runs", "write:errors:error_x"),
    ),
    (Permission.SECRET, _nothing, (), ("admin", "read:all", "write:all")),
]


@pytest.mark.parametrize(("permission", "path", "opening", "closed"), TABLE)
def test_scopes_open_their_routes(
    permission: Permission, path: Path, opening: tuple[str, ...], closed: tuple[str, ...]
) -> None:
    world = a_world()
    at = path(world)
    run = world.ledger.by_id.get(at.get("id", ""))

    def with_scope(scope: str) -> ApiResponse | None:
        scope = scope.replace("<id>", at.get("id", "")).replace("<batch>", run.batch_id if run else "")
        return refusal(bearer(signed(scopes=["other", scope])), permission, world, at)

    assert [scope for scope in opening if with_scope(scope) is not None] == []
    assert [scope for scope in closed if with_scope(scope) is None] == []
    status = {answer.status for scope in closed if (answer := with_scope(scope))}
    assert status == ({401} if permission is Permission.SECRET else {403})
    # A secret key may do everything.
    assert refusal(bearer(DEVELOPMENT.key), permission, world, at) is None


def test_missing_scope_is_refused_as_recorded() -> None:
    world = a_world()
    access = bearer(signed(scopes=["read:runs"]))
    for permission, number in ((Permission.WRITE_RUN, "914"), (Permission.SECRET, "918")):
        answer = refusal(access, permission, world, _run(world))
        recorded = recording(number)["response"]
        assert answer is not None
        assert (answer.status, answer.body) == (recorded["status"], recorded["body"])


def test_task_scope_opens_the_list_of_that_task() -> None:
    world = a_world()
    access = bearer(signed(scopes=["read:tasks:hello"]))
    assert refusal(access, Permission.READ_LIST, world, {}, **{"filter[taskIdentifier]": "fail,hello"}) is None
    assert refusal(access, Permission.READ_LIST, world, {}, **{"filter[taskIdentifier]": "fail"}) is not None
    assert refusal(access, Permission.READ_LIST, world, {}, **{"filter[tag]": "hello"}) is not None


def test_unknown_run_passes_the_scope_check() -> None:
    world = a_world()
    access = bearer(signed(scopes=["read:runs:run_other"]))
    assert refusal(access, Permission.READ_RUN, world, {"id": "run_x"}) is None
    assert refusal(access, Permission.READ_RUN, world, _run(world)) is not None
    assert refusal(access, Permission.WRITE_RUN, world, {"id": "run_x"}) is not None


def test_tag_scope_opens_a_run_tagged_later() -> None:
    world = a_world()
    run = started(world, "slow")
    access = bearer(signed(scopes=["read:tags:late"]))
    assert refusal(access, Permission.READ_RUN, world, {"id": run.id}) is not None
    world.lifecycle.add_tags(run, ("late",))
    later(world, 1)
    assert refusal(access, Permission.READ_RUN, world, {"id": run.id}) is None


def test_each_unknown_token_has_its_own_limit() -> None:
    tokens = {bearer(token).token for token in (signed(), signed(scopes=[]), DEVELOPMENT.key, PRODUCTION.key)}
    assert len(tokens) == 4
    assert replace(bearer(signed()), scopes=None).limit is SECRET_KEY


def test_key_has_one_limit_for_all_spellings() -> None:
    spellings = ("Bearer tr_dev_emulator", "bearer tr_dev_emulator", "Bearer   tr_dev_emulator ")
    assert len({identify(each, [DEVELOPMENT, PRODUCTION], 0).token for each in spellings}) == 1
