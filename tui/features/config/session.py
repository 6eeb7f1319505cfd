"""Runs the session of a command, and says what is wrong in the config file."""

import asyncio
import gc
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Protocol

from tui.api.errors import ApiError, Unreachable
from tui.commands.output import ExitCode, Stop
from tui.settings.settings import Complaint, Settings, places_of
from tui.sync.session import Session

# What is wrong in the config file: also what other rooms know, such as which columns there are.


def complaints_of(settings: Settings) -> Iterator[Complaint]:
    """Yield everything that is wrong in the file of these settings."""
    file = settings.file
    yield from file.complaints
    if columns := settings.columns.filled:
        from tui.features.columns.words import columns_of_file, file_columns  # noqa: PLC0415

        yield from columns_of_file(columns, file_columns, file.shown, file)[1]
    if settings.views:
        from tui.store.addresses import read_address  # noqa: PLC0415

        for place, view in zip(places_of(file, "views"), settings.views, strict=True):
            for problem in read_address(view.address).problems:
                yield Complaint(f"{place}.address", problem, file=file.shown)


# Runs the session of a command that prints or acts, and turns its errors into exit codes.


class StderrWriter(Protocol):
    """Writes lines to stderr: `Output` or `StderrLines`."""

    def say(self, text: str) -> None:
        """Write one line."""


MIN_WAIT_NOTICE_INTERVAL_S = 60.0
"""Between two lines about waiting, since a command that follows runs may wait before every request."""


def report_complaints(settings: Settings, output: StderrWriter) -> None:
    """Say what is wrong in the config file."""
    for complaint in complaints_of(settings):
        output.say(str(complaint))


@asynccontextmanager
async def open_session(settings: Settings, output: StderrWriter) -> AsyncIterator[Session]:
    """Start a session, which ends with the block.

    What is wrong in the config file, and waits for the request budget, are reported on stderr.
    """
    report_complaints(settings, output)
    reported_s: float | None = None

    def report_wait(seconds: float) -> None:
        nonlocal reported_s
        now_s = session.clock.monotonic_s()
        if reported_s is None or now_s - reported_s >= MIN_WAIT_NOTICE_INTERVAL_S:
            reported_s = now_s
            output.say(f"waiting {seconds:.0f} s for the request budget")

    session = Session(settings, on_rate_limit_wait=report_wait, on_truncated=output.say)
    try:
        async with session:
            await session.start()
            gc.freeze()
            gc.enable()
            yield session
    finally:
        # Only after the end of the session is it known whether the last lines of the log were written.
        if session.action_log.failure is not None:
            output.say(session.action_log.failure)


def run_async(work: Coroutine[None, None, None]) -> None:
    """Run a command's coroutine. Raises `Stop` for API errors and Ctrl-C."""
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        raise Stop(ExitCode.INTERRUPTED) from None
    except Unreachable as error:
        raise Stop(ExitCode.NO_CONNECTION, str(error)) from error
    except ApiError as error:
        raise Stop(ExitCode.REFUSED, str(error)) from error
