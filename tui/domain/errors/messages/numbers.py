"""Decides whether a number or a word with digits in a message is a code, which splits groups, or data."""

import re
from typing import Final

from tui.domain.errors.messages import vocabulary as words
from tui.domain.errors.messages.identity import is_id, is_technical, normalise_name, normalise_word

_BEFORE: Final = 48

_UNIT: Final = (
    "ms|msecs?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|months?|years?|ns|us|µs|"
    "bytes?|[kmgtp]i?b|[kmgtp]b|[kmgtp]i|b|px|x|st|nd|rd|th|%|hz|khz|mhz|ghz"
)
_NUMBER = re.compile(
    rf"[+-]?(?:0x[0-9a-f]+|\d+(?:[x×]\d+)+|\d[\d_]*(?:\.\d+)*(?:e[+-]?\d+)?(?:{_UNIT}|-(?:rc|alpha|beta|canary|next|pre|dev)[\w.-]*)?)\Z",
    re.IGNORECASE,
)
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:d|h|m|s|ms))+\Z")
_HTTP_STATUS = re.compile(r"[1-5]\d\d\Z")
_ERROR_STATUS = re.compile(r"[45]\d\d\Z")
_SMTP_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\Z")
_HRESULT = re.compile(r"0x8[0-9a-f]{7}\Z", re.IGNORECASE)
_SMTP_REPLY = re.compile(r"[245]\d\d-[245]\.\d{1,3}\.\d{1,3}\Z")
_LIBRARY_CODE = re.compile(
    r"(?:P\d{4}|E\d{4,5}|ORA-\d+|PLS-\d+|TNS-\d+|NJS-\d+|DPI-\d+|TS\d{4,5}|AADSTS\d+|\d\dP\d\d|0A000|3[DF]000|XX00\d|SQL\d{4,5}[NWC]?|PGRST\d+|"
    r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\Z"
)
# Order numbers, plates, postcodes: `AB-1234-X`, `SW1A`.
_ORDER_NUMBER = re.compile(r"[A-Z0-9]+(?:-[A-Z0-9]+)*\Z")
_CODE_LIKE = re.compile(r"[A-Z0-9]+(?:[_.-][A-Z0-9]+)*\Z|\d{1,9}\Z|[a-z]+(?:[_.-][a-z0-9]+)*\Z")

# Nouns whose "code" is data: a promo code, a postcode.
_CODE = re.compile(
    r"(?<!promo )(?<!discount )(?<!coupon )(?<!zip )(?<!postal )(?<!country )(?<!verification )(?<!otp )(?<!invite )"
    r"(?<!access )(?<!product )(?<!area )(?<!voucher )(?<!referral )(?<!gift )(?<!tracking )"
    r"(?:\b|_)(?:err(?:or)?[ _-]?(?:code|number|no)?|code|errno|sqlstate|status(?:[ _-]?code)?|statuscode|curl|"
    r"exit(?:ed)?(?: with)?(?: (?:code|status))?|signal|rc|grpc-status|http(?:/\d(?:\.\d)?)?)"
    r"\b[\"']?(?:\s+(?:of|is|was|with))?[\s:=#(\[\"'<]{0,4}\Z",
    re.IGNORECASE,
)
_CODE_START = re.compile(r"[cehrs](?:ode|url|rr|tat|xit|ttp|ignal|c)")
_CODE_CHARS: Final = 24
_ANSWERED = re.compile(
    r"\b(?:returned|responded|response|answered|replied|got|received|reply|rejected|respond|failed|result|with|upstream|"
    r"server|returns|responds|said|sent|threw|unexpected|status)(?: (?:with|by))?(?: (?:an?|the|http|status|code))*"
    r"[\s:(\[]{1,3}\Z",
    re.IGNORECASE,
)
_REQUESTED = re.compile(r"\b(?:GET|POST|PUT|PATCH|DELETE|HEAD)\s+\S+\s+\Z")
_REQUEST_CHARS: Final = 400
_AT_START = re.compile(r"(?:\A|\n|(?:\A|\n)[^\n]{0,60}?(?:: |- |\[|\())\s*\Z")
_BRACKET = re.compile(r"[(\[<]\s*\Z")
_CLOSING = re.compile(r"\s*[)\]>]")
_PHRASE = re.compile(
    r"[\s:,-]+(?:Bad Request|Unauthorized|Payment Required|Forbidden|Not Found|Method Not Allowed|Not Acceptable|"
    r"Request Time-?out|Conflict|Gone|Length Required|Precondition Failed|Payload Too Large|"
    r"Request Entity Too Large|URI Too Long|Unsupported Media Type|Unprocessable|I'm a [Tt]eapot|Too Early|"
    r"Upgrade Required|Too Many Requests|Internal (?:Server )?Error|Not Implemented|Bad Gateway|"
    r"Service (?:Temporarily )?Unavailable|Gateway Time-?out|Insufficient Storage|Moved|Found|See Other|OK\b|Created)"
)
_COUNTED = re.compile(r"\s+(?:of\s|out of\s|[a-z]+s\b(?<!\bstatus)|times\b|byte|(?:ms|[KkMGT]i?B|s|EUR|USD|GBP)\b|%)")
_SENTENCE = re.compile(r"[ :-]+[A-Z\"'<{]|[ :-]+[a-z]+(?:_[a-z]+)+\b|[ :-]+\Z|-\d\.|[ ]\d\.\d")
_CAPITALS = re.compile(r"[ :]+[A-Z][A-Z_]{3,}\b")
_SMTP_BEFORE = re.compile(r"\b[245]\d\d[ -]\Z")
_SCHEMA = re.compile(rf"\b(?:{'|'.join(sorted(words.SCHEMA_NOUNS))})\b[:\s(`\"'.]*\Z", re.IGNORECASE)
_ENTITY = re.compile(
    r"\b(?:order|invoice|id|user|item|row|record|job|ticket|number|customer|product|page|no\.?)\s#?\Z", re.IGNORECASE
)


def is_number(word: str) -> bool:
    """Return whether a word is a number, perhaps with a unit."""
    return _NUMBER.match(word) is not None or _DURATION.match(word) is not None


def is_schema_name(before: str) -> bool:
    """Return whether the text before a word says that it is the name of a table, a column or a constraint."""
    return _SCHEMA.search(before) is not None


def normalise_digits(word: str, text: str, start: int, end: int) -> str:
    """Return a word with digits as it is if it is a code, otherwise without its numbers. It is `text[start:end]`."""
    if is_code(word, text, start, end):
        return word
    if is_number(word) or (_ORDER_NUMBER.match(word) and not is_technical(word)):
        return words.NUMBER
    return normalise_name(word) if _is_property_path(word) else normalise_word(word)


def _is_property_path(word: str) -> bool:
    """Return whether a word is the path of a property, such as `items.3.price`: names, and at least one index."""
    parts = word.split(".")
    is_path = len(parts) > 1 and not parts[0].isdigit() and any(part.isdigit() for part in parts)
    return is_path and not any(is_id(part) for part in parts)


def is_code(word: str, text: str, start: int, end: int) -> bool:
    """Return whether a word with digits is a status code, a code of a library or a name of the schema."""
    before = text[max(start - _BEFORE, 0) : start]
    if _SMTP_REPLY.match(word):
        return True
    if word.isdigit() or is_number(word):
        return _is_status(word, text, before, start, end)
    if is_schema_name(before):
        return True
    if _LIBRARY_CODE.match(word):
        return _ENTITY.search(before) is None
    return _is_after_code(before) and _CODE_LIKE.match(word) is not None


def _is_after_code(before: str) -> bool:
    """Return whether a word such as `code` or `status` stands in front."""
    tail = before[-_CODE_CHARS:].lower()
    # The search takes 3 µs, and most numbers follow no such word.
    return _CODE_START.search(tail) is not None and _CODE.search(before) is not None


def _is_status(word: str, text: str, before: str, start: int, end: int) -> bool:
    if _SMTP_ENHANCED.match(word):
        return _SMTP_BEFORE.search(before) is not None
    if not word.isdigit():
        return _HRESULT.match(word) is not None and _is_after_code(before)
    if _is_after_code(before):
        return _COUNTED.match(text, end) is None
    if _HTTP_STATUS.match(word):
        if _PHRASE.match(text, end):
            return _ENTITY.search(before) is None
        if _ANSWERED.search(before) and not _COUNTED.match(text, end):
            return True
        if before[-1:] == " " and _REQUESTED.search(text[max(start - _REQUEST_CHARS, 0) : start]):
            return True
        if _AT_START.search(before) and _SENTENCE.match(text, end) and not _COUNTED.match(text, end):
            return _ENTITY.search(before) is None
        return bool(_ERROR_STATUS.match(word) and _BRACKET.search(before) and _CLOSING.match(text, end))
    # gRPC prints its code before the name: `14 UNAVAILABLE: …`.
    return len(word) <= 2 and _AT_START.search(before) is not None and _CAPITALS.match(text, end) is not None
