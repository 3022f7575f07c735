"""A client for HTTP/2 that sends what it is told, however wrong, and shows what comes back."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.exceptions

ANSWER_SECONDS = 30.0

type Headers = Sequence[tuple[bytes, bytes]]


@dataclass(slots=True)
class Stream:
    """What came back on a stream; trailers are among the headers."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    reset_code: int | None = None

    @property
    def status(self) -> int:
        return int(self.headers.get(":status", 0))


class Http2Client:
    """One connection. Bodies that come are taken as fast as they come, unless `reads` says otherwise."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, reads: bool) -> None:
        config = h2.config.H2Configuration(
            client_side=True,
            header_encoding="latin-1",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
            validate_inbound_headers=False,
        )
        self.protocol = h2.connection.H2Connection(config=config)
        self.writer = writer
        self.ended = asyncio.Event()
        """Set once the server has closed the connection."""
        self.goaway_code: int | None = None
        self.is_settled = asyncio.Event()
        """Set once what the server allows was heard and acknowledged: before that a server may take more."""
        self._reader = reader
        self._reads = reads
        self._streams: dict[int, Stream] = {}
        self._has_room = asyncio.Event()
        self._has_heard_settings = False

    async def send(self, headers: Headers, body: bytes = b"", *, ends: bool = True) -> Stream:
        """Opens a stream with these headers and the start of a body, the whole of it when it `ends`."""
        number = self.protocol.get_next_available_stream_id()
        stream = self._streams[number] = Stream()
        self.protocol.send_headers(number, list(headers), end_stream=ends and not body)
        await self.flush()
        await self._send_body(number, body, ends=ends)
        return stream

    async def _send_body(self, number: int, body: bytes, *, ends: bool) -> None:
        while body:
            room = min(self.protocol.local_flow_control_window(number), self.protocol.max_outbound_frame_size)
            piece, body = body[:room], body[room:]
            if not piece:
                self._has_room.clear()
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._has_room.wait()
            else:
                self.protocol.send_data(number, piece, end_stream=ends and not body)
                await self.flush()

    async def continue_with(self, stream: Stream, body: bytes, *, ends: bool) -> None:
        number = next(number for number, known in self._streams.items() if known is stream)
        await self._send_body(number, body, ends=ends)

    async def ask(self, headers: Headers, body: bytes = b"") -> Stream:
        """The whole answer."""
        stream = await self.send(headers, body)
        return await self.answer(stream)

    async def answer(self, stream: Stream) -> Stream:
        async with asyncio.timeout(ANSWER_SECONDS):
            await stream.ended.wait()
        return stream

    async def flush(self) -> None:
        self.writer.write(self.protocol.data_to_send())
        await self.writer.drain()

    async def listen(self) -> None:
        try:
            while received := await self._reader.read(65536):
                for event in self.protocol.receive_data(received):
                    self._take(event)
                await self.flush()
                if self._has_heard_settings:
                    self.is_settled.set()
        except (ConnectionError, h2.exceptions.ProtocolError):
            pass
        finally:
            self.ended.set()
            self.is_settled.set()
            for stream in self._streams.values():
                stream.ended.set()

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            self._has_room.set()
        if isinstance(event, h2.events.RemoteSettingsChanged):
            self._has_heard_settings = True
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway_code = int(event.error_code or 0)
        stream = self._streams.get(getattr(event, "stream_id", None) or 0)
        if stream is not None:
            self._take_for(stream, event)

    def _take_for(self, stream: Stream, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
            stream.headers.update((str(name), str(value)) for name, value in event.headers)
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data
            if self._reads:
                self.protocol.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended.set()
        elif isinstance(event, h2.events.StreamReset):
            stream.reset_code = int(event.error_code)
            stream.ended.set()


@asynccontextmanager
async def http2(port: int, tls: ssl.SSLContext | None = None, *, reads: bool = True) -> AsyncIterator[Http2Client]:
    """A connection by prior knowledge, or by TLS's ALPN."""
    hostname = "localhost" if tls else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=hostname)
    client = Http2Client(reader, writer, reads=reads)
    client.protocol.initiate_connection()
    await client.flush()
    listening = asyncio.create_task(client.listen())
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await client.is_settled.wait()
        yield client
    finally:
        listening.cancel()
        writer.transport.abort()
        await asyncio.wait((listening,))


def get(path: str, *more: tuple[bytes, bytes]) -> Headers:
    return ((b":method", b"GET"), (b":path", path.encode("latin-1")), *_REST, *more)


def post(path: str, *more: tuple[bytes, bytes]) -> Headers:
    content_type = (b"content-type", b"application/json")
    return ((b":method", b"POST"), (b":path", path.encode("latin-1")), *_REST, content_type, *more)


_REST = ((b":scheme", b"http"), (b":authority", b"localhost"))
