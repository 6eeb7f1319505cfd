"""The two lines about the selected group, where its page is not visible."""

from tui.present import formatting
from tui.present.columns import Now
from tui.present.detail.summary import remarks
from tui.present.errors.groups.facts import GroupFacts
from tui.present.errors.groups.sentence import course_words, version_words
from tui.present.errors.groups.words import state_piece, task_words
from tui.present.styled import Line, Piece, Token, cut, joined, line_width

_INDENT = "  "
NOTHING_SELECTED = "No group is selected."


def group_summary_lines(facts: GroupFacts | None, now: Now, width: int) -> tuple[Line, Line]:
    """Return `NEW charge-card  131 of 264 runs  only in 20261126.3`, then the newest run, in at most `width` cells."""
    if facts is None:
        return (cut((Piece(f"{_INDENT}{NOTHING_SELECTED}", Token.MUTED),), width), ())
    group, limit = facts.group, width - 1
    state = state_piece(group.state)
    head: Line = (Piece(_INDENT), *((state, Piece(" ")) if group.state is not None and state.text else ()))
    task: Line = (*head, Piece(task_words(group.tasks), Token.BRIGHT, is_bold=True))
    parts = [task, (Piece(_runs(facts), Token.TEXT),)]
    for words in (version_words(facts), course_words(facts, now)):
        if words and line_width(joined([*parts, (Piece(words),)])) <= limit:
            parts.append((Piece(words, Token.MUTED),))
    return cut(joined(parts), limit), cut(_newest(facts, now), limit)


def _runs(facts: GroupFacts) -> str:
    group = facts.group
    failed = formatting.count(group.count, at_least=not facts.is_complete)
    if facts.task_runs is not None and len(group.tasks) == 1:
        return f"{failed} of {formatting.plural(facts.task_runs, 'run')}"
    return failed + (" run" if group.count == 1 else " runs")


def _newest(facts: GroupFacts, now: Now) -> Line:
    run = facts.newest
    run_id = run.id if run is not None else next(iter(facts.group.run_ids), None)
    if run_id is None:
        return ()
    said = () if run is None else tuple((Piece(text, Token.FAINT),) for text in remarks(run, now))
    return joined([(Piece(f"{_INDENT}newest", Token.FAINT),), (Piece(run_id, Token.MUTED),), *said])
