"""An error group as Markdown, to paste into an issue or a chat. All outside text is fenced."""

from collections.abc import Callable
from datetime import UTC, tzinfo

from tui.domain.environment import Environment
from tui.domain.status import title_of
from tui.domain.text import Raw
from tui.present import formatting
from tui.present.errors.groups.facts import GroupFacts
from tui.present.errors.groups.sentence import version_words
from tui.present.errors.groups.words import STATE_WORDS
from tui.present.printed.markdown import code_block, code_span
from tui.present.status import STATUS_STYLES

MAX_NAMES = 10
MAX_MESSAGE_CHARS = 4_000
MAX_RUNS = 5
"""The newest runs that are named."""


def group_markdown(
    facts: GroupFacts,
    *,
    environment: Environment | None = None,
    redact: Callable[[str], str] = lambda text: text,
    zone: tzinfo = UTC,
) -> str:
    """Return the group, ending with a line break. `redact` removes known secrets from each text of others."""
    group, kind = facts.group, facts.group.kind
    name = code_span(redact(kind.type)) if kind.type else "Thrown text"
    runs = f"{formatting.count(group.count, at_least=not facts.is_complete)} {'run' if group.count == 1 else 'runs'}"
    head = [f"## {name}: {runs} failed in the {facts.span_words}"]
    message = code_block(redact(kind.message[:MAX_MESSAGE_CHARS])) if kind.message.strip() else ["No message."]
    return "\n\n".join("\n".join(block) for block in (head, message, _rows(facts, environment, redact, zone))) + "\n"


def _rows(facts: GroupFacts, environment: Environment | None, redact: Callable[[str], str], zone: tzinfo) -> list[str]:
    group, frame = facts.group, facts.group.kind.frame
    rows: list[tuple[str, str]] = []

    def names(label: str, found: tuple[tuple[Raw | str, int], ...]) -> None:
        if found:
            shown = [f"{code_span(redact(each))} {count:,}" for each, count in found[:MAX_NAMES]]
            more = [f"and {len(found) - MAX_NAMES:,} more"] if len(found) > MAX_NAMES else []
            rows.append((label, ", ".join([*shown, *more])))

    if frame is not None:
        place = frame.file if frame.function is None else f"{frame.function} ({frame.file})"
        rows.append(("First own frame", code_span(redact(place))))
    state = "" if group.state is None else STATE_WORDS[group.state][0] or "unresolved"
    rows.append(("State", state or "not known"))
    rows.append(("First", formatting.full_moment(group.first_seen, zone)))
    rows.append(("Last", formatting.full_moment(group.last_seen, zone)))
    names("Tasks", group.tasks)
    if facts.task_runs is not None and len(group.tasks) == 1:
        failed = formatting.count(group.count, at_least=not facts.is_complete)
        rows.append(("Share", f"{failed} of {formatting.plural(facts.task_runs, 'run')} of the task"))
    names("Versions", group.versions)
    if facts.version_start is not None and facts.is_complete:
        rows.append(("Since", code_span(redact(version_words(facts)))))
    names("Tags", tuple((tag.tag, tag.run_count) for tag in group.shared_tags))
    ended = [(STATUS_STYLES[title_of(status)].word, count) for status, count in group.statuses]
    rows.append(("Ended", ", ".join(f"{word} {count:,}" for word, count in ended)))
    for run_id in group.run_ids[:MAX_RUNS]:
        link = None if environment is None else environment.link_to(run_id)
        rows.append(("Run", code_span(redact(run_id)) + (f" <{link}>" if link else "")))
    rows.append(("Fingerprint", code_span(group.fingerprint)))
    return [f"- {label}: {value}" for label, value in rows]
