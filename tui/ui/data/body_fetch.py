"""Getting a payload or an output that is stored apart, because somebody asked for it.

What lives here: one read, with its trouble in words. Its address is a secret for some minutes: it is never shown.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from tui.domain.run import ABSENT, Absent, Json, Run
from tui.present.detail.values import value_of
from tui.present.frame.trouble import without_request
from tui.session import Session
from tui.sources.budget import Priority
from tui.wire.errors import ApiError

MAX_BYTES: Final = 20_000_000
"""Trigger.dev takes 10 MB; what is larger would hold the screen while it is read."""

_GOOD_FOR: Final = timedelta(seconds=240)
"""An address is valid for 300 s: an older one is asked for anew."""


async def fetch_value(session: Session, run: Run, label: str) -> tuple[Json | Absent, str]:
    """The payload or the output of a run; or `ABSENT`, and why in words."""
    try:
        if run.body is None or session.now() - run.body[0].read_at > _GOOD_FOR:
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
    return value, "" if value is not ABSENT else "not there any more"
