"""The page's colours keep the contrast that its stylesheet promises, light and dark (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re

import pytest

from sandbox.page.files import FOLDER

TOKENS: dict[str, str] = dict(
    re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}, #[0-9a-f]{6})\);", (FOLDER / "tokens.css").read_text())
)
TEXT = ("ink", "soft", "accent", "fine", "warn", "wrong")
GROUNDS = ("ground", "surface", "raised")
PAIRS = [(text, ground) for text in TEXT for ground in GROUNDS]
OWN_GROUNDS = [
    ("warn", "warn-ground"),
    ("wrong", "wrong-ground"),
    ("accent", "accent-ground"),
    ("ink", "accent-ground"),
]


def luminance(colour: str) -> float:
    """Relative luminance (https://www.w3.org/TR/WCAG22/#dfn-relative-luminance)."""
    shares = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def colour(name: str, scheme: int) -> str:
    return TOKENS[name].split(", ")[scheme]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS + OWN_GROUNDS)
def test_text_can_be_read(text: str, ground: str, scheme: int) -> None:
    assert contrast(colour(text, scheme), colour(ground, scheme)) >= 4.5


def test_the_measure_itself() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
