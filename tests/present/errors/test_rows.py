from dataclasses import replace

from tests.support.present.attempt_pages import fold_named, of, rows_of, text, thrice
from tests.support.present.samples import (
    STACK,
    attempt,
    failure,
    sample,
)
from tui.domain.error import RunError
from tui.domain.text import Raw


def test_equal_errors_are_shown_once() -> None:
    def note(*messages: str) -> str:
        attempts = (attempt(number, error=failure(1, message)) for number, message in enumerate(messages, 1))
        return text(of(sample("FAILED", attempt_count=len(messages)), *attempts))

    assert "the same in both attempts\n" in note("boom", "boom") + "\n"
    assert "the same in attempt 2\n" in note("bang", "boom", "boom")
    assert "the same in 3 of 4 attempts, but for the numbers" in note("boom 1", "bang", "boom 2", "boom 3")
    assert "the same" not in note("boom", "bang")


def test_only_the_first_own_frame_stands_out() -> None:
    bold = [piece.text for row in rows_of(thrice()) for piece in row.line if piece.is_bold]
    assert bold == ["3", "Error", "(anonymous)", "src/trigger/charge.ts:20"]


def test_enter_unfolds_all_frames_in_their_order() -> None:
    run = thrice()
    key = fold_named(run, "⋯ 2 frames")
    shown = text(run, 118, toggled=frozenset({key}))
    places = [shown.index(each) for each in ("charge.ts:20", "charge.ts:11", "x.ts:67", "async_context_frame:65")]
    assert places == sorted(places)
    assert "▾ 2 frames  @trigger.dev/core 1 · node 1" in shown
    assert fold_named(run, "▾ 2 frames", toggled=frozenset({key})) == key


def test_search_unfolds_everything() -> None:
    assert "async_context_frame" not in text(thrice(), 118)
    assert "async_context_frame" in text(thrice(), 118, opens_all=True)


def test_causes_follow_in_order() -> None:
    foreign = Raw("TypeError: fetch failed\n    at fetch (node:internal/deps/undici/undici:14:9)")
    deepest = RunError(Raw("fetch failed"), Raw("TypeError"), foreign, "ECONNRESET")
    middle = RunError(Raw("answered 503"), Raw("UpstreamError"), STACK, causes=(deepest,))
    error = replace(failure(1), causes=(middle,))
    shown = text(of(sample("FAILED"), attempt(1, error=error)), 118)
    assert shown.index("caused by UpstreamError answered 503") < shown.index(
        "caused by TypeError [ECONNRESET] fetch failed"
    )
    assert "⋯ 1 frame  node 1, none of yours" in shown


def test_stack_without_own_frames_starts_unfolded() -> None:
    foreign = Raw("Error: boom\n    at connect (file:///app/node_modules/pg/lib/client.js:132:9)")
    shown = text(of(sample("FAILED"), attempt(1, error=RunError(Raw("boom"), Raw("Error"), foreign))))
    assert "pg/lib/client.js:132" in shown
    assert "▾ 1 frame  pg 1, none of yours" in shown


def test_recursion_does_not_fill_the_page() -> None:
    stack = Raw("Error: deep\n" + "    at down (file:///app/src/a.ts:1:1)\n" * 300)
    run = of(sample("FAILED"), attempt(1, error=RunError(Raw("deep"), Raw("Error"), stack)))
    assert text(run).count("src/a.ts:1") == 20
    assert "⋯ 280 frames  yours 280" in text(run)


LONG_PATH = Raw(
    "Error: boom\n    at run (file:///app/src/trigger/a/very/long/path/to/the/thing/that/fails/in/this/place/charge.ts:31:13)"
)


def test_long_path_wraps_behind_a_slash_or_keeps_its_end() -> None:
    run = of(sample("FAILED"), attempt(1, error=RunError(Raw("boom"), Raw("Error"), LONG_PATH)))
    wrapped = [line.strip() for line in text(run).splitlines()]
    at = next(index for index, line in enumerate(wrapped) if line.startswith("src/trigger/a/"))
    assert wrapped[at - 1] == "run"
    assert "".join(wrapped[at : at + 2]) == (
        "src/trigger/a/very/long/path/to/the/thing/that/fails/in/this/place/charge.ts:31:13"
    )
    assert wrapped[at].endswith("/")
    cut = next(line for line in text(run, is_wrapped=False).splitlines() if "charge.ts" in line)
    assert "  …" in cut
    assert cut.endswith("/this/place/charge.ts:31:13")


def test_long_message_is_cut_counted_and_unfolded() -> None:
    message = Raw("\n".join(f"line {number}" for number in range(400)))
    run = of(sample("FAILED"), attempt(1, error=RunError(message, Raw("ZodError"))))
    assert "line 39" in text(run)
    assert "line 40" not in text(run)
    key = fold_named(run, "… 360 more lines  Enter shows the whole")
    whole = text(run, toggled=frozenset({key}))
    assert "line 399" in whole
    assert "▾ 400 lines" in whole


def test_message_of_megabytes_shows_its_size() -> None:
    run = of(sample("FAILED"), attempt(1, error=RunError(Raw("x" * 3_000_000), Raw("Error"))))
    key = fold_named(run, "… 3.0 MB in all  Enter shows more")
    assert len(rows_of(run, toggled=frozenset({key}))) < 2_100


def test_long_text_is_cut_without_wrapping() -> None:
    run = of(sample("FAILED"), attempt(1, error=RunError(Raw(f"{'long ' * 40}\nsecond"), Raw("Error"))))
    lines = text(run, is_wrapped=False).splitlines()
    assert lines[3].endswith("…")
    assert lines[4].strip() == "second"
