"""Times, sizes, costs, statuses and bars in words and signs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.support.present.samples import NOW, sample
from tui.domain.run import STATUS_TABLE, AttemptStatus, Run, RunId, RunStatus, parse_status
from tui.store.freshness import Minute
from tui.text import bars, formatting
from tui.text.bars import BarLook, Bars
from tui.text.blocks import spark
from tui.text.status import STATUS_STYLES, ascii_line, style_of, style_of_attempt, style_of_status
from tui.text.styled import Piece, Token, line_width, plain

DAY = 86_400
EDGES = (0.4, 59.9, 62, 119.9, 3599.9, 7559, 3 * DAY)


def said(show: Callable[..., str], *numbers: float, **more: Any) -> str:
    return " | ".join(show(number, **more) for number in numbers)


def lasted(show: Callable[..., str], *seconds: float, **more: Any) -> str:
    return " | ".join(show(timedelta(seconds=each), **more) for each in seconds)


def ago(*seconds: float, **more: Any) -> str:
    return " | ".join(formatting.age(NOW - timedelta(seconds=each), NOW, **more) for each in seconds)


def test_times_are_rounded_before_their_unit_is_chosen() -> None:
    duration, wait = formatting.duration, formatting.wait
    assert lasted(duration, -5, 0.0004, 0.412, 0.9994, 0.9996, 9.94) == "0ms | 0ms | 412ms | 999ms | 1.0s | 9.9s"
    assert lasted(duration, 9.95, 59.49, 59.95, 3599.4, 3599.9) == "10s | 59s | 1m00s | 59m59s | 1h00m"
    assert lasted(duration, 7500, DAY - 60, DAY - 1, 3 * DAY) == "2h05m | 23h59m | 1d | 3d"
    assert lasted(duration, *EDGES, in_minutes=True) == "<1m | <1m | 1m | 1m | 59m | 2h05m | 3d"
    assert lasted(duration, 62, frozen=True) + duration(None, frozen=True) == "1m02s~·"
    assert ago(-3, 0.9, 31, 59.9, 60, 3599, 3600, 3.9 * DAY) == "0s | 0s | 31s | 59s | 1m | 59m | 1h | 3d"
    assert ago(*EDGES, in_minutes=True) == "<1m | <1m | 1m | 1m | 59m | 2h | 3d"
    assert lasted(wait, -3, 0.4, 99.4, 100, 98 * 60, 7000, DAY) == "0 s | 0 s | 99 s | 2 min | 98 min | 2 h | 24 h"
    assert lasted(wait, *EDGES, in_minutes=True) == "<1 min | 1 min | 1 min | 2 min | 60 min | 2 h | 3 d"
    assert duration(timedelta.max).endswith("d")
    assert formatting.age(None, NOW) == "·"


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9999)))
def test_duration_fits_its_column(value: timedelta) -> None:
    assert 0 < len(formatting.duration(value)) <= 6


def test_costs_sizes_and_counts_are_rounded_before_their_unit_is_chosen() -> None:
    assert said(formatting.cost, 0, -1, 0.02, 0.001, 50, 99.9999) == "$0 | $0 | $0.0002 | <$0.0001 | $0.5000 | $1.00"
    assert said(formatting.cost, 1234, 123_456_789, float("inf"), float("nan")) == "$12.34 | $1,234,567.89 | · | ·"
    assert said(formatting.size, -1, 412, 999, 1000, 9_949, 9_950) == "0 B | 412 B | 999 B | 1.0 kB | 9.9 kB | 10 kB"
    assert said(formatting.size, 999_499, 999_500, 10**12, 10**16) == "999 kB | 1.0 MB | 1.0 TB | 10,000 TB"
    assert [formatting.count(1204), formatting.count(1204, at_least=True)] == ["1,204", "≥1,204"]
    assert [formatting.plural(number, "line") for number in (1, 0, 1204)] == ["1 line", "0 lines", "1,204 lines"]


def test_time_of_today_has_no_date_and_is_in_the_zone_of_now() -> None:
    moment = datetime(2026, 11, 24, 13, 48, 37, 210_999, tzinfo=UTC)
    for days, date in ((0, ""), (-1, "2026-11-23 "), (1, "2026-11-25 ")):
        assert formatting.moment(moment + timedelta(days=days), NOW) == f"{date}13:48:37.210"
    assert formatting.moment(moment.astimezone(timezone(timedelta(hours=9))), NOW) == "13:48:37.210"
    assert formatting.time_of_day(moment, NOW) == "13:48"
    assert formatting.time_of_day(moment - timedelta(days=1), NOW) == "2026-11-23 13:48"
    assert formatting.clock(moment - timedelta(days=1), NOW) == "2026-11-23 13:48"
    midnight = NOW.replace(hour=0, minute=20)
    ages = [formatting.time_or_age(midnight - timedelta(hours=hours), midnight) for hours in (0, 1, 13, 960)]
    assert ages == ["00:20", "23:20", "13h", "40d"]
    begin, end = midnight - timedelta(hours=2), midnight - timedelta(hours=1)
    spans = [formatting.time_span(*each, midnight) for each in ((begin, end), (begin, midnight), (midnight, NOW))]
    assert spans == ["2026-11-23 22:20–23:20", "2026-11-23 22:20–00:20", f"00:20–{NOW:%H:%M}"]


# Statuses.


def looks() -> str:
    words = [row.rest or row.legacy or row.database[0] for row in STATUS_TABLE]
    styles = [style_of(sample(word)) for word in words]
    rows = [
        f"{each.glyph} {each.ascii_glyph} {each.word:15} {each.name.token.value} {each.mark.token.value}"
        for each in styles
    ]
    return "\n".join(["", *rows, ""])


LOOKS = """
◌ : Delayed         muted muted
○ . Queued          muted muted
△ ^ Pending version muted amber
◔ o Dequeued        blue blue
◐ O Executing       blue blue
↻ @ Reattempting    blue blue
‖ = Waiting         muted muted
✓ + Completed       faint green
✗ x Failed          rose rose
⊘ - Canceled        faint faint
¦ / Interrupted     rose rose
▼ ! Crashed         rose rose
⊠ # System failure  rose rose
◇ _ Expired         faint faint
◷ T Timed out       rose rose
⊗ X Failed to run   rose rose
"""


def test_every_status_has_a_style_of_its_own() -> None:
    assert looks() == LOOKS
    assert {row.title for row in STATUS_TABLE} == set(STATUS_STYLES)
    assert {row.canonical for row in STATUS_TABLE} == set(RunStatus)
    for sign in ("glyph", "ascii_glyph"):
        signs = {getattr(look, sign) for look in STATUS_STYLES.values()}
        assert len(signs) == len(STATUS_STYLES)
        assert {cell_len(each) for each in signs} == {1}
    for row in STATUS_TABLE:
        look = style_of_status(parse_status(row.rest or row.legacy or row.database[0]))
        assert look.name.is_bold == row.canonical.is_failed
    assert style_of(sample("EXECUTING", attempt_count=2)).word == "Reattempting"
    assert [style_of_attempt(each).word for each in AttemptStatus] == ["Executing", "Completed", "Failed", "Canceled"]


def test_unknown_status_is_a_question_mark_and_a_clean_word() -> None:
    for ended in (False, True):
        look = style_of_status(parse_status("QUANTUM\x1b[2J", ended=ended))
        assert (look.glyph, look.name.text, look.name.token) == ("?", "QUANTUM␛[2J", Token.MUTED)
    for look in (style_of(Run(RunId("run_1"))), style_of_status(None), style_of_status(parse_status(""))):
        assert (look.glyph, look.word) == ("?", "·")


# Bars.

minutes = st.builds(Minute, st.integers(0, 10_000), st.integers(0, 10_000))


def test_bar_of_a_minute_is_grey_with_a_rose_foot_until_most_failed() -> None:
    counts = ((0, 0), (50, 0), (100, 0), (100, 1), (100, 50), (100, 51), (50, 5), (50, 26), (2, 1), (1, 1))
    line = spark([Minute(*each) for each in counts])
    tall, low = Token.TALL_FOOT, Token.LOW_FOOT
    tokens = [Token.SPARK] * 3 + [tall, tall, Token.ROSE, low, Token.ROSE, low, Token.ROSE]
    assert [(piece.text, piece.token) for piece in line] == [*zip(" ▄█▁▁█▁▄▁▁", tokens, strict=True)]
    quiet, failing = spark([Minute(10_000, 0), Minute(10_000, 1)])
    assert quiet != failing, "one failure in ten thousand runs is seen"
    shapes = spark([Minute(4, 0), Minute(4, 1), Minute(4, 3)], by_shape=True)
    assert shapes == (Piece("█", Token.SPARK), Piece("✗", Token.ROSE), Piece("✗", Token.ROSE, is_bold=True))
    assert plain(ascii_line(spark([Minute(9, 1), Minute(4, 1), Minute(9, 0), Minute(9, 9)]))) == "__##"


@given(st.lists(minutes, max_size=16), st.booleans())
def test_bar_takes_one_cell_and_rose_means_failures(found: list[Minute], by_shape: bool) -> None:
    line = spark(found, by_shape=by_shape)
    assert line_width(line) == len(found)
    for minute, piece in zip(found, line, strict=True):
        assert (piece.token is Token.SPARK) is (minute.failed_count == 0)
        assert by_shape or (piece.token is Token.ROSE) is (minute.failed_count * 2 > minute.run_count)


CELLS = st.lists(st.none() | st.integers(0, 10_000), min_size=1, max_size=90)


@given(CELLS, st.integers(1, 90), st.sampled_from([1, 2]))
def test_merged_cells_keep_sum_and_peak_and_rows_their_width(cells: list[int | None], count: int, repeat: int) -> None:
    known = [value for value in cells if value is not None]
    for merged, total in ((bars.summed(cells, count), sum), (bars.greatest(cells, count), max)):
        assert len(merged) <= count
        kept = [value for value in merged if value is not None]
        assert bool(kept) is bool(known)
        assert not known or total(kept) == total(known)
    assert len(bars.any_of([False] * len(cells), count)) == len(bars.summed(cells, count))
    upper, lower = bars.two_row_series(cells, Bars(bars.top_of(cells), repeat=repeat), BarLook())
    assert line_width(upper) == line_width(lower) == len(cells) * repeat
    assert "█" not in plain(upper), "series that stand on each other never touch"
    assert all((sign == "░") is (cells[index // repeat] is None) for index, sign in enumerate(plain(lower)))
