"""gRPC's server, without the way there is to end it from outside.

grpc.aio decodes the path of a call as UTF-8 in the one loop that takes calls, unless the method is registered. A path
of other bytes ends that loop and the server with it: one packet from anybody closes the port and cancels what runs,
and the process lives on. So all that is served here is registered, which gRPC's core compares byte by byte, and
whatever is not never gets into that loop. It is refused here. `tests/security/test_grpc_metadata.py` sends such paths.

There is no public way to do this; grpcio is pinned, and the tests of this package fail when its inside changes.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import grpc
from grpc._cython import cygrpc
from grpc.aio._server import Server

type Options = Sequence[tuple[str, Any]]


class _Core(cygrpc.AioServer):  # type: ignore[misc]  # no types
    async def _request_call(self) -> Any:
        """GRPC asks for the next call of no registered method. It gets none before the end, when this raises."""
        loop, refusals = asyncio.get_running_loop(), set[asyncio.Task[None]]()
        while True:
            call = await super()._request_call()
            # As gRPC does itself: the call is kept until its caller has read the answer.
            carried_out = cygrpc._schedule_rpc_coro(_refuse(call, loop), call, loop, "unknown")  # noqa: SLF001
            refusal = loop.create_task(carried_out)
            refusals.add(refusal)
            refusal.add_done_callback(refusals.discard)


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
        self._server = _Core(self._loop, None, (), (), tuple(options), maximum_concurrent_rpcs)


def core_server(options: Options, maximum_concurrent_rpcs: int) -> grpc.aio.Server:
    """A server like `grpc.aio.server`'s that serves registered methods alone."""
    return cast("grpc.aio.Server", _CoreServer(options, maximum_concurrent_rpcs))
