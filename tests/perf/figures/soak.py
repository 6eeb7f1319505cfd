"""The figure of a long run, measured by `tests.perf.benchmarks.soak`."""

from tests.perf.benchmarks import soak
from tests.perf.figures.row import Effort, Reading


def long_run(effort: Effort) -> Reading:
    if not effort.soak_minutes:
        return Reading("not measured: --soak 120", None)
    figures = list(soak.measure(effort.soak_minutes))
    text = ", ".join(
        f"{figure.name} {figure.value:.1f} {figure.unit}" for figure in figures if figure.limit is not None
    )
    return Reading(text, all(figure.value <= figure.limit for figure in figures if figure.limit is not None))
