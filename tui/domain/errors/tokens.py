"""Finds the data in a message: numbers, quoted texts, addresses, times, paths, values in known sentences."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from tui.domain.errors import vocabulary
from tui.domain.errors.vocabulary import is_id, is_technical, normalise_name, normalise_word

# Decides whether a number or a word with digits in a message is a code, which splits groups, or data.


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
_SCHEMA = re.compile(rf"\b(?:{'|'.join(sorted(vocabulary.SCHEMA_NOUNS))})\b[:\s(`\"'.]*\Z", re.IGNORECASE)
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
        return vocabulary.NUMBER
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


# Decides whether quoted text in a message is a name of the database's schema or of the code, which stays, or data.


_BEFORE_QUOTE: Final = 60
_ENTRY_BEFORE: Final = 300

_FILLERS: Final = frozenset({"named", "called", "is", "was", "the", "on", "of", "for", "a", "an"})
_VALIDATED = re.compile(
    r"['\"`]?\s*(?:is (?:required|not an? (?:number|string|integer|boolean|array|object)|"
    r"not (?:allowed|defined|a function|a constructor|iterable|exported|supported|"
    r"valid(?! JSON))|missing|read[- ]only|a required|immutable|deprecated|invalid|undefined|null)|must\b|should\b|"
    r"cannot be\b|can't be\b|has already been declared|before initialization|has no exported member|with value\b|"
    r"contains an?\b|failed custom|does not match|length must|conflicts? with|"
    r"(?:property|field|column|argument|parameter|option|module|package|plugin|extension|attribute|key|prop|"
    r"table|relation|constraint|collection|index)\b|"
    r"in (?:the )?(?:field list|where clause|order clause|on clause|group statement))"
)
# MySQL calls an index a key: `Duplicate entry '7' for key 'users.IDX_97672ac88f'`.
_ENTRY = re.compile(r"\b[Dd]uplicate entry\b")
# The table of a statement: `insert into "orders" ("id") values ($1)`.
_TABLE = re.compile(r"\b(?:insert\s+into|delete\s+from|update|join)\s+\Z", re.IGNORECASE)
_IN_OPERATOR = re.compile(r"\boperator to search for\s+\Z")
# The path of a property: `items/0/price`.
_POINTER = re.compile(r"[#$]?/?(?:[A-Za-z_][\w-]*/)*\d+/(?:[\w-]+/)*[A-Za-z_]+\Z")
_POINTER_NOUNS: Final = frozenset({"at", "path", "pointer", "instancepath", "property", "field"})
_LIST = re.compile(r"(['\"`])\s*(?:,|and|or|\||&)\s*\Z")
_CODE_QUOTES: Final = frozenset("'\"`")
"""What people write in other quotes is a text or a name of a person."""

_NOUNS_OF_VALUES: Final = frozenset({"type", "key", "keys", "object", "parameter"})
"""Nouns of code after which a colon and a value may stand: `invalid input for type: "abc"`."""

_CODES: Final = frozenset({"code", "sqlstate", "errno"})
_QUOTED_CODE = re.compile(r"[A-Z0-9][\w.]{0,11}\Z")
_OPENING: Final = " \n\t([{:="
_NOT_IN_WORD = re.compile(r".*[^\w()]|^\(+|(?<!\(s)\)+$", re.DOTALL)
_IDENTIFIER = re.compile(r"[@#$.]?[A-Za-z_$][\w$-]*(?:(?:\.|/|::|\[|\]\.?|->)[\w$*-]+|\[\])*\]?(?:\(\))?\Z")
_CODE_SHAPE = re.compile(r"[a-z\d][A-Z]|\w_\w|[a-z]\.[A-Za-z]|\(\)\Z|\A[A-Z]{2,}\Z|\A[@$]|\[\]|::")
_FILE = re.compile(rf"\.(?:{vocabulary.FILE_EXTENSIONS})\Z", re.IGNORECASE)
_HOST = re.compile(rf"[\w-]+(?:\.[\w-]+)*\.(?:{vocabulary.TOP_LEVEL_DOMAINS})\Z", re.IGNORECASE)
_PUNCTUATION = re.compile(r"[^\w\s]{1,3}\Z")
_MODULE_ROOT = re.compile(r".*(?:/|\A)(?=(?:src|dist|node_modules)/)|.*/\.trigger/tmp/[^/]+/")
_SLASHES = re.compile(r"[\\/]+")
_MODULE_NOUNS: Final = frozenset({"module", "modules", "package", "import", "plugin", "loader"})


def normalise_quoted(quoted: str, text: str, start: int, end: int) -> str:
    """Return quoted text as it is if it is a name, otherwise a placeholder.

    `quoted` has its quotes, and is `text[start:end]`.
    """
    content = quoted[1:-1]
    if not content:
        return vocabulary.QUOTED
    content = content.removesuffix(" (index)")
    noun, has_colon = _noun(text, start)
    if _PUNCTUATION.match(content):
        return vocabulary.QUOTED if noun in vocabulary.VALUE_NOUNS else f"'{content}'"
    if has_colon and noun in _CODES and _QUOTED_CODE.match(content):
        return f"'{content}'"
    if noun in _POINTER_NOUNS and _POINTER.match(content):
        return f"'{normalise_name(content)}'"
    name = _name(content, noun)
    # The beginning of what should be JSON is data, unlike a sign such as `<`.
    if name is None or (noun == "token" and "JSON" in text[end : end + _BEFORE_QUOTE]):
        return vocabulary.QUOTED
    if noun in vocabulary.SCHEMA_NOUNS:
        return f"'{content}'"
    if has_colon:
        is_name = noun in vocabulary.KEPT_KEYS or (noun in vocabulary.CODE_NOUNS and noun not in _NOUNS_OF_VALUES)
        # `Row 2: "price" must be a number`
        is_name = is_name or (noun not in vocabulary.DATA_NOUNS and _VALIDATED.match(text, end) is not None)
    elif noun in vocabulary.CODE_NOUNS:
        is_name = True
    elif noun in vocabulary.VALUE_NOUNS or (noun in vocabulary.DATA_NOUNS and quoted[0] != "`"):
        is_name = False
    else:
        is_name = _looks_like_name(quoted, text, end)
    return f"'{name}'" if is_name else vocabulary.QUOTED


def _looks_like_name(quoted: str, text: str, end: int) -> bool:
    """Return whether the quotes, what follows them or the spelling tell that a name is quoted."""
    if quoted[0] not in _CODE_QUOTES:
        return False
    if quoted[1:-1] in vocabulary.PROTOCOL_WORDS:
        return True
    return quoted[0] == "`" or _VALIDATED.match(text, end) is not None or _CODE_SHAPE.search(quoted[1:-1]) is not None


def _noun(text: str, start: int) -> tuple[str, bool]:
    """Return the word that says what is quoted, in lower case, and whether a colon follows it."""
    before = text[max(start - _BEFORE_QUOTE, 0) : start]
    if before.endswith("for key ") and _ENTRY.search(text, max(start - _ENTRY_BEFORE, 0), start):
        return "index", False
    if text[start] in '"`' and _TABLE.search(before):
        return "table", False
    if _IN_OPERATOR.search(before):
        return "property", False
    while (match := _LIST.search(before)) is not None:
        # In a list such as `a`, `b` the word before the first name counts.
        opening = before.rfind(match[1], 0, match.start())
        if opening < 0:
            break
        before = before[:opening]
    bare = before.rstrip(_OPENING)
    has_colon = ":" in before[len(bare) :] or "=" in before[len(bare) :]
    rest, _, word = bare.rpartition(" ")
    while word in _FILLERS:
        rest, _, word = rest.rpartition(" ")
    return _NOT_IN_WORD.sub("", word.lower()), has_colon


def _name(content: str, noun: str) -> str | None:
    """Return content that may be a name, without the data in it; None if it can only be data."""
    if noun in vocabulary.SCHEMA_NOUNS and not re.search(r"\s", content):
        return content
    if noun in _MODULE_NOUNS:
        path = _SLASHES.sub("/", content)
        match = _MODULE_ROOT.match(path)
        return normalise_name(path if match is None else path[match.end() :])
    if not _IDENTIFIER.match(content) or _FILE.search(content) or _HOST.match(content) or is_id(content):
        return None
    return normalise_name(content)


# Replaces data in sentences of well-known libraries that mark it neither with quotes nor with any other sign.
#
# Each sentence has a short text by which it is recognised, because the search for a text is much faster than a pattern.


_Q: Final = vocabulary.QUOTED
_N: Final = vocabulary.NUMBER

# The words by which a sentence is known; the sentence; what replaces it.
_SENTENCES: Final = tuple(
    (known, re.compile(pattern), replacement)
    for known, pattern, replacement in (
        # JavaScript engines
        (" to a BigInt", r"(Cannot convert )\S.{0,200}?(?= to a BigInt)", rf"\1{_N}"),
        ("regular expression: /", r"(regular expression: )/.{0,500}/\w*(?=: )", rf"\1{_Q}"),
        ("nvalid time zone", r"(nvalid time zone(?: specified)?: ).{1,100}", rf"\1{_Q}"),
        ("nvalid currency code", r"(nvalid currency code ?: ).{1,100}", rf"\1{_Q}"),
        ("nvalid count value", r"(nvalid count value: )\S+", rf"\1{_N}"),
        ("language tag", r"(language tag: ).{1,100}", rf"\1{_Q}"),
        ("is not iterable", r"\b(?:number|object|string) -?[\w.]+ (?=is not iterable)", f"{_Q} "),
        (" column ", r" \(line \d+ column \d+\)", ""),
        ("valid JSON", r"(nexpected token '?.'?, )\.{0,3}\".{0,200}\"(?:\.{3})?(?= is not valid JSON)", rf"\1{_Q}"),
        (" URL from ", r"( URL from ).{1,500}", rf"\1{vocabulary.URL}"),
        (". Received ", r"(\. Received ).{1,500}", rf"\1{_Q}"),
        ("received ", r"(\bbut received )(?:NaN|null|undefined|-?Infinity)\b", rf"\1{_N}"),
        ("annot encode ", r"(annot encode )\".{1,8}\"", rf"\1{_Q}"),
        (" not a", r"( not an? [\w ]{1,40} \()(?!evaluating|reading|near|see)[^()\n]{1,100}(?=\))", rf"\1{_Q}"),
        # Databases
        ("at or near ", r"(at or near )\"[^\n]{0,200}?\"(?=\s|\Z)", rf"\1{_Q}"),
        ("Table ", r"(\bTable )[a-z][a-z\d-]{4,28}:(?=\w+\.\w)", r"\1"),
        ("to use near ", r"(to use near )'.{0,300}?'(?= at line \d)", rf"\1{_Q}"),
        ("(type ", r"(for value )\S.{0,300}? \(type [\w ]+\)", rf"\1{_Q}"),
        ("version conflict", r"\[[^\[\]]{1,512}\](?=: version conflict)", f"[{_Q}]"),
        ("projects/", r"\bprojects/[\w-]+(?:/[\w.()~%-]+)+", vocabulary.PATH),
        ("enum value", r"(['\"`])[^'\"`\n]{0,200}\1(?= is not a valid enum value)", _Q),
        ("type json: ", r"(type json: Token )\"[^\n]{0,200}?\"(?= is invalid)", rf"\1{_Q}"),
        ("essage: `", r"([Mm]essage: )`([^`\n]{0,500})`", r"\1\2"),
        ("constraint fails (", r"(constraint fails \()`[^`\n]{0,100}`\.(?=`)", r"\1"),
        ("duplicate key value is ", r"(duplicate key value is )\([^\n]{0,500}\)(?=\.)", rf"\1{_Q}"),
        (" in location ", r"( in location )\S+", rf"\1{_Q}"),
        ("(bad value)", r"(\(bad value\): ).{1,200}", rf"\1{_Q}"),
        # Networks
        ("attempted address", r"(Connect Timeout Error) \(attempted address[^)]{0,400}\)", r"\1"),
        ("LB pick", r"(Deadline exceeded after )[\d.]+m?s,.{0,400}", rf"\1{_N}"),
        ("No such file ", r"(?<=: No such file )(?!or ).{1,400}", vocabulary.PATH),
        (
            "exited with code ",
            r"(exited with code \d+: )(?!Error)\S.{0,200}?\.\w{2,4}(?=: [A-Z])",
            rf"\1{vocabulary.PATH}",
        ),
        ("Command failed", r"(Command failed(?: with exit code \d+)?: \S+) [^\n]+", rf"\1 {_Q}"),
        ("in the cert's ", r"(in the cert's \w+:).{0,1000}", r"\1"),
        (").", rf"(?<=\w) \(\d+\)(?=\.(?:{vocabulary.FILE_EXTENSIONS})\b)", ""),
        (
            " already ",
            r"( already (?:exists|started|running|processed|queued|scheduled): )\S{1,200}(?=\s*\Z)",
            rf"\1{_Q}",
        ),
        ("ay ", r"(\b[Rr]ay (?:ID:? )?)[\da-f]{8,}(?:-[A-Z]{3})?", rf"\1{vocabulary.ID}"),
        ("(Session info", r" ?\(Session info: [^)\n]{0,200}\)", ""),
        ("\uff1a", r"((?:客户|客戶|顧客|用户|ユーザー|店舗|テナント|고객)\uff1a)[^\uff1a\uff09\n]{1,60}", rf"\1{_Q}"),
        ("on resource: ", r"( on resource: )\S+", rf"\1{vocabulary.ID}"),
        ("SystemTracker:", r"\bSystemTracker:[^\s,]+", ""),
        # Numbers of trade
        *(
            (f"{noun} ", rf"\b({noun}) (?=\S*[A-Z\d€$£¥])[^\s,;:]+", rf"\1 {_Q}")
            for noun in ("SKU", "EAN", "ISBN", "currency", "Currency", "locale", "VAT id", "VAT ID")
        ),
        # Services
        ("Error] ", r"(\[(?:DecimalError|BigNumber Error)\] [\w ()-]{1,60}: ).{1,200}", rf"\1{_Q}"),
        ("expected: ", r"(jwt \w+ invalid\. expected: ).{1,200}", rf"\1{_Q}"),
        ("hone number ", r"([Pp]hone number )\S{1,40}(?= (?:is|was|does|cannot)\b)", rf"\1{_N}"),
        ("number ", r"('(?:To|From)' number ).{1,60}?(?= (?:is|was|does|cannot)\b)", rf"\1{_N}"),
        (" address ", r"([Ee]-?mail address )\S{1,100}(?= is (?:not|invalid|already))", rf"\1{vocabulary.EMAIL}"),
        ("nvalid ", r"(nvalid (?:currency|country|locale|date|amount|url|email)): \S{1,64}(?=\. [A-Z])", rf"\1: {_Q}"),
        ("ob ", r"(\b[Jj]ob )(?=\S*[\d:]\S*[\d\w])[\w-]+(?:[.:][\w-]+)*", rf"\1{_N}"),
        ("(", rf"(\((?:{vocabulary.ENTITY_NOUNS}): )[\w.-]+(?=[),;])", rf"\1{_Q}"),
        ("arse range: ", r"(arse range: ).{1,200}", rf"\1{_Q}"),
        ("picklist field: ", r"(picklist field: ).{1,200}", rf"\1{_Q}"),
        (" (cast from ", r" \(cast from the value [^\n]{0,400}\)", ""),
        ("Char: ", r"(?<=\n)Char: ?.?", ""),
        ("quote is found on field", r"(on field )(?:\"[^\"\n]{0,200}\"|\w+)(?= at line)", rf"\1{_N}"),
    )
)


def replace_in_sentences(text: str) -> str:
    """Return a text without the data in sentences of well-known libraries."""
    for _, sentence, replacement in [each for each in _SENTENCES if each[0] in text]:
        text = sentence.sub(replacement, text)
    return text


# Finds URLs, times, addresses, paths, quoted text and words with digits in a message, and replaces data among them.
#
# Plain words stay.


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
    |(?P<host> {_START} (?:\*\.)?(?:[A-Za-z0-9_-]+\.)+(?:{vocabulary.TOP_LEVEL_DOMAINS})\b(?![\w(-]|\.\w)
        (?::\d{{1,5}})?(?:/[^\s'"`<>,;()]*)? | localhost(?::\d{{1,5}})? )
    |(?P<identified> (?:(?<=[Ii][Dd]:[ ])|(?<=[Ii][Dd]=)) (?=[\w-]*\d)[\w-]+ )
    |(?P<numbered> {_START} [A-Za-z][\w.-]*:\d{{2,5}}(?![\w:.]|\.\w) )
    |(?P<file> {_START} [\w@%+~-][\w@%+~./\\-]*\.(?i:{vocabulary.FILE_EXTENSIONS})(?![\w(/-]|\.\w)(?::\d+){{0,2}} )
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
        text = _MIXED.sub(lambda match: vocabulary.ID if is_id(match[0]) else match[0], text)
    return _TOKEN.sub(_replace_token, text)


def _replace_token(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    if kind == "plain":
        return match[0]
    return _DATA[kind] if kind in _DATA else _REPLACE[kind](match)


def _key(match: re.Match[str]) -> str:
    """Return the key of a cache or of a lock, such as `report:acme:2026-09-13`, without what follows its first word."""
    first, _, rest = match[0].partition(":")
    return f"{first}:{vocabulary.ID}" if any(map(str.isdigit, rest)) else match[0]


def _path(match: re.Match[str]) -> str:
    path = match[0]
    is_fragment = match.string[match.start() - 1 : match.start()] == "#"
    if is_fragment or _POINTER_AFTER.match(match.string, match.end()):
        return normalise_name(path)
    return vocabulary.PATH + path[len(path.rstrip(".!?")) :]


def _relative(match: re.Match[str]) -> str:
    before = match.string[max(match.start() - 12, 0) : match.start()]
    if _FILE_TYPE.match(match[0]) and _FOUND_BEFORE.search(before):
        return vocabulary.QUOTED
    name = normalise_name(match[0])
    # What ends in data is the place of a thing, such as `acme/7992`; `items/7/price` names a property.
    is_place = (
        name[:1].isalpha()
        and name.endswith((vocabulary.NUMBER, vocabulary.ID))
        and not _POINTER_AFTER.match(match.string, match.end())
    )
    return vocabulary.PATH if is_place else name


def _assignment(match: re.Match[str]) -> str:
    key, value = match["left"], match["right"]
    name = key.lower().replace("_", "").replace("-", "")
    if value.startswith(("(", "[")):
        return f"{key}=(…)"
    if name in vocabulary.SCHEMA_NOUNS or (name in vocabulary.STEPS and not is_id(value)):
        return f"{key}={value}"
    if name in {"err", "error"} and _CAPITAL_CODE.match(value):
        return match[0]
    if name in vocabulary.IDENTITY_KEYS and not is_id(value):
        is_kept = name in {"code", "errno", "status", "statuscode", "sqlstate", "errorcode", "errcode"}
        return f"{key}={value if is_kept else normalise_name(value)}"
    return f"{key}=…"


def _numbered(match: re.Match[str]) -> str:
    """Return `redis:6379` as an address only where one is expected: `order:8812` is not."""
    name = match[0].partition(":")[0]
    if _ADDRESS_BEFORE.search(match.string, max(match.start() - 24, 0), match.start()):
        return vocabulary.ADDRESS
    return f"{normalise_word(name)}:{vocabulary.NUMBER}"


def _base64(match: re.Match[str]) -> str:
    if is_schema_name(match.string[max(match.start() - 24, 0) : match.start()]):
        return match[0]
    return vocabulary.ID if is_id(match[0].replace("/", "").replace("+", "").rstrip("=")) else normalise_name(match[0])


def _word(match: re.Match[str]) -> str:
    word, text, start = match[0], match.string, match.start()
    sign = word[:1] if word[:1] in "+-" and len(word) > 1 else ""
    bare = word.removeprefix(sign).removesuffix("%")
    if not any(map(str.isdigit, bare)):
        return vocabulary.ID if is_id(bare) and not is_code(bare, text, start, match.end()) else word
    shown = normalise_digits(bare, text, start, start + len(sign) + len(bare))
    return shown if shown == vocabulary.NUMBER else sign + shown + word[len(sign) + len(bare) :]


_DATA: Final = {
    kind: placeholder
    for placeholder, kinds in (
        (vocabulary.ID, "arn uuid hexes identified masked padded"),
        (vocabulary.ADDRESS, "region mac ipv6 ipv4"),
        (vocabulary.NUMBER, "iban phone"),
        (vocabulary.EMAIL, "email"),
        (vocabulary.TIME, "date"),
        (vocabulary.PATH, "windows"),
    )
    for kind in kinds.split()
}
"""The placeholder of each token that is data, whatever it is."""

_REPLACE: Final[Mapping[str, Callable[[re.Match[str]], str]]] = {
    "digits": _word,
    "expression": _word,
    "url": lambda match: vocabulary.URL + match[0][len(match[0].rstrip(".,;:!?)]")) :],
    # V8 puts three points after a text that it cut.
    "quote": lambda match: normalise_quoted(match[0].removesuffix("..."), match.string, match.start(), match.end()),
    "key": _key,
    "package": lambda match: match[0].rpartition("@")[0],
    # `12:41` may be a line and a column, as `3:8`.
    "time": lambda match: vocabulary.NUMBER if _HOUR_OR_LINE.match(match[0]) else vocabulary.TIME,
    "path": _path,
    "assignment": _assignment,
    "host": lambda match: match[0] if match[0] == _PRODUCT else vocabulary.ADDRESS,
    "numbered": _numbered,
    "file": lambda match: match[0] if _NODE_NAMES.match(match[0]) else vocabulary.PATH,
    "relative": _relative,
    "base64": _base64,
    "word": _word,
}
