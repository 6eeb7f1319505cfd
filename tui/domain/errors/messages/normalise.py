"""`normalise` replaces in an error's message the data that differs between two failures of one kind."""

import re
from functools import lru_cache
from typing import Final

from tui.domain.errors.messages import vocabulary as words
from tui.domain.errors.messages.blocks import without_blocks
from tui.domain.errors.messages.joining import joined
from tui.domain.errors.messages.names import replace_names
from tui.domain.errors.messages.objects import replace_objects
from tui.domain.errors.messages.sentences import replace_in_sentences
from tui.domain.errors.messages.specimens import Specimens, with_specimens
from tui.domain.errors.messages.tokens import replace_values
from tui.domain.text import Raw

MAX_MESSAGE_CHARS: Final = 65_536
"""The rest of a longer message is ignored. JSON is read up to here."""

MAX_TEXT_CHARS: Final = 2_048
"""The rest of a longer text between objects is ignored."""

MAX_NORMALISED_CHARS: Final = 1_000
CACHED_MESSAGES: Final = 256
MAX_CACHED_CHARS: Final = 512
"""Messages without ids repeat. Those up to this length are remembered: 0.25 MB at most."""

CACHED_TEXTS: Final = 2_048
"""So many texts are remembered for others that differ from them in long numbers: 2.5 MB at most, usually 0.8 MB."""

_ADDRESSED: Final = r"[^\s,;()'\"]"
# `connect ECONNREFUSED redis:6379`: an address follows the name of an errno.
_ERRNO = re.compile(
    rf"\b(?P<lookup>(?:getaddrinfo|query\w*|getHostByAddr|getnameinfo)\s+E[A-Z_]+\s|"
    rf"E(?:CONN[A-Z]+|HOSTUNREACH|HOSTDOWN|NETUNREACH|TIMEDOUT|ADDRINUSE|ADDRNOTAVAIL|PROTO|PIPE|ACCES)\s"
    rf"(?={_ADDRESSED}*[.:/\d]))(?P<address>{_ADDRESSED}+)"
)
# V8 prints the value that is no object: `Cannot use 'in' operator to search for 'length' in ann`.
_SEARCHED = re.compile(r"(\boperator to search for '[^'\n]{1,200}' in )[^\n]+")
# `Email: ann(at)acme is not valid`.
_SUBJECT = re.compile(r"\b([A-Za-z]+): (?=\S*[^A-Za-z\s])([A-Za-z0-9]\S*)(?= (?:is|was|has|does|cannot|could)\b)")
# `Key (email)=(ann@acme.io) already exists.`
_DETAIL_VALUES = re.compile(r"\)=\([^()\n]*\)")
# `Invalid cron expression: * * 84 * *`. The text after the colon is data if it is neither a sentence nor a name.
_INVALID = re.compile(r"\b(?:[Ii]nvalid|[Ii]llegal|[Mm]alformed|[Bb]ad|[Uu]npars[ae]+ble|[Nn]ot a)\b [\w \]-]{1,40}\Z")
_PROSE = re.compile(r"[a-z]{3}|[A-Z]{2}_|\A[A-Z]{3,}\Z|[{}<\[]|\A--")
_CAPITAL_CODE = re.compile(r"[A-Z]+(?:_[A-Z]+)+\.?\Z")
_SINGULAR = re.compile(rf"\b1\s+({words.COUNTED})\b(?!\s+\d)")


def normalise(message: Raw) -> Raw:
    """Return a message without ids, numbers, times, addresses, paths and quoted data.

    Codes and the names of columns, tables, constraints, properties and modules stay.
    """
    return _normalised_short(message) if len(message) <= MAX_CACHED_CHARS else _normalised(message)


def _normalised(message: str) -> Raw:
    text = without_blocks(message[:MAX_MESSAGE_CHARS])
    has_objects = "{" in text or "[" in text
    text = replace_objects(text, _normalise_text, normalise_sentence) if has_objects else _normalise_text(text)
    join = _joined_short if len(text) <= MAX_CACHED_CHARS else joined
    return Raw(join(text)[:MAX_NORMALISED_CHARS])


_normalised_short = lru_cache(CACHED_MESSAGES)(_normalised)
_joined_short = lru_cache(CACHED_MESSAGES)(joined)


def normalise_sentence(text: str) -> str:
    """Return a sentence inside an object, normalised like a message."""
    return normalise(Raw(text))


def _normalise_text(text: str) -> str:
    """Return a text between objects, normalised. Texts that differ in long numbers alone are normalised once."""
    specimens = with_specimens(text) if len(text) <= MAX_CACHED_CHARS else None
    known = None if specimens is None else _normalise_specimens(specimens)
    return replace_values(_without_told(text[:MAX_TEXT_CHARS])) if known is None else known


@lru_cache(CACHED_TEXTS)
def _normalise_specimens(specimens: Specimens) -> str | None:
    """Return a text with specimens, normalised; None if other numbers in their place may give something else."""
    text = _without_told(specimens.text)
    if not specimens.are_whole_in(text):
        return None
    text = replace_values(text)
    return None if specimens.digit in text else text


def _without_told(text: str) -> str:
    """Return a text without the data that the words of its sentence reveal. Other data has a shape."""
    text = _DETAIL_VALUES.sub(")=(…)", text) if ")=(" in text else text
    if ": " in text:
        text = "\n".join(map(_without_last_value, text.split("\n")))
        text = _SUBJECT.sub(_without_subject, text)
    text = _SEARCHED.sub(rf"\1{words.QUOTED}", text) if "operator to " in text else text
    text = replace_in_sentences(text)
    text = replace_names(text)
    text = _ERRNO.sub(_replace_errno_address, text) if "E" in text else text
    return _SINGULAR.sub(_plural, text) if "1 " in text else text


def _without_last_value(line: str) -> str:
    """Replace the data after the last colon of a line, as in `No such container: web-3`. A code in capitals stays."""
    head, _, value = line.rpartition(": ")
    noun = head[head.rfind(" ") + 1 :].lower()
    is_value = noun in words.DATA_NOUNS and " " not in value and value[:1].isalnum() and not _CAPITAL_CODE.match(value)
    is_value = is_value or (value != "" and _PROSE.search(value) is None and _INVALID.search(head) is not None)
    return f"{head}: {words.QUOTED}{'.' if value.endswith('.') else ''}" if is_value else line


def _without_subject(match: re.Match[str]) -> str:
    is_value = match[1].lower() in words.DATA_NOUNS and not _CAPITAL_CODE.match(match[2])
    return f"{match[1]}: {words.QUOTED}" if is_value else match[0]


def _plural(match: re.Match[str]) -> str:
    """Return `1 row` as `1 rows`, so that it is normalised like `2 rows`."""
    noun = match[1]
    return f"1 {noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"1 {noun}s"


def _replace_errno_address(match: re.Match[str]) -> str:
    address = match["address"]
    return match["lookup"] + words.ADDRESS + address[len(address.rstrip(".:")) :]
