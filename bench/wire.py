"""What travels in a measurement: the same channels, text and JSON for the module and for its floors."""

import json
from typing import Final

CHANNELS: Final = 1000
FIRST_CHANNEL: Final = 1_100_000_000_000_000_000
CONTENT: Final = "Can somebody water plot 12 this weekend?"
MESSAGE_ID: Final = "1200000000000000001"
ACTION_ID: Final = "01934f5a-7c00-7000-8000-000000000001"


def channels() -> list[str]:
    """Ids of the channels the load is spread over."""
    return [str(FIRST_CHANNEL + number) for number in range(CHANNELS)]


def rest_bodies() -> list[bytes]:
    """One POST /api/v1/message for each channel."""
    return [_encoded({"channel_id": channel, "content": CONTENT}) for channel in channels()]


def discord_bodies() -> list[bytes]:
    """What the module sends upstream for each of them, with nonces of the same length."""
    mentions = {"parse": ["users"], "replied_user": False}
    fixed = {"content": CONTENT, "allowed_mentions": mentions, "enforce_nonce": True}
    return [_encoded({**fixed, "nonce": f"{number:025d}"}) for number in range(CHANNELS)]


def discord_message() -> bytes:
    """A message object as Discord answers with: https://discord.com/developers/docs/resources/message."""
    author = {
        "id": "1000000000000000099",
        "username": "garden-gate",
        "avatar": None,
        "discriminator": "0000",
        "public_flags": 0,
        "flags": 0,
        "bot": True,
        "global_name": None,
    }
    lists = ("attachments", "embeds", "mentions", "mention_roles", "components")
    message = {"id": MESSAGE_ID, "type": 0, "content": CONTENT, "channel_id": str(FIRST_CHANNEL), "author": author}
    stamps = {"timestamp": "2026-01-31T12:00:00.000000+00:00", "edited_timestamp": None}
    flags = {"flags": 0, "pinned": False, "mention_everyone": False, "tts": False}
    return _encoded(message | {name: [] for name in lists} | stamps | flags)


def _encoded(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
