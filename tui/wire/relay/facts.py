"""What a relay tells its screens beside runs: where it is, how its sources get on, what it may not ask.

What lives here: the value, and its row in a message of `wire.relay_messages`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, assert_never

from tui.domain.environment import Capability, Environment
from tui.domain.run import Json
from tui.domain.status import RunStatus
from tui.domain.text import Raw
from tui.domain.update import (
    CaughtUp,
    CountsRead,
    EnvironmentRead,
    HistoryRead,
    Reconciled,
    SourceConnected,
    SourceRetrying,
    SourceStopped,
    WindowRead,
)
from tui.wire.relay.models import (
    CaughtUpRow,
    CountsRow,
    EnvironmentRow,
    FactsRow,
    HistoryRow,
    ReconciledRow,
    SourceRow,
    WindowRow,
)
from tui.wire.relay.runs import decode_moment, decode_time, encode_time

_CAPABILITIES: Final = {each.value: each for each in Capability}
_STATUSES: Final = {each.value: each for each in RunStatus}

SourceStatus = SourceConnected | SourceRetrying | SourceStopped


@dataclass(frozen=True, slots=True)
class RelayFacts:
    """All that the relay knows beside runs, at a moment of the server's time."""

    at: datetime
    environment: EnvironmentRead | None = None
    counts: CountsRead | None = None
    sources: tuple[SourceStatus, ...] = ()
    lost: Mapping[Capability, str] = field(default_factory=dict)
    caught_up: CaughtUp | None = None
    reconciled: Reconciled | None = None
    history: HistoryRead | None = None
    window: WindowRead | None = None


def facts_row(facts: RelayFacts) -> dict[str, Json]:
    """The facts, whole."""
    return {
        "kind": "facts",
        "at": encode_time(facts.at),
        "environment": None if facts.environment is None else _environment_row(facts.environment),
        "counts": None if facts.counts is None else _counts_row(facts.counts),
        "sources": [_source_row(status) for status in facts.sources],
        "lost": dict(facts.lost),
        "caught_up": None if facts.caught_up is None else _caught_up_row(facts.caught_up),
        "reconciled": None if facts.reconciled is None else _reconciled_row(facts.reconciled),
        "history": None if facts.history is None else _history_row(facts.history),
        "window": None if facts.window is None else _window_row(facts.window),
    }


def read_facts(row: FactsRow) -> RelayFacts:
    """The facts that a row tells. Raises ValueError, KeyError or OverflowError where it tells none."""
    return RelayFacts(
        decode_moment(row["at"]),
        environment=None if row["environment"] is None else _read_environment(row["environment"]),
        counts=None if row["counts"] is None else _read_counts(row["counts"]),
        sources=tuple(_read_source(each) for each in row["sources"]),
        # A newer relay may have words that this screen has none for; the rest of what it says is as true.
        lost={_CAPABILITIES[name]: reason for name, reason in row["lost"].items() if name in _CAPABILITIES},
        caught_up=None if row["caught_up"] is None else _read_caught_up(row["caught_up"]),
        reconciled=None if row["reconciled"] is None else _read_reconciled(row["reconciled"]),
        history=None if row["history"] is None else _read_history(row["history"]),
        window=_read_window(row.get("window")),
    )


def _counts_row(read: CountsRead) -> dict[str, Json]:
    return {"at": encode_time(read.at), "period_h": read.period_h, "counts": dict(read.counts)}


def _read_counts(row: CountsRow) -> CountsRead:
    counts = {_STATUSES[name]: count for name, count in row["counts"].items() if name in _STATUSES}
    return CountsRead(counts, decode_time(row["at"]), row["period_h"])


def _caught_up_row(told: CaughtUp) -> dict[str, Json]:
    return {"source": told.source, "at": encode_time(told.at)}


def _read_caught_up(row: CaughtUpRow) -> CaughtUp:
    return CaughtUp(row["source"], decode_time(row["at"]))


def _reconciled_row(look: Reconciled) -> dict[str, Json]:
    return {"at": encode_time(look.at), "run_count": look.run_count, "missed_count": look.missed_count}


def _read_reconciled(row: ReconciledRow) -> Reconciled:
    return Reconciled(decode_time(row["at"]), row["run_count"], row["missed_count"])


def _history_row(read: HistoryRead) -> dict[str, Json]:
    return {
        "reached": encode_time(read.reached),
        "run_count": read.run_count,
        "is_complete": read.is_complete,
        "is_cut": read.is_cut,
    }


def _read_history(row: HistoryRow) -> HistoryRead:
    is_cut = row.get("is_cut", False)
    return HistoryRead(decode_time(row["reached"]), row["run_count"], row["is_complete"], is_cut)


def _window_row(read: WindowRead) -> dict[str, Json]:
    return {
        "at": encode_time(read.at),
        "period_s": read.period.total_seconds(),
        "is_live_complete": read.is_live_complete,
        "is_older_cut": read.is_older_cut,
        "is_filtered": read.is_filtered,
    }


def _read_window(row: WindowRow | None) -> WindowRead | None:
    """None where an older relay does not say it."""
    if row is None:
        return None
    return WindowRead(
        decode_time(row["at"]),
        timedelta(seconds=row["period_s"]),
        row["is_live_complete"],
        row["is_older_cut"],
        row["is_filtered"],
    )


def _environment_row(read: EnvironmentRead) -> dict[str, Json]:
    where = read.environment
    told = where and {
        "slug": where.slug,
        "type": where.type,
        "project": where.project,
        "organisation": where.organisation,
    }
    return {"at": encode_time(read.at), "where": told}


def _read_environment(row: EnvironmentRow) -> EnvironmentRead:
    where = row["where"]
    environment = where and Environment(
        Raw(where["slug"]), where["type"], Raw(where["project"]), Raw(where["organisation"])
    )
    return EnvironmentRead(environment or None, decode_time(row["at"]))


def _source_row(status: SourceStatus) -> dict[str, Json]:
    row: dict[str, Json] = {"source": status.source, "at": encode_time(status.at)}
    match status:
        case SourceConnected():
            return row | {"how": "connected", "interval_s": status.interval_s}
        case SourceRetrying():
            return row | {
                "how": "retrying",
                "next_at": encode_time(status.next_at),
                "attempt": status.attempt,
                "reason": status.reason,
                "is_answered": status.is_answered,
                "status": status.status,
            }
        case SourceStopped():
            return row | {"how": "stopped", "reason": status.reason, "status": status.status}
        case _:
            assert_never(status)


def _read_source(row: SourceRow) -> SourceStatus:
    source, at = row["source"], decode_moment(row["at"])
    match row["how"]:
        case "connected":
            return SourceConnected(source, at, row["interval_s"])
        case "retrying":
            next_at = decode_moment(row["next_at"])
            return SourceRetrying(
                source, at, next_at, row["attempt"], row["reason"], row["is_answered"], row.get("status")
            )
        case "stopped":
            return SourceStopped(source, at, row["reason"], row.get("status"))
