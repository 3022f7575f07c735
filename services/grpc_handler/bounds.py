"""What one connection and one server may ask of us.

Two of gRPC's defaults would break callers. A caller that keeps an idle channel alive pings every 30 s; the default
server takes that for abuse and closes the connection (GOAWAY `too_many_pings`). It stops only when both are set: pings
without a call are allowed, and the shortest interval between them is below the callers'. The second is named
`grpc.http2.min_ping_interval_without_data_ms`; a name like it that is found in many places is ignored without a word.
And by default a second process may listen on the same port and take half of the connections; `grpc.so_reuseport` turns
that off.

Callers behind one address keep to the replica they first met. `longest_connection_seconds` makes them connect anew now
and then, and so find replicas that came later: gRPC gives or takes a tenth, so that they do not come all at once, and
lets calls that run finish. Somebody who connects and never says HTTP/2 is gone after `handshake_seconds`.

The limit of streams for one connection stands as high as the number of calls altogether. Were it lower, calls would
queue inside the caller, where moderation cannot overtake bulk. Both stand above the number of actions the service
accepts: what is refused there is answered with a code and a time to come back, what gRPC refuses is not. They do not
stand far above it, because a call takes memory before anybody knows who asks: 22 KiB, and its metadata twice.
"""

from dataclasses import dataclass
from typing import Final, Self

from config import DeadlineSettings, ServerSettings

# An answer that is told at the end of the longest wait still has to leave.
ANSWER_SECONDS: Final = 5.0

type ChannelOptions = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of the server. What exceeds a size is answered RESOURCE_EXHAUSTED by gRPC itself.

    A token with long lists of guilds and channels needs the room of `metadata_bytes`. Past `connections`, new ones are
    closed.
    """

    message_bytes: int = 1024 * 1024
    metadata_bytes: int = 16 * 1024
    calls: int = 4_000
    connections: int = 2000
    handshake_seconds: float = 10.0
    message_seconds: float = 30.0
    shortest_ping_interval_seconds: float = 10.0
    idle_seconds_before_ping: float = 120.0
    longest_wait_for_ping_seconds: float = 20.0
    longest_connection_seconds: float | None = None
    longest_call_seconds_after_connection: float = 300.0

    @classmethod
    def of(cls, settings: ServerSettings, deadlines: DeadlineSettings) -> Self:
        """The bounds an operator set; a call may outlast its connection by the longest wait there is."""
        return cls(
            connections=settings.grpc_max_connections,
            longest_connection_seconds=settings.grpc_max_connection_age_seconds,
            longest_call_seconds_after_connection=deadlines.longest_seconds + ANSWER_SECONDS,
        )

    def options(self) -> ChannelOptions:
        """The bounds as gRPC's core names them: https://grpc.github.io/grpc/core/group__grpc__arg__keys.html."""
        return (
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", self.message_bytes),
            ("grpc.max_metadata_size", self.metadata_bytes),
            ("grpc.absolute_max_metadata_size", self.metadata_bytes * 2),
            ("grpc.max_concurrent_streams", self.calls),
            ("grpc.max_allowed_incoming_connections", self.connections),
            ("grpc.server_handshake_timeout_ms", _milliseconds(self.handshake_seconds)),
            *self._keepalive_options(),
            *self._age_options(),
        )

    def _keepalive_options(self) -> ChannelOptions:
        return (
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", _milliseconds(self.shortest_ping_interval_seconds)),
            # Our own pings find callers that vanished without closing.
            ("grpc.keepalive_time_ms", _milliseconds(self.idle_seconds_before_ping)),
            ("grpc.keepalive_timeout_ms", _milliseconds(self.longest_wait_for_ping_seconds)),
            # The one that ends a connection whose pings nobody answers.
            ("grpc.http2.ping_timeout_ms", _milliseconds(self.longest_wait_for_ping_seconds)),
            ("grpc.http2.max_pings_without_data", 0),
        )

    def _age_options(self) -> ChannelOptions:
        if self.longest_connection_seconds is None:
            return ()
        return (
            ("grpc.max_connection_age_ms", _milliseconds(self.longest_connection_seconds)),
            ("grpc.max_connection_age_grace_ms", _milliseconds(self.longest_call_seconds_after_connection)),
        )


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
