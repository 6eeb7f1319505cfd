"""The shapes of the messages between a relay and its screens.

What lives here: typed dictionaries, one a kind, beside the rows of runs in `wire.relay_runs`. What is added later is
ignored by who does not know it; what is missing or of a wrong kind makes the message unreadable.
"""

from typing import Annotated, Literal, NotRequired, Required

from pydantic import Field

# pydantic takes only this one before Python 3.12
from typing_extensions import TypedDict

from tui.wire.relay.runs import GoneRow, PatchRow

_Word = Annotated[str, Field(min_length=1)]
_Count = Annotated[int, Field(ge=0, le=2**53)]
_Seconds = Annotated[float, Field(gt=0, le=3600)]
_PeriodSeconds = Annotated[float, Field(gt=0, le=3650 * 86_400)]
# A screen notices silence by beats that do not come: with rare ones it would be called live for hours.
_BeatSeconds = Annotated[float, Field(ge=0.1, le=60)]
_Version = Annotated[int, Field(ge=0, le=2**31)]


class WelcomeRow(TypedDict):
    """The first message of a relay."""

    kind: Literal["welcome"]
    v: _Version
    program: str
    at: str
    beat_s: _BeatSeconds


class RunsRow(TypedDict):
    """Runs that changed."""

    kind: Literal["changes"]
    at: str
    runs: list[PatchRow]
    gone: list[GoneRow]


class SnapshotRow(TypedDict):
    """A part of all runs that there are."""

    kind: Literal["snapshot"]
    at: str
    number: _Count
    is_last: bool
    runs: list[PatchRow]
    gone: list[GoneRow]


class EnvironmentRow(TypedDict):
    """Where the relay's key leads; null: the server would not say."""

    at: str
    where: dict[Literal["slug", "type", "project", "organisation"], str] | None


class CountsRow(TypedDict):
    """The server's own counts by canonical status."""

    at: str
    period_h: _Count
    counts: dict[str, _Count]


class SourceRow(TypedDict, total=False):
    """How a source of the relay gets on: it is `connected`, `retrying` or `stopped`."""

    source: Required[_Word]
    at: Required[str]
    how: Required[Literal["connected", "retrying", "stopped"]]
    interval_s: _Seconds
    next_at: str
    attempt: _Count
    reason: str
    is_answered: bool
    status: int | None


class CaughtUpRow(TypedDict):
    """What an outage kept from a source was read."""

    source: _Word
    at: str


class ReconciledRow(TypedDict):
    """The feed was held against the list."""

    at: str
    run_count: _Count
    missed_count: _Count


class HistoryRow(TypedDict):
    """How far back the list was read."""

    reached: str
    run_count: _Count
    is_complete: bool
    is_cut: NotRequired[bool]


class WindowRow(TypedDict):
    """Which runs the lists cover."""

    at: str
    period_s: _PeriodSeconds
    is_live_complete: bool
    is_older_cut: bool
    is_filtered: bool


class FactsRow(TypedDict):
    """All that the relay knows beside runs."""

    kind: Literal["facts"]
    at: str
    environment: EnvironmentRow | None
    counts: CountsRow | None
    sources: list[SourceRow]
    lost: dict[str, str]
    caught_up: CaughtUpRow | None
    reconciled: ReconciledRow | None
    history: HistoryRow | None
    window: NotRequired[WindowRow | None]


class BeatRow(TypedDict):
    """The relay is there, and knows what time it is."""

    kind: Literal["beat"]
    at: str


class AnswerRow(TypedDict):
    """The answer to a call, as the API gave it."""

    kind: Literal["answer"]
    id: _Count
    status: Annotated[int, Field(ge=100, le=599)]
    read_at: str
    content_type: str
    body: str


class HelloRow(TypedDict):
    """The first message of a screen."""

    kind: Literal["hello"]
    v: _Version
    program: Annotated[str, Field(max_length=200)]


class CallRow(TypedDict, total=False):
    """What a screen wants to know."""

    kind: Required[Literal["call"]]
    id: Required[_Count]
    what: Required[Literal["run", "trace", "events", "span", "query"]]
    run: str
    span: str
    trql: str
    period: str | None


ToScreen = Annotated[WelcomeRow | SnapshotRow | RunsRow | FactsRow | BeatRow | AnswerRow, Field(discriminator="kind")]
ToRelay = Annotated[HelloRow | CallRow, Field(discriminator="kind")]
