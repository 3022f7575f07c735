"""What stops a request before it is sent because earlier answers say it would be in vain.

Three guards: a circuit for Discord as a whole (down: fail fast), a circuit for the bot's token (refused once:
nothing that carries it goes for half a minute, because every 401 counts toward the ban of our address), and the
quarantine of webhooks that are gone. Moderation is not exempt: it would only wait for the same timeout.

The circuit for Discord as a whole opens after 20 failed actions in a row. To some requests Discord answers 500 for
ever, and whoever sends them must not shut the door for all. So

- an action counts once, however often it was tried;
- of what has a cause in common at most 15 count: the actions of one caller on one route (a payload may be the cause),
  and those on one channel, guild or webhook (it may be broken). At least 5 must be of another kind;
- an action that found no connection counts always, because nothing of it was sent;
- any answer that Discord gives, a refusal too, starts the count again.

In an outage every action fails and none succeeds, so it opens after the first 20 or a few more of a mixed traffic:
within seconds, where there is traffic to speak of. A module with one caller that uses one route opens it only when
connections fail.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from services.discord.circuit import Circuit
from services.discord.error_codes import DEAD_WEBHOOK_CODES
from services.discord.problems import Kind, Problem
from services.discord.quarantine import Quarantine
from services.errors import BotTokenInvalid, DiscordUnavailable, OutcomeKind
from services.ports import Call, Clock, Reply
from services.telemetry import get_logger

OUTAGE_THRESHOLD: Final = 20
MOST_OF_ONE_CAUSE: Final = 15
OUTAGE_SECONDS: Final = 5.0
LONGEST_OUTAGE_SECONDS: Final = 60.0
REFUSED_TOKEN_SECONDS: Final = 30.0

log = get_logger(__name__)


class Passage(NamedTuple):
    """What the guards remember of a request that is under way."""

    is_outage_probe: bool
    is_token_probe: bool


ORDINARY: Final = Passage(is_outage_probe=False, is_token_probe=False)


class TokenStillRefused(BotTokenInvalid):
    """Discord refused the bot's token a moment ago; nothing was sent with it since."""

    outcome = OutcomeKind.NOT_SENT


class Guards:
    """Lets requests through or refuses them; learns from how each one ended."""

    def __init__(self, clock: Clock, quarantine: Quarantine | None = None) -> None:
        self._outage = Circuit(
            clock,
            threshold=OUTAGE_THRESHOLD,
            most_of_one_cause=MOST_OF_ONE_CAUSE,
            first_seconds=OUTAGE_SECONDS,
            longest_seconds=LONGEST_OUTAGE_SECONDS,
        )
        self._token = Circuit(
            clock,
            threshold=1,
            most_of_one_cause=1,
            first_seconds=REFUSED_TOKEN_SECONDS,
            longest_seconds=REFUSED_TOKEN_SECONDS,
        )
        self._quarantine = Quarantine(clock) if quarantine is None else quarantine

    def check(self, call: Call) -> None:
        """Raises DiscordUnavailable, TokenStillRefused or WebhookQuarantined for a request that would be in vain."""
        self._quarantine.check(call)
        if not call.is_webhook and self._token.blocked_seconds:
            raise TokenStillRefused("Discord refused the bot's token a moment ago; nothing was sent.")
        seconds = self._outage.blocked_seconds
        if seconds:
            raise DiscordUnavailable(
                "Discord has failed many times in a row; nothing is sent to it for a moment.",
                retry_after_seconds=seconds,
            )

    def enter(self, call: Call) -> Passage:
        """Called when a request goes; raises like `check`. `leave` must follow."""
        self.check(call)
        if self._outage.is_closed and self._token.is_closed:
            return ORDINARY
        return Passage(
            is_outage_probe=self._outage.enter(),
            is_token_probe=not call.is_webhook and self._token.enter(),
        )

    def leave(
        self, passage: Passage, call: Call, result: Reply | Problem | None, *, client_id: str, has_failed_before: bool
    ) -> None:
        """How the request ended; None when it was cancelled or never sent.

        `has_failed_before`: an earlier attempt of the same action failed.
        """
        is_well = _is_discord_well(result)
        self._learn_of_outage(passage, result, _causes(call, client_id, result), is_repeat=has_failed_before)
        if not call.is_webhook:
            self._learn_of_token(passage, result, is_well=is_well)
        elif isinstance(result, Problem) and result.discord_code in DEAD_WEBHOOK_CODES:
            self._quarantine.add(call)

    def describe(self) -> Mapping[str, Any]:
        """The state an operator may see."""
        return {
            "outage": self._outage.describe(),
            "bot_token": self._token.describe(),
            "quarantined_webhooks": len(self._quarantine),
        }

    def circuits(self) -> Mapping[str, Callable[[], bool]]:
        """Whether each circuit is open, for whoever watches."""
        return {
            "outage": lambda: not self._outage.is_closed,
            "bot_token": lambda: not self._token.is_closed,
        }

    def _learn_of_outage(
        self, passage: Passage, result: Reply | Problem | None, causes: Sequence[Hashable], *, is_repeat: bool
    ) -> None:
        is_well, was_closed = _is_discord_well(result), self._outage.is_closed
        if is_repeat and not is_well and not passage.is_outage_probe:
            return
        self._outage.leave(was_probe=passage.is_outage_probe, is_well=is_well, causes=causes)
        if was_closed and not self._outage.is_closed:
            log.error("discord fails: requests pause", circuit=dict(self._outage.describe()))

    def _learn_of_token(self, passage: Passage, result: Reply | Problem | None, *, is_well: bool | None) -> None:
        is_refused = isinstance(result, Problem) and isinstance(result.error, BotTokenInvalid)
        if is_refused and self._token.is_closed:
            log.error("discord refuses the bot's token: renew DISCORD_BOT_TOKEN")
        is_accepted = True if is_well else None
        self._token.leave(was_probe=passage.is_token_probe, is_well=False if is_refused else is_accepted)


def _causes(call: Call, client_id: str, result: Reply | Problem | None) -> Sequence[Hashable]:
    """What a failure may be the fault of, beside Discord; nothing where nothing was sent."""
    if isinstance(result, Problem) and result.kind is not Kind.UNSENT:
        return (client_id, call.method, call.route), (call.major,)
    return ()


def _is_discord_well(result: Reply | Problem | None) -> bool | None:
    if isinstance(result, Problem):
        return result.is_discord_well
    return None if result is None else True
