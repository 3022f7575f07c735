"""The house plan in CONTRIBUTING.md names every room of the house, and no other."""

import re

import pytest

from config import ROOT

PLAN = (ROOT / "CONTRIBUTING.md").read_text().partition("## The house")[2].partition("```\n\n")[0]
HIDDEN = ("_", ".")
WRITTEN_HERE = {"data", "logs"}


def rooms(folder: str) -> set[str]:
    """The folders of a folder, and its modules."""
    inside = [path for path in (ROOT / folder).iterdir() if not path.name.startswith(HIDDEN)]
    return {f"{path.name}/" for path in inside if path.is_dir()} | {p.name for p in inside if p.suffix == ".py"}


@pytest.mark.parametrize("folder", ["services", "tests"])
def test_every_room_is_on_the_plan(folder: str) -> None:
    named = set(re.findall(r"[\w.]+/?", PLAN))
    assert {room for room in rooms(folder) if room not in named} <= {"conftest.py", "test_smoke_script.py"}


def test_every_part_of_the_house_is_on_the_plan() -> None:
    parts = {room for room in rooms(".") if room.endswith("/")} - {f"{name}/" for name in WRITTEN_HERE}
    assert {part for part in parts if f"\n{part}" not in PLAN} == {"configuration/"}  # it is told beside config.py


def test_every_room_on_the_plan_is_there() -> None:
    part, missing = "", []
    for indent, name in re.findall(r"^( *)([\w.]+/?)", PLAN, re.MULTILINE):
        part = part if indent else name
        if len(indent) in {0, 2} and not (ROOT / (part if indent else "") / name).exists():
            missing.append(part + name)
    assert missing == []
