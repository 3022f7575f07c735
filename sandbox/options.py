"""Every switch of the sandbox, with the value it starts from.

Times are seconds. The defaults are what Discord documents or what was observed of it; `limit_factor`
multiplies all limits at once and `limits_enabled` False removes them together with their headers.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Self

MEBIBYTE = 1024 * 1024


class SettingError(ValueError):
    """A setting that does not exist, or a value it does not take."""

    @classmethod
    def unknown(cls, names: Iterable[str]) -> Self:
        return cls(f"no such setting: {', '.join(sorted(names))}")

    @classmethod
    def unfit(cls, name: str, wanted: object) -> Self:
        return cls(f"{name} takes {wanted}")


@dataclass(slots=True)
class Options:
    """Settings, mutable while the sandbox runs."""

    host: str = "127.0.0.1"
    port: int = 0
    token: str = "sandbox-bot-token"  # noqa: S105 - opens nothing but the sandbox
    module_url: str = "http://localhost:8070"  # whom the page's example asks
    limits_enabled: bool = True
    limit_factor: float = 1.0
    global_limit: int = 50
    global_window_seconds: float = 1.0
    latency_seconds: float = 0.0
    latency_jitter_seconds: float = 0.0
    nonce_ttl_seconds: float = 300.0
    timeout_margin_seconds: float = 1.0
    invalid_request_limit: int = 10_000
    invalid_request_window_seconds: float = 600.0
    cloudflare_ban_seconds: float = 600.0
    recorded_requests: int = 10_000
    messages_per_channel: int = 10_000
    max_body_bytes: int = 25 * MEBIBYTE

    def copied(self) -> Self:
        return replace(self)

    def restore(self, other: "Options") -> None:
        """Takes over every value of `other`, except where the sandbox listens."""
        for each in fields(self):
            if each.name not in {"host", "port"}:
                setattr(self, each.name, getattr(other, each.name))
