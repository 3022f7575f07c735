import argparse
import time
from datetime import UTC, datetime

import jwt
import pytest

from config import AuthSettings, Secret
from services.auth import TokenVerifier, commands
from services.ports import Caller

KEY = "k" * 31 + "0123456789abcdefghijklmnopqrstuvwxyz"


class RealClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)


def settings(**changes: object) -> AuthSettings:
    return AuthSettings.model_validate({"secret_key": Secret(KEY), **changes})


def run(*words: str, **changes: object) -> int:
    parser = argparse.ArgumentParser()
    commands.add_arguments(parser)
    return commands.run(parser.parse_args(words), settings(**changes))


@pytest.mark.parametrize(
    ("words", "caller"),
    [
        (("--unscoped",), Caller("router")),
        (("--scope", "roles", "--scope", "messages"), Caller("router", frozenset({"roles", "messages"}))),
        (
            ("--scope", "roles", "--guild", "1", "--guild", "2", "--channel", "3", "--role", "4"),
            Caller("router", frozenset({"roles"}), frozenset({"1", "2"}), frozenset({"3"}), frozenset({"4"})),
        ),
    ],
)
async def test_a_token_that_was_minted_is_accepted(
    words: tuple[str, ...], caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    named = {"audience": "door", "issuer": "platform"}
    assert run("--subject", "router", *words, **named) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert await TokenVerifier(settings(**named), RealClock()).authenticate(printed.strip()) == caller


def test_it_lasts_as_long_as_it_was_asked_to(capsys: pytest.CaptureFixture[str]) -> None:
    run("--subject", "router", "--unscoped", "--ttl", "15m")
    claims = jwt.decode(capsys.readouterr().out.strip(), KEY, algorithms=["HS256"])
    assert claims["exp"] - claims["iat"] == 900


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--subject", "router"),
        ("--unscoped",),
        ("--subject", "router", "--unscoped", "--scope", "roles"),
        ("--subject", "router", "--scope", "everything"),
        ("--subject", "a\nb", "--unscoped"),
        ("--subject", "router", "--scope", "roles", "--guild", "9223372036854775808"),
        ("--subject", "router", "--unscoped", "--ttl", "1"),
    ],
)
def test_everything_is_never_given_by_omission(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*words)
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("words", "changes", "reason"),
    [
        (("--unscoped", "--ttl", "367d"), {}, "JWT_MAX_LIFETIME_SECONDS"),
        (("--unscoped", "--ttl", "0s"), {}, "--ttl"),
        (("--unscoped",), {"unscoped_access": "none"}, "JWT_UNSCOPED_ACCESS"),
    ],
)
def test_what_would_be_refused_is_not_minted(
    words: tuple[str, ...], changes: dict[str, object], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--subject", "router", *words, **changes) == 1
    said = capsys.readouterr()
    assert reason in said.err
    assert not said.out
