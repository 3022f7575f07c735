import json
import time
from typing import Any

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
    ],
)
@pytest.mark.parametrize("end", ["@", " Bearer ", ".abcdef.", "eyJ"])
def test_no_text_takes_long(piece: str, end: str) -> None:
    text = piece * (300_000 // len(piece)) + end
    began = time.process_time()
    redact(text)
    assert time.process_time() - began < 3  # a quadratic form takes minutes
