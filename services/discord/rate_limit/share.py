"""The part of an allowance that is ours while nobody can tell us what the others use.

Alone, a process has all of it. One of `weight` replicas that cannot reach their common state counts everything it
does `weight` times over: it sends only where there is room for all of them to do the same at the same moment. What
Discord shows in its replies then corrects the guess, so what the others leave unused is not lost for long. Where
there is less than one request for each, and after a 429, they take turns by `rank`.
"""


class Share:
    """One of `weight` replicas, the `rank`-th of them, counted from 0."""

    __slots__ = ("rank", "weight")

    def __init__(self) -> None:
        self.weight = 1
        self.rank = 0

    def of(self, allowance: int) -> int:
        """Our part of an allowance: never nothing."""
        return max(1, allowance // self.weight)

    def claimed(self, in_flight: int, limit: int) -> int:
        """How many requests to take for being in flight in a window, so that the others find room beside us."""
        if self.weight == 1:
            return in_flight
        if in_flight * self.weight >= limit:
            return limit
        return min((in_flight + 1) * self.weight, limit) - 1
