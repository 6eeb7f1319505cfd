"""Decides whether quoted text in a message is a name of the database's schema or of the code, which stays, or data."""

import re
from typing import Final

from tui.domain.errors.messages import vocabulary as words
from tui.domain.errors.messages.identity import is_id, normalise_name

_BEFORE: Final = 60
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
_CODE = re.compile(r"[A-Z0-9][\w.]{0,11}\Z")
_OPENING: Final = " \n\t([{:="
_NOT_IN_WORD = re.compile(r".*[^\w()]|^\(+|(?<!\(s)\)+$", re.DOTALL)
_IDENTIFIER = re.compile(r"[@#$.]?[A-Za-z_$][\w$-]*(?:(?:\.|/|::|\[|\]\.?|->)[\w$*-]+|\[\])*\]?(?:\(\))?\Z")
_CODE_SHAPE = re.compile(r"[a-z\d][A-Z]|\w_\w|[a-z]\.[A-Za-z]|\(\)\Z|\A[A-Z]{2,}\Z|\A[@$]|\[\]|::")
_FILE = re.compile(rf"\.(?:{words.FILE_EXTENSIONS})\Z", re.IGNORECASE)
_HOST = re.compile(rf"[\w-]+(?:\.[\w-]+)*\.(?:{words.TOP_LEVEL_DOMAINS})\Z", re.IGNORECASE)
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
        return words.QUOTED
    content = content.removesuffix(" (index)")
    noun, has_colon = _noun(text, start)
    if _PUNCTUATION.match(content):
        return words.QUOTED if noun in words.VALUE_NOUNS else f"'{content}'"
    if has_colon and noun in _CODES and _CODE.match(content):
        return f"'{content}'"
    if noun in _POINTER_NOUNS and _POINTER.match(content):
        return f"'{normalise_name(content)}'"
    name = _name(content, noun)
    # The beginning of what should be JSON is data, unlike a sign such as `<`.
    if name is None or (noun == "token" and "JSON" in text[end : end + _BEFORE]):
        return words.QUOTED
    if noun in words.SCHEMA_NOUNS:
        return f"'{content}'"
    if has_colon:
        is_name = noun in words.KEPT_KEYS or (noun in words.CODE_NOUNS and noun not in _NOUNS_OF_VALUES)
        # `Row 2: "price" must be a number`
        is_name = is_name or (noun not in words.DATA_NOUNS and _VALIDATED.match(text, end) is not None)
    elif noun in words.CODE_NOUNS:
        is_name = True
    elif noun in words.VALUE_NOUNS or (noun in words.DATA_NOUNS and quoted[0] != "`"):
        is_name = False
    else:
        is_name = _looks_like_name(quoted, text, end)
    return f"'{name}'" if is_name else words.QUOTED


def _looks_like_name(quoted: str, text: str, end: int) -> bool:
    """Return whether the quotes, what follows them or the spelling tell that a name is quoted."""
    if quoted[0] not in _CODE_QUOTES:
        return False
    if quoted[1:-1] in words.PROTOCOL_WORDS:
        return True
    return quoted[0] == "`" or _VALIDATED.match(text, end) is not None or _CODE_SHAPE.search(quoted[1:-1]) is not None


def _noun(text: str, start: int) -> tuple[str, bool]:
    """Return the word that says what is quoted, in lower case, and whether a colon follows it."""
    before = text[max(start - _BEFORE, 0) : start]
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
    if noun in words.SCHEMA_NOUNS and not re.search(r"\s", content):
        return content
    if noun in _MODULE_NOUNS:
        path = _SLASHES.sub("/", content)
        match = _MODULE_ROOT.match(path)
        return normalise_name(path if match is None else path[match.end() :])
    if not _IDENTIFIER.match(content) or _FILE.search(content) or _HOST.match(content) or is_id(content):
        return None
    return normalise_name(content)
