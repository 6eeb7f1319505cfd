"""Writes the health report as text for people and agents (recording 1170)."""

from collections.abc import Sequence

from tui.emulator.reports.health import BASELINE, SPIKE, TRIGGER_SPIKE, HealthReport, multiple, rounded

NO_TELEMETRY = (
    "🚩 No telemetry feed reached this report, so how current it is can't be confirmed; "
    "the numbers below are still measured over the window."
)
_BARS = "▁▂▃▄▅▆▇█"
_FLOW = {
    TRIGGER_SPIKE: "🟡 Flow slowing — a trigger spike is backing up the queue",
    "healthy": "🟢 FLOW   runs start as usual",
}
_EXECUTION = {
    "failure_spike": "🔴 EXECUTION   more runs fail than usual",
    "healthy": "🟢 EXECUTION   runs are executing normally",
}
_LIVENESS = {
    "fresh": "🟢 LIVENESS    telemetry is current",
    "freshness_unknown": "⚪ LIVENESS    freshness unknown — no telemetry signal to check",
}


def as_markdown(report: HealthReport) -> str:
    """The whole report as text."""
    measures, (flow, execution, liveness) = report.measures, report.findings
    window, normal = measures.window, measures.normal
    flag = "" if report.has_telemetry else "🚩 no telemetry  "
    place = f"{report.environment.slug} · last {report.period} · {BASELINE}"
    parts = [f"/report health  {flag}{place}", _FLOW[flow.reason]]
    if not report.has_telemetry:
        parts.append(NO_TELEMETRY)
    times = multiple(window.triggered_per_min, normal.triggered_per_min)
    spike = f"{rounded(times):g}× the normal rate" if times >= SPIKE else ""
    latencies = [bucket.start_latency_p95_ms or 0 for bucket in measures.buckets]
    parts += [
        _line("triggered", f"{window.triggered_per_min:.0f}/min", _arrow(times), spike),
        _line("pending", str(measures.pending), "", "(estimated from a proxy signal)"),
        _line(
            "start latency",
            f"p95 {_spelled(window.start_latency_p95_ms)}",
            _arrow(multiple(window.start_latency_p95_ms, normal.start_latency_p95_ms)),
            f"{_bars(latencies)}   (normal ~{_spelled(normal.start_latency_p95_ms)})",
        ),
        _EXECUTION[execution.reason],
        _LIVENESS[liveness.reason],
    ]
    if flow.reason == TRIGGER_SPIKE:
        drains = f"backlog drains in ~{report.drains_in_minutes:g} min once triggers ease"
        parts.append(f"  read: triggers jumped {rounded(times):g}× → queue fills faster than it drains")
        parts.append(f"→ Review what's triggering the spike\n  or do nothing — {drains}")
    if execution.reason == "failure_spike":
        parts.append("→ Review the failures")
    return "\n\n".join(parts) + "\n"


def _line(name: str, value: str, arrow: str, rest: str) -> str:
    return f"  {name:<15} {value:<10}  {arrow:<9} {rest}".rstrip()


def _arrow(times: float) -> str:
    if abs(times - 1) < 0.15:
        return "→ flat"
    return f"{'↑' if times > 1 else '↓'} {rounded(times):g}×"


def _bars(values: Sequence[float]) -> str:
    most = max(values, default=0)
    return "".join(_BARS[int(value / most * (len(_BARS) - 1))] if most else _BARS[0] for value in values)


def _spelled(ms: float | None) -> str:
    """`285ms`, `4.6s`, `3.7m`; `-` for no value."""
    if ms is None:
        return "-"
    if ms < 1000:
        return f"{ms:.0f}ms"
    return f"{ms / 1000:.1f}s" if ms < 60_000 else f"{ms / 60_000:.1f}m"
