"""What an outage made us miss, in words: for the rule of the list, and for the messages.

What lives here: words. Source: DESIGN §5, mock-up 07.
"""

from datetime import datetime

from tui.present import words
from tui.store.missed import Gap, Missed


def gap_words(gap: Gap, now: datetime) -> str:
    """`no data 13:22–13:36`, or `no data for 44 s` where both ends are in one minute."""
    since, until = words.time_of_day(gap.since, now), words.time_of_day(gap.until, now)
    return f"no data for {words.wait(gap.until - gap.since)}" if since == until else f"no data {since}–{until}"


def missed_words(missed: Missed, *, is_short: bool = False) -> list[str]:
    """`37 runs caught up` and `2 failed`, or `nothing missed`; where it is short the first is left to the messages."""
    if not missed.run_count:
        return ["nothing missed"]
    said = [] if is_short else [f"{words.plural(missed.run_count, 'run')} caught up"]
    return [*said, f"{words.count(missed.failed_count)} failed"] if missed.failed_count else said
