"""Webhooks: names Discord takes, and URLs read without ever being dialled.

A webhook URL comes from a caller, so nothing is sent to it. Only the id, the token and the thread are taken out of it,
after a check of the whole address, and the request goes to our own base. The token is a credential: it has no printed
form.

Sources: https://discord.com/developers/docs/resources/webhook#create-webhook, #execute-webhook.
"""

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Final
from urllib.parse import SplitResult, parse_qs, urlsplit

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints
from pydantic_core import CoreSchema, core_schema

from services.values.snowflake import LARGEST_SNOWFLAKE, is_snowflake
from services.values.text import NO_CONTROL

DISCORD_HOSTS: Final = frozenset(
    f"{prefix}{host}" for host in ("discord.com", "discordapp.com") for prefix in ("", "canary.", "ptb.")
)
WEBHOOK_PATH: Final = re.compile(
    r"/api(?:/v\d{1,2})?/webhooks/([1-9]\d{0,18})/([A-Za-z0-9_-][A-Za-z0-9._-]{0,255})", re.ASCII
)
ADVICE: Final = "must be a webhook URL such as https://discord.com/api/webhooks/{id}/{token}"
LONGEST_URL: Final = 2048
SHAPE: Final = (
    r"^https://((canary|ptb)\.)?discord(app)?\.com/api/(v[0-9]{1,2}/)?webhooks/[1-9][0-9]{0,18}/"
    r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,255}$"
)
"""What callers are told of it. A port 443, a thread and a slash at the end are taken as well."""

FORBIDDEN_IN_NAMES: Final = ("clyde", "discord")
FORBIDDEN_NAMES: Final = frozenset({"everyone", "here"})


def _check_name(name: str) -> str:
    lowered = name.lower()
    for word in FORBIDDEN_IN_NAMES:
        if word in lowered:
            raise ValueError(f"must not contain `{word}`")
    if lowered in FORBIDDEN_NAMES:
        raise ValueError(f"must not be `{lowered}`")
    return name


WebhookName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=NO_CONTROL),
    AfterValidator(_check_name),
]


@dataclass(frozen=True, slots=True)
class WebhookUrl:
    """Where a webhook posts: its id, its token and, in a forum or thread, the thread."""

    webhook_id: str
    token: str = field(repr=False)
    thread_id: str | None = None

    @classmethod
    def parse(cls, raw: str) -> "WebhookUrl":
        """Raises ValueError when `raw` is not exactly the address of a Discord webhook."""
        if len(raw) > LONGEST_URL:
            raise ValueError(f"must be at most {LONGEST_URL} characters")
        address = _split(raw.strip())
        path = WEBHOOK_PATH.fullmatch(address.path.removesuffix("/"))
        if path is None or int(path[1]) > LARGEST_SNOWFLAKE:
            raise ValueError(ADVICE)
        return cls(webhook_id=path[1], token=path[2], thread_id=_thread_id(address.query))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls.parse,
            core_schema.str_schema(strict=True),
            serialization=core_schema.plain_serializer_function_ser_schema(cls.without_token),
        )

    def without_token(self) -> str:
        """The webhook's id and thread: all of the address that may be kept."""
        return f"{self.webhook_id}?thread_id={self.thread_id}" if self.thread_id else self.webhook_id

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "type": "string",
            "format": "uri",
            "maxLength": LONGEST_URL,
            "pattern": SHAPE,
            "examples": ["https://discord.com/api/webhooks/41771983429993937/TOKEN"],
        }


def _split(raw: str) -> SplitResult:
    if not raw.isascii() or not raw.isprintable() or "\\" in raw or " " in raw:
        raise ValueError(ADVICE)
    address = urlsplit(raw)
    if address.scheme.lower() != "https" or address.netloc.lower().removesuffix(":443") not in DISCORD_HOSTS:
        raise ValueError(ADVICE)
    if address.fragment:
        raise ValueError(ADVICE)
    return address


def _thread_id(query: str) -> str | None:
    """The thread named in the query; other parameters are ours to choose and are left behind."""
    named = parse_qs(query, max_num_fields=10).get("thread_id")
    if not named:
        return None
    if len(named) > 1 or not is_snowflake(named[0]):
        raise ValueError("thread_id must be one Discord id of 1 to 19 digits")
    return named[0]
