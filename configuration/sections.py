"""The settings, one frozen section for each part of the module that takes one.

Every field that an operator can set names its variable (`validation_alias`), its default, its bounds and, in
a sentence, its meaning. Nothing else holds any of these: `.env.example`, the documentation's table and the
messages about wrong values are made from here. A field without a meaning shares its variable with a field of
another section.
"""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from configuration import urls
from configuration.kinds import (
    BotToken,
    DatabaseUrl,
    EgressName,
    ModuleName,
    ModuleVersion,
    RedisUrl,
    SigningKey,
    TokenName,
)
from configuration.section import Section

RELEASE = "1.0.0"


class ModuleSettings(Section):
    """What this instance calls itself in logs, in /health and in metrics."""

    title = "Module"

    name: ModuleName = Field(
        "discord_action_module",
        validation_alias="MODULE_NAME",
        description="Its name in logs, /health and metrics.",
    )
    version: ModuleVersion = Field(
        RELEASE,
        validation_alias="MODULE_VERSION",
        description="Its version there.",
    )


class DiscordSettings(Section):
    """How Discord is reached, and how often an attempt is repeated."""

    title = "Discord"

    bot_token: BotToken = Field(
        validation_alias="DISCORD_BOT_TOKEN",
        description="The bot's token, from https://discord.com/developers/applications (Bot, Reset Token).",
    )
    api_version: int = Field(
        10, ge=10, le=10, validation_alias="DISCORD_API_VERSION", description="The version of Discord's API."
    )
    api_allows_http: bool = Field(
        default=False,
        validation_alias="DISCORD_API_ALLOW_HTTP",
        description="Allow plain http to a DISCORD_API_BASE that is not loopback. "
        "The bot token then travels in the clear.",
    )
    api_base: str = Field(
        "https://discord.com/api/v{version}",
        validation_alias="DISCORD_API_BASE",
        description="The root of Discord's API; another one for the sandbox and for tests. "
        "https, or plain http to loopback only.",
    )
    max_concurrent_requests: int = Field(
        100,
        ge=1,
        le=10_000,
        validation_alias="MAX_CONCURRENT_REQUESTS",
        description="Actions in flight to Discord.",
    )
    attempt_timeout_seconds: float = Field(30, ge=0.1, le=3600, validation_alias="REQUEST_TIMEOUT")
    max_retries: int = Field(
        3,
        ge=0,
        le=10,
        validation_alias="MAX_RETRIES",
        description="Attempts after the first failure; waiting out a rate limit is not one.",
    )
    retry_delay_seconds: float = Field(
        1.0,
        ge=0,
        le=60,
        validation_alias="RETRY_DELAY",
        description="Base of the exponential backoff, in seconds.",
    )

    @field_validator("api_base")
    @classmethod
    def _with_version(cls, value: str, info: ValidationInfo) -> str:
        versioned = value.replace("{version}", str(info.data.get("api_version", 10)))
        return urls.api_base(versioned, allows_http=info.data.get("api_allows_http", False))


class LimitSettings(Section):
    """How much of Discord's allowance is used, and who shares it."""

    title = "Limits"

    global_per_second: int = Field(
        50,
        ge=1,
        le=1_000_000,
        validation_alias="DISCORD_RATE_LIMIT_GLOBAL",
        description="Requests per second for the whole bot token.",
    )
    per_channel_per_second: int = Field(
        5,
        ge=1,
        le=1_000_000,
        validation_alias="DISCORD_RATE_LIMIT_PER_CHANNEL",
        description="A ceiling per second on one channel, whatever Discord's headers would allow.",
    )
    redis_url: RedisUrl | None = Field(
        None,
        validation_alias="REDIS_URL",
        description="redis://:password@host:6379/0. Set: limits and idempotency are shared by all replicas. "
        "Unset: this process alone.",
    )
    egress_id: EgressName = Field(
        "default",
        validation_alias="EGRESS_ID",
        description="The name of the address requests to Discord leave from. Replicas with the same name share its "
        "budget of invalid requests and stop together when Cloudflare blocks it.",
    )


class DeadlineSettings(Section):
    """How long an action may take."""

    title = "Deadlines"

    longest_seconds: float = Field(
        300,
        ge=0.1,
        le=3600,
        validation_alias="MAX_WAIT",
        description="The longest deadline a caller may set, in seconds.",
    )
    default_seconds: float = Field(
        30,
        ge=0.1,
        le=3600,
        validation_alias="REQUEST_TIMEOUT",
        description="Seconds an action may take when the caller sets no deadline.",
    )

    @field_validator("default_seconds")
    @classmethod
    def _within_the_longest(cls, value: float, info: ValidationInfo) -> float:
        longest = info.data.get("longest_seconds", value)
        if value > longest:
            raise ValueError(f"must not be more than MAX_WAIT, which is {longest:g}")
        return value


class AuthSettings(Section):
    """The keys callers' tokens are signed with."""

    title = "Callers' tokens"

    secret_key: SigningKey = Field(
        validation_alias="MODULE_SECRET_KEY",
        description="The key callers' tokens are signed with, at least 64 characters. "
        "Make one with: openssl rand -hex 48",
    )
    previous_secret_key: SigningKey | None = Field(
        None,
        validation_alias="MODULE_SECRET_KEY_PREVIOUS",
        description="The key before that: still verifies, never signs. For rotation.",
    )
    algorithm: Literal["HS256", "HS384", "HS512"] = Field(
        "HS256", validation_alias="JWT_ALGORITHM", description="HS256, HS384 or HS512."
    )
    longest_lifetime_seconds: int = Field(
        31_622_400,
        ge=60,
        le=316_224_000,
        validation_alias="JWT_MAX_LIFETIME_SECONDS",
        description="A token whose `exp` is further away than this is refused, in seconds: the longest that a stolen "
        "one is good for. The default is a year.",
    )
    lifetime_seconds: int = Field(
        3600,
        ge=1,
        le=31_536_000,
        validation_alias="JWT_EXPIRATION_SECONDS",
        description="How long a token from POST /api/v1/token is good for, in seconds.",
    )
    unscoped_access: Literal["all", "none"] = Field(
        "all",
        validation_alias="JWT_UNSCOPED_ACCESS",
        description="What a token without a `scope` claim may do: all, or none. Set none when every caller's token "
        "has scopes.",
    )
    audience: TokenName | None = Field(
        None,
        validation_alias="JWT_AUDIENCE",
        description="Set: tokens must name it in `aud`, and those made here do. Unset: `aud` is not looked at.",
    )
    issuer: TokenName | None = Field(
        None,
        validation_alias="JWT_ISSUER",
        description="Set: tokens must name it in `iss`, and those made here do. Unset: `iss` is not looked at.",
    )

    @field_validator("lifetime_seconds")
    @classmethod
    def _within_the_longest(cls, value: int, info: ValidationInfo) -> int:
        longest = info.data.get("longest_lifetime_seconds", value)
        if value > longest:
            raise ValueError(f"must not be more than JWT_MAX_LIFETIME_SECONDS, which is {longest}")
        return value


class DatabaseSettings(Section):
    """Where the record is kept."""

    title = "Database"

    url: DatabaseUrl = Field(
        validation_alias="DATABASE_URL",
        description="postgresql://user:password@host:5432/database, or sqlite:///data/discord_actions.db "
        "for one process on one machine. Special characters in a password are percent-encoded.",
    )
