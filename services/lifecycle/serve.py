"""From settings to a serving process, and back.

    config → logging → audit → limiter → Discord session → auth → DiscordService → gRPC port → REST port → SERVING
    SIGTERM → NOT_SERVING, readiness 503 → pause → both servers stop accepting and finish → Discord session
            → the record drained into the table → exit 0

What is held is on one exit stack and unwinds in reverse, within the one budget of the stop (`stopping`). A stop that is
asked for while the start still waits, for a database above all, ends the start: an orderly stop as well.
"""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn

import uvloop

from config import Settings
from services.database import DatabaseFailure
from services.exits import EXIT_FAILED, EXIT_OK
from services.grpc_handler import BadCertificate, CannotListen, GrpcServer
from services.lifecycle.bot import bot_asked_for
from services.lifecycle.build import House, build
from services.lifecycle.clock import SystemClock
from services.lifecycle.ending import Ending
from services.lifecycle.garbage import lasting_objects_spared
from services.lifecycle.open_files import make_room
from services.lifecycle.rest_server import PortTaken
from services.lifecycle.stopping import BoundedStack, Stop
from services.redaction import Redactor
from services.telemetry import Logging, configure_logging, get_logger

log = get_logger(__name__)


class ServerBroke(Exception):
    """A server ended that nobody stopped. Everything else was stopped in order."""


def run(settings: Settings) -> NoReturn:
    """Serves until SIGTERM or SIGINT; a second one hurries the stop. Ends the process.

    Its exit code is 0 after an orderly stop, 1 when it could not start, a server broke or the stop hung.
    """
    redactor = Redactor()
    for secret in settings.secrets:
        redactor.register(secret)
    logging = configure_logging(settings.logs, settings.module.name, settings.module.version, redactor)
    ending = Ending()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        with logging:
            status = runner.run(_serve_until_signal(settings, logging, ending))
        ending.begin(status)
    ending.end(status)


async def _serve_until_signal(settings: Settings, logging: Logging, ending: Ending) -> int:
    servers = settings.servers
    stop = Stop(servers.shutdown_pause_seconds, servers.shutdown_grace_seconds, on_asked=ending.expect_within)
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.ask)
    make_room(settings)
    try:
        await serve(settings, stop, logging, keep=ending.keep)
    except (DatabaseFailure, CannotListen, BadCertificate, PortTaken) as exc:
        log.error("cannot start", reason=str(exc))  # noqa: TRY400 -- the reason is for the operator, no traceback
        return EXIT_FAILED
    except ServerBroke:
        return EXIT_FAILED
    return EXIT_OK


async def serve(
    settings: Settings, stop: Stop, logging: Logging, *, keep: Callable[[GrpcServer], None] = lambda _: None
) -> None:
    """Serves until `stop` is asked for, then drains. Raises what keeps it from starting, ServerBroke.

    What must not be let go of before the process ends is given to `keep`.
    """
    began = time.monotonic()
    async with BoundedStack(stop) as stack:
        house = await _unless_stopped(stop.is_asked, build(settings, stack, logging.redactor, logging))
        if house is None:
            log.info("stopped before it served")
            return
        keep(house.grpc)
        grpc_port, rest_port = await house.open_ports()
        log.info("serving", grpc_port=grpc_port, rest_port=rest_port, start_ms=round((time.monotonic() - began) * 1000))
        with lasting_objects_spared():
            async with bot_asked_for(house.discord, SystemClock(), settings.module.name):
                has_broken = await _has_broken(house, stop)
        log.info("stopping", running=house.service.running_count)
        await house.wind_down()
    log.info("stopped")
    if has_broken:
        raise ServerBroke


async def _has_broken(house: House, stop: Stop) -> bool:
    """Waits until `stop` is asked for, or a server ends that nobody stopped: that asks for it too, and is told.

    REST has no task that could end; it accepts in the loop itself.
    """
    ended = asyncio.create_task(house.grpc.ended(), name="grpc-ended")
    asked = asyncio.create_task(stop.is_asked.wait(), name="stop-asked")
    try:
        await asyncio.wait((ended, asked), return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
        ended.cancel()
        await asyncio.wait((ended, asked))
    if stop.is_asked.is_set():
        return False
    reason = None if ended.cancelled() else ended.exception()
    log.error("the gRPC server ended by itself", reason=repr(reason))
    stop.ask()
    return True


async def _unless_stopped[T](stop: asyncio.Event, starting: Awaitable[T]) -> T | None:
    """Awaits `starting` in this task, and cancels it when `stop` is set: None then."""
    bound = asyncio.timeout(None)
    try:
        async with bound:
            watch = asyncio.create_task(_end_at(stop, bound), name="stop-while-starting")
            try:
                return await starting
            finally:
                watch.cancel()
    except TimeoutError:
        if not bound.expired():
            raise
        return None


async def _end_at(stop: asyncio.Event, bound: asyncio.Timeout) -> None:
    await stop.wait()
    bound.reschedule(asyncio.get_running_loop().time())
