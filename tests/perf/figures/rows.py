"""The table of figures: each row with its goal and how it is measured.

Rows of number 1 are those of the table at the top of the issue.
"""

from typing import Final

from tests.perf.figures import (
    changes,
    errors,
    errors_view,
    far,
    findings,
    keys,
    live,
    opening,
    overview,
    scale,
    soak,
    waterfall,
)
from tests.perf.figures.row import Row

ROWS: Final = (
    Row("1", "Down, zoomed, full-row cursor moves in view", "1.2 x least", keys.down_zoomed("in view")),
    Row("1", "Down, zoomed, full-row cursor, list scrolls", "1.2 x least", keys.down_zoomed("scrolling")),
    Row("1", "Down, main screen, detail follows, in view", "1.2 x least", keys.down_on_main("in view")),
    Row("1", "Down, main screen, detail follows, scrolls", "1.2 x least", keys.down_on_main("scrolling")),
    Row("1", "2 new runs/s, list follows", "1.2 x least, 3.5 %", live.live("following")),
    Row("1", "2 new runs/s, a run selected", "1.2 x least, 3.5 %", live.live("selected")),
    Row("1", "50 new runs/s, list follows", "8 KB/s, 10 %", live.busy),
    Row("1", "bytes until the first rows, settled", "15 KB", opening.bytes_until_rows),
    Row("1", "CPU until the first rows", "2.8 x bare", opening.cpu_until_rows),
    Row("1", "first paint", "1.0 x bare", opening.first_paint),
    Row("–", "first rows", "–", opening.first_rows),
    Row("1", "memory, 1,000 runs", "2.2 x bare", overview.memory),
    Row("1", "key to first byte, 1,000 runs, zoomed", "p50 5, p95 10 ms", keys.first_byte),
    Row("1", "150 ms, 64 kbit/s, 2 runs/s: first rows", "2.5 s", far.over_far_link("first rows")),
    Row("1", "the same: Down", "0.4 s", far.over_far_link("Down")),
    Row("1", "the same: Esc from help", "0.6 s", far.over_far_link("Esc from help")),
    Row("1", "the same: quit", "0.5 s", far.over_far_link("quit")),
    Row("2", "nothing changes, no age ticks", "0 B/s, bare + 0.3 %", live.quiet),
    Row("5", "PageDown, zoomed", "1.1 x least", keys.page_down),
    Row("6", "key held at 30 Hz, 100,000 runs: settles", "30 ms, 25 %", scale.held_key),
    Row("7", "256 kbit/s, 100 ms: scrolled key to quiet", "round trip + 40 ms", far.scrolled_key),
    Row("8", "1,000 changes/s into 100,000 runs", "15 %, 12 KB/s, 0 lost", scale.changes),
    Row("9", "pushed change to the screen, quiet", "p50 10, p95 20 ms", changes.pushed),
    Row("10", "sort, filter 100,000 runs to paint", "100 ms, 150 ms", scale.sort_and_filter),
    Row("11", "two hours at 20 runs/s", "1 MB more, others flat", soak.long_run),
    Row("–", "errors, 500 failed runs", "9 requests", errors.requests_for_500(may_query=True)),
    Row("–", "the same, key for runs only", "509 requests", errors.requests_for_500(may_query=False)),
    Row("–", "5,000 spans, from bytes to rows", "300 ms", waterfall.opening),
    Row("–", "memory after 5,000 spans, after three more such", "+ 2 MB at most", waterfall.memory),
    Row("–", "errors view over 10,000 failed runs", "1 s", errors_view.opening),
    Row("–", "stories judged in virtual time, 20 seeds", "0 mistakes", findings.stories),
    Row("–", "deploys that change nothing, 200 seeds", "2 alarms", findings.deploys),
    Row("–", "a row of the list at 100,000, with a view", "900 B", scale.row_memory),
    Row("–", "longest full collection, 100,000 runs", "5 ms", scale.collections),
    Row("–", "key to first byte, p95, 100,000 runs", "1.25 x that of 1,000", scale.key_at_scale),
)
