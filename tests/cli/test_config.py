"""`trigger-tui config`, and what a wrong config file does to other commands."""

import json
import sys
from pathlib import Path

from tests.perf.terminal import Terminal
from tests.support.commands import Done, environment, in_this_process
from tests.support.fleet import SECRET
from tests.support.raw_server import serving, until_closed
from tests.support.recording_server import RecordingsApi
from tui.kit.colors import PALETTES, ColorMode
from tui.program.main import importers, load
from tui.settings.description import config_schema

FAILED = "run_cmwuqwphl00009f7de45f6e3t"
PATH = ".config/trigger-tui/config.toml"


def run(home: Path, *arguments: str, **more: str) -> Done:
    return in_this_process("config", *arguments, HOME=str(home), XDG_CONFIG_HOME="", **more)


def write(home: Path, text: str) -> Path:
    path = home / PATH
    path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_init_in_an_empty_home_writes_a_file_that_is_right(tmp_path: Path) -> None:
    first = run(tmp_path, "--init")
    assert (first.code, first.err) == (0, "")
    path = tmp_path / PATH
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    text = path.read_text()
    assert run(tmp_path, "--check").code == 0
    again = run(tmp_path, "--init")
    assert (again.code, again.err) == (2, f"~/{PATH} already exists; it was not changed\n")
    assert path.read_text() == text


def test_init_follows_no_link(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert run(tmp_path, "--init").code == 2
    assert not (tmp_path / "elsewhere").exists()


def test_check_says_what_is_wrong(tmp_path: Path) -> None:
    write(tmp_path, 'theme = "drak"\n[colors]\nrose = 12\n')
    done = run(tmp_path, "--check")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        f'~/{PATH}: theme: expected "auto", "dark", "light" or "16", got "drak"',
        f"~/{PATH}: colors.rose: expected a colour such as #aabbcc, got 12",
    ]


def test_check_knows_the_columns_and_the_addresses(tmp_path: Path) -> None:
    columns = '[columns]\nruns = ["x y", "task", "tosk"]\n'
    view = '[[views]]\nname = "n"\naddress = "rans?"\n'
    write(tmp_path, columns + '[[views]]\nname = "n"\n' + view)
    done = run(tmp_path, "--check")
    assert done.code == 2
    wheres = [line.removeprefix(f"~/{PATH}: ").partition(": ")[0] for line in done.err.splitlines()]
    assert wheres == ["columns.runs[0]", "views[0].address", "columns.runs[2]", "views[1].address"]


def test_keys_are_listed_with_their_ids(tmp_path: Path) -> None:
    write(tmp_path, '[keys]\npause = ["P", "F8"]\nnext-error = "K"\nzoom = "unbind"\n')
    rows = {row["id"]: (row["keys"], row["default"]) for row in run(tmp_path, "--keys", "--json").objects}
    assert rows["next-error"] == (["K"], ["x"])
    assert rows["zoom"] == ([], ["z"])
    assert rows["pause"] == (["p"], ["p"]), "P is a key of the waterfall"
    assert "By default x." in run(tmp_path, "--keys").out


def test_check_remarks_on_a_low_contrast(tmp_path: Path) -> None:
    write(tmp_path, 'theme = "dark"\n[colors]\nrose = "#301010"\n')
    done = run(tmp_path, "--check", COLORTERM="truecolor", TERM="xterm-256color")
    assert done.code == 0
    assert done.err.startswith(f"~/{PATH}: colors.rose: expected a contrast of 4.5:1 with surface, got 1.")


def test_each_command_that_reads_the_file_takes_another_one() -> None:
    without = {name for name in importers() if not any("--config" in option.opts for option in load(name).params)}
    assert without == {"completion", "emulator"}


def test_config_names_the_origin_of_each_value(tmp_path: Path) -> None:
    write(tmp_path, 'theme = "light"\ninterval = 5\nmax_runs = 20000\n[keys]\nnext-error = ["K", "F8"]\n')
    done = run(tmp_path, "--json", "--interval", "9", TRIGGER_TUI_SLOW="1")
    rows = {row["name"]: (row["value"], row["origin"]) for row in done.objects}
    assert rows["theme"] == ("light", "file")
    assert rows["interval"] == (9, "--interval")
    assert rows["max_runs"] == (20_000, "file")
    assert rows["link.slow"] == ("always", "TRIGGER_TUI_SLOW")
    assert rows["timezone"] == ("UTC", "default")
    assert rows["keys.next-error"] == (["K", "F8"], "file")
    assert rows["key"] == ("set, not shown", "TRIGGER_SECRET_KEY")
    text = run(tmp_path)
    assert "light" in text.out
    assert SECRET not in done.out + text.out + text.err


def test_config_shows_every_setting_of_the_file(tmp_path: Path) -> None:
    lists = 'columns.runs = ["task"]\nbell.quiet_hours = ["22:00-07:00"]\n'
    write(tmp_path, lists + 'keys.pause = "unbind"\n[programs]\npager = ["less", "-R"]\n[colors]\nrose = "#ff0000"\n')
    done = run(tmp_path, "--json", EDITOR="vim", VISUAL="code --wait", PAGER="more")
    rows = {row["name"]: (row["value"], row["origin"]) for row in done.objects}
    tables = config_schema()["$defs"]
    for name, field in tables["FileSettings"]["properties"].items():
        if "$ref" in field:
            inner = tables[field["$ref"].rpartition("/")[2]]["properties"]
            assert {f"{name}.{each}" for each in inner} <= set(rows)
        elif name != "keys":
            assert name in rows
    assert rows["columns.runs"] == (["task"], "file")
    assert rows["columns.errors"] == ([], "default")
    assert rows["bell.quiet_hours"] == (["22:00-07:00"], "file")
    assert rows["bell.ring"] == ("off", "default")
    assert rows["programs.editor"] == (["code --wait"], "VISUAL")
    assert rows["programs.pager"] == (["less", "-R"], "file")
    assert rows["keys.pause"] == (["unbind"], "file")
    assert rows["colors.rose"] == ("#ff0000", "file")
    assert rows["colors.bg"] == (PALETTES[ColorMode.DARK]["bg"], "default")
    nothing = {row["name"]: row["value"] for row in run(tmp_path / "none", "--json").objects}
    assert nothing["keys"] == []


def test_config_needs_no_key(tmp_path: Path) -> None:
    done = run(tmp_path, TRIGGER_SECRET_KEY="")
    assert done.code == 0
    assert "not set" in done.out


def test_schema_is_printed(tmp_path: Path) -> None:
    assert json.loads(run(tmp_path, "--schema").out) == json.loads(json.dumps(config_schema()))


def test_ls_and_ticket_show_times_in_the_zone_of_the_file(tmp_path: Path, recordings_api: RecordingsApi) -> None:
    write(tmp_path, 'timezone = "Asia/Kolkata"\n')
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": ""}
    done = in_this_process("ls", "--period", "02:60-03:00", url=recordings_api.url, **home)
    assert "past times in IST" in done.err
    ticket = in_this_process("show", FAILED, "--markdown", url=recordings_api.url, **home).out
    page = in_this_process("show", FAILED, url=recordings_api.url, **home).out
    assert " IST" in ticket
    assert " UTC" not in ticket
    assert "times are IST" in page


def test_monitor_uses_a_file_that_changes_while_it_runs(tmp_path: Path) -> None:
    path = write(tmp_path, 'theme = "drak"\ntimezone = "Asia/Kolkata"\n')
    with serving(until_closed) as port:
        env = environment(f"http://127.0.0.1:{port}", HOME=str(tmp_path), XDG_CONFIG_HOME="")
        with Terminal([sys.executable, "-m", "tui"], env=env, size=(120, 24)) as terminal:
            terminal.wait_for("? keys", "IST")
            write(tmp_path, 'timezone = "UTC"\n[read_only]\neverywhere = true\n')
            terminal.wait_for("READ-ONLY", "UTC")
            path.unlink()
            terminal.send(":messages\r")
            terminal.wait_for('got "drak".', "read_only changed.", "is gone")
            assert "READ-ONLY" in terminal.lines[0]
