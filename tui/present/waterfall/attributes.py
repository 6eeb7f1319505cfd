"""The attributes of one span in a bounded form: one line of `name: value`, so that a huge value is not kept."""

from collections.abc import Iterator
from typing import Final

from tui.domain.run import Json
from tui.domain.text import Raw
from tui.domain.traces.span import SpanDetail
from tui.lazy_dataclass import dataclass
from tui.present.json.text import rows, scalar

MAX_ATTRIBUTES: Final = 40
MAX_VALUE_CHARS: Final = 200
MAX_NAME_CHARS: Final = 100

_ERROR: Final = "error"


@dataclass(frozen=True, slots=True)
class SpanAttributes:
    """The attributes of a span as pairs of a name and its value as JSON. `more` counts those that were left out.

    `failure` says why they could not be read.
    """

    items: tuple[tuple[Raw, Raw], ...] = ()
    more: int = 0
    failure: str | None = None


def attributes_of(detail: SpanDetail) -> SpanAttributes:
    """Return the attributes of a span. Names inside objects are joined by dots, as the code wrote them.

    The error of a span is no attribute: it is shown as an error.
    """
    found: list[tuple[Raw, Raw]] = []
    more = 0
    for name, value in _flat(detail.properties):
        if len(found) == MAX_ATTRIBUTES:
            more += 1
        else:
            found.append((Raw(name[:MAX_NAME_CHARS]), _short(value)))
    return SpanAttributes(tuple(found), more)


def _flat(properties: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    pending: list[tuple[str, Json]] = [
        (name, value) for name, value in reversed(properties.items()) if name != _ERROR or not isinstance(value, dict)
    ]
    while pending:
        name, value = pending.pop()
        if isinstance(value, dict) and value and len(name) < MAX_NAME_CHARS:
            pending.extend((f"{name}.{key}", item) for key, item in reversed(value.items()))
        else:
            yield name, value


def _short(value: Json) -> Raw:
    """Return the start of a value as JSON."""
    if isinstance(value, str):
        return _cut(scalar(value[: MAX_VALUE_CHARS + 1]))
    text = ""
    for _, row in rows(value):
        text += row + (" " if row.endswith(",") else "")
        if len(text) > MAX_VALUE_CHARS:
            break
    return _cut(text)


def _cut(text: str) -> Raw:
    return Raw(text if len(text) <= MAX_VALUE_CHARS else text[: MAX_VALUE_CHARS - 1] + "…")
