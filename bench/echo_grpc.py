"""The floor under gRPC: a bare grpc.aio server that answers SendMessage from a constant.

    python -m bench.echo_grpc [--hold]

prints its port as the first line. With `--hold` it never answers.
"""

import asyncio
import sys

import grpc

from bench.serving import announce, run, termination
from bench.wire import ACTION_ID, MESSAGE_ID
from proto import discord_action_pb2 as messages

type Context = grpc.aio.ServicerContext[messages.SendMessageRequest, messages.SendMessageResponse]


async def echo(_request: messages.SendMessageRequest, _context: Context) -> messages.SendMessageResponse:
    """Does nothing but answer."""
    return messages.SendMessageResponse(success=True, message_id=MESSAGE_ID, action_id=ACTION_ID)


async def hold(request: messages.SendMessageRequest, context: Context) -> messages.SendMessageResponse:
    """Waits until the caller gives up."""
    await asyncio.Event().wait()
    return await echo(request, context)


async def serve() -> None:
    """Answers until SIGTERM."""
    method = grpc.unary_unary_rpc_method_handler(
        hold if "--hold" in sys.argv else echo,
        request_deserializer=messages.SendMessageRequest.FromString,
        response_serializer=messages.SendMessageResponse.SerializeToString,
    )
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    service = grpc.method_handlers_generic_handler("discord_action.DiscordAction", {"SendMessage": method})
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    announce(port)
    await termination().wait()
    await server.stop(0)


if __name__ == "__main__":
    run(serve())
