"""The dialog that confirms an action: place, question, affected runs, unknowns, answers.

A `Question` becomes lines here. The screen decides which keys answer it, and when.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from tui.domain.action_plan import ActionPlan, confirmation_texts
from tui.domain.environment import Environment
from tui.domain.run import Run
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.columns import Now, took
from tui.present.dialogs.run_kinds import counted_lines, first_kinds, kind_of_node, kind_of_run
from tui.present.key_words import with_key
from tui.present.status import style_of
from tui.present.styled import Line, Piece, Token, cut, fold, joined, line_width, wrap

WIDTH: Final = 70
REPLICA_LAG: Final = timedelta(seconds=1)
"""How far the server's query replica may lag behind."""
WAITING_FOR_TERMINAL: Final = "waiting for the terminal"
TOO_EARLY: Final = "typed too early"
SILENT_TERMINAL: Final = "The terminal does not confirm that it drew this, so type a word."
INDENT: Final = 3
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


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that the dialog shows.

    * `safe_label`: the label of the button that does nothing
    * `effect`: a sentence about what the action does, or an empty text
    * `hidden_count`: the marked runs that the filter hides; the action does not touch them
    * `is_reading`: the plan is still incomplete
    * `accepts_keys`: before this, only Esc has an effect
    * `may_answer`: before this, the key that acts has no effect
    * `is_waiting`: the terminal has not yet confirmed that it shows the dialog
    * `was_early`: a key came before one had an effect
    * `word`: has to be typed if the terminal never confirms it
    * `typed`: the content of the field
    * `input_error`: why `typed` is not enough
    * `objection`: why the action became impossible
    * `grace_s`: how long nothing is sent after the answer
    * `destroys`: the key that acts has the colour of failures
    """

    plan: ActionPlan
    target: Target
    safe_label: str
    effect: str
    hidden_count: int = 0
    is_reading: bool = False
    accepts_keys: bool = False
    may_answer: bool = False
    is_waiting: bool = False
    was_early: bool = False
    word: str = ""
    typed: str = ""
    input_error: str = ""
    objection: str = ""
    grace_s: int = 0
    destroys: bool = True

    @property
    def accepted_texts(self) -> tuple[str, ...]:
        """The texts of which one has to be typed; empty if `y` is enough."""
        many = confirmation_texts(self.plan, self.target.name, is_production=self.target.is_production)
        return many or ((self.word,) if self.word else ())

    @property
    def needs_typing(self) -> bool:
        """Whether the dialog has a field. It has none while the plan is being read."""
        return bool(self.accepted_texts) and not self.is_reading and not self.objection


def confirm_lines(question: Question, now: Now, width: int, height: int) -> list[Line]:
    """Return the dialog in lines of at most `width` cells, and in at most `height` lines if possible.

    In a low dialog the empty lines are dropped first, then kinds of runs are combined, then the first notes are cut.
    """
    limit = width - 2 * INDENT
    head, kinds, notes = _question_lines(question, now, limit), _kinds(question, limit), _notes(question, now, limit)
    field, last = _field(question, limit), _answers(question, limit)

    def assembled(kinds: Sequence[Line], notes: Sequence[Line], *, is_loose: bool) -> list[Line]:
        blocks = [head, kinds, notes, field, [last]]
        lines: list[Line] = []
        for block in blocks:
            if block and (is_loose or not lines):
                lines.append(())
            lines += [(Piece(" " * INDENT), *line) for line in block]
        return [band(question.target, width), *lines, *([()] if is_loose else [])]

    lines = assembled(kinds, notes, is_loose=True)
    if len(lines) > height:
        lines = assembled(kinds, notes, is_loose=False)
    if len(lines) > height:
        kinds = first_kinds(kinds, max(len(kinds) - len(lines) + height, _MIN_KINDS))
        lines = assembled(kinds, notes, is_loose=False)
    if (over := len(lines) - height) > 0:
        notes = [(Piece("…", Token.MUTED),), *notes[over + 1 :]]
        lines = assembled(kinds, notes, is_loose=False)
    return lines


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
    sentences = (Piece(" " * INDENT, token), Piece(kind, token, is_bold=True), Piece(f"  {where}", token))
    line = cut(sentences, width)
    return (*line, Piece(" " * (width - line_width(line)), token))


def _question_lines(question: Question, now: Now, limit: int) -> list[Line]:
    plan = question.plan
    run = plan.runs[0] if len(plan.runs) == 1 else None
    subject = formatting.plural(len(plan.runs), "run") if run is None else run.fixed.task or run.id
    lines: list[Line] = [cut((Piece(f"{plan.verb} {subject}?", Token.BRIGHT, is_bold=True),), limit)]
    if run is not None:
        lines += _run_lines(run, now, limit)
    if plan.skipped:
        counts = Counter(run.status_title for run in plan.skipped).most_common()
        titles = ", ".join(f"{formatting.count(count)} {title}" for title, count in counts)
        lines += _sentence(f"{titles}: not touched.", limit)
    if question.hidden_count:
        marked = formatting.plural(question.hidden_count, "marked run")
        lines += _sentence(f"{marked} hidden by the filter: not touched.", limit)
    return lines


def _run_lines(run: Run, now: Now, limit: int) -> list[Line]:
    """Return the run with its whole id, on a line of its own if it does not fit beside the rest."""
    style = style_of(run)
    ran = took(run, now.frozen_at or now.at)
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
        return [*lines, (Piece("reading what else stops…", Token.MUTED),)]
    if plan.descendants:
        if lines:
            lines.append(())
        them = "it" if len(plan.runs) == 1 else "them"
        verb = "stops" if len(plan.descendants) == 1 else "stop"
        text = f"{formatting.plural(len(plan.descendants), 'run')} below {them} also {verb}"
        lines.append((Piece(text, Token.BRIGHT, is_bold=True),))
        lines += counted_lines((kind_of_node(node) for node in plan.descendants), limit)
    return lines


def _notes(question: Question, now: Now, limit: int) -> list[Line]:
    """Return the notes: runs that stay, runs that wait, how old the plan is, and what is unknown."""
    plan = question.plan
    if question.objection:
        return [(Piece(row, Token.AMBER),) for row in wrap(question.objection, limit)]
    sentences = [question.effect] if question.effect else []
    if plan.read_at is not None and not plan.descendants and not plan.missing and not question.is_reading:
        sentences.append("Nothing else stops.")
    if plan.awaited_by:
        verb = "waits" if len(plan.awaited_by) == 1 else "wait"
        them = "it" if len(plan.runs) == 1 else "them"
        sentences.append(f"{' and '.join(plan.awaited_by[:_MAX_NAMED])} {verb} for {them}.")
    if plan.ended_descendants:
        verb = "stays as it is" if plan.ended_descendants == 1 else "stay as they are"
        sentences.append(f"{formatting.plural(plan.ended_descendants, 'finished run')} {verb}.")
    lines = _sentence(" ".join(sentences), limit) if sentences else []
    if question.is_reading:
        return lines
    if plan.missing:
        reasons = "; ".join(plan.missing)
        lines += [
            (Piece(row, Token.AMBER),) for row in wrap(f"Not fully loaded: {reasons}. More runs may stop.", limit)
        ]
    elif plan.read_at is not None:
        age = now.at - plan.read_at + (REPLICA_LAG if plan.is_from_replica else timedelta())
        subject, was, is_whole = ("The tree", "was", "is") if len(plan.runs) == 1 else ("Their trees", "were", "are")
        lasted = formatting.wait(age, in_minutes=now.in_minutes)
        when = f"{is_whole} as of about {lasted}" if plan.is_from_replica else f"{was} read {lasted}"
        lines += _sentence(f"{subject} {when} ago and {is_whole} fully loaded.", limit)
    return lines


def _field(question: Question, limit: int) -> list[Line]:
    """Return the field with the expected text."""
    until = with_key("withdraw", "u", "; until then {} withdraws it")
    grace = f"Nothing is sent for {question.grace_s} s{until}." if question.grace_s else ""
    later = _sentence(grace, limit) if grace and not question.objection else []
    if not question.needs_typing:
        return later
    prompt: list[Piece] = []
    for number, text in enumerate(question.accepted_texts):
        prompt += [Piece(" or " if number else "Type "), Piece(text, Token.BRIGHT, is_bold=True)]
    typed = question.typed[-(_FIELD_CELLS - 3) :]
    rest = " " * (_FIELD_CELLS - 2 - line_width((Piece(typed),)))
    field: Line = (Piece(f" {typed}", Token.FIELD), Piece(" ", Token.MARKED), Piece(rest, Token.FIELD))
    ask: Line = (*prompt, Piece(", then Enter "))
    head = [(*ask, *field)] if line_width(ask) + _FIELD_CELLS <= limit else [*fold(ask, limit), field]
    # The error has a line of its own, so that nothing moves while the user types.
    input_error: Line = (Piece(question.input_error, Token.AMBER),)
    why = _sentence(SILENT_TERMINAL, limit) if question.word else []
    return [*why, *head, *([cut(input_error, limit)] if question.input_error else [()]), *later]


def _answers(question: Question, limit: int) -> Line:
    """Return the safe button on the left and the key that acts on the right, faint while it does not count."""
    is_typed = question.needs_typing
    keys = ("Esc",) if is_typed else ("Enter", "Esc")
    left: list[Piece] = [Piece(f" {question.safe_label} ", Token.BUTTON), Piece("  ")]
    for number, key in enumerate(keys):
        counts = question.accepts_keys or key == "Esc"
        left += [Piece(" or ", Token.FAINT)] if number else []
        left.append(Piece(key, Token.TEXT if counts else Token.FAINT, is_bold=counts))
    right = () if question.objection else _acting_key(question)
    early: Line = (Piece(TOO_EARLY, Token.MUTED), Piece("  "), *right)
    if question.was_early and question.may_answer and line_width((*left, *early)) + _GAP <= limit:
        right = early
    room = limit - line_width(tuple(left)) - line_width(right)
    if room < _GAP:
        left = left[:1]
        room = max(limit - line_width(tuple(left)) - line_width(right), 1)
    return (*left, Piece(" " * room), *right)


def _acting_key(question: Question) -> Line:
    if question.is_waiting and not question.may_answer and not question.is_reading:
        return (Piece(WAITING_FOR_TERMINAL, Token.AMBER),)
    more = " or more" if question.plan.missing else ""
    text = f"{question.plan.verb.lower()} {formatting.plural(question.plan.total, 'run')}{more}"
    if question.is_reading:
        text = question.plan.verb.lower()
    is_ready = question.may_answer and not question.is_reading
    key = "y"
    if question.needs_typing:
        is_ready = is_ready and question.typed in question.accepted_texts
        key = "Enter" if is_ready else ""
    ready_token = Token.ROSE if question.destroys else Token.BRIGHT
    head = Piece(key, ready_token if is_ready else Token.FAINT, is_bold=is_ready)
    gap = Piece("  " if key else "")
    return (head, gap, Piece(text, Token.TEXT if is_ready else Token.FAINT))


def _sentence(text: str, limit: int) -> list[Line]:
    return [(Piece(row, Token.MUTED),) for row in wrap(text, limit)]


def objection_to(forbidden: str) -> str:
    """Return the sentence for an action that is not possible."""
    return f"Nothing to do: {forbidden}."
