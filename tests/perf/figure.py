"""One measured figure of a benchmark, and its limit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A `value` in `unit`. `limit` is the highest accepted value, None if there is none."""

    name: str
    value: float
    unit: str
    limit: float | None = None
