"""Splits a TRQL query into tokens. The wording of syntax errors is ANTLR's (recording 835)."""

import re
from dataclasses import dataclass

MAX_QUERY_CHARACTERS = 20_000


class QueryRefused(Exception):
    """The query gets an error response with this status; the text is the `error` in its body."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


def server_error() -> QueryRefused:
    """The 500 that the real server answers to some clauses (recordings 2651, 2652)."""
    return QueryRefused("Internal Server Error", 500)


@dataclass(frozen=True, slots=True)
class Token:
    """One token. `kind` is word, name (quoted), string, number, sign or end; `value` has quotes and escapes resolved.

    `line` counts from 1, `column` from 0, `at` from the start of the query.
    """

    kind: str
    text: str
    value: str
    line: int
    column: int
    at: int


_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?!\w))
    |(?P<word>[^\W\d]\w*)
    |(?P<string>'(?:[^'\\]|\\.|'')*')
    |(?P<name>"(?:[^"\\\]]|"")+"|`[^`\\\]]+`)
    |(?P<sign><=|>=|<>|!=|==|\|\||::|[-+*/%=<>(),.;\[\]{}?:])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f", "a": "\a", "v": "\v"}


def tokens_of(query: str) -> list[Token]:
    """All tokens, ending with one of kind end. Raises QueryRefused for a character that starts no token."""
    if len(query) > MAX_QUERY_CHARACTERS:
        raise QueryRefused(f"Max query size exceeded ({MAX_QUERY_CHARACTERS} characters)")
    tokens: list[Token] = []
    at, line, line_at = 0, 1, 0
    while at < len(query):
        found = _TOKEN.match(query, at)
        if found is None:
            raise QueryRefused(
                f"Syntax error at line {line}:{at - line_at}: token recognition error at: '{query[at : at + 20]}'"
            )
        kind, text = found.lastgroup or "", found[0]
        if kind != "space":
            tokens.append(Token(kind, text, _value(kind, text), line, at - line_at, at))
        if newlines := text.count("\n"):
            line, line_at = line + newlines, at + text.rindex("\n") + 1
        at = found.end()
    tokens.append(Token("end", "<EOF>", "", line, at - line_at, at))
    return tokens


def _value(kind: str, text: str) -> str:
    if kind == "string":
        return re.sub(r"''|\\(.)", lambda found: _unescaped(found[1]), text[1:-1], flags=re.DOTALL)
    if kind == "name":
        return text[1:-1].replace('""', '"')
    return text


def _unescaped(letter: str | None) -> str:
    return "'" if letter is None else _ESCAPES.get(letter, letter)


def text_of(pieces: list[str]) -> str:
    """The expected tokens, as the parser words them."""
    return pieces[0] if len(pieces) == 1 else "{" + ", ".join(pieces) + "}"


class Cursor:
    """The position of the parser in the query. Keywords are case-insensitive."""

    def __init__(self, query: str) -> None:
        self.query = query
        self._tokens = tokens_of(query)
        self._next = 0

    @property
    def token(self) -> Token:
        """The next token."""
        return self._tokens[self._next]

    def peek(self, count: int = 1) -> Token:
        """A token further ahead; the end token beyond the end."""
        return self._tokens[min(self._next + count, len(self._tokens) - 1)]

    def advance(self) -> Token:
        """Consume and return the next token."""
        token = self.token
        if token.kind != "end":
            self._next += 1
        return token

    def is_word(self, *words: str) -> bool:
        """Whether the next token is one of these keywords."""
        return self.token.kind == "word" and self.token.text.upper() in words

    def is_sign(self, *signs: str) -> bool:
        """Whether the next token is one of these signs."""
        return self.token.kind == "sign" and self.token.text in signs

    def skip_words(self, *words: str) -> bool:
        """Consume these keywords if all of them come next."""
        for peek, word in enumerate(words):
            token = self.peek(peek)
            if token.kind != "word" or token.text.upper() != word:
                return False
        self._next += len(words)
        return True

    def skip_sign(self, *signs: str) -> str:
        """Consume the next token if it is one of these signs, and return it; "" otherwise."""
        return self.advance().text if self.is_sign(*signs) else ""

    def expect_sign(self, sign: str) -> None:
        """Consume that sign. Raises QueryRefused for anything else."""
        if not self.skip_sign(sign):
            raise self.mismatch(f"'{sign}'")

    def expect_word(self, word: str) -> None:
        """Consume that keyword. Raises QueryRefused for anything else."""
        if not self.skip_words(word):
            raise self.mismatch(word)

    def expect_name(self) -> str:
        """Consume an identifier. Raises QueryRefused for anything else."""
        if self.token.kind not in {"word", "name"}:
            raise self.mismatch("IDENTIFIER")
        return self.advance().value

    def expect_count(self) -> str:
        """Consume a whole number. Raises QueryRefused for anything else."""
        if self.token.kind != "number" or not self.token.text.isdigit():
            raise self.mismatch("DECIMAL_LITERAL")
        return self.advance().text

    def mismatch(self, *expected: str) -> QueryRefused:
        """The syntax error at the next token."""
        token = self.token
        where = f"Syntax error at line {token.line}:{token.column}"
        if not expected:
            return QueryRefused(f"{where}: no viable alternative at input '{token.text}'")
        return QueryRefused(f"{where}: mismatched input '{token.text}' expecting {text_of(list(expected))}")
