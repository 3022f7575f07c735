import pytest
from pydantic import TypeAdapter, ValidationError

from services.ports import WebhookBody
from services.values import WebhookName, WebhookUrl

TOKEN = "abc-DEF_" * 8 + "1234"
NAMES: TypeAdapter[str] = TypeAdapter(WebhookName)


@pytest.mark.parametrize(
    "address",
    [
        f"https://discord.com/api/webhooks/5/{TOKEN}",
        f"https://discord.com/api/webhooks/5/{TOKEN}/",
        f" https://discord.com/api/v10/webhooks/5/{TOKEN} ",
        f"HTTPS://DISCORD.COM/api/webhooks/5/{TOKEN}",
        f"https://discord.com:443/api/webhooks/5/{TOKEN}?wait=true",
        f"https://canary.discord.com/api/webhooks/5/{TOKEN}",
        f"https://ptb.discordapp.com/api/v8/webhooks/5/{TOKEN}",
    ],
)
def test_the_addresses_discord_hands_out_are_read(address: str) -> None:
    assert WebhookUrl.parse(address) == WebhookUrl("5", TOKEN)


def test_the_thread_is_kept() -> None:
    assert WebhookUrl.parse(f"https://discord.com/api/webhooks/5/{TOKEN}?thread_id=77").thread_id == "77"


@pytest.mark.parametrize(
    "address",
    [
        f"http://discord.com/api/webhooks/5/{TOKEN}",
        f"https://discord.com.evil.org/api/webhooks/5/{TOKEN}",
        f"https://evil.org/discord.com/api/webhooks/5/{TOKEN}",
        f"https://discord.com@evil.org/api/webhooks/5/{TOKEN}",
        f"https://user:pass@discord.com/api/webhooks/5/{TOKEN}",
        f"https://discord.com:8443/api/webhooks/5/{TOKEN}",
        f"https://discord.com\\@evil.org/api/webhooks/5/{TOKEN}",
        f"https://dis\tcord.com/api/webhooks/5/{TOKEN}",
        f"https://dıscord.com/api/webhooks/5/{TOKEN}",
        f"https://discord.com/api/webhooks/5/{TOKEN}/../../6",
        f"https://discord.com/api/webhooks/5/{TOKEN}/slack",
        f"https://discord.com/api/webhooks/05/{TOKEN}",
        f"https://discord.com/api/webhooks/٥/{TOKEN}",
        f"https://discord.com/api/webhooks/9223372036854775808/{TOKEN}",
        f"https://discord.com//api/webhooks/5/{TOKEN}",
        f"https://discord.com/api/webhooks/5/{TOKEN}#x",
        f"https://discord.com/api/webhooks/5/{TOKEN}?thread_id=x",
        f"https://discord.com/api/webhooks/5/{TOKEN}?thread_id=1&thread_id=2",
        f"https://discord.com/api/webhooks/5/{TOKEN}%2F..",
        "https://discord.com/api/webhooks/5/",
        f"//discord.com/api/webhooks/5/{TOKEN}",
        f"https://[discord.com]/api/webhooks/5/{TOKEN}",
        "file:///etc/passwd",
        "",
        "x" * 3000,
    ],
)
def test_anything_else_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        WebhookUrl.parse(address)


def test_the_token_has_no_printed_form() -> None:
    address = WebhookUrl("5", TOKEN, "7")
    assert TOKEN not in repr(address) + str(address) + address.without_token()


@pytest.mark.parametrize("name", ["WaddleBot", "x", "y" * 80, "Here we go"])
def test_good_names(name: str) -> None:
    assert NAMES.validate_python(name) == name


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "My Clyde", "DISCORDIAN", "Everyone", "here", "a\nb"])
def test_names_discord_refuses(name: str) -> None:
    with pytest.raises(ValidationError):
        NAMES.validate_python(name)


@pytest.mark.parametrize("token", ["a.b", "a..", "abc.def-ghi_j.k", "-._"])
def test_a_token_that_discord_may_give_is_taken_back(token: str) -> None:
    assert WebhookUrl.parse(f"https://discord.com/api/webhooks/5/{token}").token == token
    assert WebhookBody(id="5", token=token).token == token


@pytest.mark.parametrize("token", [".", "..", ".a", "..a", "a" * 257])
def test_a_token_that_would_change_the_path_is_none(token: str) -> None:
    with pytest.raises(ValueError, match="must be a webhook URL"):
        WebhookUrl.parse(f"https://discord.com/api/webhooks/5/{token}")
    with pytest.raises(ValidationError):
        WebhookBody(id="5", token=token)
