"""The waterfall by its keys."""

import gc
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from starlette.responses import JSONResponse

from tests.support.ui.monitor import Monitored, run_story, width_of_more_tabs
from tests.support.ui.traces import (
    CHARGE,
    CHECKOUT,
    RECEIPT,
    checkout,
    checkout_fleet,
    engine,
    log,
    node,
    serve,
    traces_read,
)
from tui.domain.trace import Waterfall
from tui.features.tree.waterfall import WaterfallPane
from tui.kit.speed import PauseCollector


async def opened(monitor: Monitored, *, zoom: bool = True) -> WaterfallPane:
    """The waterfall of the checkout."""
    await monitor.press("G", "4", *(["z"] if zoom else []), "t", wait_s=2.0)
    pane = monitor.screen.panes["waterfall"]
    assert isinstance(pane, WaterfallPane)
    assert pane.selection.run_id == CHECKOUT.id
    return pane


def names(monitor: Monitored) -> list[str]:
    """The names of the rows, the one under the cursor with `>` before it."""
    pane = monitor.screen.panes["waterfall"]
    assert isinstance(pane, WaterfallPane)
    found = []
    for number, line in enumerate(monitor.lines[3:]):
        if not line.strip() or "━━ done" in line:
            break
        name = line[:38].lstrip("▌ │├└─▾▸◐✓✗○?").split("  ")[0].rstrip(" →")
        found.append(f"> {name}" if number == pane.page.cursor else name)
    return found


def runs_of_waterfalls() -> Counter[str]:
    """The requested run of each waterfall in memory."""
    return Counter(each.root.run_id for each in gc.get_objects() if isinstance(each, Waterfall))


ALL = [
    "checkout",
    "attempt 1",
    "charge-card",
    "attempt 1",
    "retry delay",
    "attempt 2",
    "build-receipt",
    "render pdf",
    "upload",
]


def test_waterfall_takes_the_place_of_the_tree(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        assert "4:tree · waterfall · checkout" in monitor.lines[1]
        assert "22s so far · 3 runs · 9 spans · read 2s ago" in monitor.lines[1]
        assert names(monitor) == ["> checkout", *ALL[1:]]
        assert [line[39:40] for line in monitor.lines[3:12]] == ["→"] * 9
        assert monitor.lines[5].split()[:5] == ["├─▾", "✗", "charge-card", "→", "6.1s"]
        assert "not shown: 3 engine spans and 1 run() span (i)" in monitor.text
        await monitor.press("t", wait_s=1)
        assert "4:tree · from the root checkout" in monitor.lines[1]
        await monitor.press("1", "4", wait_s=1)
        assert "4:tree · from" in monitor.lines[1]
        await monitor.press("t", "1", "4", wait_s=1)
        assert "4:tree · waterfall" in monitor.lines[1]
        await monitor.press("t", "1", "colon", *"waterfall", "enter", wait_s=1)
        assert "4:tree · waterfall" in monitor.lines[1], "the command works from every pane"

    run_story(story, tmp_path, checkout_fleet())


@pytest.mark.parametrize("width", [100, 120])
def test_rule_beside_tabs_keeps_the_duration_of_a_trace(tmp_path: Path, width: int) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor, zoom=False)
        assert any("4:tree   5:logs" in line and "─ 22s so far " in line for line in monitor.lines)
        await monitor.press("t", wait_s=1)
        assert "─ 3 runs · all loaded ─" in monitor.text or width == 100

    run_story(story, tmp_path, checkout_fleet(), size=(width + 2 * width_of_more_tabs(), 40))


def test_keys_of_the_waterfall(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        pane = await opened(monitor)
        await monitor.press("x")
        assert names(monitor)[2] == "> charge-card"
        await monitor.press("h", "x")
        assert names(monitor)[3] == "> attempt 1"
        await monitor.press("h", "h", "P")
        assert names(monitor) == [*ALL[:2], "charge-card", "> build-receipt", "render pdf", "upload"] or names(monitor)[
            3
        ].startswith(">")
        await monitor.press("E")
        assert names(monitor) == ["checkout", "> attempt 1"]
        await monitor.press("e", "i")
        assert len(names(monitor)) == len(ALL) + 3 + 1 + 2
        assert "not shown" not in monitor.text
        await monitor.press("i", "G")
        whole = monitor.lines[2]
        await monitor.press(")")
        assert monitor.lines[2] != whole
        zoomed = monitor.lines[2]
        await monitor.press("{")
        assert monitor.lines[2] not in {whole, zoomed}
        await monitor.press("}")
        assert monitor.lines[2] == zoomed
        await monitor.press("(", "(")
        assert monitor.lines[2] == whole
        await monitor.press("slash", "p", "d", "f", "enter")
        assert "> render pdf" in names(monitor)
        assert pane.target == RECEIPT.id

    run_story(story, tmp_path, checkout_fleet())


@pytest.fixture
def nothing_is_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen object is not listed, and to thaw those of all tests would take seconds."""
    monkeypatch.setattr(PauseCollector, "start", lambda _: None)


@pytest.mark.usefixtures("nothing_is_frozen")
def test_enter_goes_to_the_run_of_a_row(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        gc.collect()
        left = runs_of_waterfalls()  # by other tests
        pane = await opened(monitor)
        assert runs_of_waterfalls() - left == Counter([CHECKOUT.id])
        await monitor.press("x", "enter", wait_s=2)
        assert pane.selection.run_id == CHARGE.id
        assert "waterfall · charge-card" in monitor.lines[1]
        assert runs_of_waterfalls() - left == Counter([CHARGE.id]), "the trace of the other run is given back"
        await monitor.press("escape", wait_s=2)
        assert "waterfall · checkout" in monitor.lines[1]
        assert names(monitor)[2] == "> charge-card", "the cursor is where it was"

    run_story(story, tmp_path, checkout_fleet())


def test_selected_span_is_described_after_one_read(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        await monitor.press("G", wait_s=1)
        assert "> upload" in names(monitor)
        text = monitor.text
        assert "◐ upload · span of build-receipt" in text
        assert "10.6s after the root, 1" in text
        assert "checkout → attempt 1 → build-receipt → upload  holds up the root" in text
        assert "warn  part 3 of 4 timed out, trying again  " in text
        assert 'attrs     { bucket: "receipts-eu", part: { number: 3 } }' in text
        assert f"{RECEIPT.id}  Enter goes there" in text
        reads = len(monitor.api.fleet.requests_to(f"/api/v1/runs/{RECEIPT.id}/spans/upload@10.6"))
        await monitor.press("k", "j", wait_s=1)
        assert reads == len(monitor.api.fleet.requests_to(f"/api/v1/runs/{RECEIPT.id}/spans/upload@10.6")) == 1

    run_story(story, tmp_path, checkout_fleet())


def test_single_row_offers_no_key_that_does_nothing(tmp_path: Path) -> None:
    fleet = checkout_fleet()
    serve(fleet, lambda: node("checkout", 0, 9, engine("QUEUED", 0.1)))

    async def story(monitor: Monitored) -> None:
        pane = await opened(monitor)
        assert names(monitor) == ["> checkout"]
        useful = [action for action in ("fold", "all", "parent", "path_step") if pane.has_use_for(action)]
        assert useful == []

    run_story(story, tmp_path, fleet)


def test_live_trace_is_read_again_only_while_it_is_shown(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        fleet = monitor.api.fleet
        await monitor.press("G", wait_s=5)
        await opened(monitor)
        before = len(traces_read(fleet))
        await monitor.later(30)
        times = traces_read(fleet)[before:]
        assert 3 <= len(times) <= 11
        assert all(second - first >= 2.9 for first, second in pairwise(times))
        await monitor.press("1", wait_s=1)
        hidden = len(traces_read(fleet))
        await monitor.later(20)
        assert len(traces_read(fleet)) - hidden <= 2

    run_story(story, tmp_path, checkout_fleet())


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_waterfall_fits_each_size(tmp_path: Path, size: tuple[int, int]) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor, zoom=size[0] > 80)
        assert names(monitor)[0] == "> checkout"
        assert all(len(line) <= size[0] for line in monitor.lines)
        assert "━ done" in monitor.text
        if size == (80, 24):
            assert "checkout ─" in monitor.lines[21]
            assert "─ at 13:59:42.800, 22s so far, " in monitor.lines[21]
            assert "warn  part 3 of 4" in monitor.lines[22]

    run_story(story, tmp_path, checkout_fleet(), size=size)


def test_ascii_and_no_colour_show_the_same_bars(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        assert monitor.text.isascii()
        assert "=" * 40 in monitor.lines[3]
        assert "." * 3 in monitor.lines[7]

    run_story(story, tmp_path, checkout_fleet(), is_ascii=True)


def test_slow_link_grows_bars_by_minutes(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        before = monitor.lines[2:12]
        assert "<1m so far" in monitor.lines[1]
        await monitor.later(4)
        assert monitor.lines[2:12] == before
        await monitor.press("j", "j")
        assert "─ ◐ checkout" in monitor.text
        await monitor.later(1)
        assert "─ ✗ charge-card" in monitor.text

    run_story(story, tmp_path, checkout_fleet(), slow_link=True)


def test_cut_trace_says_where(tmp_path: Path) -> None:
    fleet = checkout_fleet()
    serve(fleet, checkout, isTruncated=True)

    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        assert "Trace cut at 5,000 rows, 18 spans received; the rest is not shown." in monitor.text
        assert " cut at 5,000 rows · " in monitor.lines[1]

    run_story(story, tmp_path, fleet)


def test_missing_and_failing_traces_are_sentences(tmp_path: Path) -> None:
    fleet = checkout_fleet()
    path = f"/api/v1/runs/{CHECKOUT.id}/trace"
    fleet.fault = lambda asked: JSONResponse({"error": "Trace not found"}, 404) if asked == path else None

    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        assert "The server has no trace of this run." in monitor.text
        fleet.fault = lambda asked: JSONResponse({"error": "busy"}, 503) if asked == path else None
        await monitor.press("r", wait_s=15)
        assert "The trace could not be read: 503 busy. r tries again." in monitor.text
        serve(fleet, checkout)
        await monitor.press("r", wait_s=5)
        assert names(monitor)[0] == "> checkout"

    run_story(story, tmp_path, fleet)


def test_odd_traces_are_drawn(tmp_path: Path) -> None:
    """Clock skew, years, no time at all, equal ids, and texts that a terminal would obey."""
    fleet = checkout_fleet()
    hostile = "\x1b[2J\u202eevil\r\n[red]x"
    odd = [
        node("before", -4, 2),
        node("after", 40, 90 * 365 * 86_400),
        node("instant", 3, 0, log("in it", 3)),
        *(node(hostile, number, 1, id="same") for number in range(3)),
        node("deep", 1, 5, node("deeper", 0, 9, node("deepest", -3, None))),
    ]
    serve(fleet, lambda: node("checkout", 0, 60, *odd, id="root"))

    async def story(monitor: Monitored) -> None:
        pane = await opened(monitor)
        assert len(pane.page.rows) >= 10
        assert "\x1b" not in monitor.text
        assert "[red]x" in monitor.text
        for _ in range(8):
            await monitor.press(")", "}", "j", "P", "x")
        await monitor.press("(", "{", "i", "E", "e")
        assert "deepest" in monitor.text

    run_story(story, tmp_path, fleet)


def test_waterfall_of_no_run_asks_for_one(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("slash", *"none", "enter", "G", "4", "t", "j", "P", ")", "enter", wait_s=1)
        assert "selected" in monitor.text

    run_story(story, tmp_path, checkout_fleet())
