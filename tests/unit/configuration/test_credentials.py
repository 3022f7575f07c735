"""Bot tokens and signing keys."""

import secrets

import pytest

from tests.unit.configuration.loading import load, problems_of


@pytest.mark.parametrize(
    "variable", ["DISCORD_BOT_TOKEN", "MODULE_SECRET_KEY", "MODULE_SECRET_KEY_PREVIOUS", "REDIS_URL"]
)
def test_a_problem_with_a_secret_does_not_repeat_it(variable: str) -> None:
    problems = problems_of({variable: "hunter 2 ü"})
    assert "hunter" not in problems[variable]


@pytest.mark.parametrize(
    ("key", "detail"),
    [
        ("k3" * 31, "at least 64 characters, this one has 62"),
        ("ab" * 32, "at least 10 different characters, this one has 2"),
        ("z" * 96, "at least 10 different characters, this one has 1"),
        ("0123456789abcdef" * 4, "short pattern"),
        ("0123456789" * 6 + "012345", "short pattern"),
        (" " * 30 + "0123456789abcdef" + " " * 30, "at least 64 characters, this one has 16"),
        ("0123456789abcdef" + " " * 60 + "x", "at least 64 characters, this one has 18"),
        ("your-64-character-secret-key-goes-here-please-change-it-before-you-start", "placeholder"),
        ("change-me-" * 7, "placeholder"),
        ("Your_Secret key " * 5, "placeholder"),
        ("<a long random text of at least sixty-four characters, kept secret>", "placeholder"),
        ("${MODULE_SECRET_KEY:?a key of at least sixty-four characters is required}", "placeholder"),
        ("example-signing-key-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789", "placeholder"),
    ],
)
@pytest.mark.parametrize("variable", ["MODULE_SECRET_KEY", "MODULE_SECRET_KEY_PREVIOUS"])
def test_a_key_that_can_be_guessed_is_refused(variable: str, key: str, detail: str) -> None:
    problems = problems_of({variable: key})
    assert list(problems) == [variable]
    assert detail in problems[variable]


@pytest.mark.parametrize(
    "key",
    [
        secrets.token_hex(32),
        secrets.token_urlsafe(48),
        secrets.token_hex(48) + "\n",
        "correct horse battery staple mountain river window paper yellow seven",
    ],
    ids=("hex", "url-safe", "with a line's end", "words"),
)
def test_a_key_that_nobody_can_guess_is_kept_as_it_is(key: str) -> None:
    assert load({"MODULE_SECRET_KEY": key}).auth.secret_key.get_secret_value() == key


@pytest.mark.parametrize(
    ("token", "detail"),
    [
        ("Bot abc", "without the word 'Bot'"),
        ("a b", "without blanks"),
        ("abc.def\n", "without blanks"),
        ("abc\tdef", "printable ASCII"),
        ("abc\x00def", "printable ASCII"),
        ("tökén", "printable ASCII"),
        ("x" * 257, "at most 256 characters"),
        ("your_bot_token_here", "placeholder"),
        ("YOUR-DISCORD-TOKEN", "placeholder"),
        ("put-your-token-in", "placeholder"),
        ("changeme", "placeholder"),
        ("CHANGE_ME", "placeholder"),
        ("<token>", "placeholder"),
        ("${DISCORD_BOT_TOKEN}", "placeholder"),
        ("{{token}}", "placeholder"),
        ("discord_bot_token", "placeholder"),
        ("token", "placeholder"),
        ("null", "placeholder"),
        ("xxxx", "placeholder"),
    ],
)
def test_a_token_that_discord_would_not_know_is_refused(token: str, detail: str) -> None:
    problems = problems_of({"DISCORD_BOT_TOKEN": token})
    assert list(problems) == ["DISCORD_BOT_TOKEN"]
    assert detail in problems["DISCORD_BOT_TOKEN"]
