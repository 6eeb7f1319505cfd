"""Keys and tokens that are never printed, and time zones by their names."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

# A key or token that is never printed, and the error about a missing or invalid setting.


SECRET_VARIABLES: Final = ("TRIGGER_SECRET_KEY", "TRIGGER_ACCESS_TOKEN", "TRIGGER_TUI_RELAY_TOKEN")
"""The variables that no line of output may show, and that other programs do not get."""

_TYPES: Final = {"tr_dev_": "DEVELOPMENT", "tr_stg_": "STAGING", "tr_prod_": "PRODUCTION", "tr_preview_": "PREVIEW"}
"""The prefixes of secret keys. Source: tests/wire/recordings/README.md §1."""

_RUN_SCOPE: Final = "write:runs:"
"""Before the id of a run in a scope."""

MIN_SECRET_CHARS: Final = 8
"""A shorter text would stand in ordinary variables too."""


class SettingsError(Exception):
    """A setting is missing or invalid. The text is one line that names the variable or flag."""


class Secret:
    """A key or token that never appears in a `repr`, a log or a traceback. `reveal` returns its text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, to send it or to redact it."""
        return self._text

    @property
    def is_public(self) -> bool:
        """Whether this is a public access token (a JWT) and not a secret key."""
        return self._text.count(".") == 2 and self._text.startswith("ey")

    @property
    def environment_type(self) -> str | None:
        """The type of the environment of a secret key, None if its prefix does not say it."""
        return next((kind for prefix, kind in _TYPES.items() if self._text.startswith(prefix)), None)

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that a public token claims, such as `read:runs`. Empty for a secret key or an unreadable token."""
        if not self.is_public:
            return ()
        part = self._text.split(".")[1]
        try:
            claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        except (ValueError, RecursionError):
            return ()
        scopes = claims.get("scopes") if isinstance(claims, dict) else None
        return tuple(scope for scope in scopes if isinstance(scope, str)) if isinstance(scopes, list) else ()

    @property
    def may_write(self) -> bool:
        """Whether the key may cancel and replay runs. A secret key may; a public token needs a scope."""
        if not self.is_public:
            return True
        return any(scope == "admin" or scope.startswith(("write:runs", "write:all")) for scope in self.scopes)

    @property
    def writable_runs(self) -> frozenset[str] | None:
        """The ids of the runs that a public token may write, None if its scopes name none, or the key may write all."""
        named = frozenset(scope[len(_RUN_SCOPE) :] for scope in self.scopes if scope.startswith(_RUN_SCOPE))
        is_wide = any(scope in {"admin", "write:runs"} or scope.startswith("write:all") for scope in self.scopes)
        return None if is_wide or not named else named

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


NO_SECRET = Secret("")
"""In place of a key or token that a session does not have."""


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Return variables for another program: all but the secret ones, and those that hold a copy of one."""
    secrets = [value for name in SECRET_VARIABLES if len(value := environ.get(name, "")) >= MIN_SECRET_CHARS]
    return {
        name: value
        for name, value in environ.items()
        if name not in SECRET_VARIABLES and not any(secret in value for secret in secrets)
    }


# Time zones by the name that the config file gives them: `UTC`, `local`, or one of the IANA database.


LOCAL: Final = "local"


class LocalZone(tzinfo):
    """The zone of this machine, TZ or /etc/localtime: Python takes a time without a zone for one of it."""

    def __repr__(self) -> str:
        return "LocalZone()"

    def utcoffset(self, at: datetime | None) -> timedelta:
        return _local(at).utcoffset() or timedelta()

    def dst(self, at: datetime | None) -> timedelta | None:  # noqa: ARG002  nothing here asks for it
        return None

    def tzname(self, at: datetime | None) -> str:
        return _local(at).tzname() or ""

    def fromutc(self, at: datetime) -> datetime:
        """Return a time in UTC, given with this zone, as local time."""
        utc = at.replace(tzinfo=UTC)
        try:
            local = utc.astimezone()
        except (OverflowError, OSError, ValueError):  # a year that the C library does not have
            local = utc
        shown = local.replace(tzinfo=self, fold=0)
        return shown if self.utcoffset(shown) == local.utcoffset() else shown.replace(fold=1)


def _local(at: datetime | None) -> datetime:
    """Return a local time with its offset. A change to winter time makes it ambiguous: `fold` then decides."""
    shown = datetime.now() if at is None else at.replace(tzinfo=None)  # noqa: DTZ005  the zone of this machine
    try:
        return shown.astimezone()
    except (OverflowError, OSError, ValueError):
        return shown.replace(tzinfo=UTC)


_LOCAL_ZONE: Final = LocalZone()


def zone_of(name: str) -> tzinfo:
    """Return the zone of a name. Raises `ValueError` for a name that this machine does not know."""
    if name.upper() == "UTC":
        return UTC
    if name.lower() == LOCAL:
        return _LOCAL_ZONE
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415  half a millisecond, which UTC does not need

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, RecursionError) as error:  # `Europe`; `a/a/a/…`
        raise ValueError(name) from error


def is_zone(name: str) -> bool:
    """Return whether this machine knows a zone of this name."""
    try:
        zone_of(name)
    except ValueError:
        return False
    return True


def has_zones() -> bool:
    """Return whether this machine knows zones by name: from /usr/share/zoneinfo, or from the package tzdata."""
    return is_zone("Europe/London")
