import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.columns import time_text
from services.audit.cursor import Place, cursor_of, place_of
from services.errors import InvalidArgument


@given(st.datetimes(timezones=st.just(UTC)), st.integers(1, 2**31 - 1))
def test_a_cursor_names_the_place_it_was_made_for(time: datetime, row_id: int) -> None:
    place = Place(time_text(time), row_id)
    cursor = cursor_of(place)
    assert place_of(cursor) == place
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "ä",
        "\ud800",
        "!!!!",
        "a" * 100_000,
        encoded("null"),
        encoded("{}"),
        encoded("[]"),
        encoded('[2,"2026-01-01 00:00:00.000000",1]'),
        encoded('["1","2026-01-01 00:00:00.000000",1]'),
        encoded('[1,"2026-01-01 00:00:00.000000","1"]'),
        encoded('[1,"2026-01-01 00:00:00.000000",0]'),
        encoded('[1,"2026-01-01 00:00:00.000000",99999999999999999999]'),
        encoded('[1,"2026-01-01 00:00:00.000000",true]'),
        encoded('[1,"2026-13-01 00:00:00.000000",1]'),
        encoded('[1,"2026-01-01",1]'),
        encoded('[1,"\' OR 1=1 --",1]'),
    ],
)
def test_any_other_text_is_refused_by_its_name(cursor: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        place_of(cursor)
    assert [violation.path for violation in refused.value.violations] == [("cursor",)]


@given(st.text(max_size=60))
def test_no_text_breaks_reading_it(text: str) -> None:
    for cursor in (text, encoded(text)):
        try:
            place_of(cursor)
        except InvalidArgument:
            continue
