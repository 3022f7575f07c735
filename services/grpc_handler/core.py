"""gRPC's server, taking calls in its own way: without the way there is to end it from outside, and for less.

grpc.aio decodes the path of a call as UTF-8 in the one loop that takes calls, unless the method is registered. A path
of other bytes ends that loop and the server with it: one packet from anybody closes the port and cancels what runs,
and the process lives on. So all that is served here is registered, which gRPC's core compares byte by byte, and
whatever is not never gets into that loop. It is refused here. `tests/security/test_grpc_metadata.py` sends such paths.

That loop waits for the next call of any method with one `asyncio.wait`, which looks at every method for every call, and
what it then starts finds out for every call what is known of each method. It is a twentieth of an action's cost. Here
each method takes its calls by itself, and the loop waits for the end alone.

There is no public way to do this; grpcio is pinned, and the tests of this package fail when its inside changes.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import grpc
from grpc._cython import cygrpc
from grpc.aio._server import Server

type Options = Sequence[tuple[str, Any]]


class _Core(cygrpc.AioServer):  # type: ignore[misc]  # no types
    """Keeps the task of each call until its caller has read the answer, as gRPC does itself."""

    def __init__(self, options: Options, most_calls: int) -> None:
        self._loop = cygrpc.get_working_loop()
        super().__init__(self._loop, None, (), (), tuple(options), None)
        self._most_calls = most_calls
        self._handlers: dict[str, Any] = {}
        self._calls = set[asyncio.Task[None]]()
        self._refusals = set[asyncio.Task[None]]()

    def add_registered_method_handlers(self, handlers: Mapping[str, Any]) -> None:
        self._handlers.update(handlers)
        super().add_registered_method_handlers(handlers)

    async def _request_registered_call(self, method: bytes) -> Any:
        """GRPC asks for the next call of a method. It gets none before the end, when this raises."""
        name = method.decode()
        while True:
            call = await super()._request_registered_call(method)
            self._carry_out(self._answered(call, name), call, name, self._calls)
            del call

    async def _request_call(self) -> Any:
        """The same for a call of no registered method, which is refused."""
        while True:
            call = await super()._request_call()
            self._carry_out(_refuse(call, self._loop), call, "unknown", self._refusals)
            del call

    def _answered(self, call: Any, name: str) -> Any:
        """The coroutine that answers a call: its handler's own where that reads and writes bytes by itself."""
        handler = self._handlers[name]
        is_one_too_many = len(self._calls) >= self._most_calls
        if is_one_too_many or handler.stream_unary is None or handler.request_deserializer is not None:
            handlers = cygrpc._MethodResolver([], self._handlers)  # noqa: SLF001
            return cygrpc._handle_rpc(name, handlers, (), call, self._loop, is_one_too_many)  # noqa: SLF001
        context = cygrpc._ServicerContext(call, None, None, self._loop)  # noqa: SLF001
        finish = cygrpc._finish_handler_with_unary_response  # noqa: SLF001
        return finish(call, handler.stream_unary, None, context, None, self._loop)

    def _carry_out(self, answered: Any, call: Any, name: str, running: set[asyncio.Task[None]]) -> None:
        carried_out = cygrpc._schedule_rpc_coro(answered, call, self._loop, name)  # noqa: SLF001
        task = self._loop.create_task(carried_out)
        running.add(task)
        task.add_done_callback(running.discard)


async def _refuse(call: Any, loop: asyncio.AbstractEventLoop) -> None:
    context = cygrpc._ServicerContext(call, None, None, loop)  # noqa: SLF001
    try:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
    except grpc.aio.AbortError:
        raise  # as gRPC expects: kept back, it would be an error in the log for every such call
    except grpc.aio.BaseError:
        return


class _CoreServer(Server):
    def __init__(self, options: Options, maximum_concurrent_rpcs: int) -> None:
        self._loop = cygrpc.get_working_loop()
        self._server = _Core(options, maximum_concurrent_rpcs)


def core_server(options: Options, maximum_concurrent_rpcs: int) -> grpc.aio.Server:
    """A server like `grpc.aio.server`'s that serves registered methods alone."""
    return cast("grpc.aio.Server", _CoreServer(options, maximum_concurrent_rpcs))
