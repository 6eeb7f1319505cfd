"""Failures of the demo tasks are of one kind exactly if they have the same cause."""

import pytest

from tests.support.domain.labelled_errors import score
from tests.support.emulator.causes import caused_errors


@pytest.mark.parametrize("seed", [1])
def test_kinds_agree_with_the_causes_of_failures(seed: int) -> None:
    errors = caused_errors(seed)
    assert len({error.label for error in errors}) > 50
    precision, recall = score(errors)
    assert precision >= 0.99
    assert recall >= 0.99
