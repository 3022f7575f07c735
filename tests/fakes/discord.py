import asyncio
from collections.abc import Awaitable, Callable

from services.ports import Call, Delivery, Reply

type Step = Callable[[Call, Delivery], Awaitable[Reply]]


class ScriptedDiscord:
    """Answers with the steps it was given, one after the other, and remembers what it was sent."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self.calls: list[Call] = []
        self.deliveries: list[Delivery] = []

    async def send(self, call: Call, delivery: Delivery) -> Reply:
        self.calls.append(call)
        self.deliveries.append(delivery)
        return await self._steps.pop(0)(call, delivery)


def answers(reply: Reply) -> Step:
    async def step(call: Call, delivery: Delivery) -> Reply:
        await delivery.attempt()
        delivery.discord_status = reply.status
        return reply

    return step


def fails(error: Exception, *, exposed: bool = False) -> Step:
    async def step(call: Call, delivery: Delivery) -> Reply:
        await delivery.attempt()
        delivery.is_exposed = exposed
        raise error

    return step


def waits_before_sending(never: asyncio.Event) -> Step:
    async def step(call: Call, delivery: Delivery) -> Reply:
        await never.wait()
        raise AssertionError("it was not to be sent")

    return step


def hangs_after_sending(until: asyncio.Event, reply: Reply) -> Step:
    async def step(call: Call, delivery: Delivery) -> Reply:
        await delivery.attempt()
        await until.wait()
        delivery.discord_status = reply.status
        return reply

    return step
