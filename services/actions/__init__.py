"""Everything this product can have done on Discord, on one screen.

A new action is a class in the module of its Discord resource, its rpc and two messages in the proto, its name in
`CATALOGUE`, and its cases in the conformance suite.
"""

from typing import Final

from services.actions.base import Action, Done, MessageSent, Outcome, Rest, Stamp, nonce_of
from services.actions.messages import DeleteMessage, EditMessage, SendEmbed, SendMessage
from services.actions.moderation import BanUser, KickUser, TimeoutUser
from services.actions.parse import parse
from services.actions.reactions import AddReaction
from services.actions.roles import ManageRole
from services.actions.webhooks import CreateWebhook, SendWebhook, WebhookCreated

CATALOGUE: Final[tuple[type[Action], ...]] = (
    SendMessage,
    SendEmbed,
    AddReaction,
    ManageRole,
    CreateWebhook,
    SendWebhook,
    DeleteMessage,
    EditMessage,
    KickUser,
    BanUser,
    TimeoutUser,
)

AUDIT_NAMES: Final[tuple[str, ...]] = tuple(name for action in CATALOGUE for name in action.audit_names)

__all__ = [
    "AUDIT_NAMES",
    "CATALOGUE",
    "Action",
    "AddReaction",
    "BanUser",
    "CreateWebhook",
    "DeleteMessage",
    "Done",
    "EditMessage",
    "KickUser",
    "ManageRole",
    "MessageSent",
    "Outcome",
    "Rest",
    "SendEmbed",
    "SendMessage",
    "SendWebhook",
    "Stamp",
    "TimeoutUser",
    "WebhookCreated",
    "nonce_of",
    "parse",
]
