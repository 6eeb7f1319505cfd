"""Reads labelled errors, and scores how well kinds of errors agree with the labels."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tui.domain.error import RunError, build_error
from tui.domain.error_kinds import ErrorKind, kind_of

DATA = Path(__file__).parents[2] / "domain" / "errors" / "data"


class LabelledError(NamedTuple):
    """An error and the name of the group that people put it into."""

    label: str
    error: RunError


class Score(NamedTuple):
    """Of the pairs of errors that are in one group, the part whose labels agree; and the other way round."""

    precision: float
    recall: float


def labelled_errors(name: str) -> list[LabelledError]:
    """Read a file of errors with their labels: one JSON object a line."""
    rows = map(json.loads, (DATA / name).read_text("utf-8").splitlines())
    return [
        LabelledError(row["group"], build_error(row["message"], name=row["type"], stack=row["stack"])) for row in rows
    ]


def score(labelled: Sequence[LabelledError], kinds: Iterable[ErrorKind] | None = None) -> Score:
    """Return the pairwise precision and recall of the kinds."""
    fingerprints = [kind.fingerprint for kind in kinds or (kind_of(each.error) for each in labelled)]
    labels = [each.label for each in labelled]
    both = _pairs(zip(labels, fingerprints, strict=True))
    return Score(both / _pairs(fingerprints), both / _pairs(labels))


def _pairs(names: Iterable[object]) -> int:
    return sum(count * (count - 1) // 2 for count in Counter(names).values())
