"""Counts words that make the docstrings and comments of `tui/` hard to read: `python -m tests.language [FOLDER…]`.

The figures are per 1,000 words, ignoring case. A low figure does not make a text plain, but a high one shows where
readers stumble. `tests/test_language.py` holds all of `tui/` to the goals.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
GOALS: Final = {
    "tell": (re.compile(r"\b(tell|tells|told)\b", re.IGNORECASE), 0.5),
    "who": (re.compile(r"\b(who|whom)\b", re.IGNORECASE), 0.3),
    "somebody": (re.compile(r"\b(somebody|nobody)\b", re.IGNORECASE), 0.2),
    "anew": (re.compile(r"\banew\b", re.IGNORECASE), 0.0),
    "what": (re.compile(r"\bwhat\b", re.IGNORECASE), 4.0),
}
"""Each group of words, with its limit in 1,000 words of prose."""

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z'’-]*")
_TEXT_OR_COMMENT: Final = re.compile(
    r"""(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(#[^\n]*)""",
    re.DOTALL,
)
"""A text, or a comment as the group: `tokenize` takes ten times as long."""

_DIRECTIVE: Final = re.compile(r"(noqa|type: ignore|fmt)\S*( [A-Z]+\d+,?)*")
_DOCUMENTED: Final = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def prose(source: str) -> Iterator[str]:
    """Yield the docstrings of a module, also of attributes, and its comments without directives to tools."""
    yield from _docstrings(ast.parse(source))
    for comment in _TEXT_OR_COMMENT.findall(source):
        if comment:
            yield _DIRECTIVE.sub("", comment)


def _docstrings(node: ast.AST) -> Iterator[str]:
    for child in getattr(node, "body", ()):
        match child:
            case ast.Expr(value=ast.Constant(value=str(text))) if isinstance(node, _DOCUMENTED):
                yield text
            case ast.expr() | ast.Expr():
                pass
            case _:
                yield from _docstrings(child)
    for name in ("orelse", "finalbody", "handlers", "cases"):
        for child in getattr(node, name, ()) if not isinstance(node, ast.expr) else ():
            yield from _docstrings(child)


def counted(texts: Iterable[str]) -> Counter[str]:
    """Count each group in these texts; `words` is the number of all words."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts["words"] += len(_WORD.findall(text))
        counts.update({name: len(pattern.findall(text)) for name, (pattern, _) in GOALS.items()})
    return counts


def per_thousand(counts: Counter[str], name: str) -> float:
    """Return the occurrences of one group in 1,000 words."""
    return 1000 * counts[name] / max(counts["words"], 1)


def main() -> None:
    """Print a line for each folder, and one for all of them."""
    folders = sys.argv[1:] or sorted({path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("tui/**/*.py")})
    print(f"{'':32}{'words':>7}" + "".join(f"{name:>10}" for name in GOALS))
    total: Counter[str] = Counter()
    for folder in folders:
        paths = sorted((ROOT / folder).glob("*.py"))
        counts = counted(text for path in paths for text in prose(path.read_text(encoding="utf-8")))
        total += counts
        print(_line(folder, counts))
    print(_line("all", total))
    print(f"{'goal':39}" + "".join(f"{goal:>10.1f}" for _, goal in GOALS.values()))


def _line(folder: str, counts: Counter[str]) -> str:
    return f"{folder:32}{counts['words']:>7}" + "".join(f"{per_thousand(counts, name):>10.1f}" for name in GOALS)


if __name__ == "__main__":
    main()
