"""The cost of a run: compute time by machine, and a fee for each run, in US cents.

The prices are those of the real service. Development runs cost nothing, because they run on the developer's machine
(recordings 100-149).
"""

from tui.emulator.environment import Environment
from tui.emulator.simulation.runs import Run

INVOCATION_CENTS = 0.0025

CENTS_PER_S = {
    "micro": 0.00169,
    "small-1x": 0.00338,
    "small-2x": 0.00675,
    "medium-1x": 0.0085,
    "medium-2x": 0.017,
    "large-1x": 0.034,
    "large-2x": 0.068,
}


def compute_cents(run: Run, environment: Environment) -> float:
    """`costInCents` of a run so far."""
    if environment.type == "DEVELOPMENT":
        return 0
    return CENTS_PER_S.get(run.machine, CENTS_PER_S["small-1x"]) * run.usage_ms / 1000


def invocation_cents(environment: Environment) -> float:
    """`baseCostInCents` of any run in an environment."""
    return 0 if environment.type == "DEVELOPMENT" else INVOCATION_CENTS
