"""What is known of one of Discord's windows, as bounds that hold whatever the network does.

Discord shows a window through its replies: `limit`, `remaining`, and `reset_after`, the seconds until the
window is full again, measured by the server when it counted the request. We see that number one way later. So
let a request leave at `d`, be counted at `s`, its reply arrive at `a`; all we know is d ≤ s ≤ a. The instant
the window is full again therefore lies in

    [d + reset_after, a + reset_after]

Both kinds of window are kept by the upper end of that, `full_at`:

- **Fixed**: all requests come back at `full_at`, none before. Every reply of one window speaks of the same
  instant, so the smallest upper bound is kept: the slack is that of the quickest reply, not of each.
- **Sliding** (a leaky bucket): every request moves `full_at` on by `interval`, and one request comes back
  each `interval`. There is room for one more at x when full_at + interval - x ≤ limit · interval. After our
  own request the truth has moved by exactly one `interval`, and so does our bound. Waits are instants on this
  schedule, `full_at` minus a whole number of intervals: neither latency nor margin is ever added a second
  time, and nothing is lost per round trip.

A reply is evidence for both ends. While our bound lies above the lower end it stays, or sinks to the new
upper end. When it lies below, somebody else used the window (or Discord changed it), and the reply's upper
end replaces it.

**In flight** requests may be counted at any instant until their reply, so each holds a whole request of the
window now. **Reordered** replies: a request answered between this one's leaving and its reply may have been
counted after it; such requests (`overtakers`) are subtracted once more. **Lost** replies count at the latest
possible instant.

**Which kind?** Until there is proof a window is taken for fixed. That is safe for a sliding one too: at
`full_at` it *is* full. Proof of sliding: the reset moved on while the window it was in could not have ended.
Proof of fixed: it stood still. A 429 nobody expected takes the belief in sliding away and asks for more proof
next time.

`interval` is only exact when one request was used: then it is `reset_after`. Otherwise `remaining` is rounded
down, and reset_after / used ≤ interval < reset_after / (used - 1). Both ends are kept: the upper one moves
`full_at`, the lower one says how much the window holds.
"""

import math
from typing import Any, Self

from services.discord.rate_limit.port import Observation

MARGIN_SECONDS = 0.05
"""For clocks of Discord's servers that differ by milliseconds; it is in `full_at`, once. Short windows get less."""
LEAST_MARGIN_SECONDS = 0.02
ROUNDING_SECONDS = 0.001
RESET_NOISE_SECONDS = 0.05
MOST_DOUBT = 5


class Window:
    """One of Discord's windows for one lane. Times are monotonic seconds; `full_at` contains the margin."""

    __slots__ = (
        "_earliest_full_at",
        "_mark",
        "_proofs",
        "_unseen_until",
        "doubt",
        "full_at",
        "hash",
        "interval_high",
        "interval_low",
        "is_sliding",
        "limit",
        "period",
        "remaining",
    )

    def __init__(self, limit: int, name: str | None) -> None:
        self.limit = limit
        self.hash = name
        self.is_sliding = False
        self.doubt = 0
        self.remaining = limit
        self.full_at = -math.inf
        self.period = 0.0
        self.interval_low = 0.0
        self.interval_high = 0.0
        self._earliest_full_at = 0.0
        self._mark: float | None = None
        self._proofs = 0
        self._unseen_until = 0.0

    def open_at(self, now: float, in_flight: int) -> float:
        """When one more request may leave: not after `now` means at once, infinity that a reply must come first."""
        if in_flight >= self.limit:
            return math.inf
        if self.is_sliding:
            return self.full_at + (in_flight + 1) * self.interval_high - self.limit * self.interval_low
        if now >= self.full_at or self.remaining > in_flight:
            return now
        return self.full_at

    def opens_for(self, now: float, ahead: int) -> float:
        """When the request leaves that has `ahead` others (in flight or waiting) before it, if replies come at once."""
        if self.is_sliding:
            return self.full_at + (ahead + 1) * self.interval_high - self.limit * self.interval_low
        left = self.limit if now >= self.full_at else max(0, self.remaining)
        if ahead < left:
            return now
        return max(now, self.full_at) + (ahead - left) // self.limit * self.period

    def room(self, now: float, in_flight: int) -> int:
        """How many requests may leave now."""
        if self.is_sliding:
            there = min(self.limit, int(self._returned(now)))
        else:
            there = self.limit if now >= self.full_at else self.remaining
        return max(0, there - in_flight)

    def is_full(self, now: float) -> bool:
        return now >= self.full_at

    def spend_unseen(self, now: float) -> None:
        """A request was answered without headers, or not at all: it counts at the latest instant possible."""
        if self.is_sliding:
            self.full_at = max(self.full_at, now + MARGIN_SECONDS) + self.interval_high
            return
        if now >= self.full_at:
            self.remaining = self.limit
        self.remaining -= 1
        slid_to = max(self.full_at, now + MARGIN_SECONDS) + self.interval_high  # should it be a sliding one
        self._unseen_until = max(slid_to, now + self.period + MARGIN_SECONDS)
        self.full_at = self._unseen_until

    def learn(self, seen: Observation, sent_at: float, now: float, overtakers: int) -> None:
        """A reply that counted in this window and shows its headers."""
        reset_after, remaining = seen.reset_after_seconds or 0.0, min(self.limit, seen.remaining or 0)
        self._measure(reset_after, remaining)
        low, high = sent_at + reset_after, now + reset_after + _margin(reset_after)
        order = self._order(seen, low, high)
        if self.is_sliding:
            self._slide(low, high, overtakers, now)
        elif order > 0:
            self._enter(remaining, low, high, overtakers, now)
        elif order == 0 and now < self.full_at:
            self._narrow(remaining, low, high, overtakers, self._moved(seen))
        elif order == 0 and self._moved(seen) > ROUNDING_SECONDS:  # of the window that ended, or of the next
            self._enter(remaining - overtakers, low, high, overtakers, now)
        self._judge(order, seen, high, overtakers)

    def surprise(self, seen: Observation, sent_at: float, now: float) -> None:
        """A 429 of this very window. It was not counted, but it shows where the window stands."""
        if self.is_sliding:
            self.is_sliding = False
            self.doubt = min(self.doubt + 1, MOST_DOUBT)
            self._proofs = 0
        self.remaining = 0
        self._earliest_full_at = sent_at + (seen.reset_after_seconds or 0.0)
        self._mark = seen.reset_epoch_seconds
        self.full_at = max(self.full_at, now + (seen.reset_after_seconds or 0.0) + MARGIN_SECONDS)

    def believe(self, other: "Window") -> None:
        """Takes over what a sibling of the route learned, where this window's first reply shows the same interval."""
        is_exact = self.remaining == self.limit - 1
        agrees = abs(self.interval_low - other.interval_low) <= 2 * ROUNDING_SECONDS
        if other.is_sliding and other.limit == self.limit and is_exact and agrees:
            self.is_sliding = True
            self.interval_low, self.interval_high = other.interval_low, other.interval_high

    def row(self, ahead: float) -> list[Any]:
        """Everything known, as JSON values; times on a clock that is `ahead` of ours by so many seconds."""
        return [
            self.limit,
            self.hash,
            self.is_sliding,
            self.doubt,
            self.remaining,
            self.full_at + ahead if self.full_at > -math.inf else None,
            self.period,
            self.interval_low,
            self.interval_high,
            self._earliest_full_at + ahead,
            self._mark,
            self._proofs,
            self._unseen_until + ahead,
        ]

    @classmethod
    def of_row(cls, row: list[Any], ahead: float) -> Self:
        """The window that `row` wrote down, on our clock."""
        window = cls(row[0], row[1])
        window.is_sliding, window.doubt, window.remaining = row[2], row[3], row[4]
        window.full_at = -math.inf if row[5] is None else row[5] - ahead
        window.period, window.interval_low, window.interval_high = row[6], row[7], row[8]
        window._earliest_full_at, window._mark, window._proofs = row[9] - ahead, row[10], row[11]
        window._unseen_until = row[12] - ahead
        return window

    def spend_elsewhere(self, requests: int) -> None:
        """So many requests of others may have been counted, which no reply of ours has shown."""
        if self.is_sliding:
            self.full_at += requests * self.interval_high
        else:
            self.remaining -= requests
            self.full_at += requests // self.limit * self.period

    def _returned(self, now: float) -> float:
        """Requests that came back, seen from the upper bound."""
        if self.interval_high <= 0:
            return self.limit
        return (now - self.full_at + self.limit * self.interval_low) / self.interval_high

    def _measure(self, reset_after: float, remaining: int) -> None:
        self.period = max(self.period, reset_after)
        used = self.limit - remaining
        if used <= 0 or reset_after <= 0:
            return
        low = reset_after / used
        high = (reset_after + ROUNDING_SECONDS) / max(1, used - 1)
        joined_low, joined_high = max(self.interval_low, low), min(self.interval_high or high, high)
        agrees = joined_low <= joined_high
        self.interval_low, self.interval_high = (joined_low, joined_high) if agrees else (low, high)

    def _order(self, seen: Observation, low: float, high: float) -> int:
        """Whether the reply speaks of a later reset (1), the one we know (0), or an earlier one (-1: stale)."""
        if low > self.full_at:
            return 1
        if self._mark is not None and seen.reset_epoch_seconds is not None:
            moved = self._moved(seen)
            return 0 if abs(moved) <= RESET_NOISE_SECONDS else (1 if moved > 0 else -1)
        return -1 if high < self._earliest_full_at else 0

    def _moved(self, seen: Observation) -> float:
        """Seconds by which the reset is later than the one we know, by Discord's clock; infinity when untold."""
        if self._mark is None or seen.reset_epoch_seconds is None:
            return math.inf
        return seen.reset_epoch_seconds - self._mark

    def _enter(self, remaining: int, low: float, high: float, overtakers: int, now: float) -> None:
        """A window after the one we knew: what was answered before belongs to the former."""
        if now < self._earliest_full_at - RESET_NOISE_SECONDS:
            self._proofs += 1
        unseen = overtakers if self._unseen_until > now else 0
        self.remaining = remaining - unseen
        self._earliest_full_at = low
        self.full_at = max(high, self._unseen_until)

    def _narrow(self, remaining: int, low: float, high: float, overtakers: int, moved: float) -> None:
        """Another reply of the window we know. Its reset may be a little later: noise, or a very short interval."""
        self.remaining = min(remaining, max(self.remaining - 1, remaining - overtakers))
        self._earliest_full_at = max(self._earliest_full_at, low)
        narrowed = max(self.full_at, high) if moved == math.inf else min(self.full_at + max(0.0, moved), high)
        self.full_at = max(narrowed, self._unseen_until)

    def _slide(self, low: float, high: float, overtakers: int, now: float) -> None:
        moved = max(self.full_at, now + MARGIN_SECONDS) + self.interval_high
        highest = high + overtakers * self.interval_high
        self.full_at = highest if moved < low else min(moved, highest)

    def _judge(self, order: int, seen: Observation, high: float, overtakers: int) -> None:
        """Decides the kind again, and remembers where the reset stands."""
        if self.is_sliding and order == 0 and self._mark is not None and seen.reset_epoch_seconds is not None:
            self._stand_still(high)
        elif not self.is_sliding and self._proofs >= 1 << (2 * self.doubt):
            self.is_sliding = True
            self._proofs = 0
            self.full_at = high + overtakers * self.interval_high
        if order > 0 or self._moved(seen) > 0:
            self._mark = seen.reset_epoch_seconds

    def _stand_still(self, high: float) -> None:
        """The reset did not move though a request was counted: this window is fixed after all."""
        if self.interval_low <= 2 * RESET_NOISE_SECONDS:
            return
        self.is_sliding = False
        self.doubt = min(self.doubt + 1, MOST_DOUBT)
        self.remaining = 0
        self.full_at = max(self.full_at, high)


def _margin(reset_after: float) -> float:
    share = (MARGIN_SECONDS - LEAST_MARGIN_SECONDS) * min(1.0, reset_after)
    return LEAST_MARGIN_SECONDS + share
