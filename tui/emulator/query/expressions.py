"""Parses TRQL's operators and translates them to SQLite: logic, comparisons, IN, arithmetic, times.

ClickHouse compares times by value and divides integers to fractions; the translation does the same.
"""

import re
from abc import ABC
from collections.abc import Callable

from tui.emulator.query.columns import TIME_COLUMN
from tui.emulator.query.functions import DAY, MILLISECONDS, MS, S
from tui.emulator.query.terms import Piece, Terms
from tui.emulator.query.tokens import QueryRefused
from tui.emulator.simulation.statuses import Status

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
        """Enter a nested part; the caller leaves it with `_depth`. Raises QueryRefused if the nesting is too deep."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise QueryRefused("Maximum parse depth exceeded")

    def _many(self, word: str, part: Callable[[], Piece]) -> Piece:
        pieces = [part()]
        while self.skip_words(word):
            pieces.append(part())
        if len(pieces) == 1:
            return pieces[0]
        # The server's fault: it joins the operands of an AND or OR inside by the outer word, also those in parentheses.
        # So `A AND (B OR C)` is `A AND B AND C` (recordings 2900-2915).
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
            low = self._sum()
            self.expect_word("AND")
            left_sql, low_sql = self._aligned(left, low)
            right_sql, high_sql = self._aligned(left, self._sum())
            return f"({left_sql} >= {low_sql} AND {right_sql} <= {high_sql})"
        if word != "IN":
            return f"matches({left.sql}, {self._sum().sql}, {int(word == 'ILIKE')})"
        if self.skip_sign("("):
            if self.is_word("SELECT", "WITH"):
                subquery = self.select()
                self.expect_sign(")")
                return f"({left.sql} IN ({subquery}))"
            items = self.expressions()
            self.expect_sign(")")
        else:
            array = self.term()
            if array.items is None:
                raise self.mismatch("'('", "'['")
            items = list(array.items)
        sides = [self._aligned(left, item) for item in items]
        return f"({sides[0][0] if sides else left.sql} IN ({', '.join(side for _, side in sides)}))"

    def _aligned(self, left: Piece, right: Piece) -> tuple[str, str]:
        """Both sides of a comparison. Times of different precision are compared in milliseconds."""
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
        while sign := self.skip_sign("+", "-", "||"):
            right = self._product()
            name = {"+": "plus", "-": "minus", "||": "concat"}[sign]
            if right.interval and sign != "||":
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
        while self.skip_sign("["):
            index = self.expression()
            self.expect_sign("]")
            piece = Piece(f"json_extract(CAST({piece.sql} AS TEXT), '$[' || ({index.sql} - 1) || ']')", "arrayelement")
        return Piece(f"(- {piece.sql})", "negate") if is_negative else piece
