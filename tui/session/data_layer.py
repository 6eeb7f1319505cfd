"""Imports the parts of the data layer that load httpcore, and for a relay pydantic and websockets.

These imports take about 100 ms. A session makes them in a thread, after the first paint, so that the screen responds.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.sources.relay.connection import RelayConnection
    from tui.sources.run_fetcher import RunFetcher
    from tui.wire.client import Client


def load_client() -> "type[Client]":
    from tui.wire.client import Client

    return Client


def load_relay_connection() -> "type[RelayConnection]":
    from tui.sources.relay.connection import RelayConnection

    return RelayConnection


def load_run_fetcher() -> "type[RunFetcher]":
    from tui.sources.run_fetcher import RunFetcher

    return RunFetcher
