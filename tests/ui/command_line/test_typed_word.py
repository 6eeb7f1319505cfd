"""The word that is being typed, and what fits it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.features.command_line.model import completed, completions, fitting, typed_word
from tui.store.filter import split_words
from tui.text.styled import plain

COUNTS = {"status": {"Failed": 3, "Crashed": 2, "Completed": 9}, "task": {"charge-card": 9, "sync": 5, "Charge": 1}}


@pytest.mark.parametrize(
    ("text", "before", "part", "field"),
    [
        ("", "", "", None),
        ("sta", "", "sta", None),
        ("status:fai", "status:", "fai", "status"),
        ("task:a status:fai", "task:a status:", "fai", "status"),
        ("status:failed,cra", "status:failed,", "cra", "status"),
        ("-tag:x", "-tag:", "x", "tag"),
        ("task:a ", "task:a ", "", None),
        ('task:"a b', "task:", "a b", "task"),
        ('task:"a,b",c', 'task:"a,b",', "c", "task"),
    ],
)
def test_last_word_is_the_typed_one(text: str, before: str, part: str, field: str | None) -> None:
    word = typed_word(text)
    assert (word.before, word.part, word.field) == (before, part, field)


def values(text: str, *, is_counted: bool = True) -> list[tuple[str, str]]:
    found = completions(typed_word(text), COUNTS, is_counted=is_counted, sorts=("age", "took"))
    return [(each.name, plain(each.right)) for each in found]


def test_statuses_fit_with_their_numbers() -> None:
    assert values("status:fai") == [("failed", "3"), ("failed-to-run", "0"), ("failures", "5"), ("system-failure", "0")]
    assert values("status:fai", is_counted=False)[0] == ("failed", "·")


def test_names_fit_by_their_begin_then_by_their_number() -> None:
    assert values("task:") == [("charge-card", "9"), ("sync", "5"), ("Charge", "1")]
    assert values("task:charge") == [("Charge", "1"), ("charge-card", "9")]
    assert values("task:c*d") == [("charge-card", "9")]
    assert values("task:card") == [("charge-card", "9")]
    assert values("sort:to") == [("took", "")]
    assert [name for name, _ in values("ta")] == ["task:", "tag:"]


@given(st.text(max_size=20), st.text(min_size=1, max_size=20))
def test_completed_value_is_one_value_of_its_word(before: str, value: str) -> None:
    word = typed_word(f"{before} task:")
    if word.field != "task":
        return  # an open quote before it
    text = completed(word, value)
    last = split_words(text)[-1] if split_words(text) else None
    if last is not None and not value.isspace() and '"' not in value:
        assert last.field == "task"
        assert len(last.values) <= 1


@given(st.lists(st.text(max_size=8)), st.text(max_size=8))
def test_everything_fits_an_empty_part(known: list[str], part: str) -> None:
    assert fitting(known, "") == known or "" in known
    assert set(fitting(known, part)) <= set(known)


def test_value_that_cannot_be_typed_is_not_offered() -> None:
    counts = {"tag": {"\x1b[31mred": 9, "a\u202eb": 3, "fine": 2}}
    found = completions(typed_word("tag:"), counts, is_counted=True, sorts=())
    assert [each.name for each in found] == ["fine"]
