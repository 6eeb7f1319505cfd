"""The state of the command line without a screen: what is chosen, what Tab and Enter do."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.features.command_line.model import CommandLine, Execution, OneOf, Setting, SettingArguments
from tui.kit.commands import BoxContent, Choice, Choices, Command, HistoryLine, box_lines, visible_top
from tui.settings.schema import Live
from tui.store.command_line import PastedLink
from tui.text.styled import Line as StyledLine
from tui.text.styled import Piece, line_width, plain

NOW = datetime(2026, 11, 26, 14, 31, tzinfo=UTC)
HISTORY = [HistoryLine(NOW, "sort took"), HistoryLine(NOW, "next pane"), HistoryLine(NOW, "sort gone")]


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
        super().__init__(commands, HISTORY, address=orders, link_choices=self._choices_of)

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


@pytest.mark.parametrize("typed", ["qui", "ctrl", "ctrl-q", "program", "qt"])
def test_only_its_whole_name_ends_the_program(typed: str) -> None:
    line = Line()
    assert line.enter_all(typed) == "quit"
    assert line.ran == []
    assert line.enter_all("quit") is None
    assert line.ran == ["quit"]


def test_suggestion_begins_as_the_typed_text() -> None:
    line = Line()
    for typed, suggestion in (("so", "sort "), ("sort t", "sort took"), ("pane", ""), ("", ""), ("sort took", "")):
        line.type(typed)
        assert line.suggestion == suggestion
    line.type("pane")
    assert line.completed() == "next pane"


def test_choice_moves_and_wraps_around() -> None:
    line = Line()
    line.type("sort t")
    line.move(1)
    assert line.chosen is not None
    assert line.chosen.text == "task"
    line.move(1)
    assert line.suggestion == "sort took"
    line.move(-10)
    line.go_to(-1)
    assert line.suggestion == "sort task"


def test_history_is_searched_and_what_is_gone_runs_nothing() -> None:
    line = Line()
    line.type("so")
    line.search_history()
    assert [choice.text for choice in line.choices] == ["sort took", "sort gone"]
    line.search_history()
    assert line.enter() is None
    assert line.end_search()
    assert not line.end_search()
    assert line.typed == "so"


def test_unknown_word_names_the_nearest() -> None:
    line = Line()
    line.type("vsort now")
    assert plain(line.content().found.heading) == "No command vsort. Nearest: sort."
    line.type("\x1b[31m\u202ezzz")
    assert "\x1b" not in plain(line.content().found.heading)


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


@pytest.mark.parametrize("height", range(9, 20))
def test_command_is_whole_or_marked_as_cut(height: int) -> None:
    command = "trigger-tui ls --task send-email --task send-newsletter --status failed --limit 200"
    found = Choices([Choice("failed", "failed")] * 4)
    below: list[tuple[str, StyledLine]] = [("also", ()), ("", ()), ("Enter", ())]
    lines = box_lines(BoxContent(found, below=below, command=command), 60, height, top=0, now=NOW)
    texts = [plain(each.line).strip() for each in lines]
    shown = " ".join(texts[next(n for n, text in enumerate(texts) if text.startswith("as")) :])
    assert "…" in shown or shown.split()[1:] == command.split()


def test_long_reason_is_wrapped_behind_its_label() -> None:
    reason = 'nothing: no period "05:00-06:20" in this view; the periods are 1h 6h 24h 7d 30d'
    content = BoxContent(Choices(), below=[("Enter", (Piece(reason),))])
    lines = [plain(each.line) for each in box_lines(content, 60, 12, top=0, now=NOW)]
    assert lines == [
        '  Enter   nothing: no period "05:00-06:20" in this view;',
        "          the periods are 1h 6h 24h 7d 30d",
        "",
    ]


@given(st.integers(0, 60), st.integers(0, 30), st.integers(1, 40), st.integers(20, 200), st.integers(0, 59))
def test_box_fits_every_size(rows: int, notes: int, height: int, width: int, cursor: int) -> None:
    content = BoxContent(
        Choices([Choice("", f"name {n}", (Piece("x" * 90),), (Piece("12"),)) for n in range(rows)]),
        cursor=cursor if cursor < rows else None,
        below=[("Enter", (Piece("y" * 200),))] * notes,
        command="trigger-tui ls " + "--task some-task " * 20,
        history=[HistoryLine(NOW, "z" * 300)] * 5,
    )
    lines = box_lines(content, width, height, top=0, now=NOW)
    assert len(lines) <= height
    assert all(line_width(each.line) <= width for each in lines)
    if cursor < rows and height > 4:
        assert any(each.is_cursor for each in lines)
    assert 0 <= visible_top(content.cursor, 0, rows) <= max(0, rows - 1)


def test_line_of_a_value_says_what_enter_does() -> None:
    line = Line()
    line.commands = [*line.commands, Command("sort took", "Longest first.", lambda: None)]
    line.type("sort took")
    assert plain(line.content().below[-1][1]) == "took"


def test_idle_command_is_found_by_its_name_alone() -> None:
    line = Line()
    line.commands = [
        Command("views", "Saved views: open, rename.", lambda: line.ran.append("views")),
        Command("browser", "Open a run.", lambda: line.ran.append("no run"), aliases=("open",), is_idle=True),
    ]
    line.enter_all("browse")
    assert line.ran == []
    line.enter_all(":Open")
    assert line.ran == ["no run"]
    line.type("")
    assert line.words == "1 commands"
    assert [choice.text for choice in line.choices] == ["views"]
