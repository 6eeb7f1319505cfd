"""Actions in words: the dialog that confirms one, its outcome, the status while it is pending."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from tui.api.actions import Action
from tui.domain.action import ActionPhase, ActionPlan, ActionStatus, confirmation_texts
from tui.domain.run import Environment, Run
from tui.domain.text import Raw
from tui.domain.tree import TreeNode
from tui.features.runs.columns import short_id
from tui.kit.painted import DialogAnswer, y_line
from tui.kit.type_ahead import FrameVisibility
from tui.kit.words import Replayed, without_request
from tui.lazy_dataclass import dataclass
from tui.sync.session import Session
from tui.text import formatting
from tui.text.blocks import INDENT, Now, with_key
from tui.text.status import StatusStyle, style_of, style_of_status
from tui.text.styled import Line, Piece, Token, cut, fit, fold, joined, line_width, opening_line, wrap

# The outcome of actions in words, for the end of the footer and for the messages.


_ORDER: Final = (ActionPhase.REFUSED, ActionPhase.UNKNOWN, ActionPhase.FINISHED_FIRST, ActionPhase.CONFIRMED)
_TOKENS: Final = {ActionPhase.REFUSED: Token.ROSE, ActionPhase.UNKNOWN: Token.AMBER}
_PHASE_WORDS: Final = {ActionPhase.FINISHED_FIRST: "already ended", ActionPhase.UNKNOWN: "not known"}


def phase_word(phase: ActionPhase) -> str:
    """Return the word of a phase for the screen. In JSON a phase is its value."""
    return _PHASE_WORDS.get(phase, phase.value)


def outcome_words(done: str, status: ActionStatus) -> Line:
    """Return the outcome of one action: `canceled run_cm…9f3a`, `replayed as run_cm…6e3t`, `cancel refused: 403 …`."""
    if status.phase is ActionPhase.CONFIRMED:
        new_run = status.new_run_id
        return (
            Piece(f"{done} as " if new_run else f"{done} ", Token.MUTED),
            *short_id(new_run or status.run_id, Token.TEXT),
        )
    said = {
        ActionPhase.FINISHED_FIRST: f": it had already ended, {status.message}",
        ActionPhase.REFUSED: f" refused: {without_request(status.message)}",
        ActionPhase.UNKNOWN: ": outcome not known, see :messages",
    }.get(status.phase, f" {phase_word(status.phase)}")
    return (Piece(f"{status.action}{said}", _TOKENS.get(status.phase, Token.MUTED)),)


def batch_words(done: str, ends: Sequence[ActionStatus]) -> Line:
    """Return the outcome of several actions, failures first: `1 refused 2 already ended 38 canceled`."""
    counts = Counter(status.phase for status in ends)
    words = {phase: done if phase is ActionPhase.CONFIRMED else phase_word(phase) for phase in _ORDER if counts[phase]}
    return joined(
        (Piece(f"{formatting.count(counts[phase])} {word}", _TOKENS.get(phase, Token.MUTED)),)
        for phase, word in words.items()
    )


def failure_words(status: ActionStatus) -> str | None:
    """Return a sentence about an action that did not succeed, or None."""
    said = {
        ActionPhase.REFUSED: f" was refused: {without_request(status.message).removesuffix('.')}",
        ActionPhase.FINISHED_FIRST: f": it had already ended, {status.message}",
        ActionPhase.UNKNOWN: f": the outcome is not known, {status.message}",
    }.get(status.phase)
    return said and f"{status.action.capitalize()} of {status.run_id}{said}."


def not_sent(verb: str, count: int, reason: str) -> str:
    """Return a sentence about confirmed actions that were not sent."""
    return f"{verb} of {formatting.plural(count, 'run')} was not sent: {reason}."


def cut_short(status: ActionStatus) -> str:
    """Return a sentence about an action that was in flight when the program ended."""
    return f"{status.action.capitalize()} of {status.run_id}: the program ended before the outcome was known."


def withdrawn_words(taken: Mapping[str, int]) -> str:
    """Return `withdrawn: cancel of 3 runs, nothing was sent`."""
    what = " and ".join(f"{action} of {formatting.plural(count, 'run')}" for action, count in taken.items())
    return f"{what} withdrawn; nothing was sent"


# The words that replace the status of a run on the screen while an action on it is pending, and briefly afterwards.
#
# The status itself does not change: an HTTP 200 does not prove that a run is canceled. `ActionQueue` chooses the word.
# The list, the summary above a pane and the detail show it.


SHOWN_FOR: Final = timedelta(seconds=10)
"""How long an outcome replaces the status."""

_HTTP_STATUS: Final = re.compile(r"(?<!\d)[45]\d\d(?!\d)")


def countdown(action: str, remaining: timedelta) -> Piece:
    """Return `cancel in 4 s`, or `cancel next` when the wait is over but the request is not sent yet."""
    seconds = -(-remaining // timedelta(seconds=1))
    return Piece(f"{action} in {seconds} s" if seconds > 0 else f"{action} next", Token.AMBER)


def overlay(status: ActionStatus, now: datetime) -> Piece | None:
    """Return the word for the newest phase of an action, or None if the run's own status is shown again."""
    if status.phase.is_end and now - status.at >= SHOWN_FOR:
        return None
    http_status = _HTTP_STATUS.search(status.message)
    said = {
        ActionPhase.REQUESTED: f"{status.action} sent",
        ActionPhase.ACCEPTED: f"{status.action} accepted",
        ActionPhase.CONFIRMED: "" if status.new_run_id is None else "replayed",
        ActionPhase.REFUSED: f"refused: {http_status[0]}" if http_status else "refused",
    }.get(status.phase, phase_word(status.phase))
    is_muted = status.phase in {ActionPhase.CONFIRMED, ActionPhase.FINISHED_FIRST}
    return Piece(said, Token.MUTED if is_muted else _TOKENS.get(status.phase, Token.AMBER)) if said else None


def replayed(status: ActionStatus, run: Run | None, now: Now) -> Replayed:
    """Return how an earlier replay goes: `replayed 40s ago: run_…25p7 completed`. `run` is the run that it started."""
    when, new_run_id = now.ago(status.at), status.new_run_id
    if new_run_id is None:
        said = Piece(f"replay sent {when}: its outcome is not known", Token.AMBER)
        return Replayed(Piece("replay unknown", Token.AMBER), (said,), None)
    mark, word = Piece("replayed", Token.MUTED), Piece("its status is not known", Token.MUTED)
    if run is not None and run.state is not None:
        style = style_of(run)
        word = style.name._replace(text=_lower(style))
        mark = Piece(f"replayed → {style.glyph}", style.name.token if style.is_bold else Token.MUTED)
    head = Piece(f"replayed {when}: ", Token.MUTED)
    return Replayed(mark, (head, *short_id(new_run_id, Token.TEXT), Piece(" "), word), new_run_id)


def _lower(style: StatusStyle) -> str:
    """Return a status in the middle of a sentence; an unknown word of the server stays as it is."""
    return style.word if style.glyph == "?" else style.word.lower()


# Counts the runs that an action affects by status, task and error: `33 ✗ failed  charge-card  Upstream …`.


_STATUS_CELLS: Final = 15


class RunKind(NamedTuple):
    """A status, a task, and the message of an error.

    Runs are counted by `group`, which messages of one error group share. `message` is its opening line as it came, and
    `common` the message without ids and numbers.
    """

    style: StatusStyle
    task: str
    message: Raw = Raw("")
    group: Raw = Raw("")
    common: Raw = Raw("")


def kind_of_run(run: Run) -> RunKind:
    task = run.fixed.task or formatting.NONE
    error = run.error_value
    if error is None:
        return RunKind(style_of(run), task)
    # A tenth of our modules' time; loaded when first used.
    from tui.domain.error_kinds import identity_of, kind_of  # noqa: PLC0415

    common = kind_of(error).message
    return RunKind(style_of(run), task, opening_line(error.message), identity_of(common), common)


def kind_of_node(node: TreeNode) -> RunKind:
    is_read = node.run is not None and node.run.state is not None
    style = style_of(node.run) if is_read and node.run is not None else style_of_status(node.status)
    return RunKind(style, node.task or formatting.NONE)


def counted_lines(kinds: Iterable[RunKind], limit: int) -> list[Line]:
    """Return `33 ✗ failed  charge-card Upstream …`, the greatest number first.

    Messages that differ in ids and numbers are one line, which shows what they have in common.
    """
    counts, messages = Counter[tuple[StatusStyle, str, Raw]](), dict[tuple[StatusStyle, str, Raw], Raw]()
    for kind in kinds:
        key = (kind.style, kind.task, kind.group)
        counts[key] += 1
        if messages.setdefault(key, kind.message) != kind.message:
            messages[key] = kind.common
    digits = max(len(formatting.count(count)) for count in counts.values())
    names = {each: Piece(_lower(each)) for each, _, _ in counts}
    widest = min(max(line_width((name,)) for name in names.values()), _STATUS_CELLS)
    tasks = min(max(line_width((Piece(task),)) for _, task, _ in counts), max(limit // 3, _STATUS_CELLS))
    lines = []
    for key, count in counts.most_common():
        (style, task, _), message = key, messages[key]
        number = fit((Piece(formatting.count(count), Token.BRIGHT, is_bold=True),), digits + 1, "right")
        parts: list[Line] = [number, (style.mark, Piece(" "), *fit((names[style],), widest))]
        parts.append(fit((Piece(task, Token.TEXT if message else Token.MUTED),), tasks))
        lines.append(cut(joined([*parts, (Piece(message, Token.MUTED),)]), limit))
    return lines


# The dialog that confirms an action: place, question, affected runs, unknowns, answers.
#
# A `Question` becomes lines here. The screen decides which keys answer it, and when.


WIDTH: Final = 70
REPLICA_LAG: Final = timedelta(seconds=1)
"""How far the server's query replica may lag behind."""
SILENT_TERMINAL: Final = "The terminal does not answer queries, so one key is not enough."
_GAP: Final = 2
_FIELD_CELLS: Final = 12
_MIN_KINDS: Final = 2
_MAX_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Target:
    """The environment in which the action would happen. `name` is its name as far as it is known."""

    environment: Environment | None
    name: str | None
    is_production: bool


def target_of(session: Session) -> Target:
    """Return the environment in which an action of the session would happen now."""
    interlock = session.interlock
    return Target(session.store.environment, interlock.name, interlock.is_production)


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that the dialog shows.

    * `hidden_count`: the marked runs that the filter hides; the action does not touch them
    * `leaves_cursor`: the marked runs are meant, and the run under the cursor is not one of them
    * `is_reading`: the plan is still incomplete
    * `objection`: why the action became impossible, as the end of a sentence
    * `grace_s`: how long nothing is sent after the answer
    * `replayed`: those of several runs that were replayed before; the plan `includes_replayed`, or leaves them out
    * `earlier`: what is known of a replay of the only run
    * `version`: a sentence about the version that would run
    * `answer`: that of the dialog, which changes it
    """

    plan: ActionPlan
    target: Target
    action: Action
    hidden_count: int = 0
    leaves_cursor: bool = False
    is_reading: bool = False
    objection: str = ""
    grace_s: int = 0
    replayed: tuple[Run, ...] = ()
    includes_replayed: bool = True
    earlier: Line = ()
    version: str = ""
    answer: DialogAnswer = field(default_factory=DialogAnswer)

    def toggled(self) -> "Question":
        """Return the question without the runs that were replayed before, or with them again."""
        ids, includes = {run.id for run in self.replayed}, not self.includes_replayed
        runs = (*(run for run in self.plan.runs if run.id not in ids), *(self.replayed if includes else ()))
        objection = "" if runs else f"all {len(ids)} were replayed before"
        return replace(self, plan=replace(self.plan, runs=runs), includes_replayed=includes, objection=objection)

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of which one has to be typed; empty if `y` is enough, and while the plan is being read."""
        if self.is_reading or self.objection:
            return ()
        many = confirmation_texts(self.plan, self.target.name, is_production=self.target.is_production)
        return many or ((self.action.id,) if self.answer.is_silent else ())


def confirm_lines(question: Question, now: Now, width: int, height: int) -> list[Line]:
    """Return the dialog in lines of at most `width` cells, and in at most `height` lines if possible.

    In a low dialog the empty lines are dropped first, then kinds of runs are combined, then the first notes are cut.
    """
    limit = width - 2 * INDENT
    head, kinds, notes = _question_lines(question, now, limit), _kinds(question, limit), _notes(question, now, limit)
    field, last = _field(question, limit), _answers(question, limit)

    def assembled(kinds: Sequence[Line], notes: Sequence[Line], *, is_loose: bool) -> list[Line]:
        return below_band(question.target, [head, kinds, notes, field, [last]], width, is_loose=is_loose)

    lines = assembled(kinds, notes, is_loose=True)
    if len(lines) > height:
        lines = assembled(kinds, notes, is_loose=False)
    if len(lines) > height:
        shown = max(len(kinds) - len(lines) + height, _MIN_KINDS)
        if len(kinds) > shown:
            more = formatting.plural(len(kinds) - shown + 1, "more group")
            kinds = [*kinds[: shown - 1], (Piece(f"… and {more}", Token.MUTED),)]
        lines = assembled(kinds, notes, is_loose=False)
    if (over := len(lines) - height) > 0:
        notes = [(Piece("…", Token.MUTED),), *notes[over + 1 :]]
        lines = assembled(kinds, notes, is_loose=False)
    return lines


def below_band(target: Target, blocks: Sequence[Sequence[Line]], width: int, *, is_loose: bool) -> list[Line]:
    """Return the lines of a dialog: the band, and blocks. `is_loose`: an empty line stands above each block."""
    lines: list[Line] = []
    for block in blocks:
        if block and (is_loose or not lines):
            lines.append(())
        lines += [(Piece(" " * INDENT), *line) for line in block]
    return [band(target, width), *lines, *([()] if is_loose else [])]


def band(target: Target, width: int) -> Line:
    """Return the top line: amber if the environment is production, or may be."""
    environment = target.environment
    token = Token.ALARM if target.is_production else Token.TEXT
    if environment is None:
        name = f"{target.name}  " if target.name else ""
        kind, where = "PRODUCTION?", f"{name}environment not known, treated as production"
    else:
        kind = environment.type.upper()
        where = "/".join(part for part in (environment.organisation, environment.project) if part)
    line = cut((Piece(" " * INDENT, token), Piece(kind, token, is_bold=True), Piece(f"  {where}", token)), width)
    return (*line, Piece(" " * (width - line_width(line)), token))


def _question_lines(question: Question, now: Now, limit: int) -> list[Line]:
    plan = question.plan
    run = plan.runs[0] if len(plan.runs) == 1 else None
    count = len(plan.runs) or len(question.replayed)
    subject = formatting.plural(count, "run") if run is None else run.fixed.task or run.id
    again = " again" if run is not None and question.earlier else ""
    lines: list[Line] = [cut((Piece(f"{plan.verb} {subject}{again}?", Token.BRIGHT, is_bold=True),), limit)]
    if run is not None:
        lines += _run_lines(run, now, limit)
        lines += fold(question.earlier, limit) if question.earlier else []
    if before := len(question.replayed):
        key = "ctrl-r" if question.texts else "r"
        were, them = ("was", "it") if before == 1 else ("were", "them")
        includes = question.includes_replayed
        rest = f"{key} leaves {them} out" if includes else f"left out. {key} includes {them}"
        said = f"{formatting.plural(before, 'run')} {were} replayed before{'. ' if includes else ': '}{rest}."
        lines += _sentence(said, limit, Token.AMBER if includes else Token.MUTED)
    if plan.skipped:
        counts = Counter(run.status_title for run in plan.skipped).most_common()
        titles = ", ".join(f"{formatting.count(count)} {title}" for title, count in counts)
        lines += _sentence(f"{titles}: left as they are.", limit)
    if question.hidden_count:
        marked = formatting.plural(question.hidden_count, "marked run")
        lines += _sentence(f"{marked} hidden by the filter: left as they are.", limit)
    if question.leaves_cursor:
        words = "These are the marked runs; the run under the cursor is not one of them."
        lines += _sentence(words, limit, Token.AMBER)
    return lines


def _run_lines(run: Run, now: Now, limit: int) -> list[Line]:
    """Return the run with its whole id, on a line of its own if it does not fit beside the rest."""
    style = style_of(run)
    ran = run.took(now.until)
    tags = run.state.tags[:_MAX_NAMED] if run.state else ()
    parts: list[Line] = [(style.mark, Piece(" "), style.name)]
    if ran is not None:
        parts.append((Piece(now.duration(ran, is_running=not run.is_final), style.row.took),))
    parts += [(Piece(tag),) for tag in tags]
    run_id: Line = (Piece(run.id, Token.MUTED),)
    whole = joined([*parts, run_id])
    if line_width(whole) <= limit:
        return [whole]
    return [cut(joined(parts), limit), *fold(run_id, limit)]


def _kinds(question: Question, limit: int) -> list[Line]:
    """Return the kinds to count: for one run the runs below it, for several the marked runs and those below."""
    plan = question.plan
    lines: list[Line] = []
    if len(plan.runs) > 1:
        lines += counted_lines((kind_of_run(run) for run in plan.runs), limit)
    if question.is_reading:
        return [*lines, (Piece("reading the runs below…", Token.MUTED),)]
    if plan.descendants:
        if lines:
            lines.append(())
        them = "it" if len(plan.runs) == 1 else "them"
        verb = "is" if len(plan.descendants) == 1 else "are"
        text = f"{formatting.plural(len(plan.descendants), 'run')} below {them} {verb} also canceled"
        lines.append((Piece(text, Token.BRIGHT, is_bold=True),))
        lines += counted_lines((kind_of_node(node) for node in plan.descendants), limit)
    return lines


def _notes(question: Question, now: Now, limit: int) -> list[Line]:
    """Return the notes: runs that stay, runs that wait, how old the plan is, and what is unknown."""
    plan = question.plan
    if question.objection:
        return _sentence(f"Nothing to do: {question.objection}.", limit, Token.AMBER)
    action = question.action
    sentences = [] if action.stops_descendants else [f"{action.description}."]
    if plan.read_at is not None and not plan.descendants and not plan.missing and not question.is_reading:
        sentences.append("No other run is canceled.")
    if plan.awaited_by:
        verb = "waits" if len(plan.awaited_by) == 1 else "wait"
        them = "this run" if len(plan.runs) == 1 else "these runs"
        sentences.append(f"{' and '.join(plan.awaited_by[:_MAX_NAMED])} {verb} for {them}.")
    if plan.ended_descendants:
        verb = "stays as it is" if plan.ended_descendants == 1 else "stay as they are"
        sentences.append(f"{formatting.plural(plan.ended_descendants, 'finished run')} {verb}.")
    lines = _sentence(" ".join(sentences), limit) if sentences else []
    lines += _sentence(question.version, limit) if question.version else []
    depths = Counter(run.fixed.depth or 0 for run in plan.runs)
    if not action.stops_descendants and (children := len(plan.runs) - depths[min(depths, default=0)]):
        are = "is a child run" if children == 1 else "are child runs"
        again = "A replayed parent triggers its children again."
        lines += _sentence(f"{formatting.count(children)} of them {are}. {again}", limit, Token.AMBER)
    if question.is_reading:
        return lines
    if plan.missing:
        reasons = "; ".join(plan.missing)
        lines += _sentence(f"Not all of the tree was read: {reasons}. More runs may be canceled.", limit, Token.AMBER)
    elif plan.read_at is not None:
        read_at = plan.read_at - (REPLICA_LAG if plan.is_from_replica else timedelta())
        subject, was, is_whole = ("The tree", "was", "is") if len(plan.runs) == 1 else ("The trees", "were", "are")
        about = "about " if plan.is_from_replica else ""
        lines += _sentence(f"{subject} {was} read {about}{now.ago(read_at)} and {is_whole} complete.", limit)
    return lines


def _field(question: Question, limit: int) -> list[Line]:
    """Return the field with the expected text."""
    until = with_key("withdraw", "u", "; before that, {} withdraws it")
    grace = f"Sent after {question.grace_s} s{until}." if question.grace_s else ""
    later = _sentence(grace, limit) if grace and not question.objection else []
    if not (texts := question.texts):
        return later
    prompt: list[Piece] = []
    for number, text in enumerate(texts):
        prompt += [Piece(" or " if number else "Type "), Piece(text, Token.BRIGHT, is_bold=True)]
    typed = question.answer.typed[-(_FIELD_CELLS - 3) :]
    rest = " " * (_FIELD_CELLS - 2 - line_width((Piece(typed),)))
    field: Line = (Piece(f" {typed}", Token.FIELD), Piece(" ", Token.MARKED), Piece(rest, Token.FIELD))
    ask: Line = (*prompt, Piece(", then Enter "))
    head = [(*ask, *field)] if line_width(ask) + _FIELD_CELLS <= limit else [*fold(ask, limit), field]
    # The error has a line of its own, so that nothing moves while the user types.
    error = question.answer.input_error
    why = _sentence(SILENT_TERMINAL, limit) if question.answer.is_silent else []
    return [*why, *head, cut((Piece(error, Token.AMBER),), limit) if error else (), *later]


def _answers(question: Question, limit: int) -> Line:
    """Return the safe button on the left and the key that acts on the right, faint while it does not count."""
    answer = question.answer
    keys = ("Esc",) if question.texts else ("Enter", "Esc")
    keep = "Keep running" if question.action.stops_descendants and not question.objection else "Go back"
    left: list[Piece] = [Piece(f" {keep} ", Token.BUTTON), Piece("  ")]
    for number, key in enumerate(keys):
        counts = answer.accepts_keys or key == "Esc"
        left += [Piece(" or ", Token.FAINT)] if number else []
        left.append(Piece(key, Token.TEXT if counts else Token.FAINT, is_bold=counts))
    right = () if question.objection else _acting_key(question)
    early: Line = (Piece("pressed too early", Token.MUTED), Piece("  "), *right)
    has_room = line_width((*left, *early)) + _GAP <= limit
    if answer.was_early and answer.accepts_keys and not question.is_reading and has_room:
        right = early
    room = limit - line_width(tuple(left)) - line_width(right)
    if room < _GAP:
        left = left[:1]
        room = max(limit - line_width(tuple(left)) - line_width(right), 1)
    return (*left, Piece(" " * room), *right)


def _acting_key(question: Question) -> Line:
    plan, answer = question.plan, question.answer
    if question.is_reading:
        return (Piece("y", Token.FAINT), Piece("  "), Piece(plan.verb.lower(), Token.FAINT))
    if answer.visibility is FrameVisibility.WAITING:
        return y_line(answer.visibility)
    more = " or more" if plan.missing else ""
    again = " again" if len(plan.runs) == 1 and question.earlier else ""
    text = f"{plan.verb.lower()} {formatting.plural(plan.total, 'run')}{more}{again}"
    is_ready, key = answer.accepts_keys, "y"
    if texts := question.texts:
        is_ready = is_ready and answer.typed in texts
        key = "Enter" if is_ready else ""
    ready_token = Token.ROSE if question.action.stops_descendants else Token.BRIGHT
    head = Piece(key, ready_token if is_ready else Token.FAINT, is_bold=is_ready)
    return (head, Piece("  " if key else ""), Piece(text, Token.TEXT if is_ready else Token.FAINT))


def _sentence(text: str, limit: int, token: Token = Token.MUTED) -> list[Line]:
    return [(Piece(row, token),) for row in wrap(text, limit)]
