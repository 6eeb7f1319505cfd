"""Readers of outside text take time in proportion to its length.

The texts are made from the readers' own expressions (`tests/support/adversarial.py`). The config file has texts of its
own: tests/settings/test_config_file.py.
"""

import importlib.util
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from json import dumps
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from tests.support.adversarial import expressions_of, patterns_for
from tests.support.domain.patches import run_of, stamp
from tests.support.growth import KIB, LARGE, Pattern, excess
from tui.api.errors import read_epoch_ns, read_time
from tui.api.feed import read_array
from tui.api.lists import RowRead
from tui.api.models import JsonObject, within_bounds, without_callback_secrets
from tui.api.responses import Response, read_date, read_rate_limit, response_error
from tui.commands.output import Output
from tui.domain.error import RunError, build_error, first_own_frame, parse_stack
from tui.domain.error_kinds import identity_of, kind_of, normalise
from tui.domain.facts import Schedule
from tui.domain.filters import InvalidPeriod, read_period
from tui.domain.log import parse_logged_text
from tui.domain.own_commands import CommandScope, TemplateError, parse_template
from tui.domain.run import Fixed, TaskId
from tui.domain.text import Raw, clean
from tui.features.columns.words import is_format, parse_path
from tui.features.command_line.model import may_keep
from tui.features.copying.words import Ticket, block_text, value_text
from tui.features.errors.error import error_lines, sameness
from tui.features.logs.words import Attributes, LineFolds, opened_rows
from tui.features.own_commands.view import output_text
from tui.features.wall.rows import cron_words
from tui.kit.terminal.input import READ_BYTES, InputDecoder
from tui.kit.words import without_request
from tui.settings.secret import Secret, zone_of
from tui.store.addresses import AddressError, read_address
from tui.store.command_line import parse_link, parse_run
from tui.store.filter import highlighted_texts, parse_filter
from tui.store.findings.bounds import next_due
from tui.text.blocks import code_span
from tui.text.json import FoldedJson, JsonFolds, compact, unfolded_for
from tui.text.json import rows as json_rows
from tui.text.redaction import Redactor
from tui.text.styled import Piece, cut, opening_line, wrap

NOW: Final = datetime(2026, 7, 1, 12, tzinfo=UTC)
MIN_PATTERNS: Final = 50
MAX_READ_S: Final = 2.0
"""Many readers read the beginning of a text alone: what is slow there does not grow."""

RUN: Final = run_of("run_abc")
REDACTOR: Final = Redactor()
REDACTOR.hide("tr_prod_abcdefghijklmnopqrstuvwx")


def _tolerant(read: Callable[[str], Any], *refusals: type[Exception]) -> Callable[[str], Any]:
    def tolerant(text: str) -> None:
        with suppress(*refusals):
            read(text)

    return tolerant


def _json(text: str) -> None:
    value = {"a": text, "b": [text]}
    for _ in json_rows(value):
        pass
    compact(value)
    folded = FoldedJson(value, JsonFolds(), 80, is_wrapped=True)
    for _ in folded.walk():
        pass
    unfolded_for(folded, "needle", max_slices=1_000, max_matches=10)


def _bytes_of_json(text: str) -> None:
    body = text.encode()
    within_bounds(body)
    without_callback_secrets(body)


def _links(text: str) -> None:
    for start in ("", "https://", "run_"):
        parse_link(start + text)
        parse_run(start + text)
    may_keep(text)


def _opened(text: str) -> None:
    opened_rows(Raw(f"x\n{text}"), Attributes(None), LineFolds(), 100, is_wrapped=True)


def _shown(text: str) -> None:
    wrap(Raw(text), 80)
    cut((Piece(Raw(text)),), 80)
    opening_line(Raw(text))


def _messages(text: str) -> None:
    identity_of(normalise(Raw(text)))


def _filter(text: str) -> None:
    for start in ("", "id:*", "took:>", "status:", '-tag:"'):
        parse_filter(start + text, now=NOW).matches(RUN)
    highlighted_texts(text)


def _filtered(text: str) -> None:
    raw = Raw(text)
    run = run_of("run_abc", fixed=Fixed(task=TaskId(text)), state={"tags": (raw,)})
    run = replace(run, error=(stamp(), RunError(raw, raw, raw)))
    for words in ("needle", "*a*1*needle", "tag:a*a*a*needle", "error:*?{}*needle"):
        parse_filter(words, now=NOW).matches(run)


def _kinds(text: str) -> None:
    kind_of(RunError(Raw("x"), Raw(text), Raw(f"Error [{text}]: x\n    at {text} (/app/{text}:1:2)")))
    build_error(text, stack=text)


def _markdown(text: str) -> None:
    code_span(text)
    error = RunError(Raw(text), Raw(text), Raw(f"{text}\n    at f (a:1:2)"), causes=(RunError(Raw(text)),))
    Ticket(replace(RUN, error=(stamp(), error)), redact=REDACTOR.redact).text()


def _printed(text: str) -> None:
    output = Output(StringIO(), StringIO(), is_terminal=True, width=80, color=True, ascii_only=False)
    error = RunError(Raw(text), None, Raw(f"{text}\n    at f ({text}:1:2)"))
    output.lines(error_lines(error, 80))
    output.say(Raw(text))
    sameness(error, RunError(Raw(f"{text}1"), None, error.stack))
    block_text(text)
    value_text({"a": text})


def _terminal_input(text: str) -> None:
    decoder = InputDecoder(has_mouse=True)
    data = text.encode()
    decoder.feed(data[:READ_BYTES], 1.0)
    decoder.expire(9.0)
    pasted = b"\x1b[200~" + 4 * data
    for at in range(0, len(pasted), READ_BYTES):
        decoder.feed(pasted[at : at + READ_BYTES], 10.0)
    decoder.expire(99.0)


def _error_pages(text: str) -> None:
    for kind in ("text/html", "application/json"):
        for body in (text, f"<html>{text}", f'{{"error":{dumps(text)}}}'):
            response = Response("GET /api/v1/runs", 502, {"content-type": kind}, body.encode(), NOW)
            response_error(response, Secret("tr_prod_abcdefghijklmnopqrstuvwx"))
    read_date(text, NOW)
    headers = dict.fromkeys(("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"), text)
    read_rate_limit(Response("GET /api/v1/runs", 429, headers, b"", NOW))


def _schedules(text: str) -> None:
    for cron, zone in ((text, "UTC"), (f"*/{text} * * * *", text)):
        cron_words(Raw(cron))
        next_due(Schedule("sched_1", TaskId("a"), Raw(cron), Raw(zone), is_active=True), NOW)
    with suppress(ValueError):
        zone_of(text)


def _commands(text: str) -> None:
    _tolerant(lambda text: parse_template([text], CommandScope.RUN), TemplateError)(text)
    output_text(text, "", 0)


def _columns(text: str) -> None:
    parse_path(f"metadata.{text}")
    is_format("number", text)
    is_format("time", text)


MESSAGES: Final = ("domain.error_kinds",)
WORDS: Final = ("domain.error_words",)

READERS: Final[dict[str, tuple[Callable[[str], Any], tuple[str, ...]]]] = {
    "messages, blocks": (_messages, MESSAGES),
    "messages, words": (_messages, WORDS),
    "messages, one object": (lambda text: _messages(f"{{a{text}"), MESSAGES),
    "messages, many objects": (lambda text: _messages(f"{text} {{}} " * 20), WORDS),
    "stacks": (lambda text: (parse_stack(Raw(text)), first_own_frame(Raw(text))), ("domain.error",)),
    "logged text": (lambda text: parse_logged_text(Raw(text)), ("domain.log",)),
    "few logged lines": (lambda text: parse_logged_text(Raw(text)), ("domain.log",)),
    "opened log line": (_opened, ()),
    "lines": (_shown, ("text.styled",)),
    "reasons": (without_request, ("kit.words",)),
    "cleaning": (lambda text: (clean(text), clean(text, lines=True)), ("domain.text",)),
    "secrets": (REDACTOR.redact, ("text.redaction",)),
    "JSON": (_json, ("text.json",)),
    "bytes of JSON": (_bytes_of_json, ("api.models",)),
    "arrays": (_tolerant(read_array, ValueError, TypeError), ("api.feed",)),
    "times": (_tolerant(lambda text: (read_time(text), read_epoch_ns(text)), ValueError, TypeError), ("api.errors",)),
    "address": (
        _tolerant(lambda text: (read_address(f"runs?{text}"), read_address(text)), AddressError),
        ("store.addresses", "store.filter"),
    ),
    "ids of rows": (RowRead("/api/v1/rows/{id}", JsonObject(dict)).request, ("domain.run",)),
    "links": (_links, ("store.command_line", "features.command_line.model")),
    "time span": (_tolerant(lambda text: read_period(text, NOW), InvalidPeriod), ("domain.filters",)),
    "commands": (_commands, ("domain.own_commands", "features.own_commands.view")),
    "filter": (_filter, ("store.filter",)),
    "filtered runs": (_filtered, ()),
    "kinds of errors": (_kinds, ("domain.error_kinds", "domain.error")),
    "markdown": (_markdown, ("text.blocks",)),
    "printed": (_printed, ("features.errors.error", "features.copying.words")),
    "terminal input": (_terminal_input, ("kit.terminal.input",)),
    "error pages": (_error_pages, ("api.responses",)),
    "schedules": (_schedules, ("features.wall.rows",)),
    "columns": (_columns, ("features.columns.words",)),
}

SIZES: Final = {
    "messages, blocks": 16 * KIB, "messages, words": 4 * KIB, "messages, one object": KIB,
    "messages, many objects": KIB,
    "few logged lines": 4 * KIB, "opened log line": 4 * KIB, "lines": 4 * KIB, "printed": 2 * KIB, "secrets": 8 * KIB,
    "kinds of errors": 4 * KIB, "markdown": 8 * KIB, "filter": KIB, "address": 4 * KIB, "schedules": 4 * KIB,
    "ids of rows": 8 * KIB, "terminal input": KIB,
}  # fmt: skip
"""Slow readers are tried with shorter texts, against an eighth. So are those that read no more of a text than this:
beyond a bound nothing grows. No filter is longer than 1,000 characters, and no read of the terminal than 4 KiB."""

MORE: Final = {
    "messages, blocks": [
        Pattern("", "dup key: {"), Pattern("", 'dup key: {"'), Pattern("", 'dup key: {\\"'), Pattern("", "dup key: {}"),
        Pattern('dup key: {"', '\\"'), Pattern("", "<?xml "), Pattern("<?xml ", "x<"), Pattern("", "<html>"),
        Pattern("<html>", "<title>"), Pattern("", "Text: x. "), Pattern("invocation:\n", "\n}\n\n"),
        Pattern("", "resolved to 2 elements:\n"),
    ]
}  # fmt: skip
"""Texts behind words for which no expression stands."""

OTHERS: Final = {
    "commands.options", "relay.server", "sync.facts", "sync.fact_readers", "store.server_filter",
    "domain.filters", "domain.run", "domain.tree", "domain.trace",
    "api.traces", "api.connection", "features.detail.words", "features.actions.words",
    "features.alerts.words", "features.attempts.compared", "features.errors.words",
    "kit.programs", "kit.terminal.output", "kit.keys", "features.logs.model", "features.own_commands.view",
    "features.copying.view", "features.detail.value", "kit.lines",
    "settings.reader", "settings.keys", "domain.own_commands", "terminal.encoder",
}  # fmt: skip
"""Modules whose expressions are simple enough to be tried by themselves: they are read at every place of a text."""


TUI: Final = Path(__file__).parents[1] / "tui"


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"tui.{name}")


@pytest.mark.parametrize("name", READERS)
def test_reader_takes_time_in_proportion(name: str) -> None:
    read, modules = READERS[name]
    patterns = [*patterns_for(*map(_module, modules)), *MORE.get(name, ())]
    assert len(patterns) >= MIN_PATTERNS
    read(Pattern("", "x").text(100))  # what it imports and compiles first
    for pattern in patterns:
        assert (slow := excess(read, pattern, MAX_READ_S, large=SIZES.get(name, LARGE))) is None, slow


def test_simple_expressions_take_time_in_proportion() -> None:
    for name in sorted(OTHERS):
        module = _module(name)
        patterns = patterns_for(module)[::4]
        for expression in expressions_of(module):
            for pattern in patterns:
                assert (slow := excess(expression.match, pattern)) is None, f"{name}: {expression.pattern}: {slow}"


def test_every_expression_is_tried() -> None:
    tried = {module for _, modules in READERS.values() for module in modules} | OTHERS
    files = {path.relative_to(TUI): path.read_text() for path in TUI.rglob("*.py")}
    compiling = {".".join(path.with_suffix("").parts) for path, text in files.items() if "re.compile(" in text}
    own = {name for name in compiling if name.startswith("emulator.")}
    assert sorted(compiling - own - tried) == []


def test_slow_reader_is_found() -> None:
    assert excess(lambda text: [text.count(each) for each in text], Pattern("", "a"), large=6 * KIB) is not None
