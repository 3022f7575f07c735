"""SECURITY.md names every test of an attack, and only tests that there are."""

import re

from config import ROOT

TEXT = (ROOT / "SECURITY.md").read_text()
NAMED = re.findall(r"\]\((tests/[^)#]+)\)", TEXT)


def test_every_test_that_is_named_is_there() -> None:
    assert NAMED
    assert [path for path in NAMED if not (ROOT / path).exists()] == []


def test_every_test_of_an_attack_is_named() -> None:
    there = {str(path.relative_to(ROOT)) for path in (ROOT / "tests/security").glob("test_*.py")}
    assert there - set(NAMED) == set()


def test_every_variable_that_is_named_can_be_set() -> None:
    named = set(re.findall(r"`([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)(?:=[^`]*)?`", TEXT)) - {"NAME_FILE"}
    known = (ROOT / ".env.example").read_text()
    assert len(named) > 5
    assert [name for name in named if f"{name}=" not in known] == []
