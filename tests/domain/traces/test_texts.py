"""Texts come back as they were added."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.log import Texts

any_text = st.text(st.characters(codec=None))  # with lone surrogates


def texts_of(given_texts: list[str]) -> Texts:
    texts = Texts()
    for text in given_texts:
        texts.append(text)
    return texts


@given(st.lists(any_text))
def test_texts_come_back_as_they_were_added(given_texts: list[str]) -> None:
    texts = texts_of(given_texts)
    assert list(texts) == given_texts
    assert texts == texts_of(given_texts)
    with pytest.raises(IndexError):
        texts[len(given_texts)]


@given(st.lists(any_text, min_size=1), st.data())
def test_texts_are_taken_in_the_given_order(given_texts: list[str], data: st.DataObject) -> None:
    indices = data.draw(st.lists(st.integers(0, len(given_texts) - 1)))
    taken = Texts()
    taken.take(texts_of(given_texts), indices)
    assert list(taken) == [given_texts[index] for index in indices]


def test_the_same_bytes_cut_elsewhere_are_other_texts() -> None:
    assert texts_of(["ab", "c"]) != texts_of(["a", "bc"])
