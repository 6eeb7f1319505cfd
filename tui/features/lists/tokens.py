"""The waitpoint tokens, never with their callback addresses. Source: tests/wire/recordings/README.md §13 (1105)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tui.api.facts import TOKENS, ListedToken
from tui.kit.lists import Clip, ListView, LiveList
from tui.kit.rows import ListOrder, earliest_first, latest_first
from tui.store.changes import Changes, Topic
from tui.text.blocks import ListRuns, Now, Said
from tui.text.styled import Line, Piece, Token
from tui.text.table import Column, Table, Wish, shows, value_cell


class LiveTokens(LiveList[ListedToken]):
    """The tokens, each with its run. Which run waits is a fact, which is read only while findings are watched."""

    needs_facts = True

    def on_changes(self, changes: Changes) -> None:
        if self.is_open and Topic.WALL_FACTS in changes.topics:
            self.show_rows(self.rows)

    def show_rows(self, rows: Sequence[ListedToken]) -> None:
        facts = self.live.session.store.wall_facts
        known = {} if facts is None or facts.tokens is None else {each.id: each for each in facts.tokens.tokens}
        super().show_rows(
            [replace(row, run_id=each.run_id, task=each.task) if (each := known.get(row.id)) else row for row in rows]
        )


def _facts(row: ListedToken, _: None, now: Now) -> Sequence[Said]:
    return [
        Said("status", (Piece(row.status, _TOKENS.get(row.status, Token.TEXT)),)),
        Said("created", value_cell(row.created_at, now)),
        Said("times out" if row.status == "WAITING" else "timeout", _timeout(row, now, 0)),
        Said("completed", value_cell(row.completed_at, now)),
        Said("tags", value_cell(row.tags or None, now)),
        Said("run", value_cell(row.run_id, now), (Piece(row.task or "", Token.FAINT),)),
    ]


_TOKENS: Final = {"WAITING": Token.BLUE, "COMPLETED": Token.MUTED, "TIMED_OUT": Token.ROSE}


def _status(row: ListedToken, _now: Now, _width: int) -> Line:
    return (Piece(row.status, _TOKENS.get(row.status, Token.TEXT)),)


def _timeout(row: ListedToken, now: Now, _width: int) -> Line:
    return value_cell(row.times_out_at if row.completed_at is None else None, now)


def _waiting_first(row: ListedToken) -> tuple[object, ...]:
    return (row.status != "WAITING", earliest_first(row.created_at))


_COLUMNS: Final = (
    Column("token", "token", shows("id"), share=0.5, least=12, most=38, wish=Wish(12, 38), cut_to=36, meaning="the id"),
    Column("status", "status", _status, 9, meaning="waiting, completed, timed out", order="waiting"),
    Column("age", "age", shows("created_at"), 6, "right", is_ticking=True, meaning="its age", order="newest"),
    Column("timeout", "timeout", _timeout, 7, "right", is_ticking=True, meaning="when it times out"),
    Column("task", "task", shows("task"), 18, from_width=100, drop_rank=2, meaning="the task that waits"),
    Column("run", "run", shows("run_id", Token.MUTED), 11, from_width=80, drop_rank=3, meaning="the run that waits"),
    Column("tags", "tags", shows("tags"), least=6, wish=Wish(6, 30), cut_to=10, drop_rank=1, meaning="its tags"),
)
VIEW: Final[ListView[ListedToken]] = ListView(
    name="tokens",
    noun="token",
    sentence="The waitpoint tokens, and which run waits for each.",
    table=Table(_COLUMNS, lambda row: Piece("◦" if row.status == "WAITING" else " ", Token.BLUE), strong="token"),
    key=lambda row: row.id,
    title=lambda row: row.id,
    orders=(
        ListOrder("waiting", "waiting first", "The tokens that wait longest first.", _waiting_first),
        ListOrder("newest", "newest first", "The newest tokens first.", lambda row: (latest_first(row.created_at),)),
    ),
    fields={
        "id": lambda row: row.id,
        "status": lambda row: row.status,
        "tag": lambda row: " ".join(row.tags),
        "task": lambda row: row.task or "",
        "run": lambda row: row.run_id or "",
    },
    read=replace(TOKENS, params={}, max_rows=500),
    facts=_facts,
    opens=lambda row, _: None if row.run_id is None else ListRuns(f"id:{row.run_id}", cursor=row.run_id),
    copies=lambda row: (Clip("i", "id of the token", row.id),),
    live=LiveTokens,
)
