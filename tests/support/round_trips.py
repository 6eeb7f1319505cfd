"""Counts the round trips that a session waits for: requests in sequence, however many are sent at once."""

from collections.abc import Awaitable, Callable
from typing import Any

from tui.sync.session import Session


class RoundTrips:
    """Stands before the client of a session. A request begins a new round trip if one that ended before it did.

    Only the order of the client's own calls counts, so that the speed of the machine changes nothing.
    """

    def __init__(self, session: Session) -> None:
        self._api = session.fetcher.api
        self.requests: list[tuple[int, str]] = []
        """The number of the round trip and the name of each request about a single run."""
        self._ended = 0
        session.fetcher.api = self  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._api, name)
        return self._counted(name, call) if name in {"read_run", "read_trace", "read_events", "read_span"} else call

    def _counted(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def counted(*arguments: Any) -> Any:
            number = self._ended + 1
            self.requests.append((number, name))
            try:
                return await call(*arguments)
            finally:
                self._ended = max(self._ended, number)

        return counted

    @property
    def count(self) -> int:
        """The round trips until everything was answered."""
        return max((number for number, _ in self.requests), default=0)
