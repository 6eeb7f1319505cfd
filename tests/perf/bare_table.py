"""A Textual app without anything of ours, for comparison with a long run: `python -m tests.perf.bare_table ROWS RATE`.

Its table has `ROWS` rows. `RATE` times a second, a new row replaces the oldest. `?` opens a dialog, Esc closes it.
"""

import sys
from collections import deque
from itertools import count
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, Header, Static
from textual.widgets.data_table import RowKey

COLUMNS = ("status", "task", "run", "took", "age", "version", "tags")
READY = "Completed"


class Dialog(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        for number in range(20):
            yield Static(f"line {number}")
        yield Footer()


class BareTable(App[None]):
    BINDINGS: ClassVar[list[BindingType]] = [("question_mark", "help", "Help"), ("q", "quit", "Quit")]

    def __init__(self, rows: int, rate_per_s: float) -> None:
        super().__init__()
        self._rows = rows
        self._rate_per_s = rate_per_s
        self._numbers = count(1)
        self._keys = deque[RowKey]()

    def compose(self) -> ComposeResult:
        yield Header()
        yield DataTable[str](cursor_type="row")
        yield Footer()

    def on_mount(self) -> None:
        self._table.add_columns(*COLUMNS)
        for _ in range(self._rows):
            self._add()
        self.set_interval(1.0 / self._rate_per_s, self._replace_oldest)

    def action_help(self) -> None:
        self.push_screen(Dialog())

    @property
    def _table(self) -> DataTable[Any]:
        return self.screen_stack[0].query_one(DataTable)

    def _add(self) -> None:
        number = next(self._numbers)
        task, took = f"task-{number % 40}", f"{number % 90 / 10}s"
        self._keys.append(self._table.add_row("Completed", task, f"run_{number:07}", took, "3m", "20261124.1", "a  b"))

    def _replace_oldest(self) -> None:
        self._add()
        self._table.remove_row(self._keys.popleft())


if __name__ == "__main__":
    BareTable(int(sys.argv[1]), float(sys.argv[2])).run()
