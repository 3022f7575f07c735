from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.columns import COLUMNS, LONGEST, storable, time_of, time_text
from services.audit.rows import entry_half, joined, verdict_half
from services.errors import OutcomeKind
from services.ports import AuditEntry, Verdict
from services.redaction import HIDDEN, Redactor
from tests.support.record import DELIVERED, REJECTED, entry


class NothingIsSecret(Redactor):
    def redact(self, text: str) -> str:
        return text

    def redact_value(self, value: Any) -> Any:
        return value


def encoded_row(one: AuditEntry, verdict: Verdict, redactor: Redactor) -> bytes:
    return joined(entry_half(one, redactor), verdict_half(verdict, redactor))


def row(one: AuditEntry, verdict: Verdict = DELIVERED, redactor: Redactor | None = None) -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads(encoded_row(one, verdict, redactor or Redactor()))
    return loaded


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {"bottom": "\x00"}
    for _ in range(depth):
        value = {"deeper": value}
    return value


def test_a_row_has_every_column_that_is_written() -> None:
    assert list(row(entry())) == [name for name, _ in COLUMNS]


def test_a_failure_says_why() -> None:
    written = row(entry(), REJECTED)
    assert written["success"] is False
    assert written["outcome"] == "rejected"
    assert written["error_code"] == "discord_unknown_channel"
    assert written["response_data"] is None


@pytest.mark.parametrize("column", sorted(set(LONGEST) - {"outcome", "error_code"}))
def test_a_text_is_cut_to_its_column(column: str) -> None:
    assert row(entry(**{column: "ä" * 1000}))[column] == "ä" * LONGEST[column]


def test_nul_and_lone_surrogates_are_replaced_wherever_they_stand() -> None:
    bad = "a\x00b\ud800c"
    written = row(entry(channel_id=bad, request_data={bad: [bad, {"k": bad}]}))
    good = "a\ufffdb\ufffdc"
    assert written["channel_id"] == good
    assert written["request_data"] == {good: [good, {"k": good}]}


def test_what_only_looks_like_nul_in_json_is_kept() -> None:
    assert row(entry(request_data={"content": r"\u0000"}))["request_data"] == {"content": r"\u0000"}


def test_numbers_no_column_holds_are_bounded() -> None:
    assert row(entry(), Verdict(OutcomeKind.DELIVERED, duration_ms=2**40))["duration_ms"] == 2**31 - 1
    assert row(entry(request_data={"n": 2**80}))["request_data"] == {"n": str(2**80)}


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (MappingProxyType({"a": 1}), {"a": 1}),
        (("a", "b"), ["a", "b"]),
        (frozenset({"a"}), ["a"]),
        (OutcomeKind.UNKNOWN, "unknown"),
        (b"bytes", "b'bytes'"),
    ],
)
def test_values_json_has_no_form_for_get_one(value: object, stored: object) -> None:
    assert row(entry(request_data={"value": value}))["request_data"] == {"value": stored}


def test_what_lies_too_deep_becomes_text() -> None:
    assert row(entry(request_data=nested(300)))["request_data"]["deeper"]


def test_secrets_are_hidden_by_form_by_name_and_by_value() -> None:
    redactor = Redactor()
    redactor.register("known-by-heart")
    written = row(
        entry(
            request_data={
                "webhook_url": "https://discord.com/api/webhooks/123/abcdefSECRET",
                "token": "anything",
                "content": "it is known-by-heart",
            }
        ),
        Verdict(OutcomeKind.REJECTED, error_message="Bearer abcdefghijklmnop-0123456789"),
        redactor,
    )
    assert written["request_data"] == {
        "webhook_url": f"https://discord.com/api/webhooks/123/{HIDDEN}",
        "token": HIDDEN,
        "content": f"it is {HIDDEN}",
    }
    assert written["error_message"] == f"Bearer {HIDDEN}"


def test_times_are_written_in_utc_with_microseconds() -> None:
    there = datetime(2026, 1, 1, 2, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    assert time_text(there) == "2026-01-01 00:00:00.000005"
    assert time_text(there.replace(tzinfo=None)) == "2026-01-01 02:00:00.000005"
    assert time_of("2026-01-01 00:00:00.000005") == there
    assert time_of(datetime(2026, 1, 1)).tzinfo is UTC  # noqa: DTZ001 -- as PostgreSQL's driver gives it


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec=None)), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(st.characters(codec=None)), JSON, max_size=4), st.text(st.characters(codec=None)))
def test_any_value_becomes_a_row_a_database_can_hold(data: dict[str, Any], text: str) -> None:
    encoded = encoded_row(entry(request_data=data, user_id=text), DELIVERED, Redactor())
    assert "\x00" not in str(orjson.loads(encoded))
    assert encoded.decode().encode() == encoded


PIECES = st.sampled_from(
    [
        "https://discord.com/api/webhooks/123/abcdefSECRET",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.signature",
        "MTIzNDU2Nzg5MDEyMzQ1Njc4.abcdef.abcdefghijklmnopqrstuvwxyz0",
        "postgresql://user:pass-word@host/db",
        "Bearer\tabcdefghijklmnop-0123456789",
        "authorization:\x0b",
        "Authorization",
        "bot\n",
        "known-by-heart",
        "token",
        '"',
        "\\",
        " ",
        "=",
    ]
)
SUSPICIOUS = st.lists(PIECES | st.text(max_size=5), max_size=5).map("".join)


@given(st.dictionaries(SUSPICIOUS, SUSPICIOUS | st.lists(SUSPICIOUS, max_size=3), max_size=4), SUSPICIOUS)
def test_what_is_hidden_text_by_text_is_hidden_in_a_row(data: dict[str, Any], text: str) -> None:
    redactor = Redactor()
    redactor.register("known-by-heart")
    written = row(entry(request_data=data), Verdict(OutcomeKind.REJECTED, error_message=text), redactor)
    plain = row(entry(request_data=data), Verdict(OutcomeKind.REJECTED, error_message=text), NothingIsSecret())
    assert written["request_data"] == redactor.redact_value(plain["request_data"])
    assert written["error_message"] == redactor.redact(plain["error_message"])


@given(st.text(st.characters(codec=None)))
def test_storable_text_stays_as_it_is_the_second_time(text: str) -> None:
    assert storable(storable(text)) == storable(text)
    assert len(storable(text)) == len(text)
