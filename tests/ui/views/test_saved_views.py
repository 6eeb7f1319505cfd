"""Saved views: their names, their letters, and what is wrong about them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.features.views.view import (
    MAX_VIEWS,
    SavedView,
    TooManyViews,
    lettered,
    listed_views,
    name_problem,
    named,
    with_view,
    without_view,
)

NAMES = st.sampled_from(["a", "A", "b", "Straße", "STRASSE"])
VIEWS = st.builds(SavedView, NAMES, st.just("runs?"), st.sampled_from(["", "x", "y", "X"]))


@given(st.lists(VIEWS, max_size=8), st.none() | NAMES)
def test_names_and_letters_stay_unique(changes: list[SavedView], instead_of: str | None) -> None:
    views: tuple[SavedView, ...] = ()
    for view in changes:
        views = with_view(views, view, instead_of or "")
        assert named(views, view.name) == view
        assert not view.letter or lettered(views, view.letter) == view
    names = [view.name.casefold() for view in views]
    letters = [view.letter for view in views if view.letter]
    assert len(set(names)) == len(names)
    assert len(set(letters)) == len(letters)


def test_renamed_view_keeps_its_place() -> None:
    views = (SavedView("a", "runs?", "a"), SavedView("b", "errors?", "b"))
    assert with_view(views, SavedView("c", "runs?", "b"), "a") == (
        SavedView("c", "runs?", "b"),
        SavedView("b", "errors?"),
    )
    assert without_view(views, "A") == views[1:]


def test_number_of_views_is_bounded() -> None:
    views = tuple(SavedView(str(number), "runs?") for number in range(MAX_VIEWS))
    assert len(with_view(views, SavedView("7", "errors?"))) == MAX_VIEWS
    with pytest.raises(TooManyViews):
        with_view(views, SavedView("new", "runs?"))


def test_letter_of_the_config_file_wins_and_is_said() -> None:
    own, configured = SavedView("mine", "runs?", "f"), SavedView("theirs", "runs?", "f", is_configured=True)
    assert lettered((own, configured), "f") == configured
    remarks = {each.name: each.remark for each in listed_views((own, configured))}
    assert remarks == {"mine": "f opens “theirs” of the config file", "theirs": ""}


def test_address_that_does_not_fit_is_said() -> None:
    (listed,) = listed_views((SavedView("old", "runs?tag=x&sort=tok"),))
    assert listed.words == "runs tag:x"
    assert listed.remark.startswith('no order "tok", nearest: took')
    (lost,) = listed_views((SavedView("lost", "hall?"),))
    assert lost.words == "hall?"
    assert lost.remark.startswith('no view "hall"')


def test_name_is_short_and_can_be_shown() -> None:
    assert name_problem("charge failures") == ""
    for name in ("", "x" * 61, "a\x1b[31mb", "\u202egnp"):
        assert name_problem(name)
