"""Example requests and answers. Tests carry out every one of them, as they stand, in front of the sandbox."""

import re
from collections.abc import Mapping
from typing import Any, Final

from services.actions import Action, EditMessage

ACTION_ID: Final = "0199b2c5-3f7a-7c43-9d1e-5b8f0a2c4d6e"
REQUEST_ID: Final = "5f0c1e8a4b7d4c0f9a3e6d2b1c8f7a50"
# Opens nothing but the sandbox.
WEBHOOK_URL: Final = (
    "https://discord.com/api/webhooks/555/garden-gate_Sunflower-Radish-Bean-Sunflower-Radish-Bean-Pumpkin_key0"
)

# By field name; a field that is not here appears in no example and must not be required.
SAMPLES: Final[Mapping[str, Any]] = {
    "guild_id": "1",
    "channel_id": "123",
    "message_id": "456",
    "user_id": "42",
    "role_id": "7",
    "emoji": "👍",
    "embed": {"title": "Release 1.0", "description": "It is out.", "color": "#5865F2"},
    "content": "Hello from the other side",
    "name": "News",
    "webhook_url": WEBHOOK_URL,
    "reason": "Spam in three channels",
    "delete_message_days": 1,
    "duration_seconds": 600,
    "action": "add",
}

ANSWERED: Final[Mapping[str, str]] = {"message_id": "1188901234567890123", "webhook_url": WEBHOOK_URL}
OWN_MESSAGE: Final = {"message_id": "789"}
"""What is edited must be the bot's own."""


def example_fields(action_type: type[Action]) -> dict[str, Any]:
    """The fields of an example request, those of the path included."""
    fields = action_type.model_fields
    # Where a text alone makes the shortest valid message, an embed would only blur it.
    shown = [name for name in fields if fields[name].is_required() or name != "embed"]
    samples = {**SAMPLES, **OWN_MESSAGE} if action_type is EditMessage else SAMPLES
    return {name: samples[name] for name in shown if name in samples}


def example_outcome(action_type: type[Action]) -> dict[str, Any]:
    """The body of an example answer."""
    outcome = {name: ANSWERED[name] for name in action_type.outcome_type.model_fields}
    return {"success": True, **outcome, "action_id": ACTION_ID}


def operation_id(action_type: type[Action]) -> str:
    """The rpc's name in snake_case, such as `send_message`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", action_type.rpc()).lower()
