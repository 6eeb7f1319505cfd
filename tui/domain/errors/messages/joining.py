"""Joins the lines of a normalised message, and joins neighbouring placeholders into one."""

import re

from tui.domain.errors.messages import vocabulary as words

_UNIT = re.compile(
    rf"({words.NUMBER})\s+(?:ms|milliseconds?|s|secs?|seconds?|mins?|minutes?|h|hours?|hrs?|days?|weeks?|"
    r"Tag(?:en?)?|Stunden?|Minuten?|Sekunden?|jours?|heures?|días?|horas?|bytes?|[KMGT]?i?B|"
    rf"%|{words.CURRENCIES})(?!\w)"
)
_PARTS = re.compile(rf"(?:{words.NUMBER}|{words.ID})(?:[-._:/+~@](?:{words.NUMBER}|{words.ID}))+")
_DATA = f"{words.NUMBER}|{words.ID}|{words.PATH}|{words.URL}|{words.EMAIL}|{words.ADDRESS}|{words.TIME}|{words.QUOTED}"
_LIST = re.compile(rf"(?P<one>{_DATA})(?:(?:\s*[,;|&]\s*|\s+|\s(?:and|or|und|\|\|)\s)(?:[A-Z]+:)?(?P=one))+")
_NAMED_EMAIL = re.compile(rf"(?:(?:[^\W\d_a-z][\w.'’-]*,?|&)\s+){{1,5}}(?:<{words.EMAIL}>|\({words.EMAIL}\))")
# `Upload of q3 report final.docx`: a few words between such a word and a file belong to the file's name.
_FILE_NAME = re.compile(
    rf"\b(in|of|for|file|from|to|open|read|parse|load|import|upload|process|convert|download|attachment|document) "
    rf"(?:(?!(?:in|for|file|from|to|at|into|with|because)\s)(?:[^\W_]|<n>)(?:[\w()-]|<n>)* ){{1,4}}{words.PATH}"
)
# `q3 report final.docx is encrypted`: so do the words that begin a message, unless they are a sentence.
_FIRST_FILE = re.compile(
    rf"\A(\W\s)?(?:(?!\w*(?:ing|ed|ot|to|of|from|in|for|at|no|is|file|line|with|error|id)\s)"
    rf"(?:[^\W_]|<n>)(?:[\w()-]|<n>)* ){{1,3}}{words.PATH}(?=:? (?!exists|already))",
    re.IGNORECASE,
)
_SPACED_PATH = re.compile(rf"(?<![\w/.-])(?:[\w-]+/)+[\w-]+ {words.PATH}")
_NUMBER_BEFORE_WORD = f"{words.NUMBER} "


def joined(text: str) -> str:
    """Join the lines of a message, each different one once: logs and lists repeat lines."""
    if "\n" in text:
        text = " ".join(dict.fromkeys(line.strip() for line in text.split("\n") if line.strip()))
    text = " ".join(text.split())
    return _merged(text) if "<" in text or "'…'" in text else text


def _merged(text: str) -> str:
    """Join placeholders that stand together: the number of values in a list and of parts in an id is data."""
    # Most messages have one placeholder. Each search costs 1 µs.
    if _NUMBER_BEFORE_WORD in text:
        text = _UNIT.sub(r"\1", text)
    if words.PATH in text:
        text = _SPACED_PATH.sub(words.PATH, text)
        text = _FILE_NAME.sub(rf"\1 {words.PATH}", text)
        text = _FIRST_FILE.sub(rf"\1{words.PATH}", text)
    if text.count("<") > 1:
        text = _PARTS.sub(lambda match: words.ID if words.ID in match[0] else words.NUMBER, text)
        if words.EMAIL in text:
            text = _NAMED_EMAIL.sub(f"<{words.EMAIL}>", text)
        return _LIST.sub(r"\g<one>", text)
    return _LIST.sub(r"\g<one>", text) if text.count(words.QUOTED) > 1 else text
