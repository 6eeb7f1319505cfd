"""`kind_of`: type, own frame and message of an error, without the data that differs between two failures."""

import json
import re
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, NewType

from tui.domain import error_words as words
from tui.domain.error import RunError, first_own_frame, project_path
from tui.domain.error_words import ID, is_id, normalise_name, replace_told, replace_values, replaced, rules
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

# Removes from a message what programs paste into it: colours, HTML pages, stacks, excerpts of code, logs, records.


MAX_HEAD_CHARS: Final = 600
"""An HTML page names its error in its title, which stands in its first characters."""

MAX_LINES: Final = 500
"""The lines of a message that may belong to a stack, to code or to a log. Later ones are kept."""

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|[\x00-\x08\x0b-\x1a\x7f]")
_HTML = re.compile(r"(?<![\"'`])<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_HTML_END = re.compile(r"</html>", re.IGNORECASE)
_STATUS = re.compile(r"<(?:title|h1|h2)\b[^>]*>[^<]*?\b([45]\d\d)\b", re.IGNORECASE)
_XML = re.compile(r"(?<![\"'`])<\?xml\b[^>]{0,300}\?>\s*|(?<![\"'`])<(?=Error>)")
_XML_IDENTITY = re.compile(
    r"<(Code|Message|Type|faultcode|faultstring|errorCode|errorMessage)>([^<]{1,300})</\1>", re.IGNORECASE
)

# A call with its place, a place alone, or a call that was cut.
_FRAME = re.compile(
    r"at (?:async )?(?:\S+ \(|\S*:\d+:\d+\Z|.*:\d+\)\Z|.*\((?:native|<anonymous>|index \d+)\)\Z)", re.DOTALL
)
_OMITTED = re.compile(r"\s*\.{3}\s*\d+ (?:more|lines|frames|levels)")
_CODE_POINTER = re.compile(r"\s*(?:→|>|❯|-->)\s*\d+\s")
_CODE_LINE = re.compile(r"\s+\d+\s|\s*(?:→|>|❯|-->)\s*\d+\s|\s*\d+\s*(?:[|│]|$)")
_CARETS = re.compile(r"[\s|│~^-]*\Z")
_LOG_HEADER = re.compile(
    r"(?:call log|=+ ?logs? ?=++|browser logs|logs?|std(?:err|out)|output|require stack|requirestack):?\s*=*\Z",
    re.IGNORECASE,
)
# Playwright lists the elements that a locator found.
_ELEMENTS = re.compile(r"(?<=resolved to )\d+ elements:\n.*", re.DOTALL)
# The values of a query.
_VALUES = re.compile(r"\s*(?:params|parameters|bindings|values): ", re.IGNORECASE)
# Prisma prints the arguments of a call before it says what is wrong with them.
_ARGUMENTS = re.compile(
    r"invocation(?::| in\n[^\n]*)[^\S\n]*\n.{0,4000}\n[^\S\n]*+\}\)?\s*+(?<=\n\n)(?=[A-Z])", re.DOTALL
)
_LOCATION = re.compile(r"(?<=invocation) in\n[^\n]+:\d+:\d+(?=\n|\Z)")

# What a language model wrote instead of JSON.
_PARSED_TEXT = re.compile(r"Text: .{0,4000}?\.?\s(?=Error(?: message)?: )", re.DOTALL)


def without_blocks(message: str) -> str:
    """Return a message without colours, pages, stack frames, excerpts of code and the lines of logs."""
    text = _ANSI.sub("", message) if "\x1b" in message or not message.isprintable() else message
    if "<" in text:
        text = _without_pages(text)
    if (start := text.find("Text: ")) >= 0 and (parsed := _PARSED_TEXT.match(text, start)) is not None:
        text = f"{text[:start]}Text: … {text[parsed.end() :]}"
    return _without_lines(text) if "\n" in text else text


def _without_pages(text: str) -> str:
    page = _HTML.search(text)
    if page is not None:
        status = _STATUS.search(text, page.start(), page.start() + MAX_HEAD_CHARS)
        end = _HTML_END.search(text, page.start())
        shown = "<html>" if status is None else f"<html> status {status[1]} "
        return text[: page.start()] + shown + ("" if end is None else text[end.end() :])
    document = _XML.search(text)
    if document is None or (found := _XML_IDENTITY.findall(text, document.start())) == []:
        return text
    return text[: document.start()] + " ".join(f"{name}: {value}" for name, value in found)


def _without_details(text: str) -> str:
    """Return a text without the elements that Playwright found, and without the arguments of a call of Prisma."""
    text = _ELEMENTS.sub("", text, count=1) if "elements:\n" in text else text
    if (start := text.find("invocation")) < 0:
        return text
    arguments = _ARGUMENTS.match(text, start)
    return _LOCATION.sub(":", text if arguments is None else f"{text[:start]}invocation:\n{text[arguments.end() :]}")


def _without_lines(text: str) -> str:
    text = _without_details(text)
    *lines, rest = text.split("\n", MAX_LINES)
    if len(lines) < MAX_LINES:
        lines, rest = [*lines, rest], ""
    kept: list[str] = []
    has_pointer = any(_CODE_POINTER.match(line) or _is_caret(line) for line in lines)
    in_log = False
    for line in lines:
        if kept and _VALUES.match(line):
            continue
        if kept and line.startswith("--") and _is_caret(line):
            kept.pop()  # the code to which the line points
            continue
        if _FRAME.match(line.strip()) or _OMITTED.match(line) or _is_caret(line):
            continue
        if has_pointer and _CODE_LINE.match(line):
            continue
        if in_log and line[:1] in {"", " ", "\t", "-", "<", "["}:
            continue
        in_log = _LOG_HEADER.match(line.strip()) is not None
        if not in_log or not kept:
            kept.append(line)
    return "\n".join([*kept, rest] if rest else kept)


def _is_caret(line: str) -> bool:
    """Return whether a line is nothing but `^` or `~` under code, with bars and rules."""
    return ("^" in line or "~" in line) and _CARETS.match(line) is not None


# Reduces JSON and printed objects in a message to the values that tell one kind of error from another.
#
# These are the code, the type, the field and the sentence in `message`. Other data and the order of the keys are
# dropped. An object without any of them is reduced to the names of its keys.


MAX_DEPTH: Final = 6
MAX_ITEMS: Final = 50
MAX_OBJECTS: Final = 20
"""At most this many braces and brackets of a message are tried. The rest counts as text."""

MAX_PRINTED_CHARS: Final = 4_000
"""An object that util.inspect printed is read up to this length."""

MAX_SHOWN_CHARS: Final = 4_000
"""Once a message is so long without its data, further objects are text: less than that tells kinds apart."""

_START = re.compile(r"\{(?=\s*[\"'\w$}\[])|(?<![\w$)\]])\[(?=\s*[\[{\"\]\d-])")
_PAIR = re.compile(
    r"(?:[{,\n]|\A)[^\S\n]*+(?:[+~?]\s*)?[\"']?(?P<key>[A-Za-z_$][\w$-]*)[\"']?\s*:\s*"
    r"(?P<value>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`\n]*`|[^\s,{}\[\]]+)?"
)
_SENTENCE = re.compile(r"\n(?=[A-Z][a-z]+ )")
_QUOTED_OR_BRACE = re.compile(r"(?s)([\"`]|(?<![^\W_])')(?:\\.|(?!\1)[^\\\n])*+(?:\1|\n|\\?\Z)|[{}\[\]]")
_SEPARATORS = re.compile(r"[_\-\s]")
_NAME_OF_ERROR = re.compile(r"\w*(?:Error|Exception|Fault)\Z")
_QUOTES: Final = frozenset("'\"`")
_ERROR_LISTS: Final = frozenset({"errors", "messages", "fielderrors", "formerrors", "violations"})
_decode = json.JSONDecoder(strict=False).raw_decode


def replace_objects(text: str) -> str:
    """Return a message with its objects in their canonical form.

    The text between objects is normalised too, and so are the sentences inside them.
    """
    parts: list[tuple[str, str]] = []
    at = searched = 0
    for _ in range(MAX_OBJECTS):
        match = _START.search(text, searched)
        if match is None or sum(len(shown) for shown, _ in parts) > MAX_SHOWN_CHARS:
            break
        found = _read(text, match.start())
        if found is None:
            searched = match.end()
            continue
        identity, keys, end = found
        if text.endswith("dup key: ", at, match.start()):
            # MongoDB prints the values of the fields of the index, whose name stands in front.
            parts.append((f"{_normalise_text(text[at : match.start()])}…", ""))
            at = searched = end
            continue
        quote = text[match.start() - 1 : match.start()]
        if identity is None and quote in _QUOTES and text[end : end + 1] == quote and match.start() > at:
            # A printed value: `for value "{ a: 1 }"`.
            parts.append((_normalise_text(text[at : match.start() - 1]) + words.QUOTED, ""))
            at = searched = end + 1
            continue
        parts += [(_normalise_text(text[at : match.start()]), ""), (identity or "", keys)]
        at = searched = end
    # An object that only has data needs the names of its keys if no other one tells what happened.
    is_told = any(shown and keys for shown, keys in parts)
    shown_parts = [shown or (("{…}" if is_told else keys) if keys else "") for shown, keys in parts]
    return "".join([*shown_parts, _normalise_text(text[at:])])


def _read(text: str, start: int) -> tuple[str | None, str, int] | None:
    """Return the identity of the object at `start`, the names of its keys, and its end; None if there is no object."""
    try:
        value, end = _decode(text, start)
    except (ValueError, RecursionError):
        return _read_printed(text, start) if text[start] == "{" else None
    return _identity(value, 0), _keys(value), end


def _keys(value: Any) -> str:
    if isinstance(value, dict) and value:
        return "{" + ", ".join(sorted({normalise_name(str(key)) for key in list(value)[:MAX_ITEMS]})) + "}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return f"[{_keys(value[0])}]"
    return "[…]" if isinstance(value, list) else "{}"


def _identity(value: Any, depth: int) -> str | None:
    """Return the part of a value that identifies the error; None if there is none."""
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, list):
        kept = {each for item in value[:MAX_ITEMS] if (each := _identity(item, depth + 1)) is not None}
        return f"[{', '.join(sorted(kept))}]" if kept else None
    if not isinstance(value, dict):
        return None
    return _identity_of_pairs([(str(key), item) for key, item in list(value.items())[:MAX_ITEMS]], depth)


def _identity_of_pairs(pairs: list[tuple[str, Any]], depth: int) -> str | None:
    parts = {part for key, item in pairs if (part := _pair(key, item, depth)) is not None}
    return f"{{{', '.join(sorted(parts))}}}" if parts else None


def _pair(key: str, value: Any, depth: int) -> str | None:
    name = _SEPARATORS.sub("", key).lower()
    if isinstance(value, str) and name in words.SENTENCE_KEYS:
        # A message may itself be JSON, escaped.
        return f"{key}: {normalise(Raw(value))}" if value else None
    if name in words.IDENTITY_KEYS:
        kept = _scalar(name, value)
        return None if kept is None else f"{key}: {kept}"
    if name in _ERROR_LISTS and (told := _sentences(value, depth)) is not None:
        return f"{key}: {told}"
    if name == "name":
        return f"{key}: {value}" if isinstance(value, str) and _NAME_OF_ERROR.match(value) else None
    inner = _identity(value, depth + 1)
    return None if inner is None else f"{key}: {inner}"


def _sentences(value: Any, depth: int) -> str | None:
    """Return a list of sentences, or the fields of `{"email": ["is taken"]}` with theirs; None for something else."""
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, dict) and value:
        items = list(value.items())[:MAX_ITEMS]
        told = {normalise_name(str(key)): _sentences(item, depth + 1) for key, item in items}
        return None if None in told.values() else f"{{{', '.join(sorted(f'{key}: {told[key]}' for key in told))}}}"
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        return None
    return ", ".join(sorted({normalise(Raw(text)) for text in texts[:MAX_ITEMS]}))


def _scalar(name: str, value: Any) -> str | None:
    """Return the value of a key that identifies an error; None if it is data all the same."""
    if isinstance(value, list):
        parts = [part for item in value[:MAX_ITEMS] if (part := _scalar(name, item)) is not None]
        return ".".join(parts) if parts else None
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        is_property = name in {"path", "loc", "location", "pointer", "instancepath", "datapath"}
        return words.NUMBER if is_property else f"{value:g}"
    return words.identity_value(name, value) if isinstance(value, str) else None


def _read_printed(text: str, start: int) -> tuple[str | None, str, int] | None:
    """Read an object as util.inspect prints it, or JSON that was cut: its pairs of keys and simple values."""
    end, is_closed = _closing(text, start)
    pairs = list(_PAIR.finditer(text[start:end]))
    if not pairs:
        return None
    if not is_closed and (sentence := _SENTENCE.search(text, start + pairs[-1].end(), end)) is not None:
        end = sentence.start()
    found = [(pair["key"], _unquoted(pair["value"] or "")) for pair in pairs[:MAX_ITEMS]]
    return _identity_of_pairs(found, MAX_DEPTH), _keys(dict(found)), end


def _closing(text: str, start: int) -> tuple[int, bool]:
    """Return the index after the brace that closes the one at `start`, or of the end of what is read if none does."""
    depth, limit = 0, min(len(text), start + MAX_PRINTED_CHARS)
    for match in _QUOTED_OR_BRACE.finditer(text, start, limit):
        depth += (match[0] in "{[") - (match[0] in "}]")
        if depth == 0:
            return match.end(), True
    return limit, False


def _unquoted(value: str) -> Any:
    if value[:1] in {'"', "'", "`"}:
        return value[1:-1]
    if re.fullmatch(r"-?\d{1,15}", value):
        return int(value)
    return "" if value in {"null", "undefined", "true", "false"} else value


# Joins the lines of a normalised message, and joins neighbouring placeholders into one.


_PLACED: Final = rf"(?:{words.NUMBER}|{words.ID})"
_DATA = f"{words.NUMBER}|{words.ID}|{words.PATH}|{words.URL}|{words.EMAIL}|{words.ADDRESS}|{words.TIME}|{words.QUOTED}"
_UNIT: Final = (
    rf"({words.NUMBER})\s+(?:ms|milliseconds?|s|secs?|seconds?|mins?|minutes?|h|hours?|hrs?|days?|weeks?|"
    r"Tag(?:en?)?|Stunden?|Minuten?|Sekunden?|jours?|heures?|días?|horas?|bytes?|[KMGT]?i?B|"
    rf"%|{words.CURRENCIES})(?!\w)"
)
# `Upload of q3 report final.docx`: a few words between such a word and a file belong to the file's name.
_FILE_NAME: Final = (
    rf"\b(in|of|for|file|from|to|open|read|parse|load|import|upload|process|convert|download|attachment|document) "
    rf"(?:(?!(?:in|for|file|from|to|at|into|with|because)\s)(?:[^\W_]|<n>)(?:[\w()-]|<n>)* ){{1,4}}{words.PATH}"
)
# `q3 report final.docx is encrypted`: so do the words that begin a message, unless they are a sentence.
_FIRST_FILE: Final = (
    rf"(?i)\A(\W\s)?(?:(?!\w*(?:ing|ed|ot|to|of|from|in|for|at|no|is|file|line|with|error|id)\s)"
    rf"(?:[^\W_]|<n>)(?:[\w()-]|<n>)* ){{1,3}}{words.PATH}(?=:? (?!exists|already))"
)
_NEIGHBOURS: Final = rules(
    (f"{words.NUMBER} ", _UNIT, r"\1"),
    (words.PATH, rf"(?<![\w/.-])(?:[\w-]+/)+[\w-]+ {words.PATH}", words.PATH),
    (words.PATH, _FILE_NAME, rf"\1 {words.PATH}"),
    (words.PATH, _FIRST_FILE, rf"\1{words.PATH}"),
    ("<", rf"{_PLACED}(?:[-._:/+~@]{_PLACED})+", lambda match: words.ID if words.ID in match[0] else words.NUMBER),
    (
        words.EMAIL,
        rf"(?:(?:[^\W\d_a-z][\w.'’-]*,?|&)\s+){{1,5}}(?:<{words.EMAIL}>|\({words.EMAIL}\))",
        f"<{words.EMAIL}>",
    ),
    ("", rf"(?P<one>{_DATA})(?:(?:\s*[,;|&]\s*|\s+|\s(?:and|or|und|\|\|)\s)(?:[A-Z]+:)?(?P=one))+", r"\g<one>"),
)
"""Units, names and further placeholders beside one: the number of values in a list and of parts in an id is data."""


def joined(text: str) -> str:
    """Join the lines of a message, each different one once: logs and lists repeat lines."""
    if "\n" in text:
        text = " ".join(dict.fromkeys(line.strip() for line in text.split("\n") if line.strip()))
    text = " ".join(text.split())
    return replaced(text, _NEIGHBOURS) if "<" in text or words.QUOTED in text else text


# Replaces long numbers in a message by specimens, so that messages that differ in nothing else are normalised once.
#
# A number of four digits and more that stands alone is a code or data whatever its digits are: all that comes later
# asks only whether a sign is a digit, and how many there are. A specimen has as many digits, so that everything else
# stands where it stood. Where a specimen is kept or cut, its digit stands in the result; other text does not contain
# it.


_DIGITS: Final = "79680"
"""The first of them that the rest of a message does not contain is used."""

_MIN_DIGITS: Final = 4
"""A status code has three digits."""

_BEFORE: Final = r"(?:(?<=[ (#])|\A)"
_AFTER: Final = r"(?=[ )]|[,;.](?:\s|\Z)|\Z)"
_NUMBER = re.compile(rf"{_BEFORE}([0-9]{{{_MIN_DIGITS},}}){_AFTER}")
_SPECIMENS: Final = {digit: re.compile(rf"{_BEFORE}{digit}{{{_MIN_DIGITS},}}{_AFTER}") for digit in _DIGITS}


Specimens = tuple[str, str]
"""A text with a specimen for each long number that stands alone, and the digit of which they consist."""


def with_specimens(text: str) -> Specimens | None:
    """Return a text with specimens; None if there is nothing to replace, or if no digit can stand for others."""
    parts = _NUMBER.split(text)
    if len(parts) == 1:
        return None
    rest = "".join(parts[::2])
    for digit in _DIGITS:
        if digit not in rest:
            parts[1::2] = [digit * len(number) for number in parts[1::2]]
            return "".join(parts), digit
    return None


# `normalise` replaces in an error's message the data that differs between two failures of one kind.


MAX_MESSAGE_CHARS: Final = 65_536
"""The rest of a longer message is ignored. JSON is read up to here."""

MAX_TEXT_CHARS: Final = 2_048
"""The rest of a longer text between objects is ignored."""

MAX_NORMALISED_CHARS: Final = 1_000
CACHED_MESSAGES: Final = 256
MAX_CACHED_CHARS: Final = 512
"""Messages without ids repeat. Those up to this length are remembered: 0.25 MB at most."""

CACHED_TEXTS: Final = 2_048
"""Size of the cache for texts that differ only in long numbers: 2.5 MB at most, usually 0.8 MB."""


def normalise(message: Raw) -> Raw:
    """Return a message without ids, numbers, times, addresses, paths and quoted data.

    Codes and the names of columns, tables, constraints, properties and modules stay.
    """
    return _normalised_short(message) if len(message) <= MAX_CACHED_CHARS else _normalised(message)


def _normalised(message: str) -> Raw:
    text = without_blocks(message[:MAX_MESSAGE_CHARS])
    has_objects = "{" in text or "[" in text
    text = replace_objects(text) if has_objects else _normalise_text(text)
    return Raw(joined(text)[:MAX_NORMALISED_CHARS])


_normalised_short = lru_cache(CACHED_MESSAGES)(_normalised)


def _normalise_text(text: str) -> str:
    """Return a text between objects, normalised. Texts that differ in long numbers alone are normalised once."""
    specimens = with_specimens(text) if len(text) <= MAX_CACHED_CHARS else None
    known = None if specimens is None else _normalise_specimens(specimens)
    return replace_values(replace_told(text[:MAX_TEXT_CHARS])) if known is None else known


@lru_cache(CACHED_TEXTS)
def _normalise_specimens(specimens: Specimens) -> str | None:
    """Return a text with specimens, normalised; None if other numbers in their place may give something else."""
    text, digit = specimens
    text = replace_told(text)
    if digit in _SPECIMENS[digit].sub("", text):
        return None  # it stands in a shorter number, or beside other signs
    text = replace_values(text)
    return None if digit in text else text


# `identity_of` reduces a normalised message to the text by which errors are grouped.
#
# All placeholders become one, because `job <n>` and `job <id>` are one sentence about two jobs. A list of one path and
# a list of three are one too. People read the normalised message, in which the placeholders differ.


DATA: Final = "…"
"""Stands for every placeholder."""

_CURRENCY: Final = rf"(?:{words.CURRENCIES})"
_PLURAL_VERBS: Final = {"is": "are", "was": "were", "has": "have"}
_LETTERS = re.compile(r"[A-Za-z]+")
_ODD_CASE = re.compile(r"[A-Z]{2,}[a-z]|[a-z][A-Z]")


def _without_letters(match: re.Match[str]) -> str:
    """Return data for a word that has data in it and letters that are no word; otherwise the word."""
    return DATA if len(match[0]) > 1 and any(map(_ODD_CASE.search, _LETTERS.findall(match[0]))) else match[0]


# What is left of an id: `…f…c`, `call_ab…`.
_MACHINE_WORD: Final = (
    rf"(?<![\w.$…/\[-])(?:[A-Za-z]{{0,4}}{DATA}(?:(?:[A-Za-z]{{1,4}}|[A-Za-z]{{0,4}}-){DATA})+[A-Za-z]{{0,4}}"
    rf"|(?:(?:[A-Za-z]{{1,12}}[_-])+|(?:[A-Za-z-]{{1,24}}:){{2,}}"
    rf"|(?=[A-Za-z]{{1,2}}{DATA}))[A-Za-z]{{0,3}}{DATA}[A-Za-z]{{0,4}})(?![\w…\[/-]|\.\w)"
)
_ONE_PLACEHOLDER: Final = rules(
    ("", f"{words.PLACEHOLDERS}|{words.QUOTED}", DATA),
    # `in EUR`, `EUR …`
    ("", rf"\b{_CURRENCY}[/-]{_CURRENCY}\b|(?<= (?:in|to) ){_CURRENCY}\b|\b{_CURRENCY}\s?(?={DATA})", DATA),
    ("<", f"<{DATA}>", DATA),
    (DATA, rf"[$€£¥]\s?{DATA}|{DATA}\s?[$€£¥](?!\w)", DATA),
    (DATA, rf"(?i){DATA}[kmgt]?b\b", DATA),
    (DATA, _MACHINE_WORD, DATA),
    # Letters beside data: `UrqH-…BAl-iuqY`.
    (DATA, rf"(?<![\w.$…/\[-])[A-Za-z…_-]*{DATA}[A-Za-z…_-]*(?![\w\[/]|\.\w)", _without_letters),
    # Which attempt failed is no part of what failed.
    (
        DATA,
        rf" \((?:attempt|try|retry|[Vv]ersuch|intento|tentativ[eao]) #?{DATA}(?:\s?(?:of|von|de|di|sur|/)\s?{DATA})?\)",
        "",
    ),
    # The fields of a cron expression: `* * … * *`.
    ("*", rf"(?:\*/?\s)+{DATA}(?:\s\*)*|{DATA}(?:\s\*)+", DATA),
    (DATA, rf"{DATA}(?:(?:\s*[,;|&/+:-]\s*|\s+|\s(?:and|or|und)\s){DATA})+", DATA),
    (DATA, rf"({DATA} [a-z]+s )(is|was|has)\b", lambda match: match[1] + _PLURAL_VERBS[match[2]]),
    (", ", r"\[([^\[\]{}]*, [^\[\]{}]*)\]", lambda match: f"[{', '.join(sorted(set(match[1].split(', '))))}]"),
)


def identity_of(message: Raw) -> Raw:
    """Return a normalised message with one placeholder for all data, and each item of a list once."""
    text = replaced(message, _ONE_PLACEHOLDER)
    for separator in (", ", "; "):
        text = _without_repeated_clauses(text, separator)
    return Raw(text)


def _without_repeated_clauses(text: str, separator: str) -> str:
    """Return a text without clauses that equal the one before, also if that one follows a heading and a colon."""
    first, *others = text.split(separator)
    kept = [first]
    for clause in others:
        if clause != kept[-1] and not kept[-1].endswith(f": {clause}"):
            kept.append(clause)
    return separator.join(kept)


# `ErrorKind`: what the failures of one error group have in common: type, normalised message and first own frame.


Fingerprint = NewType("Fingerprint", str)
"""Identifies an `ErrorKind`: 16 hexadecimal digits. It is ours, and never equals a fingerprint of the server."""

_FINGERPRINT_BYTES: Final = 8
MAX_SHARED_KINDS: Final = 2_048
"""At most this many kinds are kept, so that all errors of a kind share one object."""

_HEADER_CODE = re.compile(r"[\w$.]+ \[([A-Z][A-Z0-9_]+)\]")
# The chunks of esbuild: `chunk-ABCDEFGH.mjs`.
_CHUNK = re.compile(r"(?<=-)[A-Z0-9]{8}(?=\.[cm]?js\Z)")
_HASH = re.compile(r"[A-Za-z0-9]{8,}")
_CALLED_ON = re.compile(r"(?:new )?(?:Object|Module|exports|global|globalThis|Function)\.(?=[\w$<])")


@dataclass(frozen=True, slots=True)
class OwnFrame:
    """The place in the project's code where an error was thrown: neither the line nor the folder of the build.

    `file` begins at the project: `src/lib/mapping.ts`. `function` is None for an unnamed function.
    """

    file: Raw
    function: Raw | None


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """The kind of an error. Two errors are of one kind if their fingerprints are equal.

    * `type`: the class of the exception, or Trigger.dev's code; None for a thrown string.
    * `message`: normalised.
    * `frame`: the innermost frame of the project's own code; None if the stack has none.
    """

    type: Raw | None
    message: Raw
    frame: OwnFrame | None
    fingerprint: Fingerprint


def kind_of(error: RunError) -> ErrorKind:
    """Return the kind of an error. It depends on nothing else, and is the same in every session."""
    name = error.name if error.code is None else Raw(error.code)
    frame = first_own_frame(error.stack, error.message) if error.stack else None
    file = None if frame is None or frame.file is None else Raw(_project_file(frame.file))
    function = None if file is None or frame is None else _function(frame.function)
    return _kind(name, normalise(error.message) or _code_in_stack(error.stack), file, function)


def _code_in_stack(stack: Raw | None) -> Raw:
    """Return the code of an error without a message, which only its stack names: `AggregateError [ECONNREFUSED]: `."""
    match = _HEADER_CODE.match(stack) if stack else None
    return Raw("" if match is None else match[1])


@lru_cache(MAX_SHARED_KINDS)
def _kind(name: Raw | None, message: Raw, file: Raw | None, function: Raw | None) -> ErrorKind:
    """Return the kind with these parts. Errors of one kind share it."""
    parts = (name or "", identity_of(message), file or "", function or "")
    digest = blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=_FINGERPRINT_BYTES)
    return ErrorKind(name, message, None if file is None else OwnFrame(file, function), Fingerprint(digest.hexdigest()))


def _project_file(file: str) -> str:
    """Return the path of a file in the project, without the hashes in it."""
    path = _CHUNK.sub(ID, project_path(file))
    return _HASH.sub(lambda found: ID if is_id(found[0]) else found[0], path)


def _function(function: str | None) -> Raw | None:
    """Return a function without the object that V8 puts before it, which depends on how it was called."""
    name = _CALLED_ON.sub("", function or "")
    return None if name in {"", "<anonymous>"} else Raw(name)
