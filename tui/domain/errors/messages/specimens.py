"""Replaces long numbers in a message by specimens, so that messages that differ in nothing else are normalised once.

A number of four digits and more that stands alone is a code or data whatever its digits are: all that comes later asks
only whether a sign is a digit, and how many there are. A specimen has as many digits, so that everything else stands
where it stood. Where a specimen is kept or cut, its digit stands in the result; other text does not contain it.
"""

import re
from typing import Final, NamedTuple

_DIGITS: Final = "79680"
"""The first of them that the rest of a message does not contain is used."""

_MIN_DIGITS: Final = 4
"""A status code has three digits."""

_BEFORE: Final = r"(?:(?<=[ (#])|\A)"
_AFTER: Final = r"(?=[ )]|[,;.](?:\s|\Z)|\Z)"
_NUMBER = re.compile(rf"{_BEFORE}([0-9]{{{_MIN_DIGITS},}}){_AFTER}")
_SPECIMENS: Final = {digit: re.compile(rf"{_BEFORE}{digit}{{{_MIN_DIGITS},}}{_AFTER}") for digit in _DIGITS}


class Specimens(NamedTuple):
    """A text with a specimen for each long number that stands alone, and the digit of which they consist."""

    text: str
    digit: str

    def are_whole_in(self, text: str) -> bool:
        """Return whether the digit stands in whole specimens only: in no shorter number, and not beside other signs."""
        return self.digit not in _SPECIMENS[self.digit].sub("", text)


def with_specimens(text: str) -> Specimens | None:
    """Return a text with specimens; None if there is nothing to replace, or if no digit can stand for others."""
    parts = _NUMBER.split(text)
    if len(parts) == 1:
        return None
    rest = "".join(parts[::2])
    for digit in _DIGITS:
        if digit not in rest:
            parts[1::2] = [digit * len(number) for number in parts[1::2]]
            return Specimens("".join(parts), digit)
    return None
