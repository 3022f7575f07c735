import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.redaction import Redactor
from services.telemetry import Event, RequestScope
from services.telemetry.render import LONGEST_LINE_CHARACTERS, Entry, Renderer

NOON = 1_790_000_000.9876


def entry(message: str = "serving", event: Event = Event.SYSTEM, **fields: Any) -> Entry:
    return Entry(NOON, logging.INFO, event, message, fields, None, None)


def rendered(form: str, what: Entry, redactor: Redactor | None = None) -> str:
    line = Renderer("module", "1.2.3", form, redactor or Redactor()).line(what).decode()
    assert line.endswith("\n")
    assert line.count("\n") == 1
    return line.rstrip("\n")


def test_a_line_of_json() -> None:
    scope = RequestScope("abc", "grpc", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    line = rendered("json", entry("action finished", Event.AUDIT, action="ban_user", attempts=1)._replace(scope=scope))
    assert list(json.loads(line).items()) == [
        ("time", "2026-09-21T14:13:20.987Z"),
        ("level", "INFO"),
        ("module", "module"),
        ("version", "1.2.3"),
        ("event", "AUDIT"),
        ("message", "action finished"),
        ("request_id", "abc"),
        ("trace_id", "0af7651916cd43dd8448eb211c80319c"),
        ("action", "ban_user"),
        ("attempts", 1),
    ]


def test_a_line_of_text() -> None:
    line = rendered("text", entry("up and running", grpc_port=50051, host="0.0.0.0"))
    assert line == (
        "[2026-09-21T14:13:20.987Z] INFO module:1.2.3 SYSTEM community=- user=- action=- result=- "
        'grpc_port=50051 host=0.0.0.0 message="up and running"'
    )


def test_an_audit_line_of_text_starts_with_who_did_what() -> None:
    line = rendered(
        "text",
        entry("finished", Event.AUDIT, attempts=1, caller="shop", result="delivered", guild="1", action="ban_user"),
    )
    assert line == (
        "[2026-09-21T14:13:20.987Z] INFO module:1.2.3 AUDIT "
        "community=1 user=shop action=ban_user result=delivered attempts=1 message=finished"
    )


def test_a_field_cannot_take_the_place_of_a_fact() -> None:
    line = json.loads(rendered("json", entry(level="FAKE", message_="x", time="never")))
    assert (line["level"], line["level_"], line["time_"], line["message_"]) == ("INFO", "FAKE", "never", "x")


@pytest.mark.parametrize("form", ["json", "text"])
def test_an_exception_is_shown_with_its_stack_on_the_same_line(form: str) -> None:
    redactor = Redactor()
    redactor.register("the-secret")
    try:
        raise ValueError("bad the-secret")  # noqa: TRY301 -- it needs a stack
    except ValueError as error:
        line = rendered(form, entry()._replace(exception=error), redactor)
    assert "ValueError" in line
    assert "bad [redacted]" in line
    assert "test_render.py" in line
    assert "the-secret" not in line


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_line_cannot_be_forged(form: str) -> None:
    line = rendered(form, entry("first\n[2026] INFO second", name="x\r\ny", other="a b=c"))
    assert "\r" not in line


@pytest.mark.parametrize(
    "value", [2**70, "\ud800", {"\ud800": 1}, object(), {1, 2}, b"\xff", float("nan"), {2: [object()]}, [2**70, "x"]]
)
@pytest.mark.parametrize("form", ["json", "text"])
def test_any_value_can_be_shown(form: str, value: Any) -> None:
    line = rendered(form, entry(value=value))
    assert "value" in (json.loads(line) if form == "json" else line)


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_secret_does_not_show_where_a_long_line_is_cut(form: str) -> None:
    redactor = Redactor()
    redactor.register("the-long-secret")
    line = rendered(form, entry("x" * 1015 + "the-long-secret" + "y" * 40_000, other="the-long-secret"), redactor)
    assert "the-lo" not in line
    assert "[redacted]" in line


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_line_has_a_longest_length(form: str) -> None:
    fields: dict[str, Any] = {f"f{i}": "x" * 10_000 for i in range(20)}
    line = rendered(form, entry("m" * 100_000, **fields))
    assert len(line) < LONGEST_LINE_CHARACTERS
    if form == "json":
        assert json.loads(line)["message"].startswith("mmm")


@given(st.text(), st.dictionaries(st.text(), st.text() | st.integers() | st.none() | st.lists(st.text())))
def test_every_line_is_one_line_and_every_line_of_json_is_json(message: str, fields: dict[str, Any]) -> None:
    what = Entry(NOON, logging.ERROR, Event.SYSTEM, message, fields, None, None)
    assert json.loads(rendered("json", what))["level"] == "ERROR"
    assert rendered("text", what).startswith("[2026-09-21T14:13:20.987Z] ERROR module:1.2.3 SYSTEM ")
