"""What is read of the thing under a cursor: once it rests, one at a time, again when it is old."""

import asyncio
from collections.abc import Coroutine
from typing import Any, NamedTuple

from tests.support.virtual_clock import VirtualClock
from tui.api.errors import Refused, ServerFault
from tui.kit.selection import ROW_REST_S as REST_S
from tui.kit.selection import Selected
from tui.text.blocks import ReadStage


class FakeSession:
    """Has a clock, and runs tasks."""

    is_started = True

    def __init__(self) -> None:
        self.clock = VirtualClock()

    def spawn(self, work: Coroutine[Any, Any, None], _: str) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work)


class Thing(NamedTuple):
    name: str
    version: int = 0


class Story:
    """A reader whose answers are the names that it was asked for."""

    def __init__(self, **options: Any) -> None:
        self.session: Any = FakeSession()
        self.asked: list[Thing] = []
        self.error: Exception | None = None
        self.takes_s = 0.0
        session: Any = self.session
        self.reader: Selected[Thing, str] = Selected(
            session,
            self._read,
            lambda: None,
            key=lambda thing: thing.name,
            version=lambda thing: thing.version,
            name="read a thing",
            **options,
        )

    async def _read(self, thing: Thing, before: str | None) -> str:
        self.asked.append(thing)
        if self.takes_s:
            await self.session.clock.sleep(self.takes_s)
        if self.error is not None:
            raise self.error
        return f"{before or ''}{thing.name}"

    async def rest(self, thing: Thing | None, for_s: float = 2 * REST_S) -> None:
        self.reader.follow(thing)
        await self.session.clock.run(for_s)


async def test_cursor_that_moves_on_reads_nothing() -> None:
    story = Story()
    for name in "abc":
        await story.rest(Thing(name), REST_S / 2)
    assert story.asked == []
    await story.rest(Thing("c"))
    assert (story.asked, story.reader.of("c"), story.reader.stage) == ([Thing("c")], "c", ReadStage.DONE)
    await story.rest(Thing("a"))
    await story.rest(Thing("c"), 100.0)
    assert story.asked == [Thing("c"), Thing("a")], "it is read once"


async def test_thing_is_read_again_when_it_changed_or_time_passed() -> None:
    story = Story(every_s=60.0, again_s=5.0)
    await story.rest(Thing("a", 1), 3.0)
    await story.rest(Thing("a", 2), 1.0)
    assert story.asked == [Thing("a", 1)]
    await story.rest(Thing("a", 2), 3.0)
    assert (story.asked[1:], story.reader.of("a")) == ([Thing("a", 2)], "aa")
    await story.rest(Thing("a", 2), 61.0)
    assert len(story.asked) == 3


async def test_slow_read_says_so_and_is_ended_by_another_thing() -> None:
    story = Story()
    story.takes_s = 9.0
    story.reader.follow(Thing("a"))
    stages = [story.reader.stage]
    await story.rest(Thing("a"), REST_S + 1.0)
    assert [*stages, story.reader.stage] == [ReadStage.DUE, ReadStage.LATE]
    await story.rest(Thing("b"), 20.0)
    assert (story.reader.of("a"), story.reader.of("b")) == (None, "b")
    await story.rest(None, 20.0)
    assert len(story.asked) == 2


async def test_failure_keeps_the_value_and_a_refusal_is_not_repeated() -> None:
    story = Story(every_s=10.0)
    await story.rest(Thing("a"))
    story.error = ServerFault("the server answers 503", 503)
    await story.rest(Thing("a"), 10.0)
    assert (story.reader.of("a"), story.reader.failure_of("a")) == ("a", "the server answers 503")
    story.error = Refused("403", 403)
    await story.rest(Thing("a"), 100.0)
    assert len(story.asked) == 3
    story.error = None
    story.reader.refresh()
    await story.session.clock.run(1.0)
    assert (len(story.asked), story.reader.failure_of("a")) == (4, "")
