"""The environment of the API key, and what the key may do there.

Source: tests/wire/recordings/README.md §1, §10.
"""

import re
from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tui.domain.run import RunId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

_ADDRESS: Final = r"https?://[A-Za-z0-9.:\[\]_-]+(?:/[A-Za-z0-9._~-]+)*"
_NAME: Final = r"[A-Za-z0-9_-]{1,100}"
_MAX_ID_CHARS: Final = 300


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment as `whoami` describes it. The API key in that response is never stored.

    `slug` is dev, staging, prod or preview; `type` is DEVELOPMENT, STAGING, PRODUCTION or PREVIEW. `project_ref` is the
    project's id in addresses. `dashboard_url` is the address of the dashboard, which not every server names; both are
    None where they are not known. `is_paused`: no run starts. The same environment may be paused and resumed, the last
    time at `resumed_at`, as far as the program saw it.
    """

    slug: Raw
    type: str
    project: Raw = Raw("")
    organisation: Raw = Raw("")
    project_ref: Raw | None = None
    dashboard_url: Raw | None = None
    is_paused: bool = field(default=False, compare=False)
    resumed_at: datetime | None = field(default=None, compare=False)

    def link_to(self, run_id: RunId, dashboard_url: str | None = None) -> str | None:
        """Return the address of a run in the dashboard, None where it is not known or not a plain web address.

        `dashboard_url` is used instead of the server's. The ids are percent-encoded.
        Source: tests/wire/recordings/README.md §1.
        """
        from urllib.parse import quote  # noqa: PLC0415  the start must be fast

        base, ref = (dashboard_url or self.dashboard_url or "").rstrip("/"), self.project_ref or ""
        if not (re.fullmatch(_ADDRESS, base) and re.fullmatch(_NAME, ref)) or run_id in {"", ".", ".."}:
            return None
        encoded = quote(run_id, safe="", errors="replace")
        return f"{base}/projects/v3/{ref}/runs/{encoded}" if len(encoded) <= _MAX_ID_CHARS else None

    def at_dashboard(self, url: str | None) -> "Environment":
        """Return the same environment with another address of its dashboard; with None it is this one."""
        return self if url is None else replace(self, dashboard_url=Raw(url))

    @property
    def is_development(self) -> bool:
        """Whether its runs are executed by a developer's machine."""
        return self.type.upper() == "DEVELOPMENT"

    @property
    def is_production(self) -> bool:
        """Whether the environment is, or may be, production. An unknown type counts as production."""
        return self.type.upper() not in {"DEVELOPMENT", "STAGING", "PREVIEW"}


class Capability(StrEnum):
    """A kind of request that the server may refuse an API key while the rest of the program still works."""

    QUERY = "query"
    TRACE = "trace"
    REALTIME = "realtime"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The `x-ratelimit-*` headers: `remaining` of `limit` requests are left until the refill in `resets_in`."""

    limit: int
    remaining: int
    resets_in: timedelta
