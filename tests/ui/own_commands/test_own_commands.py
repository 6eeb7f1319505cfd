"""Commands of one's own in the monitor: what they get, when they ask, and where they are hidden."""

import json
from pathlib import Path

from tests.support.fleet import SECRET, Fleet, FleetRun, fleet_of
from tests.support.ui.fleets import failing_fleet, small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tests.support.ui.own_commands import Recorder, config_of, entry, environ, until_real
from tui.features.errors.screen import ErrorsScreen
from tui.features.own_commands.view import OwnCommandScreen
from tui.kit.state_files import SettingsChange
from tui.settings.settings import with_file
from tui.sync.actions import FILE_NAME

HOSTILE = "; rm -rf / $(id) `id` \"a\" 'b' \x1b[2J \\ * {run.id} 日本"
LINES = "line one\nline two -x %s\n\n"


def hostile_fleet(task: str = HOSTILE) -> Fleet:
    return fleet_of(FleetRun(1, -20.0, -19.0, -15.0, "FAILED", task=task, message=LINES))


def reports_of(monitor: Monitored, name: str) -> list[str]:
    """Return how a command ended, each time: two ends after the same milliseconds are one message with a count."""
    return [
        each.text for each in monitor.app.messages if each.text.startswith(f"{name} on ") for _ in range(each.count)
    ]


async def until_end(monitor: Monitored, name: str) -> None:
    await until_real(monitor, lambda: bool(reports_of(monitor, name)), "the end of the command")


def is_asking(monitor: Monitored) -> bool:
    return isinstance(monitor.app.screen, OwnCommandScreen)


def footer(monitor: Monitored) -> str:
    return monitor.lines[-1]


def test_hostile_values_are_arguments(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    command = recorder.command("{run.id}", "{run.task}", "a{task.id}b", "--", "{error.message}", "{environment}")
    file = config_of(tmp_path, entry("record", command, key="K", background=True))

    async def story(monitor: Monitored) -> None:
        await monitor.press("j")
        assert "K record" in footer(monitor)
        await monitor.press("enter", wait_s=1)
        await monitor.press("K")
        await until_end(monitor, "record")
        run_id = FleetRun(1, 0).id
        message = monitor.session.store.get(run_id).error_value.message  # type: ignore[arg-type, union-attr]
        assert message == LINES
        assert recorder.arguments == [run_id, HOSTILE, f"a{HOSTILE}b", "--", LINES, "dev"]
        assert recorder.stdin == "/dev/null"
        assert recorder.variables["HARMLESS"] == "yes"
        assert not [value for value in recorder.variables.values() if "of_the_shell" in value or SECRET in value]
        assert not {"TRIGGER_ACCESS_TOKEN", "TRIGGER_TUI_RELAY_TOKEN", "MY_COPY"} & set(recorder.variables)
        assert reports_of(monitor, "record")[0].startswith(f"record on {run_id} exited with code 0 after ")
        assert "record exited with code 0" in footer(monitor)

    run_story(story, tmp_path, hostile_fleet(), environ=environ(), file=file)
    log = [json.loads(line) for line in (tmp_path / "trigger-tui" / FILE_NAME).read_text().splitlines()]
    assert [(each["command"], each["phase"], each.get("exitCode")) for each in log] == [
        ("record", "started", None), ("record", "ended", "0"),
    ]  # fmt: skip
    assert "rm -rf" not in json.dumps(log)


def test_key_is_handed_over_only_where_asked_for(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    show = ["sh", "-c", 'echo "key=$TRIGGER_SECRET_KEY"; sh "$@"', "sh", *recorder.command()[1:]]
    file = config_of(
        tmp_path,
        entry("with key", show, key="K", background=True, env=["TRIGGER_SECRET_KEY", "HARMLESS"]),
        entry("other", show, key="U", background=True, env=["NO_SUCH"]),
    )

    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "K")
        await until_end(monitor, "with key")
        assert recorder.variables["TRIGGER_SECRET_KEY"] == SECRET
        assert recorder.variables["TRIGGER_API_URL"] == monitor.session.settings.api_url
        assert "MY_COPY" not in recorder.variables
        assert reports_of(monitor, "with key")[0].endswith("\n  key=tr_…")
        assert not any(SECRET in argument for argument in recorder.arguments)
        await monitor.press("U")
        assert footer(monitor).rstrip().endswith("other: NO_SUCH is not set")
        # A file that others may write runs nothing, and a changed file changes the commands at once.
        before = monitor.session.settings
        for mode, name in ((0o666, "new"), (0o600, "newer")):
            later = config_of(tmp_path, entry(name, recorder.command("{run.id}"), key="I", background=True), mode=mode)
            monitor.session.change_settings(with_file(before, later))
            monitor.app._on_settings_changed(SettingsChange(before, monitor.session.settings))
            await monitor.later(5)
            assert ("I newer" in footer(monitor)) is (mode == 0o600)
            assert "K with key" not in footer(monitor)
            await monitor.press("I")
            if mode == 0o666:
                assert footer(monitor).endswith("new: not run, others may write the file (chmod go-w)")
        await until_end(monitor, "newer")

    run_story(story, tmp_path, small_fleet(), environ=environ(), file=file)


def test_question_comes_before_what_may_harm(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    file = config_of(
        tmp_path,
        entry("plain", recorder.command("{run.task}"), key="K", background=True),
        entry("asks", recorder.command("--", "{run.task}"), key="U", background=True, confirm=True),
    )

    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "K")
        assert is_asking(monitor), "the task begins with -"
        assert 'The value of {run.task} begins with "-": sh may read it as an option.' in monitor.text
        assert "-rf '␊'" not in monitor.text
        assert "'-rf ␊'" in monitor.text
        await monitor.press("y")
        assert is_asking(monitor), "typed before the terminal has shown it"
        await monitor.answer()
        await monitor.press("enter")
        assert not is_asking(monitor)
        await monitor.press("U")
        await monitor.answer()
        assert "begins with" not in monitor.text
        await monitor.press("escape", "U")
        await monitor.answer()
        assert not recorder.was_called
        await monitor.press("y")
        await until_end(monitor, "asks")
        await monitor.press("U")
        await monitor.later(11)
        assert "type run and Enter" in monitor.text, "a terminal that never answers"
        await monitor.press(*"run", "enter")
        await until_real(monitor, lambda: len(reports_of(monitor, "asks")) == 2, "the second end")
        assert recorder.arguments == ["--", "-rf \n"]

    run_story(story, tmp_path, hostile_fleet("-rf \n"), size=(80, 24), environ=environ(), file=file)


def test_commands_are_hidden_where_they_may_not_run(tmp_path: Path) -> None:
    show = ["echo", "{run.id}"]
    file = config_of(
        tmp_path,
        entry("deploy", show, key="K", background=True),
        entry("not in prod", show, key="U", background=True, production=False, readonly=True),
        entry("look", show, key="I", background=True, readonly=True),
        entry("no key", show, background=True),
    )
    production = small_fleet()
    production.lead_to("prod", "PRODUCTION")

    async def read_only(monitor: Monitored) -> None:
        await monitor.press("j")
        assert "U not in prod   I look" in footer(monitor)
        assert "deploy" not in footer(monitor)
        await monitor.press("K")
        assert "K is not a key here" in footer(monitor)
        await monitor.press("?")
        assert "yours" in monitor.text
        assert "deploy" not in monitor.text
        await monitor.press("escape", "colon", *"no key")
        assert "No command no." in monitor.text

    async def in_production(monitor: Monitored) -> None:
        await monitor.press("j")
        assert "K deploy   I look" in footer(monitor)
        await monitor.press("I")
        await until_end(monitor, "look")
        await monitor.press("K")
        assert is_asking(monitor), "what may write always asks in production"
        assert "PRODUCTION" in monitor.lines[monitor.line_of("Run deploy?") - 2]

    run_story(read_only, tmp_path, small_fleet(), environ=environ(), file=file, read_only=True, size=(160, 40))
    run_story(in_production, tmp_path, production, environ=environ(), file=file, size=(160, 40))


def test_one_key_serves_marks_runs_and_groups(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    file = config_of(
        tmp_path,
        entry("one", recorder.command("{run.id}"), key="K", background=True),
        entry("all", recorder.command("{runs}"), key="K", scope="marks", background=True),
        entry("group", recorder.command("{group.message}", "{task.id}"), key="K", scope="error group", background=True),
        entry("by name", recorder.command("{group.type}"), scope="error group", background=True),
    )

    async def story(monitor: Monitored) -> None:
        await monitor.press("K")
        assert "all: no run is marked" in footer(monitor)
        await monitor.press("j")
        assert "K one" in footer(monitor)
        await monitor.press("space", "space")
        assert "K all" in footer(monitor)
        await monitor.press("K")
        await until_end(monitor, "all")
        assert recorder.arguments == [FleetRun(1, 0).id, FleetRun(2, 0).id]
        await monitor.press("exclamation_mark", wait_s=2)
        assert isinstance(monitor.app.screen, ErrorsScreen)
        await monitor.press("K")
        await until_end(monitor, "group")
        assert recorder.arguments == ["Upstream returned 503", "task-0"]
        await monitor.press("colon", *"by name", "enter")
        await until_end(monitor, "by name")
        assert recorder.arguments == ["Error"]

    run_story(story, tmp_path, failing_fleet(), environ=environ(), file=file)
