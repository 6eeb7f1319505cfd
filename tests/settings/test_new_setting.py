"""A new setting is one row of the schema: a copy of the program with one more has it wherever there are settings."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = '''
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
BEFORE = "    max_runs: Annotated["
CODE = """
import sys
from pathlib import Path
from tests.support.commands import in_this_process
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import run_story
from tui.settings.file import read_config

home = Path(sys.argv[1])
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

async def story(monitor):
    await monitor.press("colon", *"set pets 7")
    assert "pets is pets without the seventh, not 7" in monitor.text
    await monitor.press("backspace", "6")
    assert "6 pets are kept until the program ends; not saved" in monitor.text
    await monitor.press("enter")
    assert monitor.session.settings.pets == 6

file.write_text("pets = 4")
run_story(story, home, small_fleet(2), file=read_config(file, shown="FILE"))
"""


def test_new_setting_is_one_row(tmp_path: Path) -> None:
    copy = tmp_path / "copy" / "tui"
    (copy / "settings").mkdir(parents=True)
    for folder in ("", "settings"):
        for each in (ROOT / "tui" / folder).iterdir():
            if each.name not in {"settings", "schema.py", "__pycache__"}:
                (copy / folder / each.name).symlink_to(each)
    source = (ROOT / "tui" / "settings" / "schema.py").read_text(encoding="utf-8")
    assert source.count(BEFORE) == 1
    (copy / "settings" / "schema.py").write_text(source.replace(BEFORE, f"{ROW}\n{BEFORE}"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": f"{copy.parent}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
