"""Public access tokens: JWTs, HS256, signed with the key of their environment (wire/README.md §1).

What lives here: signing and reading. What a token allows is `access`' matter. The library's algorithm is called
directly: its front door warns of keys as short as `tr_dev_emulator`, which guard nothing.
"""

import json
from collections.abc import Mapping
from typing import Any

import jwt
from jwt.utils import base64url_decode, base64url_encode

from tui.emulator.environment import Environment

ISSUER = "https://id.trigger.dev"
AUDIENCE = "https://api.trigger.dev"
_ALGORITHM = "HS256"


class BadToken(Exception):
    """No token, or none that holds now."""


def sign_token(environment: Environment, scopes: list[str], *, issued_s: float, expires_s: float) -> str:
    """A token with these scopes. Times are epoch seconds."""
    return sign(
        claims_of(environment, scopes) | {"iss": ISSUER, "aud": AUDIENCE, "iat": issued_s, "exp": expires_s},
        environment.key,
    )


def claims_of(environment: Environment, scopes: list[str]) -> dict[str, Any]:
    """What a token says of itself, beside when and for whom."""
    return {"sub": environment.id, "pub": True, "scopes": scopes}


def sign(claims: Mapping[str, Any], key: str) -> str:
    """Any claims, signed."""
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in ({"alg": _ALGORITHM}, claims)]
    signed = b".".join(base64url_encode(part) for part in parts)
    algorithm = jwt.get_algorithm_by_name(_ALGORITHM)
    return b".".join((signed, base64url_encode(algorithm.sign(signed, algorithm.prepare_key(key))))).decode()


def claimed_subject(token: str) -> str:
    """Whose it says to be, unchecked. Raises `BadToken`."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise BadToken(str(error)) from None
    return str(claims.get("sub"))


def read_token(token: str, key: str, now_ms: int) -> frozenset[str]:
    """The scopes of a token that holds. Raises `BadToken` for one that is forged, over, or of somebody else."""
    signed, _, signature = token.rpartition(".")
    algorithm = jwt.get_algorithm_by_name(_ALGORITHM)
    try:
        is_ours = jwt.get_unverified_header(token).get("alg") == _ALGORITHM and algorithm.verify(
            signed.encode(), algorithm.prepare_key(key), base64url_decode(signature)
        )
        # The time is the world's, which need not be the machine's: it is looked at below.
        options = {"verify_signature": False, "verify_aud": True, "verify_iss": True}
        claims = jwt.decode(token, options=options, audience=AUDIENCE, issuer=ISSUER)  # type: ignore[arg-type]
        is_over = float(claims["exp"]) * 1000 <= now_ms
    except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
        raise BadToken(str(error)) from None
    scopes = claims.get("scopes")
    if not is_ours or is_over or claims.get("pub") is not True or not isinstance(scopes, list):
        raise BadToken("not ours, or over")
    return frozenset(map(str, scopes))
