"""How strongly outcomes speak against a rate: the Chernoff bound of a binomial tail.

`ended * divergence(failed / ended, rate) > log(1 / error)` holds exactly if the lower confidence bound of the failure
rate, with that probability of an error, is above `rate`. The bound is safe for few runs too, unlike Wilson's.
"""

from math import inf, log


def divergence(share: float, rate: float) -> float:
    """Return the Kullback-Leibler divergence of two failure rates, infinite if the first is impossible."""
    total = 0.0
    for observed, expected in ((share, rate), (1.0 - share, 1.0 - rate)):
        if observed > 0.0:
            if expected <= 0.0:
                return inf
            total += observed * log(observed / expected)
    return max(0.0, total)
