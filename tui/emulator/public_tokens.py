"""Signs and reads public access tokens: JWTs with HS256, signed with their environment's key.

This module calls the library's algorithm directly, because its usual functions warn about keys as short as
`tr_dev_emulator`. Source: tests/wire/recordings/README.md §1.
"""

import json
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any

import jwt
from jwt.utils import base64url_decode, base64url_encode

from tui.emulator.environment import Environment

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


def is_public_token(token: str) -> bool:
    """Whether it claims to be a public token, unchecked. Other tokens are compared with the secret keys."""
    return _claims(token).get("pub") is True


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
