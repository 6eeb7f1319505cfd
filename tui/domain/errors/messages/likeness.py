"""`identity_of` reduces a normalised message to the text by which errors are grouped.

All placeholders become one, because `job <n>` and `job <id>` are one sentence about two jobs. A list of one path and a
list of three are one too. People read the normalised message, in which the placeholders differ.
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
)
_PLACEHOLDER = re.compile(f"<(?:{'|'.join(kind.strip('<>') for kind in _KINDS)})>|{words.QUOTED}")
_CURRENCY = re.compile(rf"[$€£¥]\s?{DATA}|{DATA}\s?[$€£¥](?!\w)")
# What is left of an id: `…f…c`, `call_ab…`.
_MACHINE_WORD = re.compile(
    rf"(?<![\w.$…/\[-])(?:[A-Za-z]{{0,4}}{DATA}(?:(?:[A-Za-z]{{1,4}}|[A-Za-z]{{0,4}}-){DATA})+[A-Za-z]{{0,4}}"
    rf"|(?:(?:[A-Za-z]{{1,12}}[_-])+|(?:[A-Za-z-]{{1,24}}:){{2,}}"
    rf"|(?=[A-Za-z]{{1,2}}{DATA}))[A-Za-z]{{0,3}}{DATA}[A-Za-z]{{0,4}})(?![\w…\[/-]|\.\w)"
)
# `in EUR`, `EUR …`
_CURRENCY_CODE = re.compile(
    rf"\b(?:{words.CURRENCIES})[/-](?:{words.CURRENCIES})\b"
    rf"|(?<= (?:in|to) )(?:{words.CURRENCIES})\b|\b(?:{words.CURRENCIES})\s?(?={DATA})"
)
_MAYBE_CURRENCY = re.compile(r"[A-Z]{3}(?![A-Za-z_])")
# Letters beside data: `UrqH-…BAl-iuqY`.
_GLUED = re.compile(rf"(?<![\w.$…/\[-])[A-Za-z…_-]*{DATA}[A-Za-z…_-]*(?![\w\[/]|\.\w)")
_MAYBE_GLUED = re.compile(rf"{DATA}[A-Za-z-]|[A-Za-z][-_:]?{DATA}")
_LETTERS = re.compile(r"[A-Za-z]+")
_ODD_CASE = re.compile(r"[A-Z]{2,}[a-z]|[a-z][A-Z]")
_UNIT = re.compile(rf"{DATA}[kmgt]?b\b", re.IGNORECASE)
# The fields of a cron expression: `* * … * *`.
_STARS = re.compile(rf"(?:\*/?\s)+{DATA}(?:\s\*)*|{DATA}(?:\s\*)+")
# Which attempt failed is no part of what failed.
_ATTEMPT = re.compile(
    rf" \((?:attempt|try|retry|[Vv]ersuch|intento|tentativ[eao]) #?{DATA}(?:\s?(?:of|von|de|di|sur|/)\s?{DATA})?\)"
)
_LIST = re.compile(rf"{DATA}(?:(?:\s*[,;|&/+:-]\s*|\s+|\s(?:and|or|und)\s){DATA})+")
_SINGULAR_VERB = re.compile(rf"({DATA} [a-z]+s )(is|was|has)\b")
_PLURAL_VERBS: Final = {"is": "are", "was": "were", "has": "have"}
_BRACKETS = re.compile(r"\[([^\[\]{}]*, [^\[\]{}]*)\]")


def identity_of(message: Raw) -> Raw:
    """Return a normalised message with one placeholder for all data, and each item of a list once."""
    text: str = message
    if "<" in text or DATA in text:
        text = _PLACEHOLDER.sub(DATA, text)
    if _MAYBE_CURRENCY.search(text) is not None:
        text = _CURRENCY_CODE.sub(DATA, text)
    if DATA in text:
        text = text.replace(f"<{DATA}>", DATA)
        text = _CURRENCY.sub(DATA, text)
        text = _UNIT.sub(DATA, text)
        if _MAYBE_GLUED.search(text) is not None:
            text = _MACHINE_WORD.sub(DATA, text)
            text = _GLUED.sub(_without_letters, text)
        text = _ATTEMPT.sub("", text) if f"{DATA})" in text else text
        text = _STARS.sub(DATA, text) if "*" in text else text
        text = _LIST.sub(DATA, text)
        text = _SINGULAR_VERB.sub(lambda match: match[1] + _PLURAL_VERBS[match[2]], text)
    if ", " in text:
        text = _BRACKETS.sub(_sorted_items, text)
        text = _without_repeated_clauses(text, ", ")
    return Raw(_without_repeated_clauses(text, "; ") if "; " in text else text)


def _without_letters(match: re.Match[str]) -> str:
    """Return data for a word that has data in it and letters that are no word; otherwise the word."""
    is_machine = len(match[0]) > 1 and any(map(_ODD_CASE.search, _LETTERS.findall(match[0])))
    return DATA if is_machine else match[0]


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
