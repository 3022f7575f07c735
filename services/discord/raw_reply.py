"""An answer of Discord's as it came, before anything is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson


@dataclass(frozen=True)
class RawReply:
    """Status, headers and body. `body` is None when it did not come whole or was larger than we read."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None

    @cached_property
    def json(self) -> dict[str, Any] | None:
        """The body as a JSON object; None when it is none."""
        try:
            found = orjson.loads(self.body or b"")
        except orjson.JSONDecodeError:
            return None
        return found if isinstance(found, dict) else None
