"""Cases of reports, and the content of their responses."""

from typing import Any

import httpx

from tests.emulator.contract.cases import again, case
from tests.emulator.contract.scene import Scene
from tui.emulator.simulation.new_run import NewRun

TRIGGERED_MANY = 60


def trigger_many(scene: Scene) -> None:
    for number in range(TRIGGERED_MANY):
        new = NewRun(task_id="leaf", payload={"n": number, "ms": 400, "fail": number % 7 == 0})
        scene.world().trigger(new)


@case("1169", "1170")
def health(scene: Scene, request: dict[str, Any]) -> httpx.Response:
    """Nothing for six days, then many runs within the hour, some of which fail."""
    trigger_many(scene)
    scene.advance(1800)
    answer = again(scene, request)
    scene.advance(30)
    assert again(scene, request).content == answer.content
    trigger_many(scene)
    scene.advance(40)
    assert again(scene, request).content != answer.content
    return answer


@case("1168", "1171", "1172")
def other_reports(scene: Scene, request: dict[str, Any]) -> httpx.Response:
    return again(scene, request)


def content(body: dict[str, Any]) -> Any:
    """The report's words and the names and units of its metrics, without numbers."""
    facts = body["facts"]
    return {
        "findings": [
            {key: each[key] for key in ("type", "severity", "reason", "metricIds")} for each in body["findings"]
        ],
        "severity": body["summary"]["severity"],
        "metrics": [
            (each["id"], each["unit"], each.get("aggregation"), each.get("availability")) for each in body["metrics"]
        ],
        "trust": [facts[name] for name in ("trustworthy", "telemetry", "untrustworthyReason", "pendingEstimated")],
        "label": [body["title"], body["period"], body["baselineLabel"], body["windowMinutes"]],
        "advice": [each["code"] for each in body["footer"]],
    }
