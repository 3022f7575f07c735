"""What a reply stops beyond its own bucket.

- A 429 of global scope stops everything that carries the bot's token; one that answered a webhook, which
  carries none, stops the webhooks (their limit counts by address).
- Cloudflare's 429 or HTML 403 stops everything from this address. It often says not for how long, so the
  cool-down grows with every block that follows another: 60 s, 120 s … one hour. Afterwards one request goes
  alone until Discord itself answers.

Replies to requests that were in flight when a pause began are the same event, not a second one.
"""

from typing import Final

FIRST_COOL_DOWN_SECONDS: Final = 60.0
LONGEST_COOL_DOWN_SECONDS: Final = 3600.0
UNTOLD_SECONDS: Final = 1.0
MARGIN_SECONDS: Final = 0.05


class Pauses:
    """Until when what stands still. Times are monotonic seconds; 0 means never paused."""

    __slots__ = ("egress_until", "is_on_trial", "strikes", "token_until", "webhooks_until")

    def __init__(self) -> None:
        self.token_until = 0.0
        self.webhooks_until = 0.0
        self.egress_until = 0.0
        self.strikes = 0
        self.is_on_trial = False

    def until(self, *, is_webhook: bool) -> float:
        """When requests of that kind may go again."""
        return max(self.webhooks_until if is_webhook else self.token_until, self.egress_until)

    def stop_globally(self, retry_after_seconds: float | None, now: float, *, is_webhook: bool) -> bool:
        """Global scope; true when this is a new pause."""
        until = now + (UNTOLD_SECONDS if retry_after_seconds is None else retry_after_seconds) + MARGIN_SECONDS
        if is_webhook:
            is_new, self.webhooks_until = now >= self.webhooks_until, max(self.webhooks_until, until)
        else:
            is_new, self.token_until = now >= self.token_until, max(self.token_until, until)
        return is_new

    def stop_egress(self, retry_after_seconds: float | None, now: float) -> bool:
        """Cloudflare blocked us; true when this is a new pause."""
        is_new = now >= self.egress_until
        if is_new:
            self.strikes = self.strikes + 1 if self._follows(now) else 1
            self.is_on_trial = True
            self.egress_until = now + self._cool_down()
        self.egress_until = max(self.egress_until, now + (retry_after_seconds or 0.0) + MARGIN_SECONDS)
        return is_new

    def discord_answered(self) -> None:
        """Discord itself was reached: no block any more."""
        self.is_on_trial = False

    def _follows(self, now: float) -> bool:
        """Whether a block comes so soon after the former that both are one trouble."""
        return self.strikes > 0 and now < self.egress_until + LONGEST_COOL_DOWN_SECONDS

    def _cool_down(self) -> float:
        doublings = min(self.strikes - 1, 10)
        return min(FIRST_COOL_DOWN_SECONDS * float(1 << doublings), LONGEST_COOL_DOWN_SECONDS)
