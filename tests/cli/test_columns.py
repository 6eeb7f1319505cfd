"""Columns of the config file in the real program."""

import json
import sys
import time
import urllib.request
from pathlib import Path

from tests.perf.terminal import Terminal
from tests.support.commands import environment, in_this_process
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.environment import DEVELOPMENT
from tui.emulator.server.application import application
from tui.emulator.server.emulator import Emulator, Options
from tui.emulator.server.serving import serve_in_thread

FILE = """
[columns]
runs = [
  "status",
  "no-such-column",
  { column = "metadata.progress", type = "bar", width = 14 },
  "payload.customer.id",
  { column = 'payload."order.total"', title = "total", type = "money", format = "€" },
  "age",
]
errors = ["error", "runs"]
"""
RUN = {
    "payload": {"customer": {"id": "cus_\u202e9"}, "order.total": 1204.5},
    "options": {"delay": "1h", "metadata": json.dumps({"progress": 0.42})},
}


def trigger(url: str) -> None:
    headers = {"authorization": f"Bearer {DEVELOPMENT.key}", "content-type": "application/json"}
    request = urllib.request.Request(f"{url}/api/v1/tasks/send-email/trigger", json.dumps(RUN).encode(), headers)
    urllib.request.urlopen(request).close()


def test_file_chooses_columns_of_the_monitor(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(FILE)
    emulator = Emulator(
        COMPANY, Options(environments=(DEVELOPMENT,), rate_per_s=0, history=40), lambda: time.time_ns() // 1_000_000
    )
    emulator.make(DEVELOPMENT.slug)
    with serve_in_thread(application(emulator), emulator) as url:
        trigger(url)
        env = environment(
            url, TRIGGER_SECRET_KEY=DEVELOPMENT.key, XDG_STATE_HOME=str(tmp_path), TRIGGER_TUI_CONFIG=str(path)
        )
        command = ["-m", "tui", "--no-realtime", "--no-title"]
        with Terminal([sys.executable, *command], env=env) as terminal:
            terminal.wait_for("━━━━─────  42%", "cus_�9", "€1,204.50")
            assert terminal.lines[2].split() == ["status", "progress", "customer.id", "total", "age"]
            terminal.send("!")
            terminal.wait_for("1:errors")
            assert terminal.lines[2].split()[:2] == ["error", "runs"]


def test_check_names_columns_that_do_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(FILE)
    done = in_this_process("config", "--check", "--config", str(path))
    assert done.code == 2
    assert "columns.runs[1]: expected status, task, run, took" in done.err
    assert 'got "no-such-column"; this entry is left out' in done.err


def test_check_names_types_of_columns_that_have_none(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    columns = '"task", { column = "cost", type = "bar" }, { column = "took", format = "s" }'
    path.write_text(f"[columns]\nruns = [{columns}]\n")
    done = in_this_process("config", "--check", "--config", str(path))
    assert done.code == 2
    assert "columns.runs[1]: only columns by path have a type and a format; this entry is left out" in done.err
    assert "columns.runs[2]: only columns by path" in done.err
