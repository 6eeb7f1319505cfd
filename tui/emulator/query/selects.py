"""Parses TRQL's SELECTs and translates them to SQLite: clauses, tables, joins of subqueries, unions,
common table expressions.

`translate` is the only way from a query to SQL. What neither this program sends nor a recording has is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tui.emulator.query.expressions import RESERVED, Expressions, Piece
from tui.emulator.query.tables import FLAG_NAMES, JSON_NAMES, RUNS, Table, find_table
from tui.emulator.query.tokens import QueryRefused, server_error

STARTS = ("SELECT", "WITH", "'{'", "'('", "'<'")
"""The tokens that the recorded parser expects at the start of a query (recording 835)."""

NUL = "\0"


@dataclass(frozen=True, slots=True)
class Window:
    """The request's limits of the trigger time, formatted for TRQL; "" for none.

    `floor` always applies. The others apply only to queries without a condition of their own.
    """

    low: str = ""
    high: str = ""
    floor: str = ""
    bucket_s: int = 60


@dataclass(frozen=True, slots=True)
class Translation:
    """A query for SQLite, with the values of its parameters. `table` is the table of its unknown columns.

    `flags` are the columns of the answer that show 0 and 1 as false and true, `texts` those that show "" for NULL.
    """

    sql: str
    values: Mapping[str, str]
    table: Table = RUNS
    flags: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Source:
    """One source of a FROM. A table has no `sql`, because its time limits are known only after the WHERE."""

    sql: str
    alias: str
    on: str
    table: Table | None = None

    def starred(self) -> str:
        """The columns of a `*`, which are only the core columns of a table."""
        if self.table is None:
            return f"[{self.alias}].*"
        return ", ".join(f"[{self.alias}].[{column}] AS [{column}]" for column in self.table.starred)


def translate(query: str, now: str, window: Window) -> Translation:
    """Translate a query. `now` is the time to the second. Raises QueryRefused with the server's text."""
    reader = _Selects(query, now, window)
    sql = reader.statement()
    shown = [(piece.sql.rpartition(".")[2], name) for piece, name in reader.shown]
    flags = frozenset(name for sql, name in shown if sql.strip("[]") in FLAG_NAMES)
    texts = frozenset(name for sql, name in shown if sql.strip("[]") in JSON_NAMES)
    return Translation(sql, reader.values, reader.table, flags, texts)


class _Selects(Expressions):
    """Has a short method for each clause."""

    def __init__(self, query: str, now: str, window: Window) -> None:
        super().__init__(query, now, window.bucket_s)
        self.table = RUNS
        """The last table named so far. The refusal of an unknown column lists its columns."""
        self.shown: list[tuple[Piece, str]] = []
        """The columns of the SELECT that was parsed last, with their names: in the end those of the answer."""
        self._window = window
        self._aliases: dict[str, Piece] = {}
        self._common: frozenset[str] = frozenset()

    def statement(self) -> str:
        """Parse the whole query."""
        if not self.is_word("SELECT", "WITH"):
            raise self.mismatch(*STARTS)
        sql = self.select()
        if self.is_word("SETTINGS"):
            raise server_error()
        self.skip_sign(";")
        if self.token.kind != "end":
            raise self.mismatch("<EOF>")
        return sql

    def select(self) -> str:
        """Parse a SELECT, or a union of them."""
        self.enter()
        outer = (self.joins, self.is_windowed, self._aliases, self._common)
        common = self._with() if self.skip_words("WITH") else ""
        parts = [self._one()]
        while self.skip_words("UNION"):
            self.expect_word("ALL")
            parts.append(self._one())
        self.joins, self.is_windowed, self._aliases, self._common = outer
        self._depth -= 1
        if len(parts) > 1:
            # SQLite allows no ORDER BY or LIMIT in a part of a union.
            parts = [" UNION ALL ".join(f"SELECT * FROM ({part})" for part in parts)]  # noqa: S608  built by this module
        return common + parts[0]

    def _with(self) -> str:
        """Common table expressions. Each can read only the earlier ones."""
        tables: list[str] = []
        while not tables or self.skip_sign(","):
            name = self.expect_name()
            self.expect_word("AS")
            self.expect_sign("(")
            tables.append(f"[{name}] AS ({self.select()})")
            self.expect_sign(")")
            self._common |= {name}
        return f"WITH {', '.join(tables)} "

    def _one(self) -> str:
        self.expect_word("SELECT")
        self.joins, self.is_windowed, self._aliases = [], True, {}
        distinct = "DISTINCT " if self.skip_words("DISTINCT") else ""
        items = self._items()
        sources = self._from() if self.skip_words("FROM") else []
        rest = self._clauses()
        columns = ", ".join(self._shown(item, sources) for item in items)
        self.shown = items
        return f"SELECT {distinct}{columns}{self._joined(sources)}{rest}"

    def _items(self) -> list[tuple[Piece, str]]:
        """The selected columns with their names."""
        items: list[tuple[Piece, str]] = []
        while True:
            if self.skip_sign("*"):
                items.append((Piece("*"), "*"))
            else:
                piece = self.expression()
                alias = self._alias()
                if alias:
                    self._aliases[alias] = piece
                items.append((piece, alias or piece.name))
            if not self.skip_sign(","):
                return items

    def _alias(self) -> str:
        if self.skip_words("AS"):
            return self.expect_name()
        token = self.token
        if token.kind == "name" or (token.kind == "word" and token.text.upper() not in RESERVED):
            return self.expect_name()
        return ""

    def _from(self) -> list[_Source]:
        sources = [self._source(0)]
        while self.skip_words("JOIN"):
            sources.append(self._source(len(sources)))
            for source in sources:
                if source.table is not None and source.alias != source.table.name:
                    raise _aliased_join(source.alias)
        return sources

    def _source(self, count: int) -> _Source:
        if self.skip_sign("("):
            table, sql = None, f"({self.select()})"
            self.expect_sign(")")
            alias = self._alias() or f"_t{count}"
        else:
            name = self.expect_name()
            table, sql = (None, f"[{name}]") if name in self._common else (find_table(name), "")
            if table is not None:
                self.table = table
            alias = self._alias() or name
        on = f" ON {self.expression().sql}" if count and self.skip_words("ON") else ""
        return _Source(sql, alias, on, table)

    def _clauses(self) -> str:
        parts = []
        if self.skip_words("WHERE"):
            parts.append(f" WHERE {self.expression().sql}")
        if self.skip_words("GROUP"):
            self.expect_word("BY")
            parts.append(f" GROUP BY {', '.join(self._grouped(piece) for piece in self.expressions())}")
        if self.skip_words("HAVING"):
            parts.append(f" HAVING {self.expression().sql}")
        if self.skip_words("ORDER"):
            self.expect_word("BY")
            orders = [self._order()]
            while self.skip_sign(","):
                orders.append(self._order())
            parts.append(f" ORDER BY {', '.join(orders)}")
        parts.append(self._limit())
        return "".join(parts)

    def _grouped(self, piece: Piece) -> str:
        # SQLite would prefer a column of that name to the alias.
        known = self._aliases.get(piece.name) if piece.sql == f"[{piece.name}]" else None
        return known.sql if known is not None else piece.sql

    def _order(self) -> str:
        sql = self.expression().sql
        direction = "DESC" if self.skip_words("DESC") else "ASC"
        self.skip_words("ASC")
        return f"{sql} {direction} NULLS LAST"

    def _limit(self) -> str:
        if not self.skip_words("LIMIT"):
            return ""
        limit = self.expect_count()
        if self.is_word("BY"):
            raise server_error()
        return f" LIMIT {limit}"

    def _shown(self, item: tuple[Piece, str], sources: list[_Source]) -> str:
        piece, name = item
        if piece.sql == "*":
            return ", ".join(source.starred() for source in sources)
        return f"{piece.sql} AS [{name.replace(']', ')').replace(NUL, '')}]"

    def _joined(self, sources: list[_Source]) -> str:
        if not sources:
            return f" FROM {', '.join(self.joins)}" if self.joins else ""
        parts = [
            f"{source.sql or self._windowed(source.table or RUNS)} AS [{source.alias}]{source.on}" for source in sources
        ]
        return f" FROM {' JOIN '.join(parts)}{''.join(f', {join}' for join in self.joins)}"

    def _windowed(self, table: Table) -> str:
        limits = []
        if self._window.floor:
            limits.append(f"{table.time_column} >= {self.bound(self._window.floor)}")
        if self.is_windowed and self._window.low:
            limits.append(f"{table.time_column} >= {self.bound(self._window.low)}")
        if self.is_windowed and self._window.high:
            limits.append(f"{table.time_column} <= {self.bound(self._window.high)}")
        if not limits:
            return f"main.{table.name}"
        return f"(SELECT * FROM main.{table.name} WHERE {' AND '.join(limits)})"  # noqa: S608  values are parameters


def _aliased_join(alias: str) -> QueryRefused:
    """The refusal of a join of a table with an alias: the real server turns it into invalid SQL (recording 2655).

    The real text quotes a position and a part of that SQL, so it cannot be the same.
    """
    return QueryRefused(f"Syntax error: failed at position 1 (AS): AS {alias} FINAL JOIN... Expected one of: FINAL")
