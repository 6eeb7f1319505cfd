"""A new finding as a notice on the desktop."""

from collections.abc import Sequence
from datetime import datetime

from tui.domain.findings.finding import NOT_KNOWN, Finding, Verdict
from tui.domain.text import Raw, clean
from tui.present import formatting
from tui.present.findings.sentences import MAX_TEXT_CHARS, sentence, since_words, subject
from tui.present.findings.verdict_words import not_known_alone


def finding_notice(findings: Sequence[Finding], environment: str | None, now: datetime) -> tuple[str, str]:
    """Return the title and the sentence of a notice about findings that are new together, worst first."""
    worst, more = findings[0], len(findings) - 1
    body = f"{sentence(worst, now, now)}, {since_words(worst, now)}"
    if more:
        body += f", and {formatting.plural(more, 'other finding')}"
    return f"{worst.word} {subject(worst)}{_in(environment)}", body


def not_known_notice(verdict: Verdict, environment: str | None, now: datetime) -> tuple[str, str]:
    """Return the title and the sentence of a notice that nothing is known any more."""
    return f"{NOT_KNOWN}{_in(environment)}", not_known_alone(verdict, now)


def _in(environment: str | None) -> str:
    return "" if environment is None else f" in {clean(Raw(environment[:MAX_TEXT_CHARS]))}"
