"""A run as a ticket in Markdown: what failed, when, in which attempts, with the user's own frames.

Nothing in it depends on the time of writing, so that the copy menu and `show --markdown` give the same bytes.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, tzinfo
from typing import Final

from tui.domain.attempt import Attempt, AttemptHistory, AttemptStatus
from tui.domain.environment import Environment
from tui.domain.errors.error import RunError
from tui.domain.errors.stack import FrameKind, StackFrame, parse_stack
from tui.domain.run import ABSENT, Run
from tui.domain.text import Raw
from tui.present import formatting
from tui.present.attempts.text import TRACE_GONE, attempt_style, gap_before, missing_words, waited_before
from tui.present.detail.error import full_error
from tui.present.errors.stack import counted
from tui.present.errors.text import frameless_stack, sameness
from tui.present.json import text as json_text
from tui.present.printed.markdown import code_block, code_span
from tui.present.status import STATUS_STYLES, style_of
from tui.present.styled import opening_line

MAX_MESSAGE_CHARS: Final = 4_000
MAX_STACK_CHARS: Final = 4_000
MAX_PAYLOAD_CHARS: Final = 20_000
"""A ticket is read by people. A longer text is cut, and its size is given."""

MAX_OWN_FRAMES: Final = 20
MAX_ATTEMPTS: Final = 50
"""Of more attempts, the last ones are listed."""

MAX_CAUSES: Final = 5
_MAX_NAME_CHARS: Final = 500


def ticket(
    run: Run,
    *,
    environment: Environment | None = None,
    has_payload: bool = False,
    redact: Callable[[str], str] = lambda text: text,
    zone: tzinfo = UTC,
) -> str:
    """Return the ticket, which ends with a line break.

    `redact` removes known secrets from each text of others. `zone` is that of all times.
    """
    return _Ticket(run, redact, zone).text(environment, has_payload=has_payload)


class _Ticket:
    """The parts of one ticket."""

    def __init__(self, run: Run, redact: Callable[[str], str], zone: tzinfo) -> None:
        self._run = run
        self._redact = redact
        self._zone = zone

    def text(self, environment: Environment | None, *, has_payload: bool) -> str:
        blocks = [self._head(), self._facts(environment), *self._error(), *self._attempts()]
        if has_payload:
            blocks += self._payload()
        return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"

    def _code(self, text: Raw | str) -> str:
        shown = self._redact(text[: _MAX_NAME_CHARS + 1])
        return code_span(shown if len(text) <= _MAX_NAME_CHARS else shown[:_MAX_NAME_CHARS] + "…")

    def _block(self, text: Raw | str, limit: int) -> list[str]:
        """Return a block of at most `limit` characters. A line below it says how long a cut text is."""
        lines = code_block(self._redact(text[:limit]))
        return lines if len(text) <= limit else [*lines, "", f"… cut, {formatting.size(len(text))} in all."]

    def _status(self) -> str:
        word = style_of(self._run).word
        return word if word in STATUS_STYLES else self._code(word)

    def _head(self) -> list[str]:
        return [f"## {self._status()}: {self._code(self._run.fixed.task or self._run.id)}"]

    def _facts(self, environment: Environment | None) -> list[str]:
        run, fixed, state = self._run, self._run.fixed, self._run.state
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
        for label, at in times:
            if at is not None:
                rows.append((label, formatting.full_moment(at, self._zone)))
        if state is not None and state.started_at is not None and state.finished_at is not None:
            rows.append(("Took", formatting.duration(state.finished_at - state.started_at)))
        if run.attempt_count is not None:
            rows.append(("Attempts", formatting.count(run.attempt_count)))
        link = None if environment is None else environment.link_to(run.id)
        if link is not None:
            rows.append(("Link", f"<{link}>"))
        return [f"- {label}: {value}" for label, value in rows]

    def _error(self) -> Iterator[list[str]]:
        error = full_error(self._run)
        if error is None:
            return
        yield ["### Error"]
        names = [self._code(part) for part in (error.name, error.code) if part]
        if names:
            yield [" ".join(names)]
        if error.has_code_only:
            yield ["The server reports only a code."]
        elif error.message.strip():
            yield self._block(error.message.strip(), MAX_MESSAGE_CHARS)
        yield from self._stack(error)
        for cause in error.causes[:MAX_CAUSES]:
            yield [f"Caused by {self._summary(cause)}"]

    def _stack(self, error: RunError) -> Iterator[list[str]]:
        frames = parse_stack(error.stack, error.message) if error.stack else ()
        if not frames:
            text = frameless_stack(error).strip()
            if text:
                yield self._block(text, MAX_STACK_CHARS)
            return
        own = [frame for frame in frames if frame.kind is FrameKind.OWN]
        others = [frame for frame in frames if frame.kind is not FrameKind.OWN]
        if own:
            yield ["Own frames:"]
            more = [f"… {formatting.plural(len(own) - MAX_OWN_FRAMES, 'more frame')}"] if own[MAX_OWN_FRAMES:] else []
            lines = [self._redact(frame_text(frame)) for frame in own[:MAX_OWN_FRAMES]]
            yield code_block("\n".join([*lines, *more]))
        if others:
            yield [("Other frames: " if own else "No own frames: ") + self._code(counted(others))]

    def _summary(self, error: RunError) -> str:
        """Return name and first line of an error as inline code."""
        message = opening_line(error.message) or "no message"
        return self._code(f"{error.name}: {message}" if error.name else message)

    def _attempts(self) -> Iterator[list[str]]:
        run = self._run
        history = run.attempts[1] if run.attempts is not None else None
        if history is None:
            return
        if not (history.attempts or history.missing or history.is_trace_gone):
            return
        yield ["### Attempts"]
        if history.is_trace_gone:
            yield [TRACE_GONE if any(each.error for each in history.attempts) else "The trace is gone from the server."]
        if missing := missing_words(history):
            yield [self._code(missing)]
        if len(history.attempts) > MAX_ATTEMPTS:
            yield [f"The last {MAX_ATTEMPTS} of {formatting.plural(len(history.attempts), 'attempt')}:"]
        yield self._attempt_lines(history)

    def _attempt_lines(self, history: AttemptHistory) -> list[str]:
        main, lines = full_error(self._run), []
        previous: Attempt | None = None
        for attempt in history.attempts:
            if not history.is_trace_gone and (gap := gap_before(attempt, previous)):
                lines.append(f"- {gap}")
            parts = [attempt_style(self._run, attempt, history).word]
            if attempt.started_at is not None:
                parts.append(f"started {formatting.full_moment(attempt.started_at, self._zone)}")
            if attempt.duration is not None:
                parts.append(f"took {formatting.duration(attempt.duration)}")
            elif attempt.status is not AttemptStatus.EXECUTING:
                parts.append("its end is not known")
            if (waited := waited_before(self._run, attempt, previous)) is not None:
                parts.append(f"waited {waited}")
            if attempt.error is not None:
                same = None if main is None else sameness(attempt.error, main)
                parts.append(self._summary(attempt.error) if same is None else same.replace("same", "error above", 1))
            lines.append(f"- Attempt {attempt.number}: {', '.join(parts)}")
            previous = attempt
        return lines[-MAX_ATTEMPTS:]

    def _payload(self) -> Iterator[list[str]]:
        body = self._run.body[1] if self._run.body is not None else None
        if body is None:
            return
        if body.payload_url is not None:
            yield ["### Payload"]
            yield ["It is stored apart from the run, and was not fetched."]
        elif body.payload is not ABSENT:
            text, rows = "", json_text.rows(body.payload)
            for depth, row in rows:
                text += "  " * min(depth, MAX_PAYLOAD_CHARS) + row + "\n"
                if len(text) > MAX_PAYLOAD_CHARS:
                    break
            is_cut = len(text.rstrip("\n")) > MAX_PAYLOAD_CHARS
            cut = ["", f"… cut after {formatting.count(MAX_PAYLOAD_CHARS)} characters."] if is_cut else []
            yield ["### Payload"]
            yield [*code_block(self._redact(text[:MAX_PAYLOAD_CHARS]), "json"), *cut]


def frame_text(frame: StackFrame) -> str:
    """Return `fetchOrders (src/lib/shopify.ts:41:7)`, or the line as it came where it has no file."""
    parts = (frame.short_file, frame.line, frame.column)
    place = ":".join(str(part) for part in parts if part is not None) if frame.short_file else ""
    if not place:
        return frame.text
    return f"{frame.function} ({place})" if frame.function else place
