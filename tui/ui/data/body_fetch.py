"""Fetches a payload or an output that the server stores outside the run, when the user opens it.

Its download address is a secret while it is valid, so errors are shown without it.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from tui.domain.run import ABSENT, Absent, Json, Run
from tui.present.detail.values import value_of
from tui.present.frame.failure import without_request
from tui.session import Session
from tui.sources.budget import Priority
from tui.wire.errors import ApiError

MAX_BYTES: Final = 20_000_000
"""Trigger.dev accepts 10 MB. Decoding a larger body would block the screen."""

_ADDRESS_LIFETIME: Final = timedelta(seconds=240)
"""The server's addresses are valid for 300 s. An older one is requested again."""


async def fetch_value(session: Session, run: Run, label: str) -> tuple[Json | Absent, str]:
    """Return the payload or the output of a run, or `ABSENT` and the reason."""
    try:
        if run.body is None or session.now() - run.body[0].read_at > _ADDRESS_LIFETIME:
            await session.fetcher.fetch_run(run.id, Priority.SELECTED)
            await session.settle()
            run = session.store.get(run.id) or run
        if run.body is not None:
            stamp, body = run.body
            other = {"payload": "output_url", "output": "payload_url"}[label]
            run = replace(run, body=(stamp, replace(body, **{other: None})))
        value, _ = value_of(await session.fetcher.fetch_bodies(run, max_bytes=MAX_BYTES), label)
    except ApiError as error:
        return ABSENT, without_request(str(error))
    return value, "" if value is not ABSENT else "no longer available"
