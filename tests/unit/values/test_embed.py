from typing import Any

import pytest
from pydantic import ValidationError

from services.values import Embed

FULL = {
    "title": "T",
    "description": "D",
    "color": "#FF8800",
    "url": "https://example.org/",
    "thumbnail_url": "https://example.org/t.png",
    "image_url": "https://example.org/i.png",
    "footer_text": "F",
    "footer_icon_url": "https://example.org/f.png",
    "fields": [{"name": "N", "value": "V", "inline": True}, {"name": "N2", "value": "V2"}],
    "author_name": "A",
    "author_url": "https://example.org/a",
    "author_icon_url": "https://example.org/a.png",
    "timestamp": "2026-01-31T12:00:00Z",
}


def test_an_embed_is_nested_as_discord_wants_it() -> None:
    assert Embed.model_validate(FULL).to_discord() == {
        "title": "T",
        "description": "D",
        "color": 0xFF8800,
        "url": "https://example.org/",
        "thumbnail": {"url": "https://example.org/t.png"},
        "image": {"url": "https://example.org/i.png"},
        "footer": {"text": "F", "icon_url": "https://example.org/f.png"},
        "fields": [{"name": "N", "value": "V", "inline": True}, {"name": "N2", "value": "V2", "inline": False}],
        "author": {"name": "A", "url": "https://example.org/a", "icon_url": "https://example.org/a.png"},
        "timestamp": "2026-01-31T12:00:00+00:00",
    }


def test_what_is_absent_is_left_out() -> None:
    assert Embed.model_validate({"title": "T"}).to_discord() == {"title": "T"}


@pytest.mark.parametrize(
    ("written", "value"),
    [("000000", 0), ("#ffffff", 0xFFFFFF), ("0xAbc", 0xABC), ("FF", 255), (0, 0), (16777215, 0xFFFFFF)],
)
def test_colours_in_every_form(written: object, value: int) -> None:
    assert Embed.model_validate({"title": "T", "color": written}).to_discord()["color"] == value


@pytest.mark.parametrize(
    ("written", "value"),
    [("#f80", 0xFF8800), ("#FFF", 0xFFFFFF), ("#000", 0), ("f80", 0xF80), ("0xf80", 0xF80), ("#ff", 0xFF)],
)
def test_three_digits_after_a_hash_are_the_short_form_of_css(written: str, value: int) -> None:
    assert Embed.model_validate({"title": "T", "color": written}).to_discord()["color"] == value


@pytest.mark.parametrize("broken", ["#", "0x", "##fff", "#0xfff", "0x#fff", "#ffffff00", "# fff", "#f_f", "٣٣٣"])
def test_what_is_no_colour(broken: str) -> None:
    with pytest.raises(ValidationError, match="hexadecimal"):
        Embed.model_validate({"title": "T", "color": broken})


@pytest.mark.parametrize(
    "broken",
    [
        {"color": "1000000"},
        {"color": "red"},
        {"color": -1},
        {"color": 16777216},
        {"color": True},
        {"title": "x" * 257},
        {"description": "x" * 4097},
        {"footer_text": "x" * 2049},
        {"author_name": "x" * 257},
        {"url": "javascript:alert(1)"},
        {"url": "http://"},
        {"url": "https://example.org/" + "x" * 2048},
        {"image_url": "attachment://cat.png"},
        {"image_url": "https://exa mple.org"},
        {"fields": [{"name": "n", "value": "v"}] * 26},
        {"fields": [{"name": " ", "value": "v"}]},
        {"fields": [{"name": "n", "value": "x" * 1025}]},
        {"fields": [{"name": "n" * 257, "value": "v"}]},
        {"fields": [{"name": "n", "value": "v", "inline": "yes"}]},
        {"footer_icon_url": "https://example.org/"},
        {"author_url": "https://example.org/"},
        {"timestamp": "tomorrow"},
        {"timestamp": 5},
        {"description": "\x00"},
        {"unknown": "x"},
        {"description": "x" * 4096, "footer_text": "x" * 1904},
    ],
)
def test_every_bound_is_held(broken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Embed.model_validate({"title": "T"} | broken)


@pytest.mark.parametrize("alone", ["title", "description", "image_url", "thumbnail_url", "footer_text", "author_name"])
def test_one_visible_part_is_enough(alone: str) -> None:
    assert Embed.model_validate({alone: FULL[alone]}).to_discord()


@pytest.mark.parametrize("invisible", [{}, {"color": 1}, {"url": "https://example.org/"}, {"title": "  "}])
def test_an_embed_that_shows_nothing_is_refused(invisible: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Embed.model_validate(invisible)


def test_the_limits_are_inclusive_and_count_code_points_after_trimming() -> None:
    embed = Embed.model_validate(
        {"title": " " + "🦆" * 256 + " ", "description": "x" * 4096, "footer_text": "x" * 1648}
    )
    assert embed.text_length == 6000
