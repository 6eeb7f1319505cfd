"""What the health report makes of its measurements: findings, metrics with their normal values, and advice.

The form is that of recording 1169. Its words for a spike of triggers are recorded; those for other trouble are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tui.emulator.environment import Environment
from tui.emulator.reports.measures import Measured, Measures
from tui.emulator.rest.rows import iso_time
from tui.emulator.simulation.script import Json

SPIKE = 3.0
"""From this multiple of the normal rate on, triggers have a spike."""

FLAT = 0.15
"""A smaller change than this share of the normal value is none."""

FAILING = 2.0
"""From this multiple of the normal share on, failures are a finding."""

BASELINE = "vs your 7d normal"

TRIGGER_SPIKE = "trigger_spike"
_ORDER = ("ok", "warn", "crit")


@dataclass(frozen=True, slots=True)
class Finding:
    """A part of the report: its severity, its reason, and the metrics that show it."""

    type: str
    severity: str
    reason: str
    metrics: tuple[str, ...]
    read: str = ""
    advice: str = ""
    link: str = "runs"

    def as_json(self, *, is_execution_healthy: bool) -> dict[str, Json]:
        body: dict[str, Json] = {
            "type": self.type,
            "severity": self.severity,
            "reason": self.reason,
            "metricIds": list(self.metrics),
        }
        if self.advice:
            body["recommendation"] = {"code": self.advice, "link": self.link}
            body["exclusions"] = []
            body["observations"] = [{"code": "execution_healthy"}] if is_execution_healthy else []
        if self.read:
            body["read"] = self.read
        return body


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The report of an environment, made once a minute."""

    environment: Environment
    period: str
    measures: Measures

    @property
    def is_trustworthy(self) -> bool:
        """Whether its normal values may be relied on. A development environment has no telemetry (recording 1169)."""
        return self.has_telemetry and self.measures.has_normals

    @property
    def has_telemetry(self) -> bool:
        return self.environment.type != "DEVELOPMENT"

    @property
    def findings(self) -> tuple[Finding, ...]:
        return _flow(self.measures), _execution(self.measures), self._liveness()

    def _liveness(self) -> Finding:
        return Finding("liveness", "ok", "fresh" if self.has_telemetry else "freshness_unknown", ("liveness",))

    def as_json(self) -> dict[str, Json]:
        """The report as JSON (recording 1169)."""
        findings, measures = self.findings, self.measures
        flow, execution, _ = findings
        worst = max((finding.severity for finding in findings), key=_ORDER.index)
        return {
            "title": "health",
            "scope": self.environment.slug,
            "period": f"last {self.period}",
            "baselineLabel": BASELINE,
            "generatedAt": iso_time(measures.now_ms),
            "windowMinutes": round(measures.window_ms / 60_000),
            "summary": {"severity": worst, "statements": [_statement(finding) for finding in findings]},
            "findings": [each.as_json(is_execution_healthy=execution.severity == "ok") for each in findings],
            "metrics": list(metrics(measures, flow.severity, is_live=self.has_telemetry)),
            "facts": self._facts(),
            "links": [{"key": "runs", "label": "runs", "url": ""}],
            "footer": self._footer(),
        }

    def _footer(self) -> list[dict[str, Json]]:
        """The advice; where triggers have a spike, also when their backlog is gone by itself."""
        advice: list[dict[str, Json]] = [
            {"code": each.advice, "link": each.link} for each in self.findings if each.advice
        ]
        if self.findings[0].reason == TRIGGER_SPIKE:
            advice.append({"code": "do_nothing_drains", "value": self.drains_in_minutes})
        return advice

    @property
    def drains_in_minutes(self) -> float:
        """How long the waiting runs take at the rate at which runs finish."""
        rate = self.measures.window.finished_per_min
        return round(self.measures.pending / rate, 1) if rate else 0

    def _facts(self) -> dict[str, Json]:
        window, normal = self.measures.window, self.measures.normal
        facts: dict[str, Json] = {
            "trustworthy": self.is_trustworthy,
            "telemetry": "full" if self.has_telemetry else "none",
            "flowSource": "snapshot+runs",
            "pendingEstimated": True,
            "throughput": {
                "finishedPerMin": window.finished_per_min,
                "completedPerMin": window.completed_per_min,
                "triggeredPerMin": window.triggered_per_min,
                "normalTriggeredPerMin": normal.triggered_per_min,
            },
            "flowEvidence": {
                "runningSeries": [],
                "envLimit": 0,
                "throttledShare": 0,
                "worstQueue": None,
                "dlqDelta": None,
            },
        }
        if not self.is_trustworthy:
            reason = "baseline_absent" if self.has_telemetry else "telemetry_absent"
            facts["untrustworthyReason"] = reason
        return facts


def _statement(finding: Finding) -> dict[str, Json]:
    statement: dict[str, Json] = {"findingType": finding.type, "severity": finding.severity}
    return statement | ({"reason": finding.reason} if finding.type == "liveness" else {})


def _flow(measures: Measures) -> Finding:
    shown = ("triggered", "pending", "start_latency_p95")
    if multiple(measures.window.triggered_per_min, measures.normal.triggered_per_min) >= SPIKE:
        return Finding("flow", "warn", TRIGGER_SPIKE, shown, "spike_chain", "review_trigger_source")
    return Finding("flow", "ok", "healthy", shown, "flow_is_fine")


def _execution(measures: Measures) -> Finding:
    shown = ("failures", "dur_p95")
    if multiple(measures.window.failed_share, measures.normal.failed_share) >= FAILING:
        return Finding("execution", "crit", "failure_spike", shown, "runs_fail", "review_failures")
    return Finding("execution", "ok", "healthy", shown, "runs_are_fine")


def multiple(value: float | None, normal: float | None) -> float:
    """How many times the normal value it is; 1 where either is not known."""
    return value / normal if value is not None and normal else 1.0


def metrics(measures: Measures, flow_severity: str, *, is_live: bool) -> tuple[Mapping[str, Json], ...]:
    """Return the metrics in the recorded order."""
    window, normal, buckets = measures.window, measures.normal, measures.buckets
    done = window.finished_per_min
    latencies = [each.start_latency_p95_ms for each in buckets if each.start_latency_p95_ms is not None]
    shares = [each.failed_share for each in buckets if each.failed_share is not None]
    pending: list[float] = [each.pending for each in buckets]
    return (
        {
            **_with_normal("start_latency_p95", "start_latency_p95_ms", window, normal),
            "availability": "measured",
            "unit": "ms",
            "aggregation": "p95",
            "series": {"points": latencies, "kind": "measured"},
        },
        {
            "id": "pending",
            "value": measures.pending,
            "unit": "count",
            "availability": "measured",
            "delta": {"dir": "flat"},
            "series": {"points": pending, "kind": "estimated"},
            "severity": "ok",
        },
        {
            "id": "throughput",
            "value": done - window.triggered_per_min,
            "unit": "perMin",
            "aggregation": "rate",
            "breakdown": {"done": done, "triggered": window.triggered_per_min},
            "severity": flow_severity,
        },
        {
            **_with_normal("failures", "failed_share", window, normal),
            "unit": "ratio",
            "aggregation": "ratio",
            "series": {"points": shares, "kind": "measured"},
        },
        {**_with_normal("dur_p95", "run_p95_ms", window, normal), "unit": "ms", "aggregation": "p95"},
        {
            "id": "liveness",
            "value": 0,
            "availability": "measured" if is_live else "unknown",
            "unit": "ms",
            "severity": "ok",
        },
        {
            "id": "concurrency",
            "value": 0,
            "unit": "count",
            "breakdown": {"limit": 0},
            "series": {"points": [], "kind": "measured"},
            "severity": "ok",
        },
        {"id": "throttled", "value": 0, "unit": "ratio", "severity": "ok"},
        {**_with_normal("triggered", "triggered_per_min", window, normal), "unit": "perMin", **_spike(measures)},
    )


def _with_normal(name: str, field: str, window: Measured, normal: Measured) -> dict[str, Json]:
    """The value of a metric with its normal one. A value that no run has is 0 and has no normal."""
    value, usual = getattr(window, field), getattr(normal, field)
    body: dict[str, Json] = {"id": name, "value": value or 0, "severity": "ok"}
    if value is None or usual is None:
        return body | {"delta": {"dir": "flat"}}
    times = multiple(value, usual)
    is_flat = abs(times - 1) < FLAT
    direction = "flat" if is_flat else "up" if times > 1 else "down"
    return body | {"normal": usual, "delta": {"dir": direction, "mult": 1 if is_flat else rounded(times)}}


def _spike(measures: Measures) -> dict[str, Json]:
    times = multiple(measures.window.triggered_per_min, measures.normal.triggered_per_min)
    return {"annotation": {"code": "spike_mult", "value": rounded(times)}} if times >= SPIKE else {}


def rounded(times: float) -> float:
    """A multiple as the report writes it: whole from ten on, else with one digit."""
    return round(times) if times >= 10 else round(times, 1)
