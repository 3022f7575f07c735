"""The gRPC face: `discord_action.DiscordAction` with one rpc for every action of the catalogue.

    async with GrpcServer(settings.servers, service, authenticator, settings.deadlines) as server:
        port = server.bind()
        await server.start()
        await server.set_serving()
        ...
        await server.enter_drain()
        await server.stop(grace_seconds=10)

Nothing here knows a single action. The rpcs, the fields read and the responses written follow from `CATALOGUE` and from
the descriptors of the proto; a test compares the two.
"""

from services.certificates import BadCertificate
from services.grpc_handler.bounds import Bounds
from services.grpc_handler.rpc import Rejections, Service
from services.grpc_handler.server import SERVICE_NAME, CannotListen, GrpcServer

__all__ = ["SERVICE_NAME", "BadCertificate", "Bounds", "CannotListen", "GrpcServer", "Rejections", "Service"]
