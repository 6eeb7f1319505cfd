"""The state of the command line without a screen: what is chosen, what Tab and Enter do."""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.features.command_line.model import (
    CommandLine,
    Execution,
    OneOf,
    Setting,
    SettingArguments,
    completions,
    typed_word,
)
from tui.kit.commands import Choice, Choices, Command, HistoryLine, Preview, box_lines
from tui.settings.schema import Live
from tui.store.addresses import RUNS, VIEWS
from tui.store.command_line import PastedLink
from tui.text.styled import line_width

NOW = datetime(2026, 11, 26, 14, 31, tzinfo=UTC)
HISTORY = [HistoryLine(NOW, "sort took"), HistoryLine(NOW, "next pane"), HistoryLine(NOW, "sort gone")]


class Filters(NamedTuple):
    """Arguments without names that a word may mean."""

    orders: OneOf
    shown: str = ""
    are_needed: bool = False

    def choices(self, text: str) -> Choices:
        return self.orders.choices(text)

    def preview(self, text: str) -> Preview:
        return self.orders.preview(text.partition(":")[2])

    def named(self, word: str) -> list[Choice]:
        return [Choice("sort:age", "sort:age")] if word == "age" else []


class Line(CommandLine):
    """A command line whose commands record what they ran."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        orders = OneOf(
            "ORDER", dict.fromkeys(("age", "took", "task"), ""), lambda name: self.ran.append(f"sort {name}")
        )
        number = Setting(Live("A number", {"5": ""}, "{}"), "2", int)
        commands = [
            Command("sort", "The order of the list.", lambda: None, arguments=orders),
            Command(
                "set",
                "A setting.",
                lambda: None,
                arguments=SettingArguments(
                    {"interval": number}, lambda *both: self.ran.append("{} {}".format(*both)), "for now"
                ),
            ),
            Command("next pane", "The next pane.", lambda: self.ran.append("next pane"), "tab"),
            Command(
                "quit", "End the program.", lambda: self.ran.append("quit"), "ctrl-q", aliases=("q",), ends_program=True
            ),
        ]
        super().__init__(commands, HISTORY, filters=Filters(orders), link_choices=self._choices_of, now=NOW)

    def _choices_of(self, link: PastedLink) -> Choices:
        return Choices([Choice(f"run {link.run_id}", "open", run=lambda: self.ran.append("open"))], first=0)

    def enter_all(self, text: str) -> str | None:
        """Type a text and press Enter. Return the text that Enter put into the line."""
        self.type(text)
        found = self.enter()
        if isinstance(found, Execution):
            found.run()
            return None
        return found


@pytest.mark.parametrize(
    ("typed", "ran"),
    [
        ("q", "quit"),
        (":q", "quit"),
        ("pane", "next pane"),
        ("nxp", "next pane"),
        ("sort took", "sort took"),
        ("SORT TOOK", "sort took"),
        ("sort to", "sort took"),
        ("sort:took", "sort took"),
        ("age", "sort age"),
        ("  sort   took ", "sort took"),
        ("set interval 7", "interval 7"),
        ("run_abcdefghij1234567890", "open"),
        ("run run_abcdefghij1234567890", "open"),
        ("run abcdefghij1234567890", "open"),
    ],
)
def test_enter_runs_the_line_with_what_is_chosen(typed: str, ran: str) -> None:
    line = Line()
    assert line.enter_all(typed) is None
    assert line.ran == [ran]


@pytest.mark.parametrize("typed", ["vsort", "sort xyz", "set interval x", "set interval", "set", "zzz zzz"])
def test_enter_runs_nothing_that_is_not_understood(typed: str) -> None:
    line = Line()
    line.enter_all(typed)
    assert line.ran == []


def test_enter_on_an_unfinished_command_takes_it_into_the_line() -> None:
    assert Line().enter_all("so") == "sort "
    assert Line().enter_all("set i") == "set interval "
    assert Line().enter_all("vsort now") == "sort", "the nearest one"
    assert Line().enter_all("zzz") == "runs zzz"


@pytest.mark.parametrize("typed", ["qui", "ctrl", "ctrl-q", "program", "qt"])
def test_only_its_whole_name_ends_the_program(typed: str) -> None:
    line = Line()
    assert line.enter_all(typed) == "quit"
    assert line.ran == []
    assert line.enter_all("quit") is None
    assert line.ran == ["quit"]


@given(st.text(max_size=30), st.lists(st.sampled_from([1, -1, 10]), max_size=4))
def test_any_text_is_answered(text: str, moves: list[int]) -> None:
    line = Line()
    line.type(text)
    for step in moves:
        line.move(step)
    lines = box_lines(line.content(), 60, 18, top=0, now=NOW)
    assert len(lines) <= 18
    assert all(line_width(each.line) <= 60 for each in lines)
    assert line.suggestion == "" or line.suggestion.startswith(text)
    line.enter()


def test_value_that_cannot_be_typed_is_not_offered() -> None:
    counts = {"tag": {"\x1b[31mred": 9, "a\u202eb": 3, "fine": 2}}
    found = completions(typed_word("tag:"), VIEWS[RUNS], counts, is_counted=True)
    assert [each.name for each in found] == ["fine"]
