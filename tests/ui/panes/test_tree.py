"""The tree pane and its other form, the waterfall, by their keys."""

import re
from collections import Counter
from pathlib import Path

from starlette.responses import JSONResponse

from tests.support.fleet import Fleet, FleetRun, fleet_of
from tests.support.ui.monitor import Monitored, on_monitor, run_story
from tests.support.ui.traces import CHARGE, CHECKOUT, RECEIPT, checkout, checkout_fleet, log, node, serve
from tui.domain.run import RunId
from tui.features.tree.view import TreePane
from tui.features.tree.waterfall import WaterfallPane


def planted() -> Fleet:
    """An import that runs, with a plan, five pages that are alike, a shard that failed because of its page, and a
    notice that was triggered last and stands on top of the list.
    """
    return fleet_of(
        FleetRun(1, -100, -99, 20.0, task="import"),
        FleetRun(2, -98, -97, -96, task="plan", parent=1),
        *(FleetRun(number, -95, -94, -90, task="page", parent=1) for number in range(3, 8)),
        FleetRun(8, -90, -89, -80, "FAILED", task="shard", parent=1),
        FleetRun(9, -89, -88, -85, "FAILED", task="leaf", parent=8),
        FleetRun(10, -10, -9, 10.0, task="notify", parent=1),
        may_query=True,
    )


async def opened(monitor: Monitored) -> TreePane:
    """The tree of the newest run, zoomed."""
    await monitor.press("j", "4", "z", wait_s=2.0)
    pane = monitor.screen.panes["tree"]
    assert isinstance(pane, TreePane)
    return pane


def target(pane: TreePane) -> RunId | None:
    """What a key pressed now would be about."""
    return pane.target


def rows(monitor: Monitored) -> list[str]:
    """The task of each row, or what a group says; the row under the cursor with `>` before it."""
    found = []
    pane = monitor.screen.panes["tree"]
    assert isinstance(pane, TreePane)
    for number, line in enumerate(monitor.lines[3:-3]):
        if not line.strip():
            break
        shown = line.lstrip("▌ │├└─▾▸").split("  ")[0]
        task = shown if shown[:1].isdigit() else shown.partition(" ")[2]
        found.append(f"> {task}" if number == pane.page.cursor else task)
    return found


@on_monitor(planted)
async def test_tree_starts_at_the_selected_run(monitor: Monitored) -> None:
    await monitor.press("j", "4", "z", wait_s=2)
    assert "4:tree · from the root import" in monitor.lines[1]
    assert "10 runs · complete" in monitor.lines[1]
    assert monitor.lines[2].split() == ["run", "below", "it", "took", "queued", "id"]
    assert rows(monitor) == ["import", "plan", "shard", "leaf", "> notify", "5 completed"]
    assert monitor.lines[3].split()[2:7] == ["import", "trigger()", "✗2", "E1", "✓6"]
    assert "✗2  first to fail: leaf" in monitor.text
    for key, may_cancel in (("g", True), ("j", False), ("k", True)):
        await monitor.press(key)
        assert ("C cancel" in monitor.lines[-1]) is may_cancel, "of the row under the cursor"
    await monitor.later(25)
    assert "C cancel" not in monitor.lines[-1], "the run has ended"


def scattered() -> Fleet:
    """A run that triggered 120 others, of which one still runs. The key may not query, so each is read by itself."""
    others = (FleetRun(number, -90, -89, -80, task="page", parent=1) for number in range(2, 121))
    return fleet_of(FleetRun(1, -100, -99, -70, task="import"), *others, FleetRun(121, -60, -59, task="page", parent=1))


@on_monitor(scattered)
async def test_tree_of_120_children_is_read_on_while_it_is_open(monitor: Monitored) -> None:
    await monitor.press("j", "4", "z", wait_s=3)
    first = int(re.findall(r"(\d+) of 121 runs read", monitor.lines[1])[0])
    assert 20 < first < 100
    assert f"the runs below {121 - first} runs were not read." in monitor.text
    await monitor.press("1", wait_s=5)  # the read in flight ends
    before = len(reads(monitor))
    await monitor.later(5)
    assert len(reads(monitor)) == before, "a hidden pane reads nothing"
    await monitor.press("4", wait_s=5)
    assert first < int(re.findall(r"(\d+) of 121 runs read", monitor.lines[1])[0])
    await monitor.later(30)
    assert "121 runs · complete" in monitor.lines[1]
    assert "not read" not in monitor.text
    again = {run_id for run_id, count in Counter(reads(monitor)).items() if count > 1}
    assert again <= {FleetRun(1, 0).id, FleetRun(121, 0).id}, "a run that has ended is read once"
    await monitor.press("t", wait_s=2)
    assert "· 1 of 121 runs ·" in monitor.lines[1]
    assert "Not in this trace: 120 runs of the tree, above this run or triggered without waiting." in monitor.text


def reads(monitor: Monitored) -> list[str]:
    """The runs whose details were requested."""
    return [path.rpartition("/")[2] for _, path, _ in monitor.api.fleet.requests if path.startswith("/api/v3/runs/")]


@on_monitor(planted)
async def test_the_keys_that_fold_and_move(monitor: Monitored) -> None:
    pane = await opened(monitor)
    await monitor.press("k", "h")
    assert rows(monitor) == ["import", "plan", "> shard", "leaf", "notify", "5 completed"]
    await monitor.press("h")
    assert rows(monitor) == ["import", "plan", "> shard", "notify", "5 completed"]
    await monitor.press("l", "l")
    assert rows(monitor)[3] == "> leaf"
    await monitor.press("minus")
    assert rows(monitor)[2] == "> shard"
    await monitor.press("circumflex_accent")
    assert rows(monitor)[0] == "> import"
    await monitor.press("G", "k", "k")
    assert target(pane) is None
    await monitor.press("enter")
    assert rows(monitor)[5:] == ["> 5 completed", *["page"] * 5]
    await monitor.press("l", "j")
    assert target(pane) == "run_000000000000000000000004"
    await monitor.press("less_than_sign")
    assert rows(monitor) == ["import", "plan", "shard", "notify", "> 5 completed"]
    await monitor.press("E", "less_than_sign")
    assert rows(monitor) == ["> import"]
    await monitor.press("greater_than_sign")
    assert rows(monitor) == ["> import", "plan", "shard", "notify", "5 completed"]
    await monitor.press("e")
    assert len(rows(monitor)) == 11
    # x finds failures in folded branches, and a search unfolds what it finds until it ends.
    await monitor.press("E", "circumflex_accent")
    found = []
    for key in ("x", "x", "x", "X"):
        await monitor.press(key)
        found.append(next(row for row in rows(monitor) if row.startswith(">")))
    assert found == ["> shard", "> leaf", "> shard", "> leaf"]
    before = len(rows(monitor))
    await monitor.press("slash", *"page", "enter")
    assert len(rows(monitor)) == 11
    await monitor.press("n")
    assert target(pane) is not None
    await monitor.press("circumflex_accent", "escape")
    assert len(rows(monitor)) == before


@on_monitor(planted)
async def test_tree_stays_while_another_run_is_fetched(monitor: Monitored) -> None:
    pane = await opened(monitor)
    monitor.api.fleet.fault = lambda _: JSONResponse({"error": "busy"}, 503)
    await monitor.press("k", "enter")
    assert pane.selection.run_id == "run_000000000000000000000009"
    assert rows(monitor) == ["import", "plan", "shard", "> leaf", "notify", "5 completed"]
    assert "The tree could not be read: 503 busy. r tries again." in monitor.text
    monitor.api.fleet.fault = lambda _: None
    await monitor.press("r", wait_s=10)
    assert "could not be read" not in monitor.text
    assert rows(monitor)[3] == "> leaf"


async def opened_waterfall(monitor: Monitored, *, zoom: bool = True) -> WaterfallPane:
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


@on_monitor(checkout_fleet)
async def test_keys_of_the_waterfall(monitor: Monitored) -> None:
    pane = await opened_waterfall(monitor)
    await monitor.press("x")
    assert names(monitor)[2] == "> charge-card"
    await monitor.press("h", "x")
    assert names(monitor)[3] == "> attempt 1"
    await monitor.press("h", "h", "P")
    assert names(monitor) == [*ALL[:2], "charge-card", "build-receipt", "render pdf", "> upload"]
    await monitor.press("P")
    assert "> charge-card" in names(monitor), "most of its time passed in the queue"
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


@on_monitor(checkout_fleet)
async def test_enter_goes_to_the_run_of_a_row(monitor: Monitored) -> None:
    pane = await opened_waterfall(monitor)
    await monitor.press("x", "enter", wait_s=2)
    assert pane.selection.run_id == CHARGE.id
    assert "waterfall · charge-card" in monitor.lines[1]
    await monitor.press("escape", wait_s=2)
    assert "waterfall · checkout" in monitor.lines[1]
    assert names(monitor)[2] == "> charge-card", "the cursor is where it was"


@on_monitor(checkout_fleet)
async def test_selected_span_is_described_after_one_read(monitor: Monitored) -> None:
    await opened_waterfall(monitor)
    await monitor.press("G", wait_s=1)
    assert "> upload" in names(monitor)
    text = monitor.text
    assert "◐ upload · span of build-receipt" in text
    assert "10.6s after the root, 1" in text
    assert "checkout → attempt 1 → build-receipt → upload  13s of the longest path, 1 of 9 by time" in text
    assert "warn  part 3 of 4 timed out, trying again  " in text
    assert 'attrs     { bucket: "receipts-eu", part: { number: 3 } }' in text
    assert f"{RECEIPT.id}  Enter opens this run" in text
    reads = len(monitor.api.fleet.requests_to(f"/api/v1/runs/{RECEIPT.id}/spans/upload@10.6"))
    await monitor.press("k", "j", wait_s=1)
    assert reads == len(monitor.api.fleet.requests_to(f"/api/v1/runs/{RECEIPT.id}/spans/upload@10.6")) == 1


def test_missing_and_failing_traces_are_sentences(tmp_path: Path) -> None:
    fleet = checkout_fleet()
    path = f"/api/v1/runs/{CHECKOUT.id}/trace"
    fleet.fault = lambda asked: JSONResponse({"error": "Trace not found"}, 404) if asked == path else None

    async def story(monitor: Monitored) -> None:
        await opened_waterfall(monitor)
        assert "This run has no trace on the server." in monitor.text
        fleet.fault = lambda asked: JSONResponse({"error": "busy"}, 503) if asked == path else None
        await monitor.press("r", wait_s=15)
        assert "The trace could not be read: 503 busy. r tries again." in monitor.text
        serve(fleet, checkout, isTruncated=True)
        await monitor.press("r", wait_s=5)
        assert names(monitor)[0] == "> checkout"
        assert "Trace cut at 5,000 rows, 18 spans received; the rest is not shown." in monitor.text
        assert " cut at 5,000 rows · " in monitor.lines[1]

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
        pane = await opened_waterfall(monitor)
        assert len(pane.page.rows) >= 10
        assert "\x1b" not in monitor.text
        assert "[red]x" in monitor.text
        for _ in range(8):
            await monitor.press(")", "}", "j", "P", "x")
        await monitor.press("(", "{", "i", "E", "e")
        assert "deepest" in monitor.text

    run_story(story, tmp_path, fleet)
