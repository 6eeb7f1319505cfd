"""`src/trigger/posts.ts`: posts of the blog, which a person must approve before they are published."""

from random import Random

from tui.emulator.demo_tasks.sample_data import between, pick, skewed_ms
from tui.emulator.simulation.script import Call, Json, Log, Script, SetMetadata, Span, Task, Wait, Work

FILE = "src/trigger/posts.ts"
APPROVALS = ("legal-approval", "editor-approval")
APPROVED_MS = (4_000, 40_000)
"""How long a person takes, at least and at most."""

TIMEOUT_MS = 86_400_000
"""How long an approval is waited for."""


def _post(random: Random) -> Json:
    return {"post": between(random, 1_000, 10_000), "approval": pick(random, APPROVALS)}


def _publish_post(call: Call) -> Script:
    random, post = call.random, call.payload
    number, approval = post["post"], str(post["approval"])
    token = Span("wait.createToken()", 0.3, icon="wait-token")
    drafted = Log("INFO", f"post {number} needs {approval}", {"post": number})
    return Script(
        (
            SetMetadata({"status": "waiting for approval", "progress": 0}),
            Work(skewed_ms(random, 200, 900), (drafted, token)),
            Wait(between(random, *APPROVED_MS), is_token=True, timeout_ms=TIMEOUT_MS, tags=(approval,)),
            Work(skewed_ms(random, 150, 800), (Log("INFO", f"published post {number}"),)),
            SetMetadata({"status": "done", "progress": 100}),
        ),
        {"url": f"https://blog.example.com/{number}"},
    )


TASKS = (Task("publish-post", _publish_post, FILE, weight=0.3, payload=_post),)
