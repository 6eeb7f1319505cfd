"""How far the failed runs of a span of time, and the server's groups of errors, were read.

`sources.failures` reports both, and the errors view shows them.
"""

from tui.domain.errors.server_group import ServerErrorGroup
from tui.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class FailuresProgress:
    """How far the failed runs of a span were read.

    * `has_all`: the store has every failed run of the span, so that their number is the server's.
    * `server_count`: otherwise, the server's number of failed runs, if a query returned it.
    * `unreadable_count`: failed runs whose error could not be read.
    * `failure`: why reading waits or stopped, in raw text.
    """

    has_all: bool = False
    server_count: int | None = None
    unreadable_count: int = 0
    failure: str = ""

    def failed_count(self, known_count: int) -> int | None:
        """Return how many runs of the span failed on the server, None if that is not known.

        `known_count`: the failed runs of the span in the store.
        """
        if self.has_all:
            return known_count
        return None if self.server_count is None else max(self.server_count, known_count)


@dataclass(frozen=True, slots=True)
class ServerGroupsRead:
    """What is known of the server's groups of errors.

    * `groups`: None until they were read.
    * `refusal`: why the server refuses its groups to this key, in raw text. They are not requested again.
    * `failure`: why the last read failed, in raw text. It is tried again.
    """

    groups: tuple[ServerErrorGroup, ...] | None = None
    refusal: str = ""
    failure: str = ""
