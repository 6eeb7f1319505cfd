"""At rest the terminal shows what the program drew last, whatever was late, lost, dropped or resized before.

The question of a dialog reaches it behind what was drawn until then.

The sender of frames is the real one, with a virtual clock and event loop. The terminal reads late, answers late or not
at all, and gets other sizes at any time.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.perf.screen import Emulator
from tests.support.terminal_frames import Frame, RandomProgram, blank_terminal, cells, examples
from tui.kit.terminal import output as frames
from tui.kit.terminal.early import TerminalWriter
from tui.kit.terminal.link import SILENT_AFTER_S
from tui.kit.terminal.output import PaintedPiece, Query, TerminalQueries
from tui.terminal.cells import Capabilities
from tui.terminal.output import HOME, FrugalOutput

PLACE = (2, 0)
QUESTION = "\x1b[3;1H\x1b[6n"
"""Where the cursor is asked for, and the text that asks."""

STEPS = 40
REST_S = 3 * SILENT_AFTER_S
PIPE_BYTES = 300
UNWRITTEN_BYTES = 400
"""What the kernel takes for a terminal that does not read, and what is kept beyond that until text is dropped: little,
so that both happen often."""


class VirtualLoop:
    """Calls callbacks in the order of their time."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = count()
        self._cancelled: set[int] = set()

    def call_later(self, delay_s: float, call: Callable[..., object], *arguments: object) -> SimpleNamespace:
        number = next(self._order)
        heapq.heappush(self._due, (self.now_s + delay_s, number, lambda: call(*arguments)))
        return SimpleNamespace(cancel=lambda: self._cancelled.add(number))

    def call_soon_threadsafe(self, call: Callable[..., object], *arguments: object) -> None:
        self.call_later(0.0, call, *arguments)

    def run(self, seconds: float) -> None:
        ends_s = self.now_s + seconds
        while self._due and self._due[0][0] <= ends_s:
            self.now_s, number, call = heapq.heappop(self._due)
            if number not in self._cancelled:
                call()
        self.now_s = ends_s


class LateWriter:
    """Stands for `TerminalWriter`: the pipe to the terminal is read when `drain` is called."""

    def __init__(self, on_caught_up: Callable[[bool], None]) -> None:
        self._on_caught_up = on_caught_up
        self._pipe, self._unwritten = "", ""
        self._has_dropped = False

    @property
    def is_blocked(self) -> bool:
        return bool(self._unwritten)

    def write(self, text: str) -> bool:
        self._has_dropped |= len(self._unwritten) >= UNWRITTEN_BYTES
        if self._has_dropped:
            return False
        self._unwritten += text
        self._fill()
        return True

    def replace(self, text: str) -> None:
        self._unwritten, self._has_dropped = text, False
        self._fill()

    def drain(self, most: int) -> str:
        """Return what the terminal reads."""
        read, self._pipe = self._pipe[:most], self._pipe[most:]
        was_blocked = self.is_blocked
        self._fill()
        if was_blocked and not self.is_blocked:
            has_dropped, self._has_dropped = self._has_dropped, False
            self._on_caught_up(has_dropped)
        return read

    def _fill(self) -> None:
        room = max(0, PIPE_BYTES - len(self._pipe))
        self._pipe += self._unwritten[:room]
        self._unwritten = self._unwritten[room:]


class Session:
    """A program, the sender of its frames, and a terminal that is late."""

    def __init__(self, random: Random, loop: VirtualLoop) -> None:
        self.random = random
        self.loop = loop
        self.program = RandomProgram(random)
        self.drawn = blank_terminal()
        self.terminal: Emulator = blank_terminal()
        able = Capabilities(*(random.random() < 0.5 for _ in range(5)))
        self.writer = LateWriter(lambda dropped: self.loop.call_soon_threadsafe(self.sender.on_caught_up, dropped))
        self.sender = frames.FrameSender(
            FrugalOutput(self.program.columns, self.program.lines, able),
            cast("asyncio.AbstractEventLoop", self.loop),
            on_link_speed=self._on_link_speed,
        )
        self.sender.queries = TerminalQueries(lambda: loop.now_s)
        self._asked: list[Query] = []
        self._scanned = self._tail = ""
        self._questions: deque[object] = deque()
        """What was drawn when each question was asked that has not arrived; None: the terminal was resized since."""
        self.early = 0
        """Questions that arrived in front of what was drawn."""
        self.sender.start(cast("TerminalWriter", self.writer), "\x1b[?7l\x1b[?25l", is_shown=False)
        self.sender.begin((Query.VERSION, Query.STATUS), 0)
        self.draw()

    def draw(self) -> None:
        frame = self.program.frame()
        self.drawn.feed(frame.placed.encode())
        self.show(frame)

    def show(self, frame: Frame) -> None:
        pieces = [PaintedPiece(*piece[:3]) for piece in frame.pieces]
        self.sender.show(pieces, frame.cursor or HOME)

    def read(self, most: int) -> None:
        """Let the terminal read, and note which queries it has got."""
        self._scanned += self._receive(most)
        for query in (Query.STATUS, Query.CURSOR):
            self._asked += [query] * self._scanned.count(query.value)
        self._scanned = self._scanned[-3:] if not self._scanned.endswith("n") else ""

    def _receive(self, most: int) -> str:
        """Draw what the terminal reads, and check that each question comes behind its frame."""
        text = self.writer.drain(most)
        stream, drawn = self._tail + text, len(self._tail)
        while (at := stream.find(QUESTION, max(0, drawn - len(QUESTION) + 1))) >= 0:
            end = at + len(QUESTION)
            self.terminal.feed(stream[drawn:end].encode())
            drawn, wanted = end, self._questions.popleft()
            self.early += wanted is not None and cells(self.terminal) != wanted
        self.terminal.feed(stream[drawn:].encode())
        self._tail = stream[max(drawn, len(stream) - len(QUESTION) + 1) :] if text else self._tail
        return text

    def ask(self) -> None:
        """Ask where the cursor is, as for a dialog that was just drawn."""
        if self.sender.ask_cursor(PLACE):
            self._questions.append(cells(self.drawn))

    def answer(self) -> None:
        """Answer the oldest query."""
        if self._asked:
            self.sender.record_answer(self._asked.pop(0))

    def lose_answer(self) -> None:
        if self._asked:
            self._asked.pop(0)

    def resize(self) -> None:
        """Give the terminal another size. The program may draw for the old one before it knows."""
        old = self.program.frame()
        size = self.program.resize()
        self._receive(self.random.choice((0, 10_000)))
        self._questions = deque([None] * len(self._questions))
        self.terminal.screen.resize(size[1], size[0])
        if self.random.random() < 0.5:
            self.show(old)
        self.sender.resize(*size)
        if self.random.random() < 0.5:
            self.show(old)
            self.loop.run(self.random.choice((0.0, 0.05)))
        self.drawn = blank_terminal(*size)
        self.draw()

    def step(self) -> None:
        act = self.random.choice(
            (
                self.draw,
                self.draw,
                self.draw,
                lambda: self.read(self.random.choice((10, 500, 10_000))),
                lambda: self.read(10_000),
                self.answer,
                self.answer,
                self.lose_answer,
                self.resize,
                self.sender.record_key,
                self.sender.record_layout,
                self.sender.record_settled,
                self.ask,
                lambda: self.sender.set_title(str(self.random.random())),
                lambda: self.sender.repaint("\x1b[0m\x1b[r\x1b[2J"),
                lambda: self.loop.run(self.random.choice((0.01, 0.1, 1.0, 20.0))),
            )
        )
        act()
        self.loop.run(0.001)

    def rest(self, *, answers: bool) -> None:
        """Let the terminal read all, and answer or not, until nothing happens any more."""
        for _ in range(int(REST_S)):
            self.read(10_000)
            while answers and self._asked:
                self.answer()
            self.loop.run(1.0)
        self.read(10_000)

    def _on_link_speed(self, is_slow: bool) -> None:
        self.sender.pacer.is_slow_profile = is_slow


@given(st.integers(0, 2**32))
@examples(40)
def test_terminal_at_rest_shows_what_was_drawn(seed: int) -> None:
    random = Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        loop = VirtualLoop()
        patch.setattr(frames, "time", SimpleNamespace(monotonic=lambda: loop.now_s))
        session = Session(random, loop)
        for _ in range(STEPS):
            session.step()
        session.rest(answers=random.random() < 0.5)
        assert cells(session.terminal) == cells(session.drawn)
        assert session.early == 0, "a question came in front of its frame"
