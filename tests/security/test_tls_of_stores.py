"""Redis and PostgreSQL over TLS, by their URLs alone.

Valkey's test server speaks no TLS: something that ends TLS stands before it, as it does before many a real one. The
PostgreSQL of the tests is built without OpenSSL: there it is shown that TLS is asked for and nothing is said without.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from config import Secret, Settings
from sandbox import Options
from services.database import Database, DatabaseUnavailable
from services.redis_link import RedisAway, RedisLink
from tests.support.keys import CLOCK
from tests.support.module import KEY
from tests.support.relay import pass_on
from tests.support.tls import tls_files

OURS = trustme.CA()
STRANGERS = trustme.CA()


@asynccontextmanager
async def ending_tls(port: int, folder: Path) -> AsyncIterator[int]:
    """Listens with TLS and passes on what it reads in the clear."""
    files = tls_files(OURS, folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files["TLS_CERT_FILE"], files["TLS_KEY_FILE"])
    passing = set[asyncio.Task[None]]()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        passing.update(asyncio.create_task(pass_on(*ends)) for ends in ((reader, there_writer), (there_reader, writer)))

    server = await asyncio.start_server(connect, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)


async def asked(url: str) -> str:
    settings = Settings.load(None, environment_with(url))
    assert settings.limits.redis_url is not None
    async with RedisLink(settings.limits.redis_url, "test", CLOCK) as link:
        return str(await link.do("ECHO", "hello"))


def environment_with(redis_url: str) -> dict[str, str]:
    return {
        "DISCORD_BOT_TOKEN": Options().token,
        "MODULE_SECRET_KEY": KEY,
        "DATABASE_URL": "sqlite:///x.db",
        "REDIS_URL": redis_url,
    }


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_redis_over_tls(valkey_url: str, tmp_path: Path, name: str) -> None:
    (tmp_path / "ca.pem").write_bytes(OURS.cert_pem.bytes())
    async with ending_tls(_port(valkey_url), tmp_path) as port:
        assert await asked(f"rediss://{name}:{port}/0?ssl_ca_certs={tmp_path}/ca.pem") == "hello"


async def test_a_redis_that_a_stranger_vouches_for_is_none(valkey_url: str, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(STRANGERS.cert_pem.bytes())
    async with ending_tls(_port(valkey_url), tmp_path) as port:
        with pytest.raises(RedisAway):
            await asked(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={tmp_path}/ca.pem")
        with pytest.raises(RedisAway):
            await asked(f"rediss://127.0.0.1:{port}/0")


async def test_a_redis_with_another_name_is_none(valkey_url: str, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(OURS.cert_pem.bytes())
    async with ending_tls(_port(valkey_url), tmp_path) as port:
        with pytest.raises(RedisAway):
            await asked(f"rediss://127.0.0.2:{port}/0?ssl_ca_certs={tmp_path}/ca.pem")


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_postgresql_without_tls_is_not_spoken_to_when_tls_is_asked_for(
    postgres_url: str, tmp_path: Path, mode: str
) -> None:
    (tmp_path / "ca.pem").write_bytes(OURS.cert_pem.bytes())
    url = Secret(f"{postgres_url}?sslmode={mode}&sslrootcert={tmp_path}/ca.pem")
    with pytest.raises(DatabaseUnavailable, match="SSL"):
        async with Database(url, start_seconds=0.5):
            pass


def _port(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])
