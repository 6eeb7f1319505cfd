"""The flags that several commands share, and the session that they describe.

What lives here: decorators and `open_session`. Nothing that only one command takes.
"""

import asyncio
import gc
import os
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

import click

from tui.cli.exit_codes import ExitCode, Stop
from tui.config import Settings, read_settings
from tui.domain.ids import RunId
from tui.session import Session

F = TypeVar("F", bound=Callable[..., Any])

_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")


class RunIdArgument(click.ParamType[RunId]):
    """A run's id: whatever else could be meant, it must stay one part of an address."""

    name = "run"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> RunId:
        """Refuse what no run is called."""
        if not _RUN_ID.match(value):
            self.fail(f"{value!r} is no run id (run_…)", param, ctx)
        return RunId(value)


RUN = RunIdArgument()


def connection_options(command: F) -> F:
    """Where to connect, and how careful to be there."""
    for option in (
        click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII alone."),
        click.option("--expect-env", metavar="NAME", help="Refuse to act in any other environment (dev, prod …)."),
        click.option("--api-url", metavar="URL", help="The API's address [default: TRIGGER_API_URL, or the cloud]."),
    ):
        command = option(command)
    return command


def following_options(command: F) -> F:
    """How runs are followed: at which pace they are polled, and whether the feed is asked for."""
    for option in (
        click.option("--no-realtime", "realtime", is_flag=True, flag_value=False, default=True, help="Only poll."),
        click.option(
            "--interval", "interval_s", type=click.FloatRange(0.5, 3600), help="Seconds between polls [default: 2]."
        ),
    ):
        command = option(command)
    return command


def json_option(command: F) -> F:
    """`--json` for scripts."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object a line, raw values.")(command)


def settings_of(options: dict[str, Any]) -> Settings:
    """The settings out of the process's environment and a command's flags; takes the shared flags out of `options`.

    Raises `SettingsError`.
    """
    options.pop("ascii_only", None)
    return read_settings(
        os.environ,
        api_url=options.pop("api_url", None),
        expect_env=options.pop("expect_env", None),
        interval_s=options.pop("interval_s", None),
        realtime=options.pop("realtime", True),
    )


class Speaker(Protocol):
    """What a session says its waits to."""

    def say(self, text: str) -> None:
        """Say one line to a person."""


WAIT_SAID_EVERY_S = 60.0
"""A command that follows runs may wait for its budget before every request."""


@asynccontextmanager
async def open_session(settings: Settings, output: "Speaker") -> AsyncIterator[Session]:
    """A started session that says on stderr when a rate limit keeps it waiting, at most once a minute."""
    said_s: float | None = None

    def say_wait(seconds: float) -> None:
        nonlocal said_s
        now_s = session.clock.monotonic_s()
        if said_s is None or now_s - said_s >= WAIT_SAID_EVERY_S:
            said_s = now_s
            output.say(f"waiting {seconds:.0f} s for the request budget")

    session = Session(settings, on_rate_limit_wait=say_wait, on_truncated=output.say)
    try:
        async with session:
            await session.start()
            gc.freeze()
            gc.enable()
            yield session
    finally:
        # The end of the session waits for the last lines of the log, and may be what finds that it cannot be written.
        if session.action_log.trouble is not None:
            output.say(session.action_log.trouble)


def run_async(work: Coroutine[None, None, None]) -> None:
    """Run a command's coroutine; API errors and Ctrl-C become a `Stop`."""
    from tui.wire.errors import ApiError, Unreachable

    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        raise Stop(ExitCode.INTERRUPTED) from None
    except Unreachable as error:
        raise Stop(ExitCode.NO_CONNECTION, str(error)) from error
    except ApiError as error:
        raise Stop(ExitCode.REFUSED, str(error)) from error
