import json
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.redaction import HIDDEN, Redactor, redact

WEBHOOK_TOKEN = "aB3_" * 17
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJjbGllbnRfaWQiOiJ4In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
BOT_TOKEN = "NzkyNzE1NDU0MTk2MDg4ODQy.X-hvzA.Ovy4MCQywSkoMRRclStW4xAYK7I"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"POST https://discord.com/api/v10/webhooks/123/{WEBHOOK_TOKEN}?wait=true failed", WEBHOOK_TOKEN),
        (f"/WEBHOOKS/123/{WEBHOOK_TOKEN}/messages/1", WEBHOOK_TOKEN),
        (f"next=%2Fwebhooks%2F123%2F{WEBHOOK_TOKEN}", WEBHOOK_TOKEN),
        (f"token {JWT} expired", JWT),
        (f"x{BOT_TOKEN}", BOT_TOKEN),
        ("postgresql://user:s3cr3t@db/actions refused", "s3cr3t"),
        ("postgresql://user:p@ss:w0rd@db/actions refused", "p@ss:w0rd"),
        ("redis://:s3cr3t@cache:6379/0", "s3cr3t"),
        ("Authorization: Bot abc.def", "abc.def"),
        ("{'Authorization': 'Bearer short'}", "short"),
        ('{\\"authorization\\": \\"Basic dXNlcjpwYXNz\\"}', "dXNlcjpwYXNz"),
        ("sent Bearer abcdefghijklmnop1", "abcdefghijklmnop1"),
        ("sent bot abcdefghijklmnop1", "abcdefghijklmnop1"),
        (f"sent Bot {BOT_TOKEN}", BOT_TOKEN),
        (f"Authorization%3A%20Bot%20{BOT_TOKEN}", BOT_TOKEN),
        (f"Bearer%20{JWT}&x", JWT),
        (f"next=%252Fwebhooks%252F123%252F{WEBHOOK_TOKEN}", WEBHOOK_TOKEN),
        (f"https:\\/\\/discord.com\\/api\\/webhooks\\/123\\/{WEBHOOK_TOKEN}", WEBHOOK_TOKEN),
        (json.dumps(json.dumps({"authorization": "Basic dXNlcjpwYXNz"})), "dXNlcjpwYXNz"),
        ("host=db user=bot password=s3cr3t-word dbname=x", "s3cr3t-word"),
        ("postgresql://db/actions?password=p%40ss&sslmode=require", "p%40ss"),
        ("postgresql://user:p%40ss%2Fword@db/actions refused", "p%40ss%2Fword"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, secret: str) -> None:
    redacted = redact(text)
    assert secret not in redacted
    assert HIDDEN in redacted


@pytest.mark.parametrize(
    "text",
    [
        "Bot missing permissions",
        "the bot is not in this guild",
        "GET /channels/123/messages/456",
        "mail me at someone@example.com",
        "my password is a secret, see https://example.com/reset and ask @admin",
        "https://discord.com:443/api/v10/users/@me",
        "version 1.26.3 of module.name.here",
        "01920000-0000-7000-8000-000000000000",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_what_surrounds_a_secret_stays() -> None:
    assert redact(f"to /webhooks/123/{WEBHOOK_TOKEN}?wait=true") == f"to /webhooks/123/{HIDDEN}?wait=true"
    assert redact("postgresql://user:pw@db/x") == f"postgresql://user:{HIDDEN}@db/x"


def test_a_registered_value_is_hidden_wherever_it_stands() -> None:
    redactor = Redactor()
    redactor.register("plain-value")
    assert redactor.redact("before plain-value after") == f"before {HIDDEN} after"
    assert redact("before plain-value after") == "before plain-value after"


def test_a_registered_value_is_hidden_as_json_writes_it() -> None:
    redactor = Redactor()
    redactor.register('pass"word\\ü')
    for ensure_ascii in (True, False):
        assert "word" not in redactor.redact(json.dumps({"x": 'pass"word\\ü'}, ensure_ascii=ensure_ascii))


SECRET = 'a secret/with+all="that\\matters" ü'


@pytest.mark.parametrize(
    "encode",
    [
        str,
        json.dumps,
        lambda text: json.dumps(json.dumps({"x": text})),
        lambda text: json.dumps(text, ensure_ascii=False),
        quote,
        lambda text: quote(text, safe=""),
        quote_plus,
        lambda text: text.encode().hex(),
        lambda text: text.encode().hex().upper(),
        lambda text: b64encode(text.encode()).decode(),
        lambda text: b64encode(f"Bot {text}!".encode()).decode(),
        lambda text: b64encode(f"x{text}".encode()).decode(),
        lambda text: b64encode(f"xy{text}z".encode()).decode(),
        lambda text: urlsafe_b64encode(f"user:{text}".encode()).decode(),
    ],
)
def test_a_registered_value_is_hidden_in_every_encoding(encode: Callable[[str], str]) -> None:
    redactor = Redactor()
    redactor.register(SECRET)
    shown = redactor.redact(f"before {encode(SECRET)} after")
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert HIDDEN in shown
    assert len(shown) < 50


def test_the_longer_of_two_registered_values_goes_first() -> None:
    redactor = Redactor()
    redactor.register("secret-value")
    redactor.register("secret-value-and-more")
    assert redactor.redact("secret-value-and-more") == HIDDEN


def test_a_value_too_short_to_be_a_secret_is_not_registered() -> None:
    redactor = Redactor()
    redactor.register("")
    redactor.register("abc")
    assert redactor.redact("abcdef") == "abcdef"


def test_values_are_searched_through() -> None:
    value = {
        "token": "abc",
        "Client_Secret": "def",
        "password": "",
        "embeds": [{"url": f"https://discord.com/api/webhooks/1/{WEBHOOK_TOKEN}"}, 7, None, True],
        f"see {JWT}": ("Bearer abcdefghijklmnop1",),
        5: 1.5,
    }
    assert Redactor().redact_value(value) == {
        "token": HIDDEN,
        "Client_Secret": HIDDEN,
        "password": "",
        "embeds": [{"url": f"https://discord.com/api/webhooks/1/{HIDDEN}"}, 7, None, True],
        f"see {HIDDEN}": [f"Bearer {HIDDEN}"],
        5: 1.5,
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
secret_texts = st.sampled_from(
    [JWT, BOT_TOKEN, f"/webhooks/1/{WEBHOOK_TOKEN}", "a://b:c\\n@d", "Authorization: Bot x", "u://a:b\n@", "bot \n\n"]
)


@example(["\x1f00000000000000.000000.000000000000000000000000000"])
@example(["\x0eyJhbGci.x.y"])
@example([f"\\\x08{BOT_TOKEN}", f"\\\\\x08{JWT}", f"\\{JWT}", f"\\\\{BOT_TOKEN}"])
@given(st.lists(json_values | secret_texts | st.tuples(st.text(), secret_texts, st.text()).map("".join), max_size=4))
def test_redacted_json_is_still_json(value: list[Any]) -> None:
    for ensure_ascii in (True, False):
        redacted = redact(json.dumps(value, ensure_ascii=ensure_ascii))
        assert len(json.loads(redacted)) == len(value)
        assert WEBHOOK_TOKEN not in redacted


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "eyJ",
        "a://b:",
        "a://",
        "webhooks/1",
        "authorization",
        "authorization ",
        "bot ",
        "bearer\t",
        "x.",
        "\\u00",
        "\\n",
        "\\",
        "%2F",
        "password=",
    ],
)
@pytest.mark.parametrize("end", ["@", " Bearer ", ".abcdef.", "eyJ"])
def test_no_text_takes_long(piece: str, end: str) -> None:
    text = piece * (300_000 // len(piece)) + end
    began = time.process_time()
    redact(text)
    assert time.process_time() - began < 3  # a quadratic form takes minutes
