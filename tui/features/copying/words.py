"""The texts that can be copied from a run, a ticket in Markdown, and the same view in a shell."""

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Final
from urllib.parse import quote, urlencode

from tui.domain.error import FrameKind, RunError, StackFrame, parse_stack
from tui.domain.log import LogLine
from tui.domain.run import ABSENT, Attempt, AttemptHistory, AttemptStatus, Environment, Json, Run, RunId
from tui.domain.text import Raw, clean
from tui.features.attempts.words import attempt_style, gap_before, gone_words, missing_words, waited_before
from tui.features.detail.words import full_error
from tui.features.errors.error import counted, frame_place, frameless_stack, sameness
from tui.features.logs.words import log_lines
from tui.kit.lists import Clip
from tui.lazy_dataclass import dataclass
from tui.settings.settings import DEFAULT_API_URL, PREVIEW_BRANCH, Settings
from tui.store.addresses import ViewAddress
from tui.store.command_line import PROGRAM, command_arguments
from tui.text import formatting
from tui.text.blocks import code_block, code_span
from tui.text.json import compact
from tui.text.status import STATUS_STYLES, style_of
from tui.text.styled import Line, Piece, Token, fit, opening_line, plain

# The names of files that hold something of a run.


_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]")
_MAX_ID_CHARS: Final = 80


def file_name(run_id: RunId, label: str, suffix: str) -> str:
    """Return the name of a file about a run."""
    return f"{_UNSAFE.sub('_', run_id)[:_MAX_ID_CHARS]}-{_UNSAFE.sub('_', label)}.{suffix}"


# A run as a ticket in Markdown: what failed, when, in which attempts, with the user's own frames.
#
# Nothing in it depends on the time of writing, so that the copy menu and `show --markdown` give the same bytes.


MAX_MESSAGE_CHARS: Final = 4_000
MAX_STACK_CHARS: Final = 4_000
MAX_PAYLOAD_CHARS: Final = 20_000
"""A ticket is read by people. A longer text is cut, and its size is given."""

MAX_OWN_FRAMES: Final = 20
MAX_ATTEMPTS: Final = 50
"""At most this many attempts are listed: the last ones."""

MAX_CAUSES: Final = 5
_MAX_NAME_CHARS: Final = 500


@dataclass(frozen=True, slots=True)
class Ticket:
    """The ticket of a run. `redact` removes known secrets from each text of others. `zone` is that of all times."""

    run: Run
    environment: Environment | None = None
    redact: Callable[[str], str] = lambda text: text
    zone: tzinfo = UTC

    def text(self, *, has_payload: bool = False) -> str:
        """Return its Markdown, which ends with a line break."""
        head = f"## {self._status()}: {self._code(self.run.fixed.task or self.run.id)}"
        blocks = [[head], self._facts(), *self._error(), *self._attempts()]
        if has_payload:
            blocks += self._payload()
        return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"

    def _code(self, text: Raw | str) -> str:
        shown = self.redact(text[: _MAX_NAME_CHARS + 1])
        return code_span(shown if len(text) <= _MAX_NAME_CHARS else shown[:_MAX_NAME_CHARS] + "…")

    def _block(self, text: Raw | str, limit: int, language: str = "text") -> list[str]:
        """Return a block of at most `limit` characters. A line below it says how long a cut text is."""
        lines = code_block(self.redact(text[:limit]), language)
        return lines if len(text) <= limit else [*lines, "", f"… cut, {formatting.size(len(text))} in all."]

    def _status(self) -> str:
        word = style_of(self.run).word
        return word if word in STATUS_STYLES else self._code(word)

    def _facts(self) -> list[str]:
        run, fixed, state, environment = self.run, self.run.fixed, self.run.state, self.environment
        rows: list[tuple[str, str]] = [("Run", self._code(run.id))]
        if fixed.task:
            rows.append(("Task", self._code(fixed.task)))
        rows.append(("Status", self._status()))
        if fixed.version:
            rows.append(("Version", self._code(fixed.version)))
        if environment is not None:
            where = "/".join(part for part in (environment.organisation, environment.project) if part)
            rows.append(("Environment", self._code(environment.slug) + (f" of {self._code(where)}" if where else "")))
        times = [("Created", run.created_at)]
        if state is not None:
            times += [("Started", state.started_at), ("Finished", state.finished_at), ("Expired", state.expired_at)]
        rows += [(label, formatting.full_moment(at, self.zone)) for label, at in times if at is not None]
        if state is not None and state.started_at is not None and state.finished_at is not None:
            rows.append(("Took", formatting.duration(state.finished_at - state.started_at)))
        if run.attempt_count is not None:
            rows.append(("Attempts", formatting.count(run.attempt_count)))
        if environment is not None and (link := environment.link_to(run.id)) is not None:
            rows.append(("Link", f"<{link}>"))
        return [f"- {label}: {value}" for label, value in rows]

    def _error(self) -> Iterator[list[str]]:
        error = full_error(self.run)
        if error is None:
            return
        yield ["### Error"]
        if names := [self._code(part) for part in (error.name, error.code) if part]:
            yield [" ".join(names)]
        if error.has_code_only:
            yield ["The server sends only a code."]
        elif error.message.strip():
            yield self._block(error.message.strip(), MAX_MESSAGE_CHARS)
        yield from self._stack(error)
        for cause in error.causes[:MAX_CAUSES]:
            yield [f"Caused by {self._summary(cause)}"]

    def _stack(self, error: RunError) -> Iterator[list[str]]:
        frames = parse_stack(error.stack, error.message) if error.stack else ()
        if not frames:
            if text := frameless_stack(error).strip():
                yield self._block(text, MAX_STACK_CHARS)
            return
        own = [frame for frame in frames if frame.kind is FrameKind.OWN]
        others = [frame for frame in frames if frame.kind is not FrameKind.OWN]
        if own:
            yield ["Frames of our code:"]
            more = [f"… {formatting.plural(len(own) - MAX_OWN_FRAMES, 'more frame')}"] if own[MAX_OWN_FRAMES:] else []
            lines = [self.redact(frame_text(frame)) for frame in own[:MAX_OWN_FRAMES]]
            yield code_block("\n".join([*lines, *more]))
        if others:
            yield [("Other frames: " if own else "No frames of our code: ") + self._code(counted(others))]

    def _summary(self, error: RunError) -> str:
        """Return name and first line of an error as inline code."""
        message = opening_line(error.message) or "no message"
        return self._code(f"{error.name}: {message}" if error.name else message)

    def _attempts(self) -> Iterator[list[str]]:
        history = self.run.history
        if not (history.attempts or history.missing or history.is_trace_gone):
            return
        yield ["### Attempts"]
        if history.is_trace_gone:
            yield [gone_words(history)]
        if missing := missing_words(history):
            yield [self._code(missing)]
        if len(history.attempts) > MAX_ATTEMPTS:
            yield [f"The last {MAX_ATTEMPTS} of {formatting.plural(len(history.attempts), 'attempt')}:"]
        yield self._attempt_lines(history)

    def _attempt_lines(self, history: AttemptHistory) -> list[str]:
        main, lines = full_error(self.run), []
        previous: Attempt | None = None
        for attempt in history.attempts:
            if not history.is_trace_gone and (gap := gap_before(attempt, previous)):
                lines.append(f"- {gap}")
            parts = [attempt_style(self.run, attempt).word]
            if attempt.started_at is not None:
                parts.append(f"started {formatting.full_moment(attempt.started_at, self.zone)}")
            if attempt.duration is not None:
                parts.append(f"took {formatting.duration(attempt.duration)}")
            elif attempt.status is not AttemptStatus.EXECUTING:
                parts.append("end not known")
            if (waited := waited_before(self.run, attempt)) is not None:
                parts.append(f"waited {waited}")
            if attempt.error is not None:
                same = None if main is None else sameness(attempt.error, main)
                parts.append(self._summary(attempt.error) if same is None else same.replace("same", "error above", 1))
            lines.append(f"- Attempt {attempt.number}: {', '.join(parts)}")
            previous = attempt
        return lines[-MAX_ATTEMPTS:]

    def _payload(self) -> Iterator[list[str]]:
        body = self.run.body[1] if self.run.body is not None else None
        if body is None:
            return
        if body.payload_url is not None:
            yield ["### Payload"]
            yield ["It is stored separately from the run, and was not read."]
        elif body.payload is not ABSENT:
            yield ["### Payload"]
            yield self._block(value_text(body.payload).rstrip("\n"), MAX_PAYLOAD_CHARS, "json")


def frame_text(frame: StackFrame) -> str:
    """Return `fetchOrders (src/lib/shopify.ts:41:7)`, or the line as it came where it has no file."""
    if not frame.short_file:
        return frame.text
    place = "".join(frame_place(frame))
    return f"{frame.function} ({place})" if frame.function else place


# The texts that can be copied from a run, and the menu to choose one. All but the ticket are unchanged.
#
# The screen decides how a text reaches the clipboard, and how long it may be.


def clips_of(run: Run) -> list[Clip]:
    """Return the texts of a run: id, payload and output as compact JSON, error with its stack."""
    clips = [Clip("i", "id", run.id)]
    if run.body is not None:
        body = run.body[1]
        for key, name, value, url in (
            ("p", "payload", body.payload, body.payload_url),
            ("o", "output", body.output, body.output_url),
        ):
            if url is not None:
                clips.append(Clip(key, name, None, "not read (large): press Enter on it in the detail"))
            elif value is not ABSENT:
                clips.append(Clip(key, name, json_of(value)))
    if run.metadata_values:
        clips.append(Clip("m", "metadata", json_of(run.metadata_values)))
    if (error := full_error(run)) is not None:
        clips.append(Clip("e", "error", error_text(error)))
    return clips


def ticket_clips(ticket: Ticket) -> list[Clip]:
    """Return the ticket without and with the payload of its run, if the detail of the run was read."""
    if ticket.run.body is None:
        return []
    tickets = [Clip("t", "ticket", ticket.text())]
    if ticket.run.body[1].payload is not ABSENT:
        tickets.append(Clip("w", "ticket with payload", ticket.text(has_payload=True)))
    return tickets


def json_of(value: Json) -> str:
    """Return a value as JSON text, escaped if it contains lone surrogates or is nested deeply."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError):  # A lone surrogate raises UnicodeEncodeError, which is a ValueError.
        return compact(value)
    return text


def error_text(error: RunError) -> str:
    """Return name, message and stack as Node prints them, with the causes below."""
    head = f"{error.name}: {error.message}" if error.name else error.message
    stack = error.stack or ""
    text = stack if stack.startswith(head) else f"{head}\n{stack}".rstrip("\n")
    return "\ncaused by ".join([text, *map(error_text, error.causes)])


def clip_line(clip: Clip, names: int, *, is_here: bool) -> Line:
    """Return the key, the name in `names` cells, and the size or the text of a row."""
    edge = Piece(" ▌ " if is_here else "   ", Token.ACCENT)
    is_faint = clip.text is None
    key = Piece(f"{clip.key}  ", Token.FAINT if is_faint else Token.TEXT, is_bold=not is_faint)
    token = Token.FAINT if is_faint else Token.BRIGHT if is_here else Token.TEXT
    name = fit((Piece(clip.name, token, is_bold=is_here and not is_faint),), names)
    text = clip.text or ""
    shown = text if clip.is_shown else formatting.size(len(text.encode("utf-8", "surrogatepass")))
    return (edge, key, *name, Piece(clip.note or shown, Token.MUTED))


# A value, an error or a log as a text for a pager or an editor. No control character is left in it but line breaks.


_ASCII: Final = re.compile(r"[ -~\n]*\Z")


def value_text(value: Json) -> str:
    """Return a value as indented JSON. Characters that a terminal would obey or hide are escaped, so it stays JSON."""
    try:
        text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    except (ValueError, RecursionError):  # nested too deeply, or a number that JSON has not
        text = compact(value)
    return "\n".join(line if _ASCII.match(line) else _escaped(line) for line in text.split("\n")) + "\n"


def block_text(text: Raw | str) -> str:
    """Return a text of several lines, such as a stack, with its tabs as spaces."""
    lines = text.replace("\r\n", "\n").expandtabs().split("\n")
    return "\n".join(clean(line) for line in lines).rstrip("\n") + "\n"


def log_text(lines: Iterable[LogLine], started_at: datetime | None) -> str:
    """Return the lines of a log with their times."""
    return "".join(f"{plain(text).rstrip()}\n" for line in lines for text in log_lines(line, started_at))


def _escaped(line: str) -> str:
    return line if is_pastable(line) else "".join(each if is_pastable(each) else _escape(each) for each in line)


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


# A view as a shell command, and a request as a `curl`. They name the variable of the key, never the key.
#
# Every value is one argument for a POSIX shell. A text with control characters has no command: pasting it could press
# keys.


_KEY: Final = '"Authorization: Bearer $TRIGGER_SECRET_KEY"'


def command_for(address: ViewAddress, settings: Settings, *, shown: int = 0) -> str | None:
    """Return the shell command that shows the same as a view; None if it cannot be written safely.

    It prints where a command prints the same, otherwise it opens the monitor at the address. `shown` is the number of
    rows of the view.
    """
    if settings.relay_url is not None:
        ca = () if settings.relay_ca is None else ("--tls-ca", str(settings.relay_ca))
        return shell_text((PROGRAM, "--relay", settings.relay_url, *ca, str(address)))
    variables = {}
    if settings.api_url.rstrip("/") != DEFAULT_API_URL:
        variables["TRIGGER_API_URL"] = settings.api_url
    if settings.branch:
        variables[PREVIEW_BRANCH] = settings.branch
    return shell_text((PROGRAM, *command_arguments(address, found=shown)), variables)


def shell_text(arguments: Sequence[str], variables: Mapping[str, str] | None = None) -> str | None:
    """Return a command line, with variables before it; None if a part has characters that must not be pasted."""
    parts = [*(f"{name}={shlex.quote(value)}" for name, value in (variables or {}).items()), shlex.join(arguments)]
    text = " ".join(parts)
    return text if is_pastable(text) else None


def curl_for(path: str, params: Mapping[str, str], settings: Settings, *, headers: Mapping[str, str]) -> str | None:
    """Return the `curl` of a GET request to the API; None where it cannot be written safely, or through a relay."""
    if settings.relay_url is not None:
        return None
    query = f"?{urlencode(params, quote_via=quote)}" if params else ""
    named = {**headers, **({"x-trigger-branch": settings.branch} if settings.branch else {})}
    url = shlex.quote(f"{settings.api_url.rstrip('/')}{path}{query}")
    others = (f"-H {shlex.quote(f'{name}: {value}')}" for name, value in named.items())
    text = " ".join(("curl -sS", f"-H {_KEY}", *others, url))
    return text if is_pastable(text) else None


def is_pastable(text: str) -> bool:
    """Return whether a terminal takes the text as it is: one line, without controls and invisible characters."""
    return text.isprintable() and clean(text) == text
