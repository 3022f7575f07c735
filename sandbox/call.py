"""One request on its way to an endpoint, and the answer on its way back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.state import World

JSON_TYPE = "application/json"
HTML_TYPE = "text/html; charset=UTF-8"


@dataclass(slots=True)
class Call:
    """A request that passed the door: authenticated, within its limits, its JSON read.

    `problems` collects what Discord would swallow silently and a caller should still know.
    """

    world: "World"
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: dict[str, Any]
    reason: str | None
    problems: list[str]

    def flag(self, name: str) -> bool:
        """A boolean of the query string: true and 1 in any case (https://discord.com/developers/docs/reference)."""
        return self.query.get(name, "false").lower() in {"true", "1"}


@dataclass(slots=True)
class Answer:
    """A reply before it becomes bytes. `via` False: it does not come from Discord but from Cloudflare."""

    status: int
    payload: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    via: bool = True

    @property
    def has_body(self) -> bool:
        return self.payload is not None or self.text is not None

    def encoded(self) -> bytes:
        """The body; nothing for 204."""
        if self.text is not None:
            return self.text.encode()
        return b"" if self.payload is None else json.dumps(self.payload, separators=(",", ":")).encode()

    def wire_headers(self) -> dict[str, str]:
        """All headers but Content-Length and Date."""
        headers = {"Server": "cloudflare"} | self.headers
        if self.via:
            headers["Via"] = "1.1 google"
        if self.has_body:
            headers.setdefault("Content-Type", JSON_TYPE if self.text is None else HTML_TYPE)
        return headers


NO_CONTENT = 204


def no_content() -> Answer:
    """204."""
    return Answer(NO_CONTENT)


def ok(payload: Any) -> Answer:
    """200 with an object or a list."""
    return Answer(200, payload)
