"""The bridge from the session to the widgets, without widgets: changes during a pause, answers with nothing new."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from tests.support.fleet import SECRET
from tests.support.virtual_clock import START, VirtualClock
from tui.domain.run import Run, RunId
from tui.domain.update import SourceConnected
from tui.kit.live_model import LiveModel, PauseSnapshot
from tui.settings.settings import read_settings
from tui.store.changes import Changes, Topic, Transition
from tui.sync.session import Session

SHOWN, PASSING, NEW = RunId("run_shown"), RunId("run_passing"), RunId("run_new")


def test_long_pause_keeps_only_the_final_changes(tmp_path: Path) -> None:
    async def story() -> None:
        environ = {"TRIGGER_SECRET_KEY": SECRET, "XDG_STATE_HOME": str(tmp_path)}
        soon: list[Callable[[], None]] = []
        published: list[Changes] = []
        live = LiveModel(Session(read_settings(environ), clock=VirtualClock()), soon.append)
        live.start(published.append)
        live.pause = PauseSnapshot(START, {SHOWN: Run(SHOWN)}, START)
        runs = {Topic.RUNS}
        step = Transition(SHOWN, None, Run(SHOWN))
        for changes in (
            Changes(added={PASSING, NEW}, changed={SHOWN}, transitions=[step], topics=set(runs)),
            Changes(removed={PASSING, SHOWN}, topics=set(runs)),
        ):
            live._on_changes(changes)
            while soon:
                soon.pop()()
        assert published == []
        assert live.waiting_count == 2
        live.toggle_pause()
        assert published == [Changes(added={NEW}, removed={SHOWN}, topics=runs)]

    asyncio.run(story())


def test_answer_beside_changes_is_no_news_of_its_source(tmp_path: Path) -> None:
    async def story() -> None:
        environ = {"TRIGGER_SECRET_KEY": SECRET, "XDG_STATE_HOME": str(tmp_path)}
        published: list[Changes] = []
        session = Session(read_settings(environ), clock=VirtualClock())
        live = LiveModel(session, lambda call: call())
        live.start(published.append)
        for second in range(3):
            answer = session.store.apply(SourceConnected("rest", START + timedelta(seconds=second), 2.0))
            answer.merge(Changes(added={NEW}, topics={Topic.RUNS}))
            live._on_changes(answer)
        assert [changes.topics for changes in published] == [
            {Topic.RUNS, Topic.SOURCES},
            {Topic.RUNS},
            {Topic.RUNS},
        ]

    asyncio.run(story())
