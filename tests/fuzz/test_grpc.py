"""Generated protobuf messages, whole and damaged, on every rpc."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Final

import google._upb._message as upb
import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.unknown_fields import UnknownFieldSet
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from proto import discord_action_pb2 as messages
from services.errors import ErrorCode
from tests.fuzz.oddities import NUMBERS, SOUND, SOUND_IN_EMBEDS, Oddities
from tests.fuzz.program import MOST_GROWTH_MIB, PROMISE, fuzzed_program, resident_mib
from tests.prove.evidence import keep
from tests.support.module import token

type Field = FieldDescriptor | upb.FieldDescriptor

RPCS: Final[tuple[MethodDescriptor, ...]] = tuple(messages.DESCRIPTOR.services_by_name["DiscordAction"].methods)
OUR_FAULT: Final = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
SLUGS: Final = {code.slug for code in ErrorCode}
SOUND_TEXTS: Final = {name: str(value) for name, value in (SOUND | SOUND_IN_EMBEDS).items()}
AT_ONCE: Final = 32
PATIENCE_SECONDS: Final = 200.0
"""A role write marked as bulk lets all others on the same member pass, as long as they come."""


class Messages:
    """A source of requests, in bytes."""

    def __init__(self, odd: Oddities) -> None:
        self._odd = odd

    def request(self, rpc: MethodDescriptor) -> bytes:
        message = GetMessageClass(rpc.input_type)()
        self._fill(message, odd_share=self._odd.random.choice((0.0, 0.0, 0.1, 0.5)))
        raw = message.SerializeToString()
        return self._odd.bent(raw) if self._odd.happens(0.2) else raw

    def _fill(self, message: Message, odd_share: float) -> None:
        for field in message.DESCRIPTOR.fields:
            if field.name == "token" or (field.name not in SOUND and self._odd.happens(0.7)):
                continue
            if field.is_repeated:
                for _ in range(self._odd.random.choice((0, 1, 1, 2, 12))):
                    self._add(message, field, odd_share)
            elif field.type == FieldDescriptor.TYPE_MESSAGE:
                self._fill(getattr(message, field.name), odd_share)
            else:
                setattr(message, field.name, self._value(field, odd_share))

    def _add(self, message: Message, field: Field, odd_share: float) -> None:
        members = getattr(message, field.name)
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            self._fill(members.add(), odd_share)
        else:
            members.append("users" if not self._odd.happens(odd_share) else self._odd.text())

    def _value(self, field: Field, odd_share: float) -> str | int | bool:
        is_odd = self._odd.happens(odd_share)
        if field.type == FieldDescriptor.TYPE_BOOL:
            return self._odd.happens(0.5)
        if field.type == FieldDescriptor.TYPE_INT32:
            small = [number for number in NUMBERS if isinstance(number, int) and abs(number) < 2**31]
            return self._odd.random.choice(small) if is_odd else int(SOUND.get(field.name, 1))
        return self._odd.text() if is_odd else SOUND_TEXTS.get(field.name, "News")


class Caller:
    """Sends requests and counts what comes back."""

    def __init__(self, channel: grpc.aio.Channel, seed: int) -> None:
        self._channel = channel
        self._odd = Oddities(seed)
        self._messages = Messages(self._odd)
        self._authorization = ("authorization", f"Bearer {token()}")
        self.heard: Counter[tuple[str, str]] = Counter()

    async def send(self, number: int) -> None:
        """So many requests, some at once."""
        limit = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for _ in range(number):
                await limit.acquire()
                rpc = self._odd.random.choice(RPCS)
                metadata = [self._authorization, *self._odd.headers().items()]
                asking = group.create_task(self._ask(rpc, self._messages.request(rpc), metadata))
                asking.add_done_callback(lambda _: limit.release())

    async def _ask(self, rpc: MethodDescriptor, raw: bytes, metadata: list[tuple[str, str]]) -> None:
        path = f"/{rpc.containing_service.full_name}/{rpc.name}"
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(path)
        try:
            answer = await ask(raw, metadata=metadata, timeout=PATIENCE_SECONDS)
        except grpc.aio.AioRpcError as exc:
            _check_failure(exc, rpc.name, raw)
            self.heard[rpc.name, exc.code().name] += 1
        else:
            response = GetMessageClass(rpc.output_type).FromString(answer)
            assert getattr(response, "success", False), (rpc.name, raw)
            assert len(UnknownFieldSet(response)) == 0, (rpc.name, answer)
            self.heard[rpc.name, "OK"] += 1


def _check_failure(exc: grpc.aio.AioRpcError, rpc: str, raw: bytes) -> None:
    assert exc.code() not in OUR_FAULT, (rpc, raw, exc)
    status = rpc_status.from_call(exc)
    assert status is not None, (rpc, raw, exc)
    reasons = [_reason(detail) for detail in status.details if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR)]
    assert len(reasons) == 1, (rpc, raw, exc)
    assert reasons[0] in SLUGS, (rpc, raw, exc)


def _reason(detail: object) -> str:
    told = error_details_pb2.ErrorInfo()
    detail.Unpack(told)  # type: ignore[attr-defined]  # an Any, for which there are no stubs
    return str(told.reason)


async def _fuzz(folder: Path, seed: int, number: int) -> None:
    async with fuzzed_program(folder) as started, grpc.aio.insecure_channel(started.grpc_target) as channel:
        caller = Caller(channel, seed)
        await caller.send(number // 4)
        after_a_quarter = resident_mib(started)
        await caller.send(number - number // 4)
        grown = resident_mib(started) - after_a_quarter
        keep(f"{number} odd messages over gRPC", PROMISE, failures_of_our_own=0, memory_grown_mib=round(grown, 1))
        assert grown < MOST_GROWTH_MIB
        for rpc in RPCS:
            codes = Counter({code: count for (name, code), count in caller.heard.items() if name == rpc.name})
            assert codes["INVALID_ARGUMENT"], (rpc.name, codes)
            assert codes.total() - codes["INVALID_ARGUMENT"] > codes.total() / 10, (rpc.name, codes)


@pytest.mark.timeout(300)
async def test_ten_thousand_odd_messages(tmp_path: Path) -> None:
    await _fuzz(tmp_path, seed=1, number=10_000)


@pytest.mark.prove
@pytest.mark.timeout(1800)
async def test_a_hundred_thousand_odd_messages(tmp_path: Path) -> None:
    await _fuzz(tmp_path, seed=2, number=100_000)
