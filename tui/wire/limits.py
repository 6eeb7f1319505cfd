"""How much is taken from one answer, whatever the server sends. What is over a bound is cut, and the cut is noted.

Each bound is above all that a server of today sends, so that a cut means a broken or hostile one.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

MAX_PAGE_ROWS: Final = 1_000
"""Rows of a page of the list: we ask for 100, the most that the server gives (recording 015)."""

MAX_FEED_ROWS: Final = 2_000
"""Rows of one answer of the feed: the server sends 1,000 at most (recording 750)."""

MAX_QUERY_ROWS: Final = 10_000
"""Rows of a query: the server cuts there itself."""

MAX_RELATIVES: Final = 5_000
"""Direct children of a run in its detail."""

MAX_ID_CHARS: Final = 200
"""Of a run's id: a row with a longer one names no run."""

MAX_NAME_CHARS: Final = 1_000
"""Of a task, a version, a tag and other names that lists show: they are cleaned and measured at each drawing."""

MAX_MESSAGE_CHARS: Final = 10_000
"""Of a span's message, which may be a task's name or a log line, and of a text in a row of a query."""

MAX_KEY_CHARS: Final = 4_000
"""Of an idempotency key: the server takes 2,048."""

MAX_TAGS: Final = 100
"""Tags of a run: the server takes 10."""

MAX_METADATA_KEYS: Final = 10_000
"""Keys of a run's metadata, which the server bounds at 256 KB."""

MAX_ATTEMPTS: Final = 1_000
"""Attempts in a detail of an older server."""

MAX_SPANS: Final = 25_000
"""Spans of a trace: `/trace` gives 5,000, `/events` 25,000."""

MAX_PAGE_BYTES: Final = 32 * 1024 * 1024
"""Of a page: 100 rows with 256 KB of metadata each."""

MAX_QUERY_BYTES: Final = 16 * 1024 * 1024

MAX_INLINE_BYTES: Final = 256 * 1024
"""A larger body is decoded in a thread: the event loop gets its turn every few milliseconds then."""

MAX_NOTES: Final = 10
"""Of one answer."""


class Limits:
    """Cuts what is over a limit, and notes it in words for a person."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def take(self, values: Sequence[T], most: int, what: str) -> Sequence[T]:
        """Return at most `most` of the values; `what` they are is said where some are left out."""
        if len(values) <= most:
            return values
        self.note(f"{len(values):,} {what}, the first {most:,} of them are kept")
        return values[:most]

    def text(self, text: str, what: str, most: int = MAX_NAME_CHARS) -> str:
        """Return at most `most` characters of a text; `what` it is is said where some are left out."""
        if len(text) <= most:
            return text
        self.note(f"a {what} of {len(text):,} characters, the first {most:,} of them are kept")
        return text[:most]

    def note(self, text: str) -> None:
        """Note a cut, unless enough are noted already."""
        if len(self.notes) < MAX_NOTES:
            self.notes.append(text)
