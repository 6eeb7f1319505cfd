"""A view as a shell command, and a request as a `curl`. They name the variable of the key, never the key.

Every value is one argument for a POSIX shell. A text with control characters has no command: pasting it could press
keys.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote, urlencode

from tui.domain.filters import parse_period
from tui.domain.status import filter_word
from tui.domain.text import clean
from tui.settings import DEFAULT_API_URL, PREVIEW_BRANCH, Settings
from tui.store.addresses.view_address import ViewAddress
from tui.store.server_filter import is_typable

PROGRAM: Final = "trigger-tui"
MAX_LISTED: Final = 50
"""Runs that `ls` prints without `--limit`."""

_KEY: Final = '"Authorization: Bearer $TRIGGER_SECRET_KEY"'
_RUN_COMMANDS: Final = {"": "show", "attempts": "show", "logs": "logs", "tree": "tree", "waterfall": "trace"}
"""The command that prints what a pane of a run shows."""

_ALL_ERRORS: Final = "24h"
"""What the errors view shows where its address names no span."""


def command_for(address: ViewAddress, settings: Settings, *, shown: int = 0) -> str | None:
    """Return the shell command that shows the same as a view; None if it cannot be written safely.

    It prints where a command prints the same, otherwise it opens the monitor at the address. `shown` is the number of
    rows of the view.
    """
    if settings.relay_url is not None:
        ca = () if settings.relay_ca is None else ("--tls-ca", str(settings.relay_ca))
        return shell_text((PROGRAM, "--relay", settings.relay_url, *ca, str(address)))
    variables = {}
    if settings.api_url.rstrip("/") != DEFAULT_API_URL:
        variables["TRIGGER_API_URL"] = settings.api_url
    if settings.branch:
        variables[PREVIEW_BRANCH] = settings.branch
    arguments = _printing_arguments(address, shown) or (str(address),)
    return shell_text((PROGRAM, *arguments), variables)


def shell_text(arguments: Sequence[str], variables: Mapping[str, str] | None = None) -> str | None:
    """Return a command line, with variables before it; None if a part has characters that must not be pasted."""
    parts = [*(f"{name}={shlex.quote(value)}" for name, value in (variables or {}).items()), shlex.join(arguments)]
    text = " ".join(parts)
    return text if is_pastable(text) else None


def curl_for(
    path: str,
    params: Mapping[str, str],
    settings: Settings,
    *,
    headers: Mapping[str, str],
) -> str | None:
    """Return the `curl` of a GET request to the API; None where it cannot be written safely, or through a relay."""
    if settings.relay_url is not None:
        return None
    query = f"?{urlencode(params, quote_via=quote)}" if params else ""
    named = {**headers, **({"x-trigger-branch": settings.branch} if settings.branch else {})}
    url = shlex.quote(f"{settings.api_url.rstrip('/')}{path}{query}")
    text = " ".join(
        ("curl -sS", f"-H {_KEY}", *(f"-H {shlex.quote(f'{name}: {value}')}" for name, value in named.items()), url)
    )
    return text if is_pastable(text) else None


def is_pastable(text: str) -> bool:
    """Return whether a terminal takes the text as it is: one line, without controls and invisible characters."""
    return text.isprintable() and clean(text) == text


def _printing_arguments(address: ViewAddress, shown: int) -> tuple[str, ...] | None:
    """Return the arguments of a command that prints the same as a view, or None."""
    if address.run is not None:
        command = _RUN_COMMANDS.get(address.pane)
        return None if command is None or address.run.startswith("-") else (command, address.run)
    if address.view == "errors":
        is_whole = not address.filter and not address.sort and address.server.is_empty
        return ("errors", "--since", address.since or _ALL_ERRORS) if is_whole else None
    if address.view == "queues":
        return ("queues",) if not address.filter and not address.sort else None
    return _ls_arguments(address, shown)


def _ls_arguments(address: ViewAddress, shown: int) -> tuple[str, ...] | None:
    """Return the arguments of `ls`. What is typed after `/` and other orders are the monitor's own."""
    server = address.server
    has_other = (
        server.machines or server.regions or server.errors or server.batch is not None or server.is_test is not None
    )
    has_period = not address.since or parse_period(address.since) is not None
    if address.filter or address.sort or has_other or not has_period:
        return None
    lists = {
        "status": [word.lower().replace("_", "-") for word in server.statuses],
        "task": server.tasks,
        "tag": server.tags,
        "version": server.versions,
        "queue": server.queues,
    }
    is_exact = [filter_word(word) for word in lists["status"]] == list(server.statuses)
    if not is_exact or not all(is_typable(value) for values in lists.values() for value in values):
        return None
    options = tuple(part for name, values in lists.items() for value in values for part in (f"--{name}", value))
    period = ("--period", address.since) if address.since else ()
    limit = ("--limit", str(shown)) if shown > MAX_LISTED else ()
    return ("ls", *options, *period, *limit)
