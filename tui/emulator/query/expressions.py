"""Parses TRQL's expressions and translates them to SQLite."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace

from tui.emulator.query.functions import (
    AGGREGATES,
    BUCKET_UNITS_S,
    COUNTED_UNITS,
    DAY,
    MILLISECONDS,
    MS,
    SCALARS,
    Function,
    S,
    start_of_bucket,
)
from tui.emulator.query.tables import JSON_NAMES, RUNS, TEXT_NAMES, TIME_ALIAS, TIME_COLUMN, TIME_NAMES, Table
from tui.emulator.query.tokens import Cursor, QueryRefused
from tui.emulator.simulation.runs import Status

# Parses the operands of TRQL's expressions and translates them to SQLite: literals, columns, calls, CASE, intervals.
#
# The grammar is complete: nothing that it does not know reaches SQLite. Strings become parameters, identifiers are
# bracketed.


MAX_SQL_CHARACTERS = 200_000
"""Some templates repeat an argument, so nested calls grow fast."""

RESERVED = frozenset(
    {"AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "CROSS", "DESC", "DISTINCT", "ELSE", "END", "FROM", "FULL", "GROUP"}
    | {"HAVING", "ILIKE", "IN", "INNER", "INTERVAL", "IS", "JOIN", "LEFT", "LIKE", "LIMIT", "NOT", "NULL", "NULLS"}
    | {"OFFSET", "ON", "OR", "ORDER", "RIGHT", "SELECT", "SETTINGS", "THEN", "UNION", "USING", "WHEN", "WHERE", "WITH"}
)

_HIDDEN = {"rowid", "oid", "_rowid_", TIME_ALIAS}
"""Columns that SQLite has in every table, and a hidden one of ours. No query may name them."""

_SPECIAL = {"now", "datediff", "arrayjoin", "tostartofinterval", "timebucket"}
"""Functions whose arguments are not plain expressions, or that need more than their arguments."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an expression as SQL.

    * `name`: what the column of the result is called if the query gives no alias
    * `time`: the precision of a time, "" for any other value
    * `text`: the value of a string literal
    * `operands`: the SQL of each part, if this piece is an AND or OR
    * `interval`, `interval_s`: of an interval, the SQL modifier with a `{}` for its sign, and its length
    """

    sql: str
    name: str = "expression"
    time: str = ""
    text: str | None = None
    operands: tuple[str, ...] = ()
    interval: str = ""
    interval_s: int = 0

    def __post_init__(self) -> None:
        if len(self.sql) > MAX_SQL_CHARACTERS:
            raise QueryRefused("Max query size exceeded after expansion")


class Terms(Cursor, ABC):
    """Parses operands. `values` are the parameters of the SQL by name; `now` is the time to the second."""

    def __init__(self, query: str, now: str, bucket_s: int) -> None:
        super().__init__(query)
        self.values: dict[str, str] = {}
        self.joins: list[str] = []
        """Tables that `arrayJoin` adds to the FROM of the SELECT that is being parsed."""
        self._now = now
        self._bucket_s = bucket_s

    @abstractmethod
    def select(self) -> str:
        """Parse a SELECT and return its SQL."""

    @abstractmethod
    def expression(self) -> Piece:
        """Parse an expression."""

    def expressions(self) -> list[Piece]:
        """Parse expressions separated by commas."""
        pieces = [self.expression()]
        while self.skip_sign(","):
            pieces.append(self.expression())
        return pieces

    def bound(self, text: str) -> str:
        """Turn a string into a parameter."""
        name = f"v{len(self.values)}"
        self.values[name] = text.replace("\0", "")
        return f":{name}"

    def term(self) -> Piece:
        """Parse an operand."""
        token = self.token
        if token.kind == "number":
            return Piece(self.advance().text, token.text)
        if token.kind == "string":
            return Piece(self.bound(self.advance().value), f"'{token.value}'", text=token.value)
        if token.kind == "name":
            return self._column()
        if token.kind == "word":
            return self._word()
        if self.skip_sign("("):
            is_select = self.is_word("SELECT", "WITH")
            piece = Piece(f"({self.select()})", "subquery") if is_select else self.expression()
            self.expect_sign(")")
            return piece
        raise self.mismatch()

    def _word(self) -> Piece:
        if self.is_word("NULL", "TRUE", "FALSE"):
            word = self.advance().text.upper()
            return Piece({"NULL": "NULL", "TRUE": "1", "FALSE": "0"}[word], word if word == "NULL" else word.lower())
        if self.skip_words("CASE"):
            return self._case()
        if self.is_word("INTERVAL"):
            return self._interval()
        is_or_call = self.is_word("OR") and self.peek().text == "("
        if self.token.text.upper() in RESERVED and not is_or_call:
            raise self.mismatch()
        return self._call() if self.peek().text == "(" else self._column()

    def _case(self) -> Piece:
        sql = "CASE" if self.is_word("WHEN") else f"CASE {self.expression().sql}"
        while self.skip_words("WHEN"):
            sql += f" WHEN {self.expression().sql}"
            self.expect_word("THEN")
            sql += f" THEN {self.expression().sql}"
        if self.skip_words("ELSE"):
            sql += f" ELSE {self.expression().sql}"
        self.expect_word("END")
        return Piece(f"{sql} END", "case")

    def _interval(self) -> Piece:
        self.expect_word("INTERVAL")
        amount, unit = self.expect_count(), self.expect_name().lower().removesuffix("s")
        if unit not in BUCKET_UNITS_S or len(amount) > 9:
            raise self.mismatch("INTERVAL")
        modifier = f"'{{}}{int(amount)} {unit}s'"
        interval_s = int(amount) * BUCKET_UNITS_S[unit]
        return Piece(modifier.format(""), "interval", interval=modifier, interval_s=interval_s)

    def _column(self) -> Piece:
        parts = [self.expect_name()]
        while self.is_sign(".") and self.peek().kind in {"word", "name"}:
            self.advance()
            parts.append(self.advance().value)
        depth = next((at for at, part in enumerate(parts[:2]) if part in JSON_NAMES), len(parts) - 1)
        if depth > 1 or parts[-1].lower() in _HIDDEN:
            raise unknown_column(".".join(parts))
        sql = ".".join(f"[{part}]" for part in parts[: depth + 1])
        if path := parts[depth + 1 :]:
            keys = "".join('."' + key.replace('"', "") + '"' for key in path)
            return Piece(f"json_extract({sql}, {self.bound('$' + keys)})", ".".join(parts[depth:]))
        return Piece(sql, parts[-1], MS if parts[-1] in TIME_NAMES else "")

    def _call(self) -> Piece:
        name = self.advance().text
        known = name.lower()
        if known in _SPECIAL:
            return self._special(known)
        function, is_filtered = SCALARS.get(known), False
        if function is None:
            function = AGGREGATES.get(known)
        if function is None:
            function, is_filtered = AGGREGATES.get(known.removesuffix("if")), True
        if function is None:
            raise QueryRefused(f"Unknown function: {name}")
        arguments = self._arguments()
        parameters: list[Piece] = []
        if function.parameters and self.is_sign("("):
            parameters, arguments = arguments, self._arguments()
        return self._applied(name, function, arguments, parameters, is_filtered=is_filtered)

    def _arguments(self) -> list[Piece]:
        self.expect_sign("(")
        is_distinct = self.skip_words("DISTINCT")
        if self.skip_sign("*"):
            self.expect_sign(")")
            return [Piece("*")]
        arguments = [] if self.is_sign(")") else self.expressions()
        self.expect_sign(")")
        if is_distinct and arguments:
            arguments[0] = replace(arguments[0], sql=f"DISTINCT {arguments[0].sql}")
        return arguments

    def _applied(
        self, name: str, function: Function, arguments: list[Piece], parameters: list[Piece], *, is_filtered: bool
    ) -> Piece:
        condition = f" FILTER (WHERE {arguments.pop().sql})" if is_filtered and arguments else ""
        if len(arguments) < function.min_args or (
            function.max_args is not None and len(arguments) > max(1, function.max_args)
        ):
            raise QueryRefused(f"Function '{name}' expects {_arity(function)}, found {len(arguments)}")
        sqls = [_stored(argument) if function.uses_stored_status else argument.sql for argument in arguments]
        if "*" in sqls and function is not AGGREGATES["count"]:
            raise QueryRefused(f"Function '{name}' takes no '*'")
        levels = [parameter.sql for parameter in parameters] or [function.default]
        if not all(level.replace(".", "", 1).isdigit() for level in levels) or len(levels) > max(
            function.parameters, 1
        ):
            raise QueryRefused(f"Function '{name}' takes {function.parameters} constant levels")
        fixed = {"all": ", ".join(sqls) or "*", "any": " OR ".join(sqls), "f": condition, "p": ", ".join(levels)}
        fixed["empty"] = "''" if arguments and arguments[0].name in TEXT_NAMES else "NULL"
        sql = function.sql.format(*sqls, **fixed, p0=levels[0])
        time = arguments[0].time if function.time == "same" and arguments else function.time
        return Piece(sql, name.lower(), time)

    def _special(self, known: str) -> Piece:
        """Functions that do not fit a template."""
        arguments = self._arguments()
        match known, arguments:
            case "now", []:
                return Piece(self.bound(self._now), known, S)
            case "datediff", [Piece(text=str(counted)), start, end] if counted.removesuffix("s") in COUNTED_UNITS:
                count = COUNTED_UNITS[counted.removesuffix("s")]
                return Piece(f"({count.format(end.sql)} - {count.format(start.sql)})", known)
            case "timebucket", []:
                return Piece(start_of_bucket(f"[{TIME_ALIAS}]", self._bucket_s), known, S)
            case "tostartofinterval", [moment, Piece(interval_s=interval_s)] if interval_s:
                return Piece(start_of_bucket(moment.sql, interval_s), known, S)
            case "arrayjoin", [values]:
                table = f"_each{len(self.joins)}"
                self.joins.append(f"json_each(CAST({values.sql} AS TEXT)) AS {table}")
                return Piece(f"{table}.value", known)
            case _:
                raise QueryRefused(f"Function '{known}' does not take these arguments")


def _stored(argument: Piece) -> str:
    """The SQL of the stored value: some functions return the database's word for a status (recording 2641)."""
    return f"stored_status({argument.sql})" if argument.name == "status" else argument.sql


def _arity(function: Function) -> str:
    count = f"{function.min_args}" if function.min_args == function.max_args else f"at least {function.min_args}"
    return f"{count} argument{'' if function.min_args == 1 else 's'}"


def unknown_column(name: str, alias: str = "", table: Table = RUNS) -> QueryRefused:
    """The refusal of an unknown column (recordings 833, 836). A qualified name is refused with its table."""
    where = f' on table "{alias}"' if alias else ""
    return QueryRefused(f'Unknown column "{name}"{where}. Available columns: {", ".join(sorted(table.columns))}')


# Parses TRQL's operators and translates them to SQLite: logic, comparisons, IN, arithmetic, times.
#
# ClickHouse compares times by value and divides integers to fractions; the translation does the same.


MAX_DEPTH = 60

_MEMBERSHIP = ("IN", "BETWEEN", "LIKE", "ILIKE")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,3})\d*)?)?)?")
_TYPES = {MS: "DateTime64(3)", S: "DateTime", DAY: "Date"}
TITLES = {word: status.title for status in Status for word in (status.rest, status.database)}
"""The TRQL label for each other word of a status."""

_SHIFTED = {MS: "strftime('%Y-%m-%d %H:%M:%f', {}, {})", S: "datetime({}, {})", DAY: "datetime({}, {})"}
_PADDED = {MS: "{}", S: "({} || '.000')", DAY: "({} || ' 00:00:00.000')"}


class Expressions(Terms, ABC):
    """Parses expressions, the weakest operators first."""

    def __init__(self, query: str, now: str, bucket_s: int) -> None:
        super().__init__(query, now, bucket_s)
        self.is_windowed = True
        """Whether the request's time limits apply to the SELECT that is being parsed."""
        self._depth = 0

    def expression(self) -> Piece:
        """Parse an expression."""
        self.enter()
        piece = self._many("OR", self._conjunction)
        self._depth -= 1
        return piece

    def enter(self) -> None:
        """Go one level deeper. The caller must subtract 1 from `_depth` at the end. Raises QueryRefused if the nesting
        is too deep.
        """
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise QueryRefused("Maximum parse depth exceeded")

    def _many(self, word: str, part: Callable[[], Piece]) -> Piece:
        pieces = [part()]
        while self.skip_words(word):
            pieces.append(part())
        if len(pieces) == 1:
            return pieces[0]
        # A bug of the real server that we copy: it ignores an inner AND or OR and joins all operands by the outer word,
        # even inside parentheses. So `A AND (B OR C)` becomes `A AND B AND C` (recordings 2900-2915).
        operands = tuple(sql for piece in pieces for sql in piece.operands or (piece.sql,))
        return Piece(f"({f' {word} '.join(operands)})", operands=operands)

    def _conjunction(self) -> Piece:
        return self._many("AND", self._negation)

    def _negation(self) -> Piece:
        negations = 0
        while self.skip_words("NOT"):
            negations += 1
        piece = self._comparison()
        if not negations:
            return piece
        return Piece(f"(NOT {piece.sql})" if negations % 2 else piece.sql, "not")

    def _comparison(self) -> Piece:
        left = self._sum()
        while True:
            if sign := self.skip_sign("=", "==", "!=", "<>", "<", "<=", ">", ">="):
                left = self._compared(left, sign.replace("==", "="))
            elif self.skip_words("IS"):
                negation = "NOT " if self.skip_words("NOT") else ""
                self.expect_word("NULL")
                left = Piece(f"({left.sql} IS {negation}NULL)")
            elif self.is_word(*_MEMBERSHIP):
                left = Piece(self._membership(left))
            elif self.is_word("NOT") and self.peek().text.upper() in _MEMBERSHIP:
                self.advance()
                left = Piece(f"(NOT {self._membership(left)})")
            else:
                return left

    def _compared(self, left: Piece, sign: str) -> Piece:
        right = self._sum()
        if "NULL" in {left.sql, right.sql} and sign in {"=", "!=", "<>"}:
            other = left if right.sql == "NULL" else right
            return Piece(f"({other.sql} IS {'' if sign == '=' else 'NOT '}NULL)")
        left_sql, right_sql = self._aligned(left, right)
        return Piece(f"({left_sql} {sign} {right_sql})")

    def _membership(self, left: Piece) -> str:
        word = self.advance().text.upper()
        if word == "BETWEEN":
            low, low_sql = self._aligned(left, self._sum())
            self.expect_word("AND")
            high, high_sql = self._aligned(left, self._sum())
            return f"({low} >= {low_sql} AND {high} <= {high_sql})"
        if word != "IN":
            return f"matches({left.sql}, {self._sum().sql}, {int(word == 'ILIKE')})"
        self.expect_sign("(")
        if self.is_word("SELECT", "WITH"):
            listed = self.select()
        else:
            sides = [self._aligned(left, item) for item in self.expressions()]
            left, listed = replace(left, sql=sides[0][0]), ", ".join(side for _, side in sides)
        self.expect_sign(")")
        return f"({left.sql} IN ({listed}))"

    def _aligned(self, left: Piece, right: Piece) -> tuple[str, str]:
        """Both sides of a comparison. Times of different precision are compared in milliseconds. Clears `is_windowed`
        if the comparison limits the trigger time.
        """
        if TIME_COLUMN in {left.name, right.name}:
            self.is_windowed = False
        if left.time == right.time:
            return self._known_status(left, right), self._known_status(right, left)
        return self._to_ms(left, right.time), self._to_ms(right, left.time)

    def _to_ms(self, piece: Piece, other_time: str) -> str:
        if piece.text is not None:
            found = _MOMENT.fullmatch(piece.text)
            if found is None:
                # Recording 2645. The trailing blank is the server's.
                raise QueryRefused(f"Cannot convert string '{piece.text}' to type {_TYPES[other_time]}. ")
            day, minute, second, rest = found.groups()
            return self.bound(f"{day} {minute or '00:00'}:{second or '00'}.{(rest or '0').ljust(3, '0')}")
        return _PADDED[piece.time].format(piece.sql) if piece.time else piece.sql

    def _known_status(self, piece: Piece, other: Piece) -> str:
        """A status can be compared with its word in any of the API's vocabularies (recordings 2653, 2654)."""
        title = TITLES.get(piece.text) if piece.text is not None and other.name == "status" else None
        return piece.sql if title is None else self.bound(title)

    def _sum(self) -> Piece:
        left = self._product()
        while sign := self.skip_sign("+", "-"):
            right = self._product()
            name = {"+": "plus", "-": "minus"}[sign]
            if right.interval:
                time = left.time or MS
                shift = right.interval.format("-" if sign == "-" else "")
                left = Piece(_SHIFTED[time].format(left.sql, shift), name, MS if time == MS else S)
            elif left.time and right.time and sign == "-":
                difference = f"{MILLISECONDS.format(left.sql)} - {MILLISECONDS.format(right.sql)}"
                left = Piece(f"(({difference}) / 1000.0)", name)
            else:
                left = Piece(f"({left.sql} {sign} {right.sql})", name)
        return left

    def _product(self) -> Piece:
        left = self._unary()
        while sign := self.skip_sign("*", "/", "%"):
            right = self._unary()
            name = {"*": "multiply", "/": "divide", "%": "modulo"}[sign]
            left = Piece(f"({'1.0 * ' if sign == '/' else ''}{left.sql} {sign} {right.sql})", name)
        return left

    def _unary(self) -> Piece:
        is_negative = False
        while sign := self.skip_sign("-", "+"):
            is_negative ^= sign == "-"
        piece = self.term()
        return Piece(f"(- {piece.sql})", "negate") if is_negative else piece
