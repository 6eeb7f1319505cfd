"""A search finds the attributes of opened lines too, and unfolds what matches."""

from datetime import UTC, datetime

from tui.domain.log import RunLog
from tui.domain.run import SpanId
from tui.domain.text import Raw
from tui.features.logs.model import LogView
from tui.features.logs.words import Attributes
from tui.text.styled import plain

STACK = "Error: boom\n    at run (file:///app/src/a.ts:1:2)\n    at f (file:///app/node_modules/zod/z.js:3:4)"
VALUES = {
    "error": {"message": "socket hang up, long enough for a fold", "stack": STACK},
    "user": {"name": {"first": ["Ada", "Augusta", "and a few more names than fit"]}},
    "stack": STACK,
}


def log_of(*messages: str) -> RunLog:
    log = RunLog()
    for number, message in enumerate(messages):
        log.add(SpanId(f"{number:016x}"), number * 1_000_000, 1, Raw("INFO"), Raw(message))
    return log


def view_of(*messages: str) -> LogView:
    view = LogView(lambda _: Attributes(VALUES))
    view.show(log_of(*messages))
    return view


def searched(view: LogView, needle: str) -> str:
    for _ in view.search(needle):
        pass
    return "\n".join(plain(row.line) for row in view.rows(60, datetime(1970, 1, 1, tzinfo=UTC), lambda _: ()))


def test_attributes_are_searched_where_they_are_open() -> None:
    view = view_of("first", "second", "Augusta")
    searched(view, "augusta")
    assert view.hits == [2]
    view.toggle(1)
    text = searched(view, "augusta")
    assert view.hits == [1, 2]
    assert text.count("Augusta") == 2
    assert searched(view, "").count("Augusta") == 1


def test_search_unfolds_the_stack_in_which_it_matches() -> None:
    view = view_of("only")
    view.toggle(0)
    assert "z.js" not in searched(view, "")
    assert "z.js" in searched(view, "z.js")
    assert searched(view, "boom").count("Error: boom") == 2, "once in each of two stacks"
    assert view.is_hit(0)


def test_search_leaves_a_stack_folded_in_another_line() -> None:
    view = view_of("only", "Error: x\n    at run (file:///app/node_modules/pg/lib.js:1:2)")
    view.toggle(0)
    view.toggle(1)
    text = searched(view, "lib.js")
    assert "lib.js" in text
    assert "z.js" not in text.partition("lib.js")[0]


def test_error_that_matches_is_not_folded() -> None:
    view = view_of("only")
    view.toggle(0)
    assert "hang up" in searched(view, ""), "errors begin open"
    assert "hang up" in searched(view, "hang up")
