"""Callers of the real program, and what they heard: over both protocols, each message with a text of its own."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
import grpc

from tests.conformance.faces import Face, GrpcFace, Heard, RestFace
from tests.support.module import token
from tests.support.process import Program

CHANNEL = "123"
PREFIX = "proof-"
FREE_LIMITS = {
    "DISCORD_RATE_LIMIT_GLOBAL": "100000",
    "DISCORD_RATE_LIMIT_PER_CHANNEL": "100000",
    "MAX_CONCURRENT_REQUESTS": "1000",
}
MOST_IN_FLIGHT = 1_000
WITHOUT_AN_ANSWER = "came without details"  # a gRPC connection ended instead
GONE = (aiohttp.ClientError, grpc.aio.AioRpcError, ConnectionError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one caller heard, and when."""

    text: str
    heard: Heard
    began: float
    seconds: float


@dataclass(slots=True)
class Told:
    """Answers, and how many callers lost their connection instead."""

    answers: list[Answer] = field(default_factory=list)
    unanswered: int = 0

    @property
    def action_ids(self) -> set[str]:
        """Of every answer that names its action."""
        return {answer.heard.action_id for answer in self.answers if answer.heard.action_id is not None}

    @property
    def codes(self) -> Counter[str]:
        return Counter(answer.heard.code for answer in self.answers)

    def p99_ms(self, since: float, until: float) -> float:
        """Of the answers to what was asked in that time."""
        took = sorted(answer.seconds for answer in self.answers if since <= answer.began < until)
        return round(took[math.ceil(len(took) * 0.99) - 1] * 1000, 1) if took else math.nan


class Callers:
    """Asks one program, by turns over either protocol."""

    def __init__(self, faces: Collection[Face], told: Told, numbers: Iterator[int], prefix: str) -> None:
        self._faces = tuple(faces)
        self._token = token()
        self._numbers = numbers
        self._prefix = prefix
        self.told = told

    async def ask(self) -> bool:
        """Sends one message; whether an answer came."""
        number = next(self._numbers)
        text, began = f"{self._prefix}{number}", time.monotonic()
        face = self._faces[number % len(self._faces)]
        try:
            heard = await face.perform("SendMessage", {"channel_id": CHANNEL, "content": text}, self._token)
        except GONE:
            self.told.unanswered += 1
            return False
        except AssertionError as exc:
            if WITHOUT_AN_ANSWER not in str(exc):
                raise
            self.told.unanswered += 1
            return False
        self.told.answers.append(Answer(text, heard, began, time.monotonic() - began))
        return True

    async def ask_steadily(self, per_second: float, until: asyncio.Event) -> None:
        """So many actions a second on an absolute schedule, until told to stop; ends with the last answer."""
        room = asyncio.Semaphore(MOST_IN_FLIGHT)
        due = time.monotonic()
        async with asyncio.TaskGroup() as group:
            while not until.is_set():
                await room.acquire()
                group.create_task(self.ask()).add_done_callback(lambda _: room.release())
                due += 1 / per_second
                with suppress(TimeoutError):
                    await asyncio.wait_for(until.wait(), max(due - time.monotonic(), 0))

    async def ask_until_it_is_gone(self, at_once: int) -> None:
        """Several callers, each with the next message as soon as it has its answer."""
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(self._ask_on())

    async def _ask_on(self) -> None:
        while await self.ask():
            pass


@asynccontextmanager
async def faces_of(started: Program) -> AsyncIterator[tuple[RestFace, GrpcFace]]:
    """Both protocols of a program."""
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        grpc.aio.insecure_channel(started.grpc_target) as channel,
    ):
        yield RestFace(session, started.rest_url), GrpcFace(channel)


@asynccontextmanager
async def callers_of(
    started: Program, told: Told, numbers: Iterator[int], prefix: str = PREFIX
) -> AsyncIterator[Callers]:
    """Callers of a program; a new one after a restart goes on with the same `numbers`."""
    async with faces_of(started) as faces:
        yield Callers(faces, told, numbers, prefix)
