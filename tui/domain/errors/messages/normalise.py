"""`normalise`: the message of an error without what differs between two failures of one kind.

The message is cut into structured values (URLs, times, addresses, paths, quoted text, words with digits), and each is
kept or replaced by a placeholder. Plain words stay.
"""

import re
from typing import Final

from tui.domain.errors.messages import vocabulary as words
from tui.domain.errors.messages.blocks import without_blocks
from tui.domain.errors.messages.identity import is_id, normalise_name, normalise_word
from tui.domain.errors.messages.numbers import is_code, normalise_digits
from tui.domain.errors.messages.objects import replace_objects
from tui.domain.errors.messages.quotes import normalise_quoted
from tui.domain.text import Raw

MAX_MESSAGE_CHARS: Final = 16_384
"""The rest of a longer message is ignored."""

MAX_NORMALISED_CHARS: Final = 1_000

_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_CLOCK: Final = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s?[AaPp]\.?[Mm]\b\.?)?"
_ZONE: Final = (
    r"(?:\s?(?:Z|UTC|GMT)(?:[+-]\d{1,4})?(?:\s\([^)\n]{1,40}\))?|\s?[+-]\d{2}:?\d{2}(?:\s\([^)\n]{1,40}\))?)?"
)
_TIME: Final = (
    rf"\d{{4}}[-/.]\d{{2}}[-/.]\d{{2}}(?:[T ,]\s?{_CLOCK})?{_ZONE}(?!\w)"
    rf"|\d{{8}}T\d{{6}}Z?\b|\d{{1,2}}[/.]\d{{1,2}}[/.]\d{{2,4}}(?:,?\s{_CLOCK})?(?![\w.])"
    rf"|\d{{1,2}}[ -]{_MONTH}(?:,?[ -]\d{{4}})?(?:,?\s{_CLOCK})?{_ZONE}(?!\w)|{_CLOCK}{_ZONE}(?![\w:])"
)
_DATE: Final = (
    rf"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s)?(?:{_MONTH}\s\d{{1,2}}|\d{{1,2}}[ -]{_MONTH})"
    rf"(?:,?[ -]\d{{4}})?(?:,?\s{_CLOCK})?{_ZONE}(?!\w)"
)
_IPV4: Final = r"\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?(?::\d{1,5})?(?![\w.]*\w)"
_IPV6: Final = (
    r"\[(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F.]*(?:%\w+)?\](?::\d{1,5})?"
    r"|:::?\d{1,5}\b|(?:[0-9a-fA-F]{1,4}:){2,7}(?::?[0-9a-fA-F]{1,4}){0,7}(?:\.\d+){0,3}(?:%\w+)?(?::\d{1,5})?(?![\w:])"
    r"|::(?:[0-9a-fA-F]{1,4}:){0,6}(?:[0-9a-fA-F]{1,4}|\d+(?:\.\d+){3})(?:%\w+)?(?::\d{1,5})?(?![\w:])"
)
_ADDRESSED: Final = r"[^\s,;()'\"]"
_ERRNO = re.compile(
    rf"\b(?P<lookup>(?:getaddrinfo|query\w*|getHostByAddr|getnameinfo)\s+E[A-Z_]+\s|"
    rf"E(?:CONN[A-Z]+|HOSTUNREACH|HOSTDOWN|NETUNREACH|TIMEDOUT|ADDRINUSE|ADDRNOTAVAIL|PROTO|PIPE|ACCES)\s"
    rf"(?={_ADDRESSED}*[.:/\d]))(?P<address>{_ADDRESSED}+)"
)
_TOKEN: Final = re.compile(
    rf"""
    (?P<date> \b(?=[A-Z][a-z]{{2}}) (?:{_DATE}) )
    |(?P<plain> [^\W\d_]+ (?! [\w@/\\=$+%-] | [:.][^\s] | \(s\) ) )
    |(?P<url> (?<![\w]) [A-Za-z][A-Za-z0-9+.-]{{1,20}}:// [^\s'"`<>{{}}|\\^]+ | \bdata:[\w/+.-]+;base64,[\w+/=]+ )
    |(?P<quote> "(?:[^"\\]|\\.)*" | `[^`\n]*` | (?<!\w)'(?:[^'\n]|'(?=\w))*'(?![^\W_])
        | “[^“”]*” | „[^“”"„]*[“”"] | «[^»]*» | »[^«»]*« | ‘[^‘’\n]*’ | ‹[^›]*› | 「[^」]*」 | 『[^』]*』 )
    |(?P<arn> \barn:aws[\w-]*:[^\s"',)]+ )
    |(?P<package> @?[a-z][\w.-]*(?:/[\w.-]+)?@[\^~]?v?\d+\.[\w.-]+ )
    |(?P<email> [\w.+%-]+@[\w-]+(?:\.[\w-]+)+ )
    |(?P<uuid> \b[0-9a-fA-F]{{8}}(?:-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}\b )
    |(?P<mac> \b[0-9a-fA-F]{{2}}(?:[:-][0-9a-fA-F]{{2}}){{5,}}\b )
    |(?P<time> (?<![\w.]) (?:{_TIME}) )
    |(?P<ipv6> (?<![\w:.]) (?:{_IPV6}) )
    |(?P<phone> (?<!\w)\+\d{{1,3}}(?:[ ().-]{{0,2}}\d{{2,}}){{2,}}(?!\w) )
    |(?P<ipv4> (?<![\w.])(?<!version[ ])(?<!v) {_IPV4} )
    |(?P<windows> (?<!\w)[A-Za-z]:[\\/][^\s'"`<>|*?,;()]* | \\\\[\w.$-]+\\[^\s'"`<>|*?,;()]+ )
    |(?P<masked> [\w-]*\*{{3,}}[\w-]* )
    |(?P<path> (?<![\w.)\]}}>]) (?:~|\.{{1,2}})?/[^\s'"`<>|,;()\[\]{{}}:]+(?::\d+){{0,2}}
        (?: (?:[ ][A-Z0-9(][^\s'"`<>|,;/]*){{1,4}} (?<=\.[a-z0-9]{{3}}) )? )
    |(?P<padded> [A-Za-z0-9+/_-]{{8,}}={{1,2}}(?![\w=]) )
    |(?P<assignment> (?P<key>[A-Za-z_][\w.-]*)=(?P<value>\([^()\n]*\)|[^\s,;&)\]}}'"`]+) )
    |(?P<host> (?:[A-Za-z0-9_-]+\.)+(?:{words.TOP_LEVEL_DOMAINS})\b(?![\w(-]|\.\w)(?::\d{{1,5}})?(?:/[^\s'"`<>,;()]*)?
        | localhost(?::\d{{1,5}})? )
    |(?P<numbered> [A-Za-z][\w.-]*:\d{{2,5}}(?![\w:.]|\.\w) )
    |(?P<file> [\w@%+~-][\w@%+~./\\-]*\.(?:{words.FILE_EXTENSIONS})(?![\w(/-]|\.\w)(?::\d+){{0,2}} )
    |(?P<relative> [\w@-]+(?:/[\w@.*-]+)+ )
    |(?P<base64> [A-Za-z0-9+/]{{24,}}={{0,2}}(?![\w.-]) )
    |(?P<word> [+-]?[\w$](?:[\w$-]|[.](?=[\w$]))*%? )
    """,
    re.VERBOSE,
)
_POINTER_AFTER = re.compile(r"\s+(?:must|should|is required|is not|has|does not|needs)\b")
_NODE_NAMES = re.compile(r"[A-Z][a-z]+\.js\Z")
_NAMES = re.compile(
    rf"\b(?P<noun>(?i:{words.ENTITY_NOUNS}))(?P<gap>\s+(?:[^\w\s'\"`<({{\[:.,;„“«»‘「#-]+\s+)?)"
    r"(?P<name>(?:[^\W\d_a-z]|[^\W\d_A-Z](?<=[^\x00-\x7f]))[\w.'’&-]*"
    r"(?:(?:\s+(?:&|and|und|et|y|e|de|du|des|del|dos|der|den|le|of|von|van|da|di|la|the)(?=\s+[A-Z])|\s+&)?\s+[^\W\d_a-z][\w.'’-]*"
    r"|,\s(?:Inc|Ltd|LLC|GmbH|Corp|Co|S\.?A|AG|PLC|SARL|BV|AB|SL|KG)\b\.?)*"
    r"|\w+(?:-\w+)*(?![@\w/\\=]))"
)
_ADDRESS_BEFORE = re.compile(
    r"(?:connect(?:ion|ing|ed)?|to|at|from|hosts?|servers?|brokers?|endpoint|node|address|reach|resolve|listen|on|peer)"
    r"[\s:=`'\"(]+\Z",
    re.IGNORECASE,
)
_PREPOSITION = re.compile(
    r"\b(?:for|of|from|to|by|with|as|für|de|pour|para|den|der|dem|des)\s+(?:the\s|den\s|die\s)?\Z", re.IGNORECASE
)
_AFTER_NAME = re.compile(
    r"[:;,.!?)\]]|\s*\Z|\s+(?:after|on|in|at|with|failed|because|from|has|is|was|does|could|cannot|not|konnte|wurde)\b|\s[^\w\s]"
)
_VERB_AFTER = re.compile(r"\s+(?:has|is|was|does|could|cannot|had|did|exceeded|reached|may not|must|ist|hat|wurde)\b")
_SENTENCE_NAME = re.compile(r"[A-Z]{2,}\Z|(?:Error|Exception|ID|Id|IDs|API|URL)\Z")

_MERGED = (
    (
        re.compile(
            rf"({words.NUMBER})\s+(?:ms|milliseconds?|s|secs?|seconds?|mins?|minutes?|h|hours?|hrs?|days?|weeks?|bytes?|[KMGT]i?B|%|EUR|USD|GBP|JPY|CHF|CAD|AUD|SEK|NOK|DKK|PLN|BRL|INR|CNY)(?!\w)"
        ),
        r"\1",
    ),
    (re.compile(rf"(?:{words.NUMBER}|{words.ID})(?:[-._:/+~@](?:{words.NUMBER}|{words.ID}))+"), None),
    (
        re.compile(
            rf"(?P<one>{words.NUMBER}|{words.ID}|{words.PATH}|{words.URL}|{words.EMAIL}|{words.ADDRESS}|{words.TIME}|{words.QUOTED})(?:(?:\s*[,;|&]\s*|\s+|\s(?:and|or|und|\|\|)\s)(?:[A-Z]+:)?(?P=one))+"
        ),
        r"\g<one>",
    ),
)
_NAMED_EMAIL = re.compile(rf"(?:[^\W\d_a-z][\w.'’-]*,?\s+){{1,4}}<{words.EMAIL}>")
_DETAIL_VALUES = re.compile(r"\)=\([^()\n]*\)")
# `No such container: web-3`. A code in capitals and a sign are no data.
_LAST_VALUE = re.compile(
    rf"\b(?P<noun>{'|'.join(sorted(words.DATA_NOUNS))}):[ ](?P<value>(?![A-Z]+(?:_[A-Z]+)+\.?$)[\w$][^\s]*)(?=\.?$)",
    re.IGNORECASE | re.MULTILINE,
)
_SINGULAR = re.compile(rf"\b1\s+({words.COUNTED})\b")
_SPACES = re.compile(r"\s+")


def normalise(message: Raw) -> Raw:
    """Return a message without ids, numbers, times, addresses, paths and quoted data.

    Codes and the names of columns, tables, constraints, properties and modules stay.
    """
    text = without_blocks(message[:MAX_MESSAGE_CHARS])
    has_objects = "{" in text or "[" in text
    text = replace_objects(text, _normalise_text, normalise_sentence) if has_objects else _normalise_text(text)
    return Raw(_joined(text)[:MAX_NORMALISED_CHARS])


def normalise_sentence(text: str) -> str:
    """Return a sentence inside an object, normalised like a message."""
    return normalise(Raw(text))


def _joined(text: str) -> str:
    """Join the lines of a message, each different one once: logs and lists repeat lines."""
    if "\n" in text:
        text = " ".join(dict.fromkeys(line.strip() for line in text.split("\n") if line.strip()))
    text = _SPACES.sub(" ", text).strip()
    return _merged(text) if "<" in text or "'…'" in text else text


def _merged(text: str) -> str:
    """Join placeholders that stand together: the number of values in a list and of parts in an id is data."""
    (unit, unit_as), (parts, _), (listed, listed_as) = _MERGED
    text = unit.sub(unit_as or "", text)
    text = parts.sub(lambda match: words.ID if words.ID in match[0] else words.NUMBER, text)
    text = _NAMED_EMAIL.sub(f"<{words.EMAIL}>", text)
    return listed.sub(listed_as or "", text)


def _normalise_text(text: str) -> str:
    text = _DETAIL_VALUES.sub(")=(…)", text) if ")=(" in text else text
    text = _LAST_VALUE.sub(rf"\g<noun>: {words.QUOTED}", text) if ": " in text else text
    text = _NAMES.sub(_replace_name, text)
    text = _ERRNO.sub(_replace_errno_address, text)
    text = _SINGULAR.sub(_plural, text)
    return _TOKEN.sub(_replace_token, text)


def _plural(match: re.Match[str]) -> str:
    """Return `1 row` as `1 rows`, so that it is normalised like `2 rows`."""
    noun = match[1]
    return f"1 {noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"1 {noun}s"


def _replace_name(match: re.Match[str]) -> str:
    name = match["name"]
    first = name.split(None, 1)[0]
    if first.lower() in words.NOT_NAMES or _SENTENCE_NAME.match(first) or words.ADDRESS in name:
        return match[0]
    is_slug = name.isascii() and name.islower() and name.replace("-", "").isalpha()
    if is_slug and not _VERB_AFTER.match(match.string, match.end()):
        has_preposition = _PREPOSITION.search(match.string, max(match.start() - 12, 0), match.start())
        if not has_preposition or not _AFTER_NAME.match(match.string, match.end()):
            return match[0]
    return match["noun"] + match["gap"] + words.NAME


def _replace_errno_address(match: re.Match[str]) -> str:
    address = match["address"]
    return match["lookup"] + words.ADDRESS + address[len(address.rstrip(".:")) :]


def _replace_token(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "plain":
        return match[0]
    return _REPLACE[kind or ""](match)


def _url(match: re.Match[str]) -> str:
    return words.URL + match[0][len(match[0].rstrip(".,;:!?)]")) :]


def _package(match: re.Match[str]) -> str:
    return match[0].rpartition("@")[0]


def _path(match: re.Match[str]) -> str:
    path = match[0]
    if _POINTER_AFTER.match(match.string, match.end()):
        return normalise_name(path)
    rest = path[len(path.rstrip(".!?")) :]
    return words.PATH + rest


def _relative(match: re.Match[str]) -> str:
    return normalise_name(match[0])


def _assignment(match: re.Match[str]) -> str:
    key, value = match["key"], match["value"]
    name = key.lower().replace("_", "").replace("-", "")
    if value.startswith("("):
        return f"{key}=(…)"
    if name in words.IDENTITY_KEYS and not is_id(value):
        is_kept = name in {"code", "errno", "status", "statuscode", "sqlstate", "errorcode", "errcode"}
        return f"{key}={value if is_kept else normalise_name(value)}"
    return f"{key}=…"


def _file(match: re.Match[str]) -> str:
    return match[0] if _NODE_NAMES.match(match[0]) else words.PATH


def _numbered(match: re.Match[str]) -> str:
    """Return `redis:6379` as an address only where one is expected: `order:8812` is not."""
    name = match[0].partition(":")[0]
    if _ADDRESS_BEFORE.search(match.string, max(match.start() - 24, 0), match.start()):
        return words.ADDRESS
    return f"{normalise_word(name)}:{words.NUMBER}"


def _base64(match: re.Match[str]) -> str:
    return words.ID if is_id(match[0].replace("/", "").replace("+", "").rstrip("=")) else normalise_name(match[0])


def _word(match: re.Match[str]) -> str:
    word, text, start = match[0], match.string, match.start()
    sign = word[:1] if word[:1] in "+-" and len(word) > 1 else ""
    bare = word.removeprefix(sign).removesuffix("%")
    if not any(map(str.isdigit, bare)):
        return words.ID if is_id(bare) and not is_code(bare, text, start, match.end()) else word
    shown = normalise_digits(bare, text, start + len(sign), start + len(sign) + len(bare))
    return shown if shown == words.NUMBER else sign + shown + word[len(sign) + len(bare) :]


_REPLACE = {
    "url": _url,
    "quote": lambda match: normalise_quoted(match[0], match.string, match.start(), match.end()),
    "arn": lambda _: words.ID,
    "package": _package,
    "email": lambda _: words.EMAIL,
    "uuid": lambda _: words.ID,
    "mac": lambda _: words.ADDRESS,
    "date": lambda _: words.TIME,
    "phone": lambda _: words.NUMBER,
    "time": lambda _: words.TIME,
    "ipv6": lambda _: words.ADDRESS,
    "ipv4": lambda _: words.ADDRESS,
    "windows": lambda _: words.PATH,
    "path": _path,
    "assignment": _assignment,
    "host": lambda _: words.ADDRESS,
    "numbered": _numbered,
    "file": _file,
    "relative": _relative,
    "masked": lambda _: words.ID,
    "padded": lambda _: words.ID,
    "base64": _base64,
    "word": _word,
}
