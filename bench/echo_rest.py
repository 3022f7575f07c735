"""The floor under REST: a bare Quart application under Hypercorn that reads the JSON and answers from a constant.

    python -m bench.echo_rest

prints its port as the first line.
"""

import socket
from typing import Any

from hypercorn.asyncio import serve as serve_asgi
from hypercorn.config import Config
from quart import Quart, request

from bench.serving import announce, run, termination
from bench.wire import ACTION_ID, MESSAGE_ID

app = Quart(__name__)


@app.post("/api/v1/message")
async def echo() -> dict[str, Any]:
    """Does nothing but read and answer."""
    await request.get_json()
    return {"success": True, "message_id": MESSAGE_ID, "action_id": ACTION_ID}


async def serve() -> None:
    """Answers until SIGTERM."""
    bound = socket.create_server(("127.0.0.1", 0), backlog=1024)
    config = Config()
    config.bind = [f"fd://{bound.fileno()}"]
    config.accesslog = None
    config.backlog = 1024
    # As the module has it: a connection that is closed every thousand requests would only slow the floor.
    config.keep_alive_max_requests = 1_000_000
    terminated = termination()
    announce(bound.getsockname()[1])
    await serve_asgi(app, config, shutdown_trigger=terminated.wait)


if __name__ == "__main__":
    run(serve())
