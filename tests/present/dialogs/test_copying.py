"""The texts that can be copied from a run."""

from dataclasses import replace

from tests.support.present.samples import full, sample
from tui.domain.text import Raw
from tui.features.copying.words import clips_of, error_text, json_of


def test_copied_text_is_raw() -> None:
    clips = {clip.name: clip.text for clip in clips_of(full("日\x1b"))}
    assert clips["payload"] == '{"order日\\u001b": "ord_1001日\\u001b"}'
    assert clips["output"] == '["out日\\u001b", 42]'
    assert clips["metadata"] == '{"step日\\u001b": "charge日\\u001b"}'
    assert clips["error"] is not None
    assert clips["error"].startswith("CardError日\x1b: Card was declined日\x1b\nno frames")
    assert [clip.name for clip in clips_of(sample())] == ["id"]


def test_error_repeated_by_its_stack_is_copied_once() -> None:
    last = full().attempts
    assert last is not None
    first = last[1].attempts[0].error
    assert first is not None
    text = error_text(
        replace(first, message=Raw("Upstream"), name=Raw("Error"), stack=Raw("Error: Upstream\n    at x"))
    )
    assert text.startswith("Error: Upstream\n    at x\ncaused by TypeError: fetch failed\n")


def test_json_with_lone_surrogates_is_escaped() -> None:
    assert json_of(["\ud800"]) == '["\\ud800"]'
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    assert json_of(deep) == "[" * 5001 + "]" * 5001
