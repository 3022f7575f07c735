import pytest
from pydantic import TypeAdapter, ValidationError

from services.values import Emoji

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
