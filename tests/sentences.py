"""`python -m tests.sentences` prints all words that the program shows or prints, by room, with file and line.

It takes every text of two or more words, and single words where they stand alone on the screen. An f-string has `{…}`
in place of its values. Texts that no user reads are left out: docstrings, patterns, keys, names.
"""

import ast
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from tests.test_architecture import MODULES, called, tree

_WORDS: Final = re.compile(r"[^\W\d_]{2,}.*[\s·].*[^\W\d_]{2,}|[^\W\d_]{2,}: |: [^\W\d_]{2,}")
_WORD: Final = re.compile(r"[a-zA-Z][a-z-]{2,}|[A-Z]{3,}")
_NO_PROSE: Final = re.compile(r"\(\?|\\[bwsAZ]|\[\^|\bSELECT\b|\w\[\w|\| None$|^[^\s:]*(\{…\}[^\s:]*)+$|^%")
_SHOWING: Final = {"Piece", "Said", "Column", "LABEL", "bind", "Help", "_text", "_faint"}
"""What shows its texts: a single word is a label there."""

_UNSEEN: Final = {"compile", "cast", "TypeVar", "AssertionError", "import_module", "split"}
"""What shows none of its texts."""

_UNSEEN_IN: Final = ("tui/emulator/", "tui/terminal/", "tui/api/queries.py", "tui/domain/error")
"""Servers, queries, and the words of other people's errors."""


def _is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a docstring is the help of a command."""
    return any(re.search(r"command|group", ast.unparse(each)) for each in node.decorator_list)


def texts(node: ast.AST, *, has_docstrings: bool, is_label: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each sentence below a node. `has_docstrings`: users read those, too."""
    parts: list[ast.AST] = [*ast.iter_child_nodes(node)]
    match node:
        case ast.Expr(value=ast.Constant()) if not has_docstrings:
            return
        case ast.Constant(value=str(text)) if not _NO_PROSE.search(text):
            if _WORDS.search(text) or (is_label and _WORD.fullmatch(text)):
                yield node.lineno, " ".join(text.split())
        case ast.JoinedStr(values=values):
            text = "".join(str(each.value) if isinstance(each, ast.Constant) else "{…}" for each in values)
            if re.search(r"[^\W\d_]{2,}", text.replace("{…}", "")) and not _NO_PROSE.search(text):
                yield node.lineno, " ".join(text.split())
            parts = [each for each in values if not isinstance(each, ast.Constant)]
        case ast.Call(func=func, args=arguments):
            is_label = called(func) in _SHOWING
            parts = [*arguments[2:4]] if called(func) == "bind" else [] if called(func) in _UNSEEN else parts
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            has_docstrings = _is_command(node)
        case ast.Subscript(value=value):
            parts = [value]
        case _:
            pass
    for part in parts:
        yield from texts(part, has_docstrings=has_docstrings, is_label=is_label)


def sentences() -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each sentence, none twice in a file."""
    for module in MODULES:
        if not module.startswith(_UNSEEN_IN):
            found = texts(tree(module), has_docstrings=module == "tui/settings/schema.py")
            first = {text: line for line, text in sorted(found, reverse=True)}
            yield from ((f"{module}:{line}", text) for text, line in sorted(first.items(), key=lambda each: each[1]))


if __name__ == "__main__":

    def room_of(each: tuple[str, str]) -> str:
        return Path(each[0]).parent.as_posix()

    for room, found in groupby(sorted(sentences(), key=room_of), room_of):
        print(f"\n## {room}\n", *(f"{Path(place).name}: {text}" for place, text in found), sep="\n")
