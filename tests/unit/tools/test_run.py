import secrets
import socket
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import jwt
import pytest

from config import ConfigurationError, Settings
from tools import places, run

KEY = secrets.token_hex(48)


def settings(**changes: str) -> Settings:
    required = {"DISCORD_BOT_TOKEN": "x", "MODULE_SECRET_KEY": KEY, "DATABASE_URL": "sqlite:///data/x.db"}
    return Settings.load(None, required | {"HOST": "127.0.0.1"} | changes)


@pytest.fixture
def taken_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


def test_the_written_settings_work_once_a_bot_token_is_there(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    run.write_env_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ConfigurationError, match=r"^DISCORD_BOT_TOKEN: is required[^\n]*$"):
        Settings.load(path, {})
    loaded = Settings.load(path, {"DISCORD_BOT_TOKEN": "x"})
    assert len(loaded.auth.secret_key.get_secret_value()) == 96
    assert loaded.logs.format == "text"


def test_two_installations_have_two_keys_and_a_file_that_exists_stays(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    run.write_env_file(first)
    run.write_env_file(second)
    assert first.read_text() != second.read_text()
    second.write_text("MINE=1\n")
    run.write_env_file(second)
    assert second.read_text() == "MINE=1\n"


@pytest.mark.parametrize("variable", ["GRPC_PORT", "REST_PORT"])
def test_a_taken_port_is_named(taken_port: str, variable: str) -> None:
    other = {"GRPC_PORT": "0", "REST_PORT": "0"} | {variable: taken_port}
    with pytest.raises(places.CannotRunError, match=f"^{variable} {taken_port} is taken"):
        places.require_free_ports(settings(**other), None)


def test_the_sandboxs_port_counts_when_there_is_a_sandbox(taken_port: str) -> None:
    free = settings(GRPC_PORT="0", REST_PORT="0")
    places.require_free_ports(free, None)
    with pytest.raises(places.CannotRunError, match=r"^SANDBOX_PORT"):
        places.require_free_ports(free, int(taken_port))


def test_every_taken_port_is_named_at_once(taken_port: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        another = other.getsockname()[1]
        with pytest.raises(places.CannotRunError) as told:
            places.require_free_ports(settings(GRPC_PORT=taken_port, REST_PORT=str(another)), int(taken_port))
    lines = str(told.value).splitlines()
    assert [line.split(" is taken")[0].strip() for line in lines] == [
        f"GRPC_PORT {taken_port}",
        f"REST_PORT {another}",
        f"SANDBOX_PORT {taken_port}",
    ]
    assert [" or in .env" in line for line in lines] == [True, True, False]


def test_ready_is_what_health_says() -> None:
    class Health(BaseHTTPRequestHandler):
        status = 503

        def do_GET(self) -> None:
            self.send_response(self.status if self.path == "/health/ready" else 404)
            self.end_headers()

        def log_message(self, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        there = settings(REST_PORT=str(port))
        assert places.answers_tcp(port)
        assert not places.is_ready(there)
        Health.status = 200
        assert places.is_ready(there)
        server.shutdown()
    assert not places.is_ready(there)
    assert not places.answers_tcp(port)


def test_the_summary_holds_a_command_with_a_token_that_is_good() -> None:
    given = settings(HOST="0.0.0.0", JWT_ALGORITHM="HS384")
    text = places.summary(given, 8075)
    token = text.partition("Bearer ")[2].partition("'")[0]
    claims = jwt.decode(token, KEY, algorithms=["HS384"], options={"require": ["exp", "iat"]})
    assert claims["client_id"] == places.CALLER
    assert claims["exp"] - claims["iat"] == 3600
    assert "http://localhost:8070/api/v1/message" in text
    assert '"channel_id": "123"' in text
    assert "http://127.0.0.1:8075/ " in text


def test_the_summary_without_a_sandbox_names_discord() -> None:
    text = places.summary(settings(), None)
    assert "https://discord.com/api/v10" in text
    assert "<channel id>" in text
