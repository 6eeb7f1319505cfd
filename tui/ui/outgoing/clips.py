"""What the copy menu offers of a view beside the parts of a run: address, link, shell command, request.

It is made when the menu opens. A row that cannot be had is there too, with the reason.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from textual.screen import Screen

from tui.domain.filters import period_text
from tui.domain.ids import RunId
from tui.present.dialogs.copying import Clip
from tui.present.outgoing.shell import command_for, curl_for
from tui.present.redaction import HOLDS_KEY
from tui.session import Session
from tui.settings import Settings
from tui.store.addresses.view_address import ViewAddress
from tui.ui.base import app_of
from tui.ui.data.live_model import LiveModel
from tui.ui.data.subscription import RunSubscription
from tui.ui.input.clipboard import Clipboard
from tui.ui.model.errors.spans import DAY, SPANS
from tui.ui.screens.base import BaseScreen
from tui.ui.screens.copy_menu import CopyMenu
from tui.wire.client import API_VERSION, filter_params
from tui.wire.errors import ApiError
from tui.wire.findings.requests import QueuesRequest, get_request_of
from tui.wire.read_requests import ErrorGroupsRequest, EventsRequest, RunRequest, TraceRequest, http_request_of

PAGE_RUNS: Final = "100"
"""The runs of one page of the list, the most that the server sends."""

NO_CONTROLS: Final = "it has characters that must not be pasted"
THROUGH_RELAY: Final = "a relay has no API for other programs"
NO_DASHBOARD: Final = "not known; set dashboard.url in config.toml"
NO_PROJECT: Final = "the server has not named the project yet"


class Request(NamedTuple):
    """The path and the parameters of a GET request."""

    path: str
    params: Mapping[str, str]


def link_of(session: Session, run_id: RunId) -> tuple[str | None, str]:
    """Return the address of a run in the dashboard, or None and the reason."""
    environment, configured = session.store.environment, session.settings.dashboard_url
    link = None if environment is None else environment.link_to(run_id, configured)
    if link is not None:
        return link, ""
    if environment is None or environment.project_ref is None:
        return None, NO_PROJECT if configured else NO_DASHBOARD
    return None, NO_DASHBOARD


def clips_of_view(screen: Screen[Any], run_id: RunId | None) -> list[Clip]:
    """Return the rows for a run and for the view around it; `run_id` is the run that the other rows are about."""
    app = app_of(screen)
    session, address, shown = app.session, app.address_of(screen), _shown_rows(screen)
    rows: list[Clip] = []
    if run_id is not None:
        pane = address.pane if address.run == run_id else ""
        rows += _run_rows(session, ViewAddress("run", run=run_id, pane=pane))
    if address.run is None:
        # A filter may hold a key that was pasted into it. Other programs save what is on the clipboard.
        rows += (
            replace(row, text=None, note=HOLDS_KEY) if row.text is not None and session.secrets.finds(row.text) else row
            for row in _view_rows(screen, session, address, shown, has_run=run_id is not None)
        )
    return rows


def _run_rows(session: Session, address: ViewAddress) -> Iterable[Clip]:
    assert address.run is not None
    group, settings = "back to this run", session.settings
    link, reason = link_of(session, address.run)
    yield Clip("a", "address", str(address), group=group, is_shown=True)
    yield Clip("d", "dashboard link", link, reason, group, is_shown=True)
    yield _command("s", address, settings, group)
    read: type[EventsRequest | TraceRequest | RunRequest] = RunRequest
    if address.pane == "logs":
        read = EventsRequest
    elif address.pane in {"tree", "waterfall"}:
        read = TraceRequest
    try:
        path = http_request_of(read(address.run)).path
    except ApiError:
        yield Clip("c", "curl", None, NO_CONTROLS, group)
    else:
        yield _curl("c", Request(path, {}), settings, group)


def _view_rows(
    screen: Screen[Any], session: Session, address: ViewAddress, shown: int, *, has_run: bool
) -> Iterable[Clip]:
    """Yield the rows of a list. Their keys are capitals where a run has the small letters."""
    group = {"errors": "back to these errors", "queues": "back to these queues"}.get(address.view, "back to this list")
    a, s, c = "ASC" if has_run else "asc"
    yield Clip(a, "address", str(address), group=group, is_shown=True)
    yield _command(s, address, session.settings, group, shown)
    yield _curl(c, _request_of(screen, address), session.settings, group)


def _request_of(screen: Screen[Any], address: ViewAddress) -> Request:
    match address.view:
        case "errors":
            return _errors_request(address)
        case "queues":
            request = get_request_of(QueuesRequest())
            return Request(request.path, request.params)
        case _:
            return _list_request(screen)


def _command(key: str, address: ViewAddress, settings: Settings, group: str, shown: int = 0) -> Clip:
    text = command_for(address, settings, shown=shown)
    return Clip(key, "shell command", text, NO_CONTROLS if text is None else "", group, is_shown=True)


def _curl(key: str, request: Request, settings: Settings, group: str) -> Clip:
    text = curl_for(request.path, request.params, settings, headers={"x-trigger-api-version": API_VERSION})
    reason = THROUGH_RELAY if settings.relay_url is not None else NO_CONTROLS
    return Clip(key, "curl", text, reason if text is None else "", group, is_shown=True)


def _list_request(screen: Screen[Any]) -> Request:
    """Return the request of the first page of the list, as the monitor sends it."""
    chosen = app_of(screen).part(RunSubscription).chosen
    filters = chosen.filters
    if not filters.has_window:
        filters = replace(filters, period=period_text(chosen.period))
    return Request("/api/v1/runs", {**filter_params(filters), "page[size]": PAGE_RUNS})


def _errors_request(address: ViewAddress) -> Request:
    span = next((each for each in SPANS if each.name == address.since), DAY)
    request = http_request_of(ErrorGroupsRequest(span.name, None))
    return Request(request.path, request.params or {})


def _shown_rows(screen: Screen[Any]) -> int:
    front = next(each for each in reversed(screen.app.screen_stack) if isinstance(each, BaseScreen))
    return front.listed_runs


def open_copy_menu(
    screen: Screen[Any], live: LiveModel, run_id: RunId | None, clipboard: Clipboard, parts: Sequence[Clip] = ()
) -> None:
    """Let the user choose what to copy: `parts`, those of a run, and what leads to the run or to the view."""
    screen.app.push_screen(CopyMenu(live, run_id, clipboard, [*parts, *clips_of_view(screen, run_id)]))
