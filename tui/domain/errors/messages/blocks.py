"""Removes from a message what programs paste into it: colours, HTML pages, stacks, excerpts of code, logs, records."""

import re
from typing import Final

MAX_HEAD_CHARS: Final = 600
"""An HTML page names its error in its title, which stands in its first characters."""

MAX_LINES: Final = 500
"""The lines of a message that may belong to a stack, to code or to a log. Later ones are kept."""

MAX_UNREAD_KEYS: Final = 20
"""So many duplicate keys whose values cannot be read are tried: each may be read to the end of the message."""

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|[\x00-\x08\x0b-\x1a\x7f]")
_HTML = re.compile(r"(?<![\"'`])<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_HTML_END = re.compile(r"</html>", re.IGNORECASE)
_STATUS = re.compile(r"<(?:title|h1|h2)\b[^>]*>[^<]*?\b([45]\d\d)\b", re.IGNORECASE)
_XML = re.compile(r"(?<![\"'`])<\?xml\b[^>]{0,300}\?>\s*|(?<![\"'`])<(?=Error>)")
_XML_IDENTITY = re.compile(
    r"<(Code|Message|Type|faultcode|faultstring|errorCode|errorMessage)>([^<]{1,300})</\1>", re.IGNORECASE
)

# Parts of a frame. As one pattern with `.*` in it, a line of brackets takes a time that grows with its square.
_CALL = re.compile(r"\S+ \(")
_PLACE = re.compile(r"\S*:\d+:\d+\Z")
_END_OF_CALL = re.compile(r"\((?:native|<anonymous>|index \d+)\)\Z|:\d+\)\Z")
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

# MongoDB prints the values of the fields of the index, whose name stands in front.
_DUPLICATE_KEY: Final = "dup key: {"
_KEY_VALUES = re.compile(r"(?:[^{}\"\n]|\"(?:[^\"\\\n]|\\.)*+\"){0,500}+\}")
# What a language model wrote instead of JSON.
_PARSED_TEXT = re.compile(r"Text: .{0,4000}?\.?\s(?=Error(?: message)?: )", re.DOTALL)


def without_blocks(message: str) -> str:
    """Return a message without colours, pages, stack frames, excerpts of code and the lines of logs."""
    text = _ANSI.sub("", message) if "\x1b" in message or not message.isprintable() else message
    if "<" in text:
        text = _without_pages(text)
    if _DUPLICATE_KEY in text:
        text = _without_key_values(text)
    if (start := text.find("Text: ")) >= 0 and (parsed := _PARSED_TEXT.match(text, start)) is not None:
        text = f"{text[:start]}Text: … {text[parsed.end() :]}"
    return _without_lines(text) if "\n" in text else text


def _without_key_values(text: str) -> str:
    kept: list[str] = []
    begin = unread = 0
    at = text.find(_DUPLICATE_KEY)
    while at >= 0 and unread < MAX_UNREAD_KEYS:
        end = at + len(_DUPLICATE_KEY)
        if (values := _KEY_VALUES.match(text, end)) is None:
            unread += 1
        else:
            kept += (text[begin : end - 1], "…")
            begin = end = values.end()
        at = text.find(_DUPLICATE_KEY, end)
    return "".join([*kept, text[begin:]])


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
    if "elements:\n" in text:
        text = _ELEMENTS.sub("", text, count=1)
    if "invocation" not in text:
        return text
    arguments = _ARGUMENTS.match(text, text.index("invocation"))
    if arguments is not None:
        text = f"{text[: arguments.start()]}invocation:\n{text[arguments.end() :]}"
    return _LOCATION.sub(":", text)


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
        if _is_frame(line) or _OMITTED.match(line) or _is_caret(line):
            continue
        if has_pointer and _CODE_LINE.match(line):
            continue
        if in_log and line[:1] in {"", " ", "\t", "-", "<", "["}:
            continue
        in_log = _LOG_HEADER.match(line.strip()) is not None
        if not in_log or not kept:
            kept.append(line)
    return "\n".join([*kept, rest] if rest else kept)


def _is_frame(line: str) -> bool:
    """Return whether a line is a frame of a stack: a call with its place, a place alone, or a call that was cut."""
    text = line.strip()
    if not text.startswith("at "):
        return False
    rest = text.removeprefix("at ")
    bare = rest.removeprefix("async ")
    if _CALL.match(rest) or _CALL.match(bare) or _PLACE.match(bare):
        return True
    end = _END_OF_CALL.search(rest) if text.endswith(")") else None
    return end is not None and "(" in rest[: end.start() + 1]


def _is_caret(line: str) -> bool:
    """Return whether a line is nothing but `^` or `~` under code, with bars and rules."""
    return ("^" in line or "~" in line) and _CARETS.match(line) is not None
