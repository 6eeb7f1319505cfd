"""Upper limits for the values of one response. Larger values are truncated, and each truncation is reported.

Today's servers stay below every limit: only a broken or hostile server exceeds one.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

MAX_PAGE_ROWS: Final = 1_000
"""Rows of one page of the list. We request 100, the server's maximum (recording 015)."""

MAX_FEED_ROWS: Final = 2_000
"""Rows of one response of the feed. The server sends at most 1,000 (recording 750)."""

MAX_QUERY_ROWS: Final = 10_000
"""Rows of a query, which is the server's own limit."""

MAX_RELATIVES: Final = 5_000
"""Direct children in the detail of a run."""

MAX_ID_CHARS: Final = 200
"""Length of a run id. A row with a longer id is unreadable."""

MAX_NAME_CHARS: Final = 1_000
"""Length of a task, version, tag or other name in a list, where every repaint cleans and measures it."""

MAX_MESSAGE_CHARS: Final = 10_000
"""Length of a span's message (a task name or a log line) and of a text in a query row."""

MAX_KEY_CHARS: Final = 4_000
"""Length of an idempotency key. The server accepts 2,048."""

MAX_TAGS: Final = 100
"""Tags of a run. The server accepts 10."""

MAX_METADATA_KEYS: Final = 10_000
"""Keys in the metadata of a run, which the server limits to 256 KB."""

MAX_ATTEMPTS: Final = 1_000
"""Attempts in a detail of an older server."""

MAX_SPANS: Final = 25_000
"""Spans of a trace. `/trace` has at most 5,000, `/events` 25,000."""

MAX_PAGE_BYTES: Final = 32 * 1024 * 1024
"""Size of one page: 100 rows with 256 KB of metadata each."""

MAX_QUERY_BYTES: Final = 16 * 1024 * 1024

MAX_INLINE_BYTES: Final = 256 * 1024
"""Larger bodies are decoded in a thread, so that the event loop keeps running."""

MAX_NOTES: Final = 10
"""Truncations reported for one response."""


class Limits:
    """Truncates the values of one response, and collects a note for each truncation."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def take(self, values: Sequence[T], max_count: int, kind: str) -> Sequence[T]:
        """Return the first `max_count` values. `kind` names them in the note, in the plural."""
        if len(values) <= max_count:
            return values
        self.note(f"{len(values):,} {kind}, only the first {max_count:,} are kept")
        return values[:max_count]

    def text(self, text: str, kind: str, max_chars: int = MAX_NAME_CHARS) -> str:
        """Return the first `max_chars` characters. `kind` names the text in the note, in the singular."""
        if len(text) <= max_chars:
            return text
        self.note(f"a {kind} of {len(text):,} characters, only the first {max_chars:,} are kept")
        return text[:max_chars]

    def note(self, text: str) -> None:
        """Add a note, unless there are MAX_NOTES already."""
        if len(self.notes) < MAX_NOTES:
            self.notes.append(text)
