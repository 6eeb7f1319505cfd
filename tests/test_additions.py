"""What is added often is one row or one file: copies of the program with one more have it wherever it belongs."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMPORTS = """
import sys
from pathlib import Path
from tests.support.commands import in_this_process
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import run_story

home = Path(sys.argv[1])
fleet = small_fleet(3)
stories = []
"""


def tell(tmp_path: Path, story: str, rows: Mapping[str, tuple[str, str]]) -> str:
    """Run a story in a copy of the program. `rows`: by file, a text and its replacement. Return its output."""
    copy = tmp_path / "copy" / "tui"
    for file, (old, new) in rows.items():
        for each in [copy / parent for parent in reversed(Path(file).parents)]:
            if each.is_symlink():
                each.unlink()
            each.mkdir(parents=True, exist_ok=True)
            for inner in (ROOT / "tui" / each.relative_to(copy)).iterdir():
                if not (each / inner.name).exists():
                    (each / inner.name).symlink_to(inner)
        source = (ROOT / "tui" / file).read_text(encoding="utf-8")
        assert source.count(old) == 1, f"{file} has {old!r} not once"
        (copy / file).unlink()
        (copy / file).write_text(source.replace(old, new), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-P", "-c", IMPORTS + story, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": f"{copy.parent}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


SETTING = '''
    pets: Annotated[
        int,
        ValueRule(
            "a whole number from 1 to 9",
            ge=1,
            le=9,
            check=lambda pets: "pets without the seventh" if pets == 7 else "",
            option=Option("--pets", "How many pets.", variable="TUI_PETS", of_variable={"few": 2}, expected="few"),
            live=Live("The pets", {"3": "as usual"}, "{} pets are kept"),
        ),
    ] = 3
    """How many pets are kept."""
'''


SETTING_STORY = """
from tui.settings.file import read_config

file = home / "config.toml"

def config(*arguments, **environ):
    return in_this_process("config", "--config", str(file), *arguments, HOME=str(home), **environ)

def shown(*arguments, **environ):
    rows = {row["name"]: (row["value"], row["origin"]) for row in config("--json", *arguments, **environ).objects}
    return rows["pets"]

assert config("--init").code == 0
assert "# How many pets are kept.\\n#pets = 3\\n" in file.read_text()
assert '"maximum": 9' in config("--schema").out
assert shown() == (3, "default")
file.write_text("pets = 4")
assert shown() == (4, "file")
assert shown(TUI_PETS="few") == (2, "TUI_PETS")
assert shown("--pets", "5", TUI_PETS="few") == (5, "--pets")
assert config("--pets", "10").code == 2
for wrong, words in (("10", "a whole number from 1 to 9"), ("7", "pets without the seventh")):
    file.write_text(f"pets = {wrong}")
    assert f"pets: expected {words}, got {wrong}" in config("--check").err

async def setting(monitor):
    await monitor.press("colon", *"set pets 7")
    assert "pets must be pets without the seventh" in monitor.text
    await monitor.press("backspace", "6")
    assert "6 pets are kept for this session only" in monitor.text
    await monitor.press("enter")
    assert monitor.session.settings.pets == 6

stories.append(setting)
"""


STATUS = """
    StatusRow("Suspended", S.WAITING_TO_RESUME, "SUSPENDED", "", ("SUSPENDED",), ("Suspended",)),
"""
STATUS_STORY = """
from tests.support.present.samples import sample
from tui.domain import run as status
from tui.features.runs.words import FAMILIES
from tui.features.command_line.model import STATUS_VALUES
from tui.store.filter import parse_filter
from tui.text.status import STATUS_STYLES, style_of_status

parsed = status.parse_status("SUSPENDED")
assert (parsed.title, parsed.canonical, parsed.rest_word) == ("Suspended", "WAITING_TO_RESUME", "SUSPENDED")
assert (style_of_status(parsed).word, style_of_status(parsed).glyph) == ("Suspended", STATUS_STYLES["Waiting"].glyph)
assert STATUS_VALUES["suspended"] == "Suspended"
assert "SUSPENDED" not in {*status.LIVE_WORDS, *status.RUNNING_WORDS}, "a server may refuse the word"
assert all("Suspended" not in titles for _, titles in FAMILIES)
assert status.filter_words("suspended") == ()

suspended = sample("SUSPENDED")
assert suspended.status_title == "Suspended"
assert parse_filter("status:suspended").matches(suspended) and parse_filter("status:live").matches(suspended)
assert not parse_filter("status:waiting").matches(suspended)

async def status_filter(monitor):
    await monitor.press("slash", *"status:susp", wait_s=1)
    asked = [query.get("filter[status]", "") for _, query in fleet.requests_to("/api/v1/runs")]
    assert any("EXECUTING" in each for each in asked) and not any("SUSPENDED" in each for each in asked)
    await monitor.press("escape", wait_s=1)

stories.append(status_filter)
"""


FIELD = """    "region": Field(_whole_value(lambda run: run.fixed.region), "where it runs", ("eu",)),
"""
FIELD_STORY = """
async def field(monitor):
    await monitor.press("slash", *"region:eu", "enter", wait_s=1)
    assert "0 of 3" in monitor.text
    await monitor.press("escape", wait_s=1)
    await monitor.press("colon", *"runs reg", wait_s=1)
    assert "where it runs" in monitor.text
    await monitor.press("tab", wait_s=1)
    assert "region:" in monitor.text
    await monitor.press("escape", "escape", "slash", *"regio:x", "enter", wait_s=1)
    assert 'no field "regio"; the fields are status task tag' in monitor.text, monitor.text
    await monitor.press("escape", wait_s=1)

stories.append(field)
"""


COLUMN = """
    Column("kind", "kind", lambda run, _now, _width: (Piece(run.fixed.task_kind or "·"),), 6, meaning="its kind"),
"""
COLUMN_STORY = """
async def column(monitor):
    await monitor.press("c", wait_s=1)
    assert "its kind" in monitor.text, monitor.text
    await monitor.press(*"jjjjjjjjjjj", "space", "enter", wait_s=1)
    assert " kind" in monitor.lines[2], monitor.text

stories.append(column)
"""


COMMAND = """
import click

@click.command("kinds")
@click.pass_obj
def kinds(output: Output) -> None:
    'Say the kinds of spans.'
    output.lines([(Piece("run attempt"),)])


"""
COMMAND_STORY = """
assert in_this_process("--help").code == 0
assert in_this_process("kinds").out == "run attempt\\n"
"""

MONITOR_STORY = """
async def story(monitor):
    for each in stories:
        await each(monitor)

file.write_text("pets = 4")
run_story(story, home, fleet, size=(200, 60), file=read_config(file, shown="FILE"))
"""


def test_addition_is_one_row_or_one_file(tmp_path: Path) -> None:
    rows = {
        "settings/schema.py": ("    max_runs: Annotated[", f"{SETTING}\n    max_runs: Annotated["),
        "domain/run.py": ('    StatusRow("Queued"', f'{STATUS}    StatusRow("Queued"'),
        "store/filter.py": ('    "took": Field(', f'{FIELD}    "took": Field('),
        "features/runs/columns.py": ("COST, TAGS_OR_ERROR)", f"COST, {COLUMN}TAGS_OR_ERROR)"),
        "features/tree/command.py": ("COMMANDS = (trace,)", f"{COMMAND}COMMANDS = (kinds, trace)"),
        "features/__init__.py": ('    "trace":', '    "kinds": _in("tree.command:COMMANDS"),\n    "trace":'),
    }
    stories = (SETTING_STORY, STATUS_STORY, FIELD_STORY, COLUMN_STORY, COMMAND_STORY, MONITOR_STORY)
    assert "Say the kinds of spans." in tell(tmp_path, "\n".join(stories), rows)
