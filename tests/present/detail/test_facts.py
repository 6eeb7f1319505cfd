import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.present.samples import NOW, full, sample, text_of
from tui.domain.run import Run
from tui.domain.text import Raw
from tui.features.detail import words as facts
from tui.features.detail.words import FACTS, DetailRead, DetailView, Fact, Relatives, detail_rows, fact_rows, whole_of
from tui.features.runs.command import run_page
from tui.features.runs.printed import run_object
from tui.text.blocks import Now
from tui.text.json import ValuePath, ValueRows, compact
from tui.text.styled import plain


def pane_text(run: Run) -> str:
    rows = detail_rows(run, Relatives(), DetailRead(), DetailView(), Now(NOW), 80, ValueRows())
    return text_of([row.line for row in rows])


def show_text(run: Run) -> str:
    return text_of(run_page(run, now=NOW, width=80))


def json_object(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(compact(run_object(run)))
    return found


def test_new_fact_is_in_the_pane_in_show_and_in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    fact = Fact("length", lambda run: len(run.id), remark="characters of the id", json_key="idLength")
    monkeypatch.setattr(facts, "FACTS", (*FACTS, fact))
    run = full()
    assert "length    29" in pane_text(run)
    assert "length    29             characters of the id" in show_text(run)
    assert json_object(run)["idLength"] == 29
    assert whole_of(run, ValuePath("length", ())) == "29"


def test_every_fact_of_a_full_run_has_one_row_in_show() -> None:
    lines = show_text(full()).splitlines()
    known = [fact.label for fact in FACTS if fact.text(full()) is not None]
    assert [line.split()[0] for line in lines if line.split() and line.split()[0] in known and line[0] != " "] == known


def test_json_keys_of_facts_are_unique_per_run() -> None:
    keys = [fact.json_key for fact in FACTS if fact.json_key and fact.text(full()) is not None]
    assert len(set(keys)) == len(keys)


def test_short_facts_share_a_row_and_long_ones_do_not() -> None:
    run = full()
    assert "version   20261124.3     eu-central-1" in pane_text(run)
    long = replace(run, fixed=replace(run.fixed, version=Raw("v" * 60)))
    labels = [plain(row.line)[:10].strip() for row in fact_rows(long, 60, is_seldom=False, is_wrapped=False)]
    assert labels[:2] == ["version", "region"]


def test_second_fact_stands_alone_when_the_first_is_unknown() -> None:
    run = sample()
    run = replace(run, fixed=replace(run.fixed, version=None, region=Raw("eu-central-1")))
    assert "region    eu-central-1" in pane_text(run)
