"""The server around the rpcs: sizes, ports, health, reflection, cancellation, its end."""

import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from config import ServerSettings
from services.actions import Action
from services.discord_service import Performed
from services.discord_service.service import MOST_RUNNING
from services.errors import OutcomeKind, OutcomeUnknown
from services.grpc_handler import SERVICE_NAME, Bounds, CannotListen, GrpcServer
from services.ports import Request
from tests.unit.grpc_handler.caller import (
    AUTHORIZED,
    DEADLINES,
    FakeAuthenticator,
    FakeService,
    Serving,
    deliver,
    raw_call,
    serving,
)

MESSAGE = {"channel_id": "123", "content": "hi"}
STATUS = health_pb2.HealthCheckResponse


async def for_ever(action: Action, request: Request) -> Performed:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


async def health_of(served: Serving, name: str) -> int:
    stub = health_pb2_grpc.HealthStub(served.channel)
    return int((await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)).status)


async def until(condition: asyncio.Event) -> None:
    await asyncio.wait_for(condition.wait(), 5)


@pytest.mark.parametrize("name", ["", SERVICE_NAME], ids=["server", "service"])
async def test_health_follows_the_lifecycle(served: Serving, name: str) -> None:
    seen = [await health_of(served, name)]
    await served.server.set_serving()
    seen.append(await health_of(served, name))
    await served.server.enter_drain()
    await served.server.set_serving()
    seen.append(await health_of(served, name))

    assert seen == [STATUS.NOT_SERVING, STATUS.SERVING, STATUS.NOT_SERVING]


async def test_a_watcher_sees_the_drain_at_once_and_calls_are_still_taken(served: Serving) -> None:
    await served.server.set_serving()
    stub = health_pb2_grpc.HealthStub(served.channel)
    watch = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE_NAME), timeout=5)
    first = await watch.read()
    await served.server.enter_drain()
    second = await watch.read()

    assert (first.status, second.status) == (STATUS.SERVING, STATUS.NOT_SERVING)
    assert (await served.call("SendMessage", MESSAGE)).error is None
    watch.cancel()


async def test_an_unknown_service_has_no_health(served: Serving) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await health_of(served, "another.Service")

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def services_listed(served: Serving) -> set[str]:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    stub = reflection_pb2_grpc.ServerReflectionStub(served.channel)
    call = stub.ServerReflectionInfo(iter([request]), timeout=5)
    reply = await call.read()
    return {service.name for service in reply.list_services_response.service}


async def test_reflection_lists_the_services(served: Serving) -> None:
    listed = await services_listed(served)

    assert listed == {SERVICE_NAME, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}


async def test_reflection_can_be_turned_off() -> None:
    async with serving(has_reflection=False) as served:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await services_listed(served)

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_an_unknown_rpc_is_unimplemented(served: Serving) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await raw_call(served.channel, "Dance")(b"", timeout=5)

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
async def test_a_message_that_is_too_large_is_refused_even_when_compressed(
    served: Serving, compression: grpc.Compression
) -> None:
    call = raw_call(served.channel, "SendMessage")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(b"\0" * (2 * 1024 * 1024), compression=compression, timeout=5)

    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert served.service.asked == []


async def test_metadata_that_is_too_large_is_refused(served: Serving) -> None:
    answered = await served.call("SendMessage", MESSAGE, {"x-filler": "x" * 40_000})

    assert answered.code is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_large_token_is_read(served: Serving) -> None:
    answered = await served.call("SendMessage", MESSAGE, {"authorization": f"Bearer {'x' * 12_000}-token"})

    assert answered.error is None


def test_calls_that_never_say_what_they_want_fit_into_memory_beside_the_actions() -> None:
    bounds = Bounds()
    of_a_call = 22 * 1024 + 2 * bounds.metadata_bytes

    assert bounds.calls > MOST_RUNNING
    assert bounds.calls * of_a_call <= 256 * 1024 * 1024


async def test_more_calls_than_the_bound_are_refused() -> None:
    async with serving(for_ever, bounds=Bounds(calls=2)) as served:
        async with grpc.aio.insecure_channel(served.target, (("grpc.use_local_subchannel_pool", 1),)) as second:
            waiting = [asyncio.create_task(served.call("SendMessage", MESSAGE)) for _ in range(2)]
            await served.service.until_asked(times=2)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await raw_call(second, "SendMessage")(b"", timeout=5)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_caller_that_gives_up_cancels_the_action() -> None:
    async with serving(for_ever) as served:
        task = asyncio.create_task(served.call("SendMessage", MESSAGE))
        await served.service.until_asked()
        task.cancel()
        await until(served.service.cancelled)
        await asyncio.gather(task, return_exceptions=True)


async def test_a_deadline_that_passes_cancels_the_action() -> None:
    async with serving(for_ever) as served:
        answered = await served.call("SendMessage", MESSAGE, timeout_seconds=0.2)
        await until(served.service.cancelled)

    assert answered.code is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_what_became_of_an_action_is_told_before_the_callers_deadline() -> None:
    async def until_its_time_is_up(action: Action, request: Request) -> Performed:
        await asyncio.sleep(request.deadline - asyncio.get_running_loop().time())
        raise OutcomeUnknown

    async with serving(until_its_time_is_up) as served:
        # Several, for a machine may stand still just then.
        answers = [await served.call("SendMessage", MESSAGE, timeout_seconds=1.0) for _ in range(3)]

    told = [answered.info.metadata for answered in answers if answered.code is grpc.StatusCode.UNKNOWN]
    assert told[0]["outcome"] == OutcomeKind.UNKNOWN.value


async def test_stopping_lets_a_call_finish_within_the_grace() -> None:
    async def slowly(action: Action, request: Request) -> Performed:
        await asyncio.sleep(0.3)
        return await deliver(action, request)

    async with serving(slowly) as served:
        task = asyncio.create_task(served.call("SendMessage", MESSAGE))
        await served.service.until_asked()
        await served.server.stop(5)
        answered = await task

    assert answered.error is None


async def test_stopping_cancels_what_is_left_after_the_grace() -> None:
    async with serving(for_ever) as served:
        task = asyncio.create_task(served.call("SendMessage", MESSAGE))
        await served.service.until_asked()
        await asyncio.wait_for(served.server.stop(0.1), 5)
        await until(served.service.cancelled)
        answered = await task
        await served.server.stop(0.1)

    assert answered.code is grpc.StatusCode.UNAVAILABLE


def on_port(port: int, host: str = "127.0.0.1") -> GrpcServer:
    settings = ServerSettings(host=host, grpc_port=port, rest_port=0)
    return GrpcServer(settings, FakeService(), FakeAuthenticator(), DEADLINES)


async def test_a_port_is_never_shared(served: Serving) -> None:
    async with on_port(served.port) as second:
        with pytest.raises(CannotListen, match=rf"127\.0\.0\.1:{served.port}.*GRPC_PORT"):
            second.bind()

    assert (await served.call("SendMessage", MESSAGE)).error is None


async def test_a_port_is_free_again_after_the_end() -> None:
    async with on_port(0) as first:
        port = first.bind()
        await first.start()
    async with on_port(port) as second:
        assert second.bind() == port
        await second.start()


async def test_an_ipv6_address_is_listened_on() -> None:
    async with on_port(0, "::1") as server:
        port = server.bind()
        await server.start()
        async with grpc.aio.insecure_channel(f"[::1]:{port}") as channel:
            call = raw_call(channel, "DeleteMessage")
            assert await call(b"\n\x011\x12\x012", metadata=AUTHORIZED, timeout=5)


async def test_starting_needs_a_port() -> None:
    async with on_port(0) as server:
        with pytest.raises(RuntimeError, match="bind"):
            await server.start()


async def test_a_connection_can_be_given_an_age() -> None:
    bounds = Bounds(longest_connection_seconds=0.2, longest_call_seconds_after_connection=1)
    async with serving(bounds=bounds) as served:
        await served.call("SendMessage", MESSAGE)
        left_ready = served.channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
        await asyncio.wait_for(left_ready, 5)
        assert (await served.call("SendMessage", MESSAGE)).error is None
