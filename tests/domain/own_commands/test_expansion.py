"""Values of the selection become arguments exactly as they are, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.error import RunError
from tui.domain.error_kinds import kind_of
from tui.domain.own_commands import (
    PLACEHOLDERS,
    CannotRun,
    CommandScope,
    Subject,
    TemplateError,
    expand,
    parse_template,
)
from tui.domain.run import Fixed, Precision, Run, RunId, Stamp, State, TaskId, parse_status
from tui.domain.text import Raw

AT = datetime(2026, 11, 26, tzinfo=UTC)
STACK = Raw("Error: no\n    at charge (/app/src/lib/stripe.ts:52:7)\n    at node:internal/x:1:1")
ERROR = RunError(Raw("no"), Raw("Error"), STACK)
STATE = State(AT, Precision.DETAIL, parse_status("FAILED"), tags=(Raw("a b"), Raw("-x")))
RUN = Run(
    RunId("run_1"), Fixed(TaskId("charge"), version=Raw("20261126.3")), STATE,
    error=(Stamp(AT, Precision.DETAIL, AT), ERROR),
)  # fmt: skip
OF_RUN = Subject("prod", "proj_x", "https://api", RUN, "https://dash/run_1", TaskId("charge"))
OF_GROUP = Subject("prod", "proj_x", "https://api", task=TaskId("charge"), kind=kind_of(ERROR))
OF_MARKS = Subject("prod", "proj_x", "https://api", runs=(RunId("run_2"), RunId("run_1")))
OF_TASK = replace(OF_RUN, run=None, run_url=None)
SUBJECTS = {
    CommandScope.RUN: OF_RUN, CommandScope.GROUP: OF_GROUP, CommandScope.MARKS: OF_MARKS, CommandScope.TASK: OF_TASK,
}  # fmt: skip

HOSTILE = ["; rm -rf /", "$(id)", "a\nb", "'\"", "-x", "--", "日本", "\x1b[2J", "{run.id}", "{{", "\\", "*"]
texts = st.sampled_from(HOSTILE) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
)


def arguments(*template: str, subject: Subject = OF_RUN, scope: CommandScope = CommandScope.RUN) -> list[str]:
    return list(expand(parse_template(template, scope), subject).arguments)


def refusal(*template: str, subject: Subject = OF_RUN, scope: CommandScope = CommandScope.RUN) -> str:
    with pytest.raises((TemplateError, CannotRun)) as raised:
        arguments(*template, subject=subject, scope=scope)
    return str(raised.value)


def with_values(task: str, tags: list[str]) -> Subject:
    run = replace(RUN, state=replace(STATE, tags=tuple(map(Raw, tags))))
    return replace(OF_RUN, run=run, task=TaskId(task))


def test_every_placeholder_has_a_value_in_its_scopes() -> None:
    values = {
        (name, scope): arguments("p", f"{{{name}}}", subject=SUBJECTS[scope], scope=scope)[1:]
        for name, placeholder in PLACEHOLDERS.items()
        for scope in placeholder.scopes
    }
    assert all(values.values())
    assert values["run.tags", CommandScope.RUN] == ["a b", "-x"]
    assert values["runs", CommandScope.MARKS] == ["run_2", "run_1"]
    assert values["run.status", CommandScope.RUN] == ["COMPLETED_WITH_ERRORS"]
    assert values["error.frame", CommandScope.RUN] == ["src/lib/stripe.ts:52"]
    assert values["group.frame", CommandScope.GROUP] == ["src/lib/stripe.ts"]
    assert values["error.message", CommandScope.RUN] == ["no"]


@given(task=texts, tags=st.lists(texts, max_size=4), around=st.tuples(texts, texts))
def test_arguments_are_the_values_themselves(task: str, tags: list[str], around: tuple[str, str]) -> None:
    before, after = (text.replace("{", "{{").replace("}", "}}") for text in around)
    found = arguments("p", "{task.id}", f"{before}{{task.id}}{after}", "{run.tags}", "-t={run.tags}", "z",
                      subject=with_values(task, tags))  # fmt: skip
    wrapped = around[0] + task + around[1]
    assert found == ["p", task, wrapped, *tags, *(f"-t={tag}" for tag in tags), "z"]


@given(texts)
def test_text_without_placeholders_stays_as_it_is(text: str) -> None:
    assert arguments("p", text.replace("{", "{{").replace("}", "}}")) == ["p", text]


@given(st.lists(texts, min_size=1, max_size=4))
def test_a_value_that_may_be_an_option_is_named(tags: list[str]) -> None:
    subject = with_values("-rf", tags)
    looks_so = any(tag.startswith("-") for tag in tags)

    def options(*template: str) -> tuple[str, ...]:
        return expand(parse_template(template, CommandScope.RUN), subject).options

    assert options("p", "{run.tags}") == (("run.tags",) if looks_so else ())
    assert options("p", "--", "{run.tags}", "{task.id}") == ()
    assert options("p", "--tag={run.tags}") == ()
    assert options("p", "{task.id}", "--") == ("task.id",)


def test_missing_value_is_named() -> None:
    bare = replace(OF_RUN, run=Run(RunId("run_1")), run_url=None, task=None, project=None, api=None, environment=None)
    assert refusal("p", "{run.version}", subject=bare) == "{run.version} has no value: the run has no version"
    for name in set(PLACEHOLDERS) - {"run.id"}:
        if CommandScope.RUN in PLACEHOLDERS[name].scopes:
            assert refusal("p", f"{{{name}}}", subject=bare).startswith(f"{{{name}}} has no value: ")
    assert arguments("p", "{run.tags}", subject=with_values("t", [])) == ["p"], "known to have none"


@pytest.mark.parametrize("value", ["a\0b", "\ud800"], ids=["null", "surrogate"])
def test_impossible_value_is_refused(value: str) -> None:
    assert "which no argument can hold" in refusal("p", "{task.id}", subject=with_values(value, []))


def test_wrong_template_says_what_was_expected() -> None:
    for template, text in (
        (("p", "{run.idd}"), "unknown placeholder {run.idd}; did you mean {run.id}?"),
        (("p", "{runs}"), '{runs} needs scope = "marks"'),
        (("p", "{group.type}"), '{group.type} needs scope = "error group"'),
        (("p", "{"), "expected } after the name of a placeholder; write {{ for a brace"),
        (("p", "{}"), "unknown placeholder {}; expected one of run.id, "),
        (("{run.task}",), "expected the name of a program, not a placeholder"),
        (("",), "expected the name of a program"),
        (("p", "{run.tags}{run.tags}"), "expected at most one placeholder for a list in one argument"),
    ):
        assert refusal(*template).startswith(text)


def test_value_is_never_a_part_of_a_script() -> None:
    for template in (
        "sh -c {run.id}", "/bin/bash -o pipefail -ec x{run.id}", "env A=1 zsh -c {run.id}", "sudo -u x sh -c {run.id}",
        "python3.12 -I -c {run.id}", "node --eval={run.id}", "perl -ne {run.id}", "ssh host ls {run.id}",
        "eval {run.id}", "watch ls {run.id}", "tmux new-window {run.id}", "awk -v a=b {run.id}",
        "busybox sh -c {run.id}", "bash -c -- {run.id}", "bash -cx -- {run.id}", "bash --rcfile f -ic {run.id}",
        "node -r m -e {run.id}", "php -d a=b -r {run.id}", "lua -l m -e {run.id}", "su - u -c {run.id}",
        "flock /lock -c {run.id}", "script f -c {run.id}", "deno eval {run.id}", "env -S {run.id}",
        "env -Ssh\u00a0{run.id}", "fish --init-command={run.id}", "pwsh -Command {run.id}", "nix-shell --run {run.id}",
        "python3 -X dev -c {run.id}", "sudo -s {run.id}", "bash -euo pipefail -c {run.id}",
        "bash -ceo pipefail {run.id}", "perl -e 1; -e {run.id}", "ruby -e 1 -ne {run.id}", "su -p u -c {run.id}",
    ):  # fmt: skip
        assert "expected no placeholder" in refusal(*template.split()), template
    for template in (
        "sh -c x sh {run.id}", "python3 a.py -c {run.id}", "sh a.sh {run.id}", "awk -v a={run.id} x",
        "grep ssh {run.id}", "sh -c -- x sh {run.id}", "su u a.sh {run.id}", "env -u A echo {run.id}",
        "node -r m a.js -e {run.id}", "deno run a.ts eval {run.id}", "sudo -u x echo {run.id}",
        "bash -euo pipefail a.sh {run.id}", "su -c x u sh {run.id}",
    ):  # fmt: skip
        assert arguments(*template.split())[-1] in {"run_1", "x"}, template
