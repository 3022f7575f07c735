"""What stands between a caller and a server in a test."""

import asyncio
from contextlib import suppress

PIECE_BYTES = 65536


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Writes what is read, until one side ends; then closes the writer."""
    try:
        with suppress(ConnectionError):
            while piece := await reader.read(PIECE_BYTES):
                writer.write(piece)
                await writer.drain()
    finally:
        writer.close()
