"""What the sources are called, wherever somebody asks how one of them gets on.

What lives here: names. The sources themselves are `tui.sources`'.
"""

from typing import Final

REST: Final = "rest"
"""Polls the list of runs."""

RUN: Final = "run"
"""Polls one run."""

REALTIME: Final = "realtime"
"""Holds the feed of the whole environment."""

RUN_FEED: Final = "run-feed"
"""Holds the feed of one run."""

RELAY: Final = "relay"
"""Is told by a relay, which has sources of its own."""

FEEDS: Final = frozenset({REALTIME, RUN_FEED})
"""Those that the server tells of a change; the others ask."""
