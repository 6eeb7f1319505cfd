"""The exact figures of `tests/perf`: what the real program sends a terminal of 120x40, against the goals.

Every wait is for a state, and every cost is that of the change between two states of the screen, so that a slow machine
changes nothing. `python -m tests.perf` measures times.
"""

import json
import re
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from tests.perf.figures.far import GUTTER_BYTES
from tests.perf.figures.keys import MAX_PAGE_RATIO
from tests.perf.figures.live import MAX_TICKING_BYTES_PER_S
from tests.perf.figures.opening import MAX_BYTES
from tests.perf.figures.programs import DOWN, PAGE_DOWN, XTERM
from tests.perf.figures.row import MAX_RATIO, allowed_bytes
from tests.perf.figures.traces import serving_traces
from tests.perf.figures.waterfall import LONG, SHORT
from tests.perf.paint_cost import paint_cost
from tests.perf.screen import Emulator as Drawing
from tests.perf.screen import Screen
from tests.perf.terminal import SYNC_BEGINS, Cell, Terminal
from tests.support.commands import environment
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.environment import DEVELOPMENT
from tui.emulator.server.application import application
from tui.emulator.server.emulator import Emulator, Options
from tui.emulator.server.serving import serve_in_thread
from tui.kit.terminal.early import DRIVER_VARIABLE, PLAIN_DRIVER

START: Final = datetime(2026, 11, 24, 13, 49, tzinfo=UTC)
SIZE: Final = 120, 40
FIRST_LINE: Final = 3
"""The first line of the list."""

SYNC_ENDS: Final = b"\x1b[?2026l"

LIST_LINES: Final = 20
"""The detail and the attempts stand below these lines."""

_UNREAD: Final = re.compile(r"  (from|payload|attempts) +(│|$|loading…)")
_ATTEMPTS: Final = re.compile(r"│ +\S")

_ONE_SENTENCE: Final = re.compile(r"  waiting  +nothing waits")

ROW_BYTES: Final = 110
"""For one changed row, or 1.2 x its minimum."""

MOVES: Final = 8
"""Presses of Down."""

DETAIL_MOVES: Final = 19
"""Presses of Down in the detail, of which the last ones scroll it."""

FEW: Final = 3
"""The same where a move takes long: with `--slow`, which sends only four frames a second, or with much to read."""

STRIP_LINES: Final = 4
"""The lines of the summary of the selected run, and the footer."""

IDLE_REQUESTS: Final = 4
"""The requests for lists of two polls."""

AGES: Final = 30
"""Runs whose ages tick: fewer than the lines of the zoomed list."""

TURN_S: Final = 0.02

Cost = tuple[int, int]
"""The bytes of a change, and the least for the same."""


class Monitor:
    """A monitor on an emulator without new runs of its own."""

    def __init__(self, terminal: Terminal, url: str, requests: list[str]) -> None:
        self.terminal = terminal
        self._url = url
        self._requests = requests
        self._drawn = Drawing(Screen(*SIZE))
        self._read = 0

    @property
    def lines(self) -> list[str]:
        return self.terminal.lines

    def cost(self, act: Callable[[], object], is_done: Callable[[], bool], lines: slice = slice(None)) -> Cost:
        """Do something, wait for its state on the screen, and return its cost. Changes of other lines are free.

        The least is that of all frames: a busy machine shows more of what lies between the two states.
        """
        before, since = self._draw_to(len(self.terminal.received)), self._read
        act()
        free = least = 0
        for after in self._frames_until(is_done):
            counted, others = [*before], [*after]
            counted[lines], others[lines] = after[lines], before[lines]
            least, free, before = least + paint_cost(before, counted), free + paint_cost(before, others), after
        return self._read - since - free, least

    def _frames_until(self, is_done: Callable[[], bool]) -> Iterator[list[tuple[Cell, ...]]]:
        """Wait for a state of the screen. Yield the cells after each frame that led to it."""
        received = self.terminal.received
        is_whole: Callable[[], bool] = lambda: received.rfind(SYNC_BEGINS) <= received.rfind(SYNC_ENDS)  # noqa: E731
        self.terminal.wait_until(lambda: is_done() and is_whole(), "the change")
        while (end := received.find(SYNC_ENDS, self._read)) >= 0:
            yield self._draw_to(end + len(SYNC_ENDS))
        yield self._draw_to(len(received))

    def _draw_to(self, end: int) -> list[tuple[Cell, ...]]:
        """Draw what was received up to an index, apart from the terminal, which draws all. Return the cells."""
        self._drawn.feed(bytes(self.terminal.received[self._read : end]))
        self._read = end
        return self._drawn.screen.snapshot()

    def press(self, key: str, is_done: Callable[[], bool]) -> Cost:
        return self.cost(lambda: self.terminal.send(key), is_done)

    def paints_at_once(self, key: str, is_done: Callable[[Sequence[str]], bool]) -> bool:
        """Press a key, and return whether all that it changes comes in one frame."""
        return self._paints_at_once(lambda: self.terminal.send(key), is_done)

    def resizes_at_once(self, columns: int, rows: int) -> bool:
        """Resize the terminal, and return whether all that this changes comes in one frame."""
        is_done: Callable[[Sequence[str]], bool] = lambda lines: "─" in lines[1][-1:] and "? keys" in lines[rows - 1]  # noqa: E731
        self._draw_to(len(self.terminal.received))
        self._drawn.screen.resize(rows, columns)
        return self._paints_at_once(lambda: self.terminal.resize(columns, rows), is_done)

    def _paints_at_once(self, act: Callable[[], object], is_done: Callable[[Sequence[str]], bool]) -> bool:
        """Return whether the first frame that changes the top or the bottom of the screen shows all of the new one."""
        self._draw_to(len(self.terminal.received))
        lines = self._drawn.screen.rows_text
        before = lines()[1], lines()[-1]
        act()
        frames = self._frames_until(lambda: is_done(self.lines))
        found = [is_done(lines()) for _ in frames if (lines()[1], lines()[-1]) != before]
        return found[0]

    def trigger(self) -> str:
        """Trigger a run that starts in an hour. Return its id."""
        body = {"payload": {}, "options": {"delay": "1h"}}
        return str(self.request("/api/v1/tasks/send-email/trigger", body)["id"])

    def request(self, path: str, body: object) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {DEVELOPMENT.key}", "content-type": "application/json"}
        request = urllib.request.Request(self._url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as response:
            return dict(json.load(response))

    def wait_for_requests(self, count: int) -> None:
        """Read until lists were asked for `count` times more."""
        asked = len(self._requests)
        while self._requests[asked:].count("/api/v1/runs") < count:
            self.terminal.read_for(TURN_S)

    def idle(self) -> Cost:
        """Wait for two polls. On a busy machine an answer may come so late that the header says so meanwhile."""
        return self.cost(lambda: self.wait_for_requests(IDLE_REQUESTS), lambda: True)

    def tick(self) -> Cost:
        """Wait until all ages of the zoomed list have changed."""
        ages = self._ages

        def is_next() -> bool:
            return len(self._ages) == AGES and all(age != last for age, last in zip(self._ages, ages, strict=True))

        return self.cost(lambda: None, is_next)

    @property
    def _ages(self) -> list[str]:
        return re.findall(r" (\d+s) ", "\n".join(line for line in self.lines if " Delayed " in line))

    def is_listed(self, run_id: str) -> bool:
        """Whether the list shows a run near its top: on a busy machine a line about a gap may stand above it."""
        return any(run_id[-4:] in line for line in self.lines[FIRST_LINE:LIST_LINES])

    def move(self) -> Cost:
        """Press Down in the zoomed list, and wait until the cursor and the summary are at the next run."""
        return self._move(DOWN)

    def page(self) -> Cost:
        """Press PageDown in the zoomed list."""
        return self._move(PAGE_DOWN)

    def _move(self, key: str) -> Cost:
        before = self.selected
        return self.press(key, lambda: before != self.selected and self.is_summary_current())

    def move_with_detail(self) -> tuple[Cost, Cost]:
        """Press Down on the main screen. Return the costs of what the list knows of the run, and of what is read."""
        before = self.selected
        listed = self.press(DOWN, lambda: self.selected not in {before, None} and self.is_detail_of_selected())
        return listed, self.cost(lambda: None, self.is_detail_current)

    def move_in_detail(self) -> Cost:
        """Press Down in the detail below the list."""
        before = self.lines[LIST_LINES:-1]
        return self.press(DOWN, lambda: self.lines[LIST_LINES:-1] != before)

    def cursor_down(self) -> Cost:
        """Press Down in the zoomed list, and wait until the cursor alone is at the next run."""
        before = self.selected
        is_moved: Callable[[], bool] = lambda: self.selected not in {before, None}  # noqa: E731
        return self.cost(lambda: self.terminal.send(DOWN), is_moved, slice(-STRIP_LINES))

    def move_group(self) -> Cost:
        """Press Down in the zoomed list of error groups. The line about the newest run, which is read, is free."""
        before = self.terminal.cursor_row
        is_moved: Callable[[], bool] = lambda: self.terminal.cursor_row != before and self.is_group_current()  # noqa: E731
        return self.cost(lambda: self.terminal.send(DOWN), is_moved, slice(-2))

    def move_queue(self) -> Cost:
        """Press Down in the list of queues, and wait until the last hour of the queue is read."""
        before = self._queue
        return self.press(DOWN, lambda: self._queue != before and self.is_queue_read())

    def is_queue_read(self) -> bool:
        """Whether the page of the queue under the cursor is shown. Nothing waits in the queues of this story."""
        is_shown = any("2:queue · " in line and f" {self._queue} " in line for line in self.lines)
        return is_shown and any(_ONE_SENTENCE.match(line) for line in self.lines)

    @property
    def _queue(self) -> str:
        """The name of the queue under the cursor."""
        return self.lines[self.terminal.cursor_row or 0][4:].split()[0]

    def failed_run_before(self) -> Cost:
        """Press the key of the failed run before in the zoomed attempts, and wait until they are read."""
        before = self.lines[1]
        return self.press("X", lambda: self.lines[1] != before and self.is_attempt_read())

    def is_attempt_read(self) -> bool:
        """Whether the facts of an attempt are shown."""
        return any(line.startswith("  attempt   ") for line in self.lines)

    def scroll(self) -> Cost:
        """Press PageDown on the page of keys."""
        before = self.lines[2:-1]
        return self.press(PAGE_DOWN, lambda: self.lines[2:-1] != before)

    def move_on_wall(self) -> Cost:
        """Press Down on the wall, and wait until the cursor is on another row."""
        before = self._row_on_wall
        return self.press(DOWN, lambda: self._row_on_wall not in {before, None})

    @property
    def _row_on_wall(self) -> int | None:
        return next((y for y, line in enumerate(self.lines) if "▌" in line), None)

    def is_group_current(self) -> bool:
        """Whether the summary shows the group under the cursor."""
        row = self.terminal.cursor_row
        words = [] if row is None else self.lines[row].split()
        # Its number of runs, and its task.
        return len({*words[2:6]} & {*self.lines[-3].split()}) > 1

    @property
    def selected(self) -> str | None:
        """The end of the id of the run under the cursor."""
        row = self.terminal.cursor_row
        return None if row is None else self.lines[row].partition("…")[2][:4]

    def is_summary_current(self) -> bool:
        """Whether the summary below the zoomed list shows the run under the cursor."""
        return self.selected is not None and f"{self.selected} " in self.lines[-3]

    def is_on_screen(self, text: str) -> bool:
        return text in self.terminal.text

    def is_detail_of_selected(self) -> bool:
        """Whether the detail below the list is that of the run under the cursor, read or not."""
        return any(f"{self.selected} " in line for line in self.lines[LIST_LINES:])

    def is_detail_current(self) -> bool:
        """Whether the detail of the run under the cursor is read and shown."""
        below = self.lines[LIST_LINES:]
        is_read = not any(_UNREAD.match(line) for line in below) and any(_ATTEMPTS.search(line) for line in below)
        return is_read and self.is_detail_of_selected()


@contextmanager
def monitor(state: Path, *flags: str, **more: str) -> Iterator[Monitor]:
    """Start an emulator and the monitor, which polls twice a second. Wait until it has settled."""
    began_s, requests = monotonic(), list[str]()
    emulator = Emulator(
        COMPANY,
        Options(environments=(DEVELOPMENT,), rate_per_s=0, history=300, lag_ms=(0, 0), seed=3),
        lambda: int((START.timestamp() + monotonic() - began_s) * 1000),
    )
    emulator.make(DEVELOPMENT.slug)
    serve = application(emulator)

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            requests.append(scope["path"])
        await serve(scope, receive, send)

    command = [sys.executable, "-m", "tui", "--no-realtime", "--interval", "0.5", *flags]
    with serve_in_thread(counted, emulator) as url:
        env = environment(url, TRIGGER_SECRET_KEY=DEVELOPMENT.key, XDG_STATE_HOME=str(state), **more)
        with Terminal(command, env=env, name=XTERM) as terminal:
            terminal.wait_for("Completed", "● polling")
            yield Monitor(terminal, url, requests)


def follow(shown: Monitor, count: int) -> Iterator[Cost]:
    """Trigger runs, each when the one before is on the screen and counted."""
    for number in range(count):
        ids: list[str] = []

        def is_shown(ids: list[str] = ids, count: str = f" Q0+{number + 1} ") -> bool:
            return shown.is_listed(ids[0]) and count in shown.lines[0]

        yield shown.cost(lambda ids=ids: ids.append(shown.trigger()), is_shown)  # type: ignore[misc]


def cancels(shown: Monitor, count: int) -> Iterator[Cost]:
    """Cancel runs, each when it is the first of the list. The header is counted apart."""
    for _ in range(count):
        last, run_id = shown.lines[FIRST_LINE], shown.trigger()

        def is_first(run_id: str = run_id, last: str = last) -> bool:
            return run_id[-4:] in shown.lines[FIRST_LINE] != last

        shown.terminal.wait_until(is_first, "the last run")
        yield shown.cost(
            lambda run_id=run_id: shown.request(f"/api/v2/runs/{run_id}/cancel", {}),  # type: ignore[misc]
            lambda: "Canceled" in shown.lines[FIRST_LINE] and f" Q0+{FEW} " in shown.lines[0],
            slice(1, None),
        )


LIST_AGAIN: Final = ("\x1b", lambda lines: "1:runs" in lines[1] and "? keys" in lines[-1])
SCREENS: Final = (
    (("z", lambda lines: "…" in lines[-4] and "z back" in lines[-1]), ("z", lambda lines: "z zoom" in lines[-1])),
    ((":", lambda lines: " commands" in lines[3] and "Esc leave" in lines[-1]), LIST_AGAIN),
    (("!", lambda lines: "1:errors" in lines[1] and "✗" in lines[3] and "? keys" in lines[-1]), LIST_AGAIN),
    (("?", lambda lines: "these keys" in "".join(lines) and "Esc back" in lines[-1]), LIST_AGAIN),
)
"""Keys that open and close screens, and what their frame shows from the top to the bottom."""

PAGE_SPANS: Final = 23
"""The spans of a page above the facts about one of them."""

FACTS_LINE: Final = 28

TRIES: Final = 5
"""Something else, such as an age, may have changed right before the frame."""


def zoom(shown: Monitor) -> None:
    shown.press("j", shown.is_detail_current)
    shown.press("z", shown.is_summary_current)


def over(costs: dict[str, list[Cost]], ratio: float = MAX_RATIO) -> dict[str, list[Cost]]:
    """Return those of which the median is above the goal: on a busy machine, some show an old header in between."""
    ratios = {name: median(count / max(1, least) for count, least in each) for name, each in costs.items()}
    return {name: costs[name] for name, found in ratios.items() if found > ratio}


def test_screen_sends_little_more_than_the_least(tmp_path: Path) -> None:
    with monitor(tmp_path) as shown:
        assert len(shown.terminal.received) <= MAX_BYTES
        costs, pages = {"a new run": list(follow(shown, FEW))}, dict[str, list[Cost]]()
        assert any(changed <= allowed_bytes(ROW_BYTES, least) for changed, least in cancels(shown, TRIES))
        for _ in range(FEW):
            opened = shown.press("?", lambda: "these keys" in shown.terminal.text and "Esc back" in shown.lines[-1])
            pages.setdefault("PageDown, help", []).append(shown.scroll())
            closed = shown.press("\x1b", lambda: "1:runs" in shown.lines[1] and "? keys" in shown.lines[-1])
            costs.setdefault("help", []).append(opened)
            costs.setdefault("list again", []).append(closed)
        shown.press("j", shown.is_detail_current)
        moves = [shown.move_with_detail() for _ in range(FEW)]
        costs["Down, main screen"], costs["what is read then"] = map(list, zip(*moves, strict=True))
        shown.press("2", lambda: "fold" in shown.lines[-1] or "search" in shown.lines[-1])
        costs["Down, detail"] = [shown.move_in_detail() for _ in range(DETAIL_MOVES)]
        shown.press("1", lambda: "filter" in shown.lines[-1])
        shown.press("z", shown.is_summary_current)
        costs["Down"] = [shown.move() for _ in range(MOVES)]
        pages["PageDown"] = [shown.page() for _ in range(FEW)]
        first = shown.lines[FIRST_LINE]
        costs["Down, scrolling"] = [shown.move() for _ in range(MOVES)]
        assert shown.lines[FIRST_LINE] != first
        shown.press("3", lambda: "3:attempts" in shown.lines[1] and shown.is_attempt_read())
        costs["failed run before, attempts"] = [shown.failed_run_before() for _ in range(FEW)]
        shown.press("1", shown.is_summary_current)
        assert any(over({"idle": [shown.idle()]}) == {} for _ in range(TRIES))
        shown.press("Q", lambda: "1:queues" in shown.lines[1] and shown.is_queue_read())
        costs["Down, queues"] = [shown.move_queue() for _ in range(TRIES)]
        shown.press("Q", shown.is_summary_current)
        # Last, because its requests may leave none for the next poll.
        shown.press("!", lambda: "failed runs, all read" in shown.lines[1])
        shown.press("z", lambda: "z back" in shown.lines[-1] and shown.is_group_current())
        costs["Down, errors"] = [shown.move_group() for _ in range(MOVES)]
        shown.press("W", lambda: "last hour" in shown.terminal.text and "errors of" in shown.terminal.text)
        costs["Down, wall"] = [shown.move_on_wall() for _ in range(MOVES // 2)]
        assert over(costs) == {}
        assert over(pages, MAX_PAGE_RATIO) == {}


def test_ticking_ages_cost_a_few_bytes_and_a_screen_is_opened_in_one_frame(tmp_path: Path) -> None:
    with monitor(tmp_path) as shown:
        last = [shown.trigger() for _ in range(AGES)][-1]
        shown.terminal.wait_until(lambda: shown.is_listed(last), "the last run")
        shown.press("z", lambda: "z back" in shown.lines[-1] and f" Q0+{AGES} " in shown.lines[0])
        ticks = (shown.tick() for _ in range(TRIES))
        # A tick may be late on a busy machine, and then two of them come in two frames.
        assert any(0 < count <= allowed_bytes(MAX_TICKING_BYTES_PER_S, least) for count, least in ticks)
        shown.press("z", lambda: "z zoom" in shown.lines[-1])
        shown.press("j", shown.is_detail_current)
        for keys in SCREENS:
            found = [{key: shown.paints_at_once(key, is_done) for key, is_done in keys}]
            while len(found) < TRIES and not all(any(each[key] for each in found) for key, _ in keys):
                found.append({key: shown.paints_at_once(key, is_done) for key, is_done in keys})
            assert all(any(each[key] for each in found) for key, _ in keys), found
        assert any(shown.resizes_at_once(120 - step, 40 - step) for step in range(1, TRIES))


def test_gutter_cursor_costs_a_few_bytes(tmp_path: Path) -> None:
    with monitor(tmp_path, "--slow") as shown:
        zoom(shown)
        in_view = [shown.cursor_down() for _ in range(FEW)]
        shown.page()
        first = shown.lines[FIRST_LINE]
        scrolling = [shown.cursor_down() for _ in range(FEW)]
        assert shown.lines[FIRST_LINE] != first
        for name, costs in (("in view", in_view), ("scrolling", scrolling)):
            # If the cursor rests, on a busy machine, the summary follows it and belongs to the change.
            assert any(count <= allowed_bytes(GUTTER_BYTES[name], least) for count, least in costs), costs
        assert min(in_view)[0] <= GUTTER_BYTES["in view"]


def test_long_waterfall_scrolls_like_a_short_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tui", "--no-realtime", "--interval", "0.5"]
    costs: dict[int, list[Cost]] = {}
    with serving_traces() as (url, server):
        env = environment(url, TRIGGER_SECRET_KEY=DEVELOPMENT.key, XDG_STATE_HOME=str(tmp_path))
        with Terminal(command, env=env, name=XTERM) as terminal:
            terminal.wait_for("Completed", "● polling")
            shown, server.span_count = Monitor(terminal, url, []), SHORT // 2
            for key, text in (("j", "attempt"), ("4", "took"), ("z", "z back"), ("t", f"{SHORT // 2} spans")):
                terminal.send(key)
                terminal.wait_for(text)
            for spans in (SHORT, LONG):
                # No two traces in a row have as many spans: the next run's number shows that its trace is read.
                server.span_count = spans
                terminal.send("]")
                terminal.wait_for(f"{spans:,} spans", "─ ✓ the-task · the run of this trace", "span 9 ")
                costs[spans] = list(down_the_spans(shown))
    assert over({str(spans): each for spans, each in costs.items()}) == {}
    long, short = (sum(count for count, _ in costs[spans]) for spans in (LONG, SHORT))
    assert long <= 1.1 * short


def down_the_spans(shown: Monitor) -> Iterator[Cost]:
    """Press Down until the rows scroll, and PageDown. What is read about a span comes later, and is not counted."""
    for number in (*range(PAGE_SPANS + 4), PAGE_SPANS + 3 + PAGE_SPANS):
        key = DOWN if number < PAGE_SPANS + 4 else PAGE_DOWN
        name = "attempt 1 · attempt" if number == 0 else f"span {number - 1} · span"
        yield shown.cost(partial(shown.terminal.send, key), partial(shown.is_on_screen, name), slice(0, FACTS_LINE))


def test_plain_driver_misses_the_goals(tmp_path: Path) -> None:
    with monitor(tmp_path, **{DRIVER_VARIABLE: PLAIN_DRIVER}) as shown:
        assert len(shown.terminal.received) > MAX_BYTES
        zoom(shown)
        costs = {"Down": [shown.move() for _ in range(FEW)]}
        assert set(over(costs)) == set(costs)
