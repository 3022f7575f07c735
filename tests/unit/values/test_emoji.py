import pytest
from pydantic import TypeAdapter, ValidationError

from services.values import Emoji, other_spelling

EMOJIS: TypeAdapter[str] = TypeAdapter(Emoji)


@pytest.mark.parametrize(
    ("pasted", "sent"),
    [
        ("👍", "👍"),
        (" 👍 ", "👍"),
        ("👍🏽", "👍🏽"),
        (":thumbsup:", "👍"),
        (":+1:", "👍"),
        ("%F0%9F%91%8D", "👍"),
        ("❤", "❤️"),
        ("❤️", "❤️"),
        ("1️⃣", "1️⃣"),
        ("1\u20e3", "1\ufe0f\u20e3"),
        ("\U0001f3f3\u200d\U0001f308", "\U0001f3f3\ufe0f\u200d\U0001f308"),
        ("\U0001f441\ufe0f\u200d\U0001f5e8", "\U0001f441\ufe0f\u200d\U0001f5e8\ufe0f"),
        ("🇩🇪", "🇩🇪"),
        ("👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"),
        ("party:41771983429993937", "party:41771983429993937"),
        ("<:party:41771983429993937>", "party:41771983429993937"),
        ("<a:party:41771983429993937>", "party:41771983429993937"),
        (":party:41771983429993937", "party:41771983429993937"),
        ("party%3A41771983429993937", "party:41771983429993937"),
    ],
)
def test_every_form_people_paste(pasted: str, sent: str) -> None:
    assert EMOJIS.validate_python(pasted) == sent


@pytest.mark.parametrize(
    "refused",
    [
        "",
        "x",
        "👍👍",
        "👍/../@me",
        ":no_such_emoji:",
        "party:0",
        "party:99999999999999999999",
        "p:1",
        "../@me",
        "1",
        5,
        None,
    ],
)
def test_what_is_no_emoji(refused: object) -> None:
    with pytest.raises(ValidationError):
        EMOJIS.validate_python(refused)


@pytest.mark.parametrize(
    ("emoji", "other"),
    [
        ("\u2714\ufe0f", "\u2714"),
        ("1\ufe0f\u20e3", "1\u20e3"),
        ("\U0001f441\ufe0f\u200d\U0001f5e8\ufe0f", "\U0001f441\u200d\U0001f5e8"),
        ("\U0001f44d", "\U0001f44d\ufe0f"),
        ("party:41771983429993937", None),
    ],
)
def test_the_other_spelling_has_no_selector_or_one(emoji: str, other: str | None) -> None:
    assert other_spelling(emoji) == other
