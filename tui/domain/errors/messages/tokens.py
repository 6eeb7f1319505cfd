"""Finds URLs, times, addresses, paths, quoted text and words with digits in a message, and replaces data among them.

Plain words stay.
"""

import re
from typing import Final

from tui.domain.errors.messages import vocabulary as words
from tui.domain.errors.messages.identity import is_id, normalise_name, normalise_word
from tui.domain.errors.messages.numbers import is_code, is_schema_name, normalise_digits
from tui.domain.errors.messages.quotes import normalise_quoted

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
    r"|(?=[\w:]*\d)[0-9a-fA-F]{1,4}::(?:[0-9a-fA-F]{1,4}:){0,5}[0-9a-fA-F]{1,4}(?:%\w+)?(?::\d{1,5})?(?![\w:])"
    r"|::(?:[0-9a-fA-F]{1,4}:){0,6}(?:[0-9a-fA-F]{1,4}|\d+(?:\.\d+){3})(?:%\w+)?(?::\d{1,5})?(?![\w:])"
)
_NOT_PLAIN: Final = r"[\w@/\\=$+%-]|[:.][^\s]|\(s\)"
"""What follows a word that is no plain word."""

_SEPARATOR: Final = r"(?:[ ,;!?()\]{}<>|]|\.(?![./])|:(?=\s))"
_WEEKDAY: Final = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s"
_V8_VERDICT: Final = r"[ ]is[ ]not[ ](?:a[ ]function|a[ ]constructor|(?:async[ ])?iterable|defined)\b"
"""What V8 says of an expression. `items.map` is no file, and `items.at` no host."""

_START: Final = r"(?<![\w@%+~./\\-])"
"""Where a long token may begin. Without it, a row of 8,000 dashes is read from each of them."""

_TOKEN: Final = re.compile(
    rf"""
    (?P<date> \b(?=[A-Z][a-z]{{2}}) (?:{_DATE}) )
    |(?P<plain> (?: {_SEPARATOR}+ | (?!{_WEEKDAY}) [^\W\d_]+ (?! {_NOT_PLAIN} | [ ]\d ) {_SEPARATOR}* )+
        | [^\W\d_]+ (?! {_NOT_PLAIN} ) )
    |(?P<digits> {_START} (?<!:) \d+ (?=[ ](?![A-Z\d(+-])|[)\];]|,[ ]|\Z) )
    |(?P<expression> {_START} [A-Za-z_$][\w$]*(?:\.[\w$]+)+ (?={_V8_VERDICT}) )
    |(?P<url> (?<![\w]) [A-Za-z][A-Za-z0-9+.-]{{1,20}}:// [^\s'"`<>{{}}|\\^]+ | \bdata:[\w/+.-]+;base64,[\w+/=]+ )
    |(?P<quote> "(?:[^"\\]|\\.){{0,4000}}"(?:\.{{3}})? | `[^`\n]{{0,500}}`
        | (?<!\w)'(?:[^'\n]|'(?=\w)){{0,500}}'(?![^\W_])
        | “[^“”]{{0,500}}” | „[^“”"„]{{0,500}}[“”"] | «[^»]{{0,500}}» | »[^«»]{{0,500}}« | ‘[^‘’\n]{{0,500}}’
        | ‹[^›]{{0,500}}› | 「[^」]{{0,500}}」 | 『[^』]{{0,500}}』 )
    |(?P<arn> \barn:aws[\w-]*:[^\s"',)]+ )
    |(?P<key> {_START} (?=[A-Za-z_])
        (?![\da-fA-F:.]+(?![\w:])|[\w:.-]*[Ee]rror:) [A-Za-z_][\w.-]*(?::[\w.-]*\w){{2,}}(?![\w:(/]) )
    |(?P<region> {_START} (?:us|eu|ap|sa|ca|me|af|il|cn)-(?:gov-)?
        (?:(?:north|south)?(?:east|west)|north|south|central)\d?(?:-\d)?(?![\w-]) )
    |(?P<package> {_START} @?[a-z][\w.-]*(?:/[\w.-]+)?@[\^~]?v?\d+\.[\w.-]+ )
    |(?P<email> {_START} [\w.+%-]+@[\w-]+(?:\.[\w-]+)* )
    |(?P<uuid> \b[0-9a-fA-F]{{8}}(?:-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}\b )
    |(?P<mac> \b[0-9a-fA-F]{{2}}(?:[:-][0-9a-fA-F]{{2}}){{5,}}\b )
    |(?P<time> (?<![\w.]) (?:{_TIME}) )
    |(?P<ipv6> (?<![\w:.]) (?:{_IPV6}) )
    |(?P<hexes> {_START} (?=[0-9a-fA-F]{{4}}) (?=[\w:]*\d) [0-9a-fA-F]{{4,}}(?::[0-9a-fA-F]{{4,}}){{2,}}(?![\w:]) )
    |(?P<iban> {_START} [A-Z]{{2}}\d{{2}}(?:[ ][A-Z0-9]{{4}}){{2,7}}(?:[ ][A-Z0-9]{{1,3}})?(?![\w-]) )
    |(?P<phone> (?<!\w)\+\d{{1,3}}(?:[ ().-]{{0,2}}\d{{2,}}){{2,}}(?!\w) )
    |(?P<ipv4> (?<![\w.])(?<!version[ ])(?<!v) {_IPV4} )
    |(?P<windows> (?<!\w)[A-Za-z]:[\\/][^\s'"`<>|*?,;()]* | \\\\[\w.$-]+\\[^\s'"`<>|*?,;()]+ )
    |(?P<masked> {_START} [\w-]*\*{{3,}}[\w-]* )
    |(?P<path> (?<![\w.)\]}}>]) (?:~|\.{{1,2}})?/[^\s'"`<>|,;()\[\]{{}}:]+(?::\d+){{0,2}}
        (?: (?:[ ][A-Z0-9(][^\s'"`<>|,;/]*){{1,4}} (?<=\.[a-z0-9]{{3}}) )? )
    |(?P<padded> {_START} (?=[a-z_-]*[A-Z0-9+/]) [A-Za-z0-9+/_-]{{8,}}={{1,2}}(?![\w=]) )
    |(?P<assignment> {_START} (?P<left>[A-Za-z_][\w.-]*)=(?P<right>\([^()\n]*\)|\[[^\[\]\n]*\]|[^\s,;&)\]}}'"`]+) )
    |(?P<host> {_START} (?:\*\.)?(?:[A-Za-z0-9_-]+\.)+(?:{words.TOP_LEVEL_DOMAINS})\b(?![\w(-]|\.\w)
        (?::\d{{1,5}})?(?:/[^\s'"`<>,;()]*)? | localhost(?::\d{{1,5}})? )
    |(?P<identified> (?:(?<=[Ii][Dd]:[ ])|(?<=[Ii][Dd]=)) (?=[\w-]*\d)[\w-]+ )
    |(?P<numbered> {_START} [A-Za-z][\w.-]*:\d{{2,5}}(?![\w:.]|\.\w) )
    |(?P<file> {_START} [\w@%+~-][\w@%+~./\\-]*\.(?i:{words.FILE_EXTENSIONS})(?![\w(/-]|\.\w)(?::\d+){{0,2}} )
    |(?P<relative> {_START} [\w@-]+(?:/[\w@.*-]+)+ )
    |(?P<base64> {_START} [A-Za-z0-9+/]{{24,}}={{0,2}}(?![\w.-]) )
    |(?P<word> [+-]?[\w$](?:[\w$-]|[.](?=[\w$]))*%? )
    """,
    re.VERBOSE,
)
# Letters whose case changes: most are names of code, some ids.
_MIXED = re.compile(r"(?<![\w$.'\"`/:-])(?=[A-Z]*[a-z]+[A-Z]|[A-Z]{2,}[a-z])[A-Za-z]{8,}(?![\w$.'\"`/:(-])")
_MAYBE_MIXED = re.compile(r"[a-z][A-Z]|[A-Z][A-Z][a-z]")
_POINTER_AFTER = re.compile(
    r"\s+(?:must|should|is required|is not|has|does not|needs)\b"
    r"|:\s+(?:[Ee]xpected|[Mm]ust|[Ss]hould|[Ii]nvalid|[Rr]equired|[Ii]s|[Nn]ot|[Mm]issing)\b"
)
_CAPITAL_CODE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\Z|E[A-Z]{4,}\Z")
_FILE_TYPE = re.compile(r"(?:application|audio|font|image|multipart|text|video)/")
_FOUND_BEFORE = re.compile(r"\b(?:got|received|found|was)\s+\Z")
_PRODUCT: Final = "trigger.dev"
"""REST's message of a crash is `trigger.dev internal error (CODE)`."""

_HOUR_OR_LINE = re.compile(r"\d+:\d+\Z")
_NODE_NAMES = re.compile(r"[A-Z][a-z]+\.js\Z")
_ADDRESS_BEFORE = re.compile(
    r"(?:connect(?:ion|ing|ed)?|to|at|from|hosts?|servers?|brokers?|endpoint|node|address|reach|resolve|listen|on|peer)"
    r"[\s:=`'\"(]+\Z",
    re.IGNORECASE,
)


def replace_values(text: str) -> str:
    """Return a text whose structured values are replaced by placeholders where they are data."""
    if _MAYBE_MIXED.search(text) is not None:
        text = _MIXED.sub(lambda match: words.ID if is_id(match[0]) else match[0], text)
    return _TOKEN.sub(_replace_token, text)


def _replace_token(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "plain":
        return match[0]
    return _REPLACE[kind or ""](match)


def _url(match: re.Match[str]) -> str:
    return words.URL + match[0][len(match[0].rstrip(".,;:!?)]")) :]


def _package(match: re.Match[str]) -> str:
    return match[0].rpartition("@")[0]


def _key(match: re.Match[str]) -> str:
    """Return the key of a cache or of a lock, such as `report:acme:2026-09-13`, without what follows its first word."""
    first, _, rest = match[0].partition(":")
    return f"{first}:{words.ID}" if any(map(str.isdigit, rest)) else match[0]


def _path(match: re.Match[str]) -> str:
    path = match[0]
    is_fragment = match.string[match.start() - 1 : match.start()] == "#"
    if is_fragment or _POINTER_AFTER.match(match.string, match.end()):
        return normalise_name(path)
    rest = path[len(path.rstrip(".!?")) :]
    return words.PATH + rest


def _relative(match: re.Match[str]) -> str:
    before = match.string[max(match.start() - 12, 0) : match.start()]
    if _FILE_TYPE.match(match[0]) and _FOUND_BEFORE.search(before):
        return words.QUOTED
    name = normalise_name(match[0])
    # What ends in data is the place of a thing, such as `acme/7992`; `items/7/price` names a property.
    is_place = (
        name[:1].isalpha()
        and name.endswith((words.NUMBER, words.ID))
        and not _POINTER_AFTER.match(match.string, match.end())
    )
    return words.PATH if is_place else name


def _assignment(match: re.Match[str]) -> str:
    key, value = match["left"], match["right"]
    name = key.lower().replace("_", "").replace("-", "")
    if value.startswith(("(", "[")):
        return f"{key}=(…)"
    if name in words.SCHEMA_NOUNS or (name in words.STEPS and not is_id(value)):
        return f"{key}={value}"
    if name in {"err", "error"} and _CAPITAL_CODE.match(value):
        return match[0]
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


def _time(match: re.Match[str]) -> str:
    """Return `12:41` as a number: it may be a line and a column, as in `3:8`."""
    return words.NUMBER if _HOUR_OR_LINE.match(match[0]) else words.TIME


def _base64(match: re.Match[str]) -> str:
    if is_schema_name(match.string[max(match.start() - 24, 0) : match.start()]):
        return match[0]
    return words.ID if is_id(match[0].replace("/", "").replace("+", "").rstrip("=")) else normalise_name(match[0])


def _word(match: re.Match[str]) -> str:
    word, text, start = match[0], match.string, match.start()
    sign = word[:1] if word[:1] in "+-" and len(word) > 1 else ""
    bare = word.removeprefix(sign).removesuffix("%")
    if not any(map(str.isdigit, bare)):
        return words.ID if is_id(bare) and not is_code(bare, text, start, match.end()) else word
    shown = normalise_digits(bare, text, start, start + len(sign) + len(bare))
    return shown if shown == words.NUMBER else sign + shown + word[len(sign) + len(bare) :]


_REPLACE = {
    "digits": _word,
    "expression": _word,
    "url": _url,
    # V8 puts three points after a text that it cut.
    "quote": lambda match: normalise_quoted(match[0].removesuffix("..."), match.string, match.start(), match.end()),
    "arn": lambda _: words.ID,
    "key": _key,
    "region": lambda _: words.ADDRESS,
    "package": _package,
    "email": lambda _: words.EMAIL,
    "uuid": lambda _: words.ID,
    "mac": lambda _: words.ADDRESS,
    "date": lambda _: words.TIME,
    "hexes": lambda _: words.ID,
    "iban": lambda _: words.NUMBER,
    "phone": lambda _: words.NUMBER,
    "time": _time,
    "ipv6": lambda _: words.ADDRESS,
    "ipv4": lambda _: words.ADDRESS,
    "windows": lambda _: words.PATH,
    "path": _path,
    "assignment": _assignment,
    "host": lambda match: match[0] if match[0] == _PRODUCT else words.ADDRESS,
    "numbered": _numbered,
    "file": _file,
    "relative": _relative,
    "identified": lambda _: words.ID,
    "masked": lambda _: words.ID,
    "padded": lambda _: words.ID,
    "base64": _base64,
    "word": _word,
}
