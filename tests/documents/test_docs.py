"""What docs/ says of the code is true of it, and every link between documents leads somewhere."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from config import ROOT, variables
from services.actions import CATALOGUE
from services.errors import ErrorCode, OutcomeKind
from services.ports import Repeat
from services.ports.record import ActionRow

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
DOCS = ROOT / "docs"


def slug(heading: str) -> str:
    """The anchor GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading_in_it(path: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        name, _, anchor = target.partition("#")
        if "://" in name:
            continue
        there = path.parent / name if name else path
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)
    assert broken == []


def test_the_readme_leads_to_every_document() -> None:
    linked = set(re.findall(r"\]\(docs/([\w.]+)", (ROOT / "README.md").read_text()))
    assert linked >= {"architecture.md", "limits.md", "delivery.md", "migration.md"}


def test_the_picture_is_an_image_with_words_and_nothing_from_elsewhere() -> None:
    picture = ElementTree.parse(DOCS / "architecture.svg").getroot()  # noqa: S314 -- our own file
    told = {child.tag.rpartition("}")[2] for child in picture}
    assert {"title", "desc"} <= told
    assert "href" not in (DOCS / "architecture.svg").read_text()


def test_delivery_tells_what_a_repeat_of_each_action_does() -> None:
    section = (DOCS / "delivery.md").read_text().partition("## What a repeat would do")[2].partition("\n## ")[0]
    rows = [set(re.findall(r"\w+", row)) for row in re.findall(r"^\| ([A-Z][\w, ]+) \|", section, re.MULTILINE)]
    by_repeat = [{action.rpc() for action in CATALOGUE if action.repeat is repeat} for repeat in Repeat]
    assert sorted(map(sorted, rows)) == sorted(map(sorted, by_repeat))


def test_delivery_explains_every_outcome() -> None:
    section = (DOCS / "delivery.md").read_text().partition("## The four outcomes")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) - {"outcome"} == {
        each.value for each in OutcomeKind
    }


def test_migration_finds_a_place_for_every_action() -> None:
    section = (DOCS / "migration.md").read_text().partition("### What becomes what")[2]
    assert set(re.findall(r"\[(\w+)\]\(\.\./API\.md#", section)) == {action.rpc() for action in CATALOGUE}


@pytest.mark.parametrize("name", ["architecture.md", "limits.md", "delivery.md", "migration.md"])
def test_every_code_and_variable_it_names_exists(name: str) -> None:
    text = (DOCS / name).read_text()
    known = {variable.name for variable in variables()}
    named = set(re.findall(r"(?<![\w$])((?:DISCORD|REDIS|JOURNAL|SHUTDOWN|EGRESS|REQUEST|MAX|AUDIT)_[A-Z_]+)", text))
    assert named - known == set()
    fields = set(ActionRow.__dataclass_fields__) | {"retry_after", "request_id"}
    words = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text))
    others = {"discord_actions", "retry_after"} | {kind.value for kind in OutcomeKind}
    assert words - {code.slug for code in ErrorCode} - fields - others == set()
