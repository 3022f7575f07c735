"""Waiting for one task with a bound.

`asyncio.wait` does the same for any number of tasks; for one, on the way of every action, this costs half of it.
"""

import asyncio
from typing import Any


async def done_within(task: asyncio.Task[Any], seconds: float) -> bool:
    """Whether `task` ends within the bound. It is neither cancelled nor asked for its result."""
    if task.done():
        return True
    loop = asyncio.get_running_loop()
    woken: asyncio.Future[None] = loop.create_future()

    def wake(_: object = None) -> None:
        if not woken.done():
            woken.set_result(None)

    task.add_done_callback(wake)
    timer = loop.call_later(seconds, wake)
    try:
        await woken
    finally:
        timer.cancel()
        task.remove_done_callback(wake)
    return task.done()
