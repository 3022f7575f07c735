"""What an instance can answer, and what an operator can do about it."""

from __future__ import annotations

from typing import Any, Final, Protocol

Fields = dict[str, Any]

# By the beginning of an error code; the first that fits is shown.
ADVICE: Final = {
    "unauthenticated": "--secret-key must be the instance's MODULE_SECRET_KEY, --audience, --issuer and --algorithm "
    "what its JWT_… variables say, and the clocks must agree.",
    "bot_token_invalid": "Discord refuses DISCORD_BOT_TOKEN: make a new one and restart the instance.",
    "discord_missing": "Give the bot this permission on Discord; its role must stand above those it works on.",
    "discord_unknown": "Is the id right, and is the bot in that guild? The default ids exist in the sandbox alone.",
    "discord_unavailable": "Can the instance reach Discord (DISCORD_API_BASE)? /health/ready says more.",
    "discord_": "The sentence above is Discord's own: what was asked is not possible there now.",
    "audit_unavailable": "The instance cannot write its record: look at DATABASE_URL and at the database.",
    "rate_limited": "Wait a little and run this again.",
    "overloaded": "Wait a little and run this again.",
    "shutting_down": "The instance is stopping: run this again when it is back.",
}
OTHER_ADVICE: Final = "The instance's log says more, under the request id."


class Refused(Exception):
    """An answer that is no success. `fields` names the bad fields of the request."""

    def __init__(self, status: str, code: str, detail: str, fields: tuple[str, ...] = (), request_id: str = "") -> None:
        self.status = status
        self.code = code
        self.detail = detail
        self.fields = fields
        self.request_id = request_id
        super().__init__(detail)

    def __str__(self) -> str:
        advice = next((text for start, text in ADVICE.items() if self.code.startswith(start)), OTHER_ADVICE)
        named = f" (request id {self.request_id})" if self.request_id else ""
        return f"{self.status} {self.code}: {self.detail}{named}\n{advice}"


class Wrong(Exception):
    """The instance answers, but not as it should."""


class Unreachable(Exception):
    """Nobody answers at the address; the text names it and the reason."""

    def __str__(self) -> str:
        return f"{super().__str__()}\nIs the instance running there? Nothing more is tried over this protocol."


class Face(Protocol):
    """One protocol of the instance, as a caller sees it."""

    name: str

    def perform(self, rpc: str, fields: Fields, token: str) -> Fields:
        """Carries out one action and gives the fields of its answer. Raises Refused, Unreachable, Wrong."""

    def check_health(self) -> str:
        """Says how the instance is. Raises Refused, Unreachable, Wrong."""

    def close(self) -> None:
        """Gives back what it holds."""
