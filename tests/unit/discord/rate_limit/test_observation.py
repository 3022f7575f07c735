"""Headers and bodies, the good and the garbage."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.discord.rate_limit import Observation, observation_of

VIA = {"Via": "1.1 google"}
WINDOW = {
    "X-RateLimit-Limit": "5",
    "X-RateLimit-Remaining": "4",
    "X-RateLimit-Reset": "1470173023.123",
    "X-RateLimit-Reset-After": "1.000",
    "X-RateLimit-Bucket": "abcd1234",
}
NAMES = st.sampled_from([*WINDOW, "Retry-After", "X-RateLimit-Scope", "X-RateLimit-Global", "Via"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["retry_after", "global", "code"]) | st.text(), inner)
    ),
)


def test_a_success_shows_its_window() -> None:
    assert observation_of(200, VIA | WINDOW) == Observation(200, 5, 4, 1470173023.123, 1.0, "abcd1234")


@pytest.mark.parametrize(
    ("headers", "body", "scope", "seconds"),
    [
        (VIA | {"X-RateLimit-Scope": "user", "Retry-After": "65"}, {"retry_after": 64.57}, "user", 65.0),
        (VIA | {"X-RateLimit-Scope": "shared", "Retry-After": "1"}, {"retry_after": 1.5}, "shared", 1.5),
        (VIA | {"X-RateLimit-Global": "true"}, {"retry_after": 0.3, "global": True}, "global", 0.3),
        (VIA, {"retry_after": 0.3, "global": True}, "global", 0.3),
        (VIA | WINDOW, {"message": "slow down"}, "user", None),
        ({"Retry-After": "900"}, None, "cloudflare", 900.0),
        ({}, {"code": 0, "message": "blocked"}, "cloudflare", None),
        (VIA | {"X-RateLimit-Scope": "planet"}, None, "user", None),
    ],
)
def test_a_429_says_whose_limit_it_is_and_for_how_long(
    headers: Mapping[str, str], body: object, scope: str, seconds: float | None
) -> None:
    seen = observation_of(429, headers, body)
    assert (seen.scope, seen.retry_after_seconds, seen.is_discords) == (scope, seconds, scope != "cloudflare")


def test_an_html_403_without_via_is_cloudflares_and_a_json_one_is_not_a_block() -> None:
    assert observation_of(403, {}).scope == "cloudflare"
    assert observation_of(403, {}, {"code": 40333}).scope is None
    assert observation_of(403, VIA, {"code": 50013}).is_discords


@given(st.integers(100, 599), st.dictionaries(NAMES, st.text()), JSON)
def test_garbage_says_nothing_and_never_raises(status: int, headers: dict[str, str], body: object) -> None:
    seen = observation_of(status, headers, body)
    assert seen.limit is None or 0 <= seen.limit <= 1_000_000
    assert seen.retry_after_seconds is None or 0 <= seen.retry_after_seconds <= 30 * 86_400
    assert (seen.scope is not None) == (status == 429 or seen.scope == "cloudflare")


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "1e999", "", "five", "4.5"])
def test_a_count_that_is_none_is_not_believed(text: str) -> None:
    assert observation_of(200, {"X-RateLimit-Limit": text}).limit is None
