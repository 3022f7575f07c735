"""Something nobody foresaw, in the midst of what goes on for ever."""

import asyncio
from typing import Any

import pytest

BROKEN = "nobody foresaw this"


def breaks_once(patch: pytest.MonkeyPatch, owner: object, method: str) -> asyncio.Event:
    """From now on `method`, a coroutine of `owner`, raises when it is called first. The event says that it was."""
    whole, has_broken = getattr(owner, method), asyncio.Event()

    async def broken(*values: Any, **named: Any) -> Any:
        if has_broken.is_set():
            return await whole(*values, **named)
        has_broken.set()
        raise RuntimeError(BROKEN)

    patch.setattr(owner, method, broken)
    return has_broken
