"""Which bucket a request is counted in, and which hidden one besides.

Deleting a message depends on its age: under ten seconds, up to two weeks, older, each with its own bucket; a
message that is not there counts as young, and deleting old ones fast is also judged by the young bucket
(discord-api-docs issue 8330).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.clock import snowflake_seconds
from sandbox.state import World
from sandbox.validation.form import is_snowflake

YOUNG_SECONDS = 10
OLD_SECONDS = 14 * 86_400

Key = tuple[str, str]
"""Rule name and major parameter."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The bucket whose headers are shown, and one that is only felt.

    `unmasked`: the 429 of the hidden one shows its own headers.
    """

    shown: Key
    hidden: Key | None = None
    unmasked: bool = False


Claimant = Callable[[World, Mapping[str, str]], Claim]


def per(rule: str, *major: str) -> Claimant:
    """Counted under `rule`, per value of the named path parameters."""

    def claim(_world: World, params: Mapping[str, str]) -> Claim:
        return Claim((rule, ":".join(params[name] for name in major)))

    return claim


def message_deletion(world: World, params: Mapping[str, str]) -> Claim:
    """By the age of the message; see above."""
    channel_id, message_id = params["channel_id"], params["message_id"]
    young = ("messages.delete.young", channel_id)
    channel = world.channels.get(channel_id)
    if channel is None or message_id not in channel.messages or not is_snowflake(message_id):
        return Claim(young)
    age = world.clock.wall() - snowflake_seconds(message_id)
    if age < YOUNG_SECONDS:
        return Claim(young)
    if age < OLD_SECONDS:
        return Claim(("messages.delete", channel_id))
    return Claim(("messages.delete.old", channel_id), hidden=young, unmasked=True)


def webhook_execution(world: World, params: Mapping[str, str]) -> Claim:
    """Per webhook, and hidden behind it per channel."""
    shown = ("webhooks.execute", f"{params['webhook_id']}:{params['webhook_token']}")
    webhook = world.webhooks.get(params["webhook_id"])
    return Claim(shown, hidden=("webhooks.in_channel", webhook.channel_id) if webhook else None)
