"""One measured figure of a benchmark, with the limit that an issue set for it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` in `unit`; `limit` is what was asked for, or None where the figure only informs."""

    name: str
    value: float
    unit: str
    limit: float | None = None
