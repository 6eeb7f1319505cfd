"""Decodes a page of the server's error groups, and the detail of one.

A row needs only what identifies its group: id, task and message. Everything else that is null or of a wrong type is
left out. Source: tests/wire/recordings/README.md §7 (recordings 1020-1030, 2700-2708).
"""

from typing import Annotated, Final, Required, TypedDict

from tui.api.errors import MAX_ID_CHARS, MAX_MESSAGE_CHARS, Limits, read_time
from tui.api.models import OmittedOnError, Pagination, decode, in_range, none_on_error, of_length
from tui.domain.errors.error import MAX_NAME_CHARS as MAX_TYPE_CHARS
from tui.domain.errors.groups import ServerErrorGroup, ServerGroupDetail, ServerGroupStatus
from tui.domain.ids import Cursor, ErrorGroupId, TaskId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

MAX_GROUPS: Final = 1_000
"""Groups of one page. We request 50."""

MAX_VERSIONS: Final = 100
"""Affected versions of one group."""

MAX_CURSOR_CHARS: Final = 2_000
"""Length of a cursor, which names a count, a fingerprint and a task."""

_Text = OmittedOnError[str]
_Count = OmittedOnError[Annotated[int, in_range(0, 2**53)]]
_Name = Annotated[str, of_length(1, MAX_ID_CHARS)]


class ErrorGroupRow(TypedDict, total=False):
    """A group, in the list or as a detail. Dates are still texts."""

    id: Required[_Name]
    taskIdentifier: Required[Annotated[str, of_length(1)]]
    errorMessage: Required[str]
    errorType: _Text
    fingerprint: _Text
    status: _Text
    count: _Count
    firstSeen: _Text
    lastSeen: _Text
    resolvedAt: _Text
    ignoredUntil: _Text
    affectedVersions: OmittedOnError[list[OmittedOnError[str]]]
    resolvedBy: _Text
    ignoredReason: _Text
    ignoredByUserId: _Text


class ErrorGroupRows(TypedDict, total=False):
    """The response of `GET /api/v1/errors`; an unreadable row is None."""

    data: Required[list[Annotated[ErrorGroupRow | None, none_on_error]]]
    pagination: OmittedOnError[Pagination]


@dataclass(frozen=True, slots=True)
class ErrorGroupPage:
    """One page of groups, the most frequent first. `next` is the cursor of the next page.

    `unreadable` counts dropped rows. `is_cut`: the page had more rows than MAX_GROUPS.
    """

    groups: tuple[ServerErrorGroup, ...]
    next: Cursor | None = None
    unreadable: int = 0
    is_cut: bool = False


def decode_error_groups(body: bytes, limits: Limits | None = None) -> ErrorGroupPage:
    """Decode the response of `GET /api/v1/errors`. `limits` records truncations. Raises `ServerFault`."""
    limits = limits or Limits()
    page = decode(ErrorGroupRows, body, "the list of errors", limits)
    rows = limits.take(page["data"], MAX_GROUPS, "groups on a page")
    groups = tuple(_read_group(row, limits, detail=None) for row in rows if row is not None)
    following = page.get("pagination", {}).get("next")
    # A cursor that cannot be sent back ends the list.
    cursor = Cursor(following) if following is not None and is_cursor(following) else None
    return ErrorGroupPage(groups, cursor, len(rows) - len(groups), len(rows) < len(page["data"]))


def is_cursor(text: str) -> bool:
    """Whether a text may be a cursor, which is base64 (recording 2703): a relay gets it from its screens."""
    return 0 < len(text) <= MAX_CURSOR_CHARS and text.isascii() and text.isprintable()


def decode_error_group(body: bytes, limits: Limits | None = None) -> ServerErrorGroup:
    """Decode the response of `GET /api/v1/errors/{id}`. `limits` records truncations. Raises `ServerFault`."""
    limits = limits or Limits()
    row = decode(ErrorGroupRow, body, "the error group", limits)
    detail = ServerGroupDetail(
        versions=tuple(
            Raw(limits.text(version, "version"))
            for version in limits.take(row.get("affectedVersions", ()), MAX_VERSIONS, "versions of an error group")
        ),
        resolved_by=_text(row.get("resolvedBy"), limits, "id of a user"),
        ignored_reason=_text(row.get("ignoredReason"), limits, "reason", MAX_MESSAGE_CHARS),
        ignored_by=_text(row.get("ignoredByUserId"), limits, "id of a user"),
    )
    return _read_group(row, limits, detail)


def _read_group(row: ErrorGroupRow, limits: Limits, detail: ServerGroupDetail | None) -> ServerErrorGroup:
    return ServerErrorGroup(
        id=ErrorGroupId(row["id"]),
        task=TaskId(limits.text(row["taskIdentifier"], "task")),
        message=Raw(limits.text(row["errorMessage"], "message of an error group", MAX_MESSAGE_CHARS)),
        type=_text(row.get("errorType"), limits, "type of an error", MAX_TYPE_CHARS),
        fingerprint=_text(row.get("fingerprint"), limits, "fingerprint", MAX_ID_CHARS),
        status=_status(row.get("status")),
        count=row.get("count"),
        first_seen=read_time(row.get("firstSeen")),
        last_seen=read_time(row.get("lastSeen")),
        resolved_at=read_time(row.get("resolvedAt")),
        ignored_until=read_time(row.get("ignoredUntil")),
        detail=detail,
    )


def _status(word: str | None) -> ServerGroupStatus | None:
    return ServerGroupStatus(word) if word in set(ServerGroupStatus) else None


def _text(text: str | None, limits: Limits, kind: str, max_chars: int = MAX_MESSAGE_CHARS) -> Raw | None:
    return None if text is None else Raw(limits.text(text, kind, max_chars))
