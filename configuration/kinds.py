"""Kinds of settings: a type with the rule of its values attached."""

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from configuration import credentials, urls, values
from configuration.secret import Secret


def kept_secret(rule: Callable[[str], str]) -> Callable[[Secret], Secret]:
    """Applies a rule for text to a value that must not be printed."""
    return lambda secret: Secret(rule(secret.get_secret_value()))


BotToken = Annotated[Secret, AfterValidator(kept_secret(credentials.bot_token))]
SigningKey = Annotated[Secret, AfterValidator(kept_secret(credentials.signing_key))]
DatabaseUrl = Annotated[Secret, AfterValidator(kept_secret(urls.database_url))]
RedisUrl = Annotated[Secret, AfterValidator(kept_secret(urls.redis_url))]
ModuleName = Annotated[str, AfterValidator(values.module_name)]
ModuleVersion = Annotated[str, AfterValidator(values.module_version)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(values.networks)]
TokenName = Annotated[str, AfterValidator(values.token_name)]
EgressName = Annotated[str, AfterValidator(values.module_name)]
CollectorUrl = Annotated[str, AfterValidator(urls.collector_url)]
Host = Annotated[str, AfterValidator(values.host)]
Facility = Annotated[str, AfterValidator(values.facility)]
Folder = Annotated[Path, AfterValidator(values.from_root)]
ReadableFile = Annotated[Path, AfterValidator(values.readable_file)]
Level = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(values.upper)]
