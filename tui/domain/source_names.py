"""The names of the sources, under which the store keeps their status. The sources are in `tui.sources`."""

from typing import Final

REST: Final = "rest"
"""Polls the list of runs."""

RUN: Final = "run"
"""Polls one run."""

REALTIME: Final = "realtime"
"""Receives the realtime feed of the environment."""

RUN_FEED: Final = "run-feed"
"""Receives the realtime feed of one run."""

RELAY: Final = "relay"
"""Receives the updates of a relay, which has its own sources."""

FEEDS: Final = frozenset({REALTIME, RUN_FEED})
"""The sources to which the server sends changes; the others poll."""
