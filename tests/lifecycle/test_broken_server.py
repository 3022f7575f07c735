"""A process without its gRPC port is no use to anybody: it says so and ends, and whatever runs it starts another."""

import asyncio
from pathlib import Path

import pytest

from config import Settings
from sandbox import Options, Sandbox
from services.grpc_handler import GrpcServer
from services.lifecycle.serve import ServerBroke, serve
from services.lifecycle.stopping import Stop
from services.redaction import Redactor
from services.telemetry import configure_logging
from tests.support.module import environment


async def test_a_grpc_server_that_ends_by_itself_ends_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[GrpcServer] = []
    serving = asyncio.Event()
    set_serving = GrpcServer.set_serving

    async def note(server: GrpcServer, *, is_ready: bool = True) -> None:
        await set_serving(server, is_ready=is_ready)
        started.append(server)
        serving.set()

    monkeypatch.setattr(GrpcServer, "set_serving", note)
    async with Sandbox.serving(Options()) as sandbox:
        settings = Settings.load(None, environment(sandbox, f"sqlite:///{tmp_path}/actions.db"))
        with configure_logging(settings.logs, "m", "1", Redactor()) as logs:
            running = asyncio.create_task(serve(settings, Stop(0, 5), logs))
            async with asyncio.timeout(20):
                await serving.wait()
                await started[0]._bound.stop(None)
                with pytest.raises(ServerBroke):
                    await running
