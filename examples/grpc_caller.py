"""A caller over gRPC: one channel for all calls, a deadline, an idempotency key, a repeat only where it is safe.

TOKEN=… python -m examples.grpc_caller localhost:50051 123 "Hello over gRPC"
"""

import os
import sys
from random import uniform
from time import monotonic, sleep
from typing import Any, Self
from uuid import uuid4

import grpc
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc_status import rpc_status

from proto import discord_action_pb2 as pb
from proto.discord_action_pb2_grpc import DiscordActionStub

# An idle channel stays open behind load balancers; the module takes a ping every 30 s.
OPTIONS = [
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
]


class NotDone(Exception):
    """The action did not succeed. With `outcome` unknown it may have happened: look at Discord before asking anew."""

    def __init__(self, error: grpc.RpcError) -> None:
        super().__init__(error.details())
        status = rpc_status.from_call(error)
        info, retry = ErrorInfo(), RetryInfo()
        for detail in status.details if status else ():
            detail.Unpack(info) or detail.Unpack(retry)
        # Without details it was not the module that ended the call: nobody knows how far the request got, and its key
        # makes a repeat safe.
        is_cut_off = error.code() is grpc.StatusCode.UNAVAILABLE and status is None
        self.code = info.reason or error.code().name.lower()
        self.outcome = info.metadata["outcome"] or "unknown"
        self.action_id = info.metadata["action_id"]
        self.is_retryable = is_cut_off or info.metadata["retryable"] == "true"
        self.retry_after_seconds = retry.retry_delay.ToTimedelta().total_seconds() or uniform(0.1, 0.5)


class Caller:
    """A channel to the module, to be kept for as long as the program runs. Threads may share it."""

    def __init__(self, target: str, token: str) -> None:
        self._channel = grpc.insecure_channel(target, OPTIONS)
        self._stub = DiscordActionStub(self._channel)
        self._authorization = ("authorization", f"Bearer {token}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def perform(self, rpc: str, request: Message, *, key: str | None = None, within_seconds: float = 30.0) -> Any:
        """The answer to `request`, within a time that all repeats share. Raises NotDone.

        `key` belongs to this one request: whoever repeats it later, after a crash perhaps, must give the same.
        """
        metadata = [self._authorization, ("idempotency-key", key or str(uuid4()))]
        deadline = monotonic() + within_seconds
        while True:
            try:
                return getattr(self._stub, rpc)(request, metadata=metadata, timeout=deadline - monotonic())
            except grpc.RpcError as error:
                failure = NotDone(error)
            if not failure.is_retryable or monotonic() + failure.retry_after_seconds >= deadline:
                raise failure
            sleep(failure.retry_after_seconds)


if __name__ == "__main__":
    address, channel_id, content = sys.argv[1:]
    with Caller(address, os.environ["TOKEN"]) as caller:
        print(caller.perform("SendMessage", pb.SendMessageRequest(channel_id=channel_id, content=content)))
