"""The gRPC server: its port, its health and its end.

Health says NOT_SERVING from the start until `set_serving`, and for good from `enter_drain`; calls are taken as long as
the port is open. Between `enter_drain` and `stop` load balancers need a moment to look elsewhere: `stop` closes the
port at once.
"""

from typing import Final, Self

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH_NAME
from grpc_health.v1.health import aio as health
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_reflection.v1alpha import reflection

from config import DeadlineSettings, ServerSettings
from services.actions import CATALOGUE
from services.grpc_handler.bounds import Bounds
from services.grpc_handler.core import core_server
from services.grpc_handler.messages import SERVICE
from services.grpc_handler.rpc import ActionRpc, Gate, Protocol, Rejections, Service
from services.grpc_handler.tls import server_credentials
from services.ports import Authenticator, CertificateAuthenticator

SERVICE_NAME: Final = SERVICE.full_name
WATCHED: Final = ("", SERVICE_NAME)


class CannotListen(OSError):
    """The port cannot be had."""


class Uncounted:
    """Rejections that nobody counts."""

    def rejected_request(self, protocol: Protocol, code: str) -> None:
        return


class GrpcServer:
    """Owns the server. `bind` and `start` need a running loop; leaving the context stops what still runs."""

    def __init__(
        self,
        settings: ServerSettings,
        service: Service,
        authenticator: Authenticator,
        deadlines: DeadlineSettings,
        *,
        metrics: Rejections | None = None,
        bounds: Bounds | None = None,
        certificates: CertificateAuthenticator | None = None,
    ) -> None:
        self._settings = settings
        self._bounds = bounds or Bounds()
        asks_for_certificates = settings.tls is not None and settings.tls.client_ca_file is not None
        self._gate = Gate(
            service,
            authenticator,
            deadlines,
            metrics or Uncounted(),
            self._bounds.message_seconds,
            certificates if asks_for_certificates else None,
        )
        self._health = health.HealthServicer()
        self._server: grpc.aio.Server | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop(0)

    def bind(self) -> int:
        """Takes the port, or a free one for 0, and gives its number. Raises CannotListen, BadCertificate."""
        server = core_server(self._bounds.options(), self._bounds.calls)
        server.add_registered_method_handlers(SERVICE_NAME, self._actions())
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        if self._settings.grpc_reflection:
            names = (SERVICE_NAME, HEALTH_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, server)
        port = self._listen(server)
        self._server = server
        return port

    async def start(self) -> None:
        """Takes calls; health still says NOT_SERVING."""
        for name in WATCHED:
            await self._health.set(name, HealthCheckResponse.NOT_SERVING)
        await self._bound.start()

    async def set_serving(self, *, is_ready: bool = True) -> None:
        """Lets health say SERVING; NOT_SERVING for as long as the module is not ready."""
        status = HealthCheckResponse.SERVING if is_ready else HealthCheckResponse.NOT_SERVING
        for name in WATCHED:
            await self._health.set(name, status)

    async def ended(self) -> None:
        """Waits until the server is no more, whether it was stopped or broke. Raises what broke it."""
        await self._bound.wait_for_termination()

    async def enter_drain(self) -> None:
        """Lets health say NOT_SERVING at once and for good; calls are still taken."""
        await self._health.enter_graceful_shutdown()

    async def stop(self, grace_seconds: float) -> None:
        """Closes the port, lets calls finish within the grace and cancels the rest.

        Harmless when repeated; a shorter grace counts from then on, while the first call still waits. The server is
        kept even then: its destructor may wait for connections that are still shaking hands.
        """
        if self._server is not None:
            await self._server.stop(grace_seconds)

    @property
    def _bound(self) -> grpc.aio.Server:
        if self._server is None:
            raise RuntimeError("the server has no port: call bind first")
        return self._server

    def _actions(self) -> dict[str, "grpc.RpcMethodHandler[bytes, bytes]"]:
        return {
            action_type.rpc(): grpc.stream_unary_rpc_method_handler(ActionRpc(action_type, self._gate).answer)
            for action_type in CATALOGUE
        }

    def _listen(self, server: grpc.aio.Server) -> int:
        host = self._settings.host
        address = f"[{host}]:{self._settings.grpc_port}" if ":" in host else f"{host}:{self._settings.grpc_port}"
        credentials = server_credentials(self._settings.tls) if self._settings.tls else None
        try:
            if credentials is None:
                return server.add_insecure_port(address)
            return server.add_secure_port(address, credentials)
        except RuntimeError as exc:
            raise CannotListen(
                f"gRPC cannot listen on {address}: another process has the port, or HOST is no address of this machine."
                " Set GRPC_PORT or HOST."
            ) from exc
