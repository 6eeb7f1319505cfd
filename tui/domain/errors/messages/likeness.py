"""`identity_of`: what of a normalised message tells one kind of error from another.

The kind of a placeholder does not: `job <n>` and `job <id>` are one sentence about two jobs, and so are a list of one
path and a list of three. The message that people read keeps them.
"""

import re
from typing import Final

from tui.domain.errors.messages import vocabulary as words
from tui.domain.text import Raw

DATA: Final = "…"
"""Stands for every placeholder."""

_KINDS: Final = (
    words.NUMBER,
    words.ID,
    words.TIME,
    words.ADDRESS,
    words.URL,
    words.PATH,
    words.EMAIL,
    words.NAME,
    words.QUOTED,
)
_PLACEHOLDER = re.compile("|".join(_KINDS))
_CURRENCY = re.compile(rf"[$€£¥]\s?{DATA}|{DATA}\s?[$€£¥](?!\w)")
# What is left of an id: `…f…c`, `call_ab…`.
_MACHINE_WORD = re.compile(
    rf"(?<![\w.$…/\[-])(?:[A-Za-z]{{0,4}}{DATA}(?:[A-Za-z]{{1,4}}{DATA})+[A-Za-z]{{0,4}}"
    rf"|(?:(?:[A-Za-z]{{1,12}}[_-])+|(?:[A-Za-z-]{{1,24}}:){{2,}}"
    rf"|(?=[A-Za-z]{{1,2}}{DATA}))[A-Za-z]{{0,3}}{DATA}[A-Za-z]{{0,4}})(?![\w…\[/-]|\.\w)"
)
_UNIT = re.compile(rf"{DATA}[kmgt]?b\b", re.IGNORECASE)
_LIST = re.compile(rf"{DATA}(?:(?:\s*[,;|&/+:-]\s*|\s+|\s(?:and|or|und)\s){DATA})+")
_SINGULAR_VERB = re.compile(rf"({DATA} [a-z]+s )(is|was|has)\b")
_PLURAL_VERBS: Final = {"is": "are", "was": "were", "has": "have"}
_BRACKETS = re.compile(r"\[([^\[\]{}]*, [^\[\]{}]*)\]")


def identity_of(message: Raw) -> Raw:
    """Return a normalised message with one placeholder for all data, and each item of a list once."""
    text: str = message
    if "<" in text or DATA in text:
        text = _PLACEHOLDER.sub(DATA, text)
    if DATA in text:
        text = text.replace(f"<{DATA}>", DATA)
        text = _CURRENCY.sub(DATA, text)
        text = _UNIT.sub(DATA, text)
        text = _MACHINE_WORD.sub(DATA, text)
        text = _LIST.sub(DATA, text)
        text = _SINGULAR_VERB.sub(lambda match: match[1] + _PLURAL_VERBS[match[2]], text)
    if ", " in text:
        text = _BRACKETS.sub(_sorted_items, text)
        text = _without_repeated_clauses(text, ", ")
    return Raw(_without_repeated_clauses(text, "; ") if "; " in text else text)


def _sorted_items(match: re.Match[str]) -> str:
    return f"[{', '.join(sorted(set(match[1].split(', '))))}]"


def _without_repeated_clauses(text: str, separator: str) -> str:
    """Return a text without clauses that equal the one before, also if that one follows a heading and a colon."""
    first, *others = text.split(separator)
    kept = [first]
    for clause in others:
        if clause != kept[-1] and not kept[-1].endswith(f": {clause}"):
            kept.append(clause)
    return separator.join(kept)
