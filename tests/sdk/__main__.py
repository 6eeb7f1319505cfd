"""`python -m tests.sdk` runs the official SDK (`@trigger.dev/sdk`) against the emulator and prints a line for each
call.

It installs the SDK into a temporary folder, starts two emulators on free ports and runs `check.mjs` against them. The
exit code is 1 when a check fails. It needs node and npm, so it is not part of the suite. `--record` also writes the
SDK's requests to tests/emulator/sdk_requests.json, which `tests/emulator/test_sdk_requests.py` replays.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tui.emulator.recorded_tasks import RECORDED_LIMITS, RECORDED_TASKS
from tui.emulator.server.application import application
from tui.emulator.server.emulator import Emulator, Options, WorldClock
from tui.emulator.server.serving import serve_in_thread
from tui.emulator.world import DemoTasks

HERE = Path(__file__).parent
REQUESTS = HERE.parent / "emulator" / "sdk_requests.json"
SDK = "@trigger.dev/sdk"
END_S = 10


@contextmanager
def emulator() -> Iterator[str]:
    """Run an emulator and yield its URL."""
    command = [sys.executable, "-m", "tui", "emulator", "--port", "0", "--history", "300", "--rate", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent.parent) as process:
        assert process.stdout is not None
        try:
            address = re.search(r"http://\S+", process.stdout.readline())
            if address is None:
                sys.exit("the emulator did not start")
            yield address[0]
        finally:
            process.terminate()
            process.wait(END_S)


@contextmanager
def small() -> Iterator[str]:
    """Run an emulator with the recorded tasks, without runs of its own, and yield its URL."""
    company = DemoTasks(RECORDED_TASKS, limits=RECORDED_LIMITS)
    emulator = Emulator(company, Options(rate_per_s=0, history=0), WorldClock())
    with serve_in_thread(application(emulator), emulator) as url:
        yield url


def main() -> int:
    """Install the SDK, run the checks and print the result."""
    if not (shutil.which("node") and shutil.which("npm")):
        sys.exit("node and npm are needed")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "install", "--no-save", "--no-audit", "--no-fund", SDK], cwd=folder, check=True)
        for script in HERE.glob("*.mjs"):
            shutil.copy(script, folder)
        more = {"SDK_REQUESTS": str(REQUESTS)} if "--record" in sys.argv[1:] else {}
        with emulator() as url, small() as small_url:
            more |= {"TRIGGER_API_URL": url, "TRIGGER_SMALL_URL": small_url, "TRIGGER_SECRET_KEY": "tr_dev_emulator"}
            environ = {**os.environ, **more}
            return subprocess.run(["node", "check.mjs"], cwd=folder, env=environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
