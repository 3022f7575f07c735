"""What an action is: a frozen value that knows its bounds, its request to Discord and its outcome.

An action says everything the rest of the product needs to know about it. The gRPC handler, the REST route, OpenAPI, the
API reference, the audit name, the metrics' label, the limits and the retries follow from the class.
"""

import re
from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from services.errors import ErrorCode
from services.ports import Call, Json, Priority, Repeat, Reply, Scope
from services.values import Fields, WebhookUrl


@dataclass(frozen=True, slots=True)
class Rest:
    """Where an action stands in REST; `{name}` in the path is one of its fields."""

    method: Literal["POST", "PATCH", "DELETE"]
    path: str

    @property
    def path_fields(self) -> tuple[str, ...]:
        return tuple(re.findall(r"\{(\w+)\}", self.path))


class Stamp(NamedTuple):
    """What every action is given when it is accepted: by whom, when, under which id, and its nonce for Discord."""

    action_id: str
    client_id: str
    accepted_at: datetime
    nonce: str

    @property
    def default_reason(self) -> str:
        """The reason in the guild's audit log when the caller gives none."""
        return f"{self.client_id[:400]} {self.action_id}"


def nonce_of(client_id: str, key: str) -> str:
    """25 characters that are the same for the same caller and key.

    Discord takes at most 25: https://discord.com/developers/docs/resources/message#create-message.
    """
    return blake2b(f"{client_id}\0{key}".encode(), digest_size=16).hexdigest()[:25]


class Outcome(BaseModel):
    """What a delivered action tells its caller, beside success and the action's id."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    def record(self) -> Json:
        """The part that may be put on the record and kept: no secret."""
        return self.model_dump()


class Done(Outcome):
    """Nothing more to tell."""


class MessageSent(Outcome):
    """A message was posted."""

    message_id: str
    """The new message's id."""


class Action(Fields):
    """One thing a caller can have done on Discord."""

    rest: ClassVar[Rest]
    scope: ClassVar[Scope]
    permission: ClassVar[str]
    """The permission the bot needs in Discord."""
    refusals: ClassVar[tuple[ErrorCode, ...]]
    """What Discord usually refuses it with."""
    repeat: ClassVar[Repeat]
    already_done_codes: ClassVar[frozenset[int]] = frozenset()
    """Discord's error codes that mean "done already" after an attempt that may have worked."""
    priority: ClassVar[Priority] = Priority.ORDINARY
    audit_names: ClassVar[tuple[str, ...]]
    outcome_type: ClassVar[type[Outcome]] = Done

    @classmethod
    def rpc(cls) -> str:
        """The name in gRPC."""
        return cls.__name__

    @property
    def audit_name(self) -> str:
        """The action's type on the record."""
        return self.audit_names[0]

    @property
    def guild(self) -> str | None:
        return self.__dict__.get("guild_id")

    @property
    def channel(self) -> str | None:
        return self.__dict__.get("channel_id")

    @property
    def user(self) -> str | None:
        return self.__dict__.get("user_id")

    @property
    def role(self) -> str | None:
        return self.__dict__.get("role_id")

    @property
    def webhook(self) -> WebhookUrl | None:
        return self.__dict__.get("webhook_url")

    @property
    def mentions(self) -> tuple[str, ...]:
        """The kinds of mentions the action asks to ping."""
        mentions: tuple[str, ...] = self.__dict__.get("allowed_mentions", ())
        return mentions

    def record(self) -> dict[str, Any]:
        """The fields as they go on the record: only what the caller gave, and no secret."""
        return self.model_dump(exclude_defaults=True)

    @abstractmethod
    def call(self, stamp: Stamp) -> Call:
        """The request to Discord."""

    def outcome(self, reply: Reply) -> Outcome:
        """What Discord's reply means to the caller."""
        return Done()

    def recall(self, record: Json) -> Call | None:
        """The request that asks Discord again for what the record may not hold; None when it holds everything."""
        return None
