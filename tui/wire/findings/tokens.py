"""Decodes a page of waitpoint tokens, without their callback addresses: each holds the secret that completes its token.

`wire.callbacks` has removed the secrets from the body before, so that they are in no text of an error either.
Source: tests/wire/recordings/README.md §7 (recordings 1105, 1106).
"""

from typing import Annotated, Required, TypedDict

from tui.domain.findings.facts import WaitToken
from tui.domain.ids import Cursor
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.wire.error_groups import is_cursor
from tui.wire.limits import MAX_ID_CHARS, MAX_PAGE_ROWS, MAX_TAGS, Limits
from tui.wire.models import Pagination, decode
from tui.wire.schemas import OmittedOnError, none_on_error, of_length
from tui.wire.times import read_time


class TokenRow(TypedDict, total=False):
    """A token in the list, without its `url`. Dates are still texts."""

    id: Required[Annotated[str, of_length(1, MAX_ID_CHARS)]]
    status: Required[str]
    createdAt: Required[str]
    timeoutAt: OmittedOnError[str]
    tags: OmittedOnError[list[OmittedOnError[str]]]


class TokenRows(TypedDict, total=False):
    """The response of `GET /api/v1/waitpoints/tokens`; an unreadable row is None."""

    data: Required[list[Annotated[TokenRow | None, none_on_error]]]
    pagination: OmittedOnError[Pagination]


@dataclass(frozen=True, slots=True)
class TokensPage:
    """One page of the tokens that wait, newest first. `next` is the cursor of older ones."""

    tokens: tuple[WaitToken, ...]
    next: Cursor | None = None
    unreadable: int = 0


def decode_tokens(body: bytes, limits: Limits) -> TokensPage:
    """Decode the response of `GET /api/v1/waitpoints/tokens`. Raises `ServerFault`."""
    page = decode(TokenRows, body, "the list of waitpoint tokens", limits)
    rows = limits.take(page["data"], MAX_PAGE_ROWS, "tokens on a page")
    read = [_read_token(row, limits) for row in rows if row is not None and row["status"] == "WAITING"]
    tokens = tuple(token for token in read if token is not None)
    following = page.get("pagination", {}).get("next")
    cursor = Cursor(following) if following is not None and is_cursor(following) else None
    unreadable = rows.count(None) + len(read) - len(tokens)
    return TokensPage(tokens, cursor, unreadable)


def _read_token(row: TokenRow, limits: Limits) -> WaitToken | None:
    created_at = read_time(row["createdAt"])
    if created_at is None:
        return None
    tags = limits.take(row.get("tags", ()), MAX_TAGS, "tags of a token")
    return WaitToken(
        row["id"],
        created_at,
        tuple(Raw(limits.text(tag, "tag")) for tag in tags),
        read_time(row.get("timeoutAt")),
    )
