"""The promise to callers is kept, and what breaks it is noticed."""

import json
import shutil
from pathlib import Path

import pytest

from config import ROOT
from services.rest_api.openapi import openapi_document
from tests.support.buf import buf_or_skip
from tools import contract


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of what buf reads, to be broken."""
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    shutil.copytree(ROOT / "proto", tmp_path / "proto", ignore=shutil.ignore_patterns("*.py*", "__pycache__"))
    return tmp_path


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "proto" / "discord_action.proto"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_openapi_document_keeps_the_promise() -> None:
    assert contract.openapi_problems() == []


def test_a_broken_promise_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    promised = openapi_document("accepted")
    promised["paths"]["/api/v1/dance"] = promised["paths"]["/api/v1/message"]
    (tmp_path / "openapi.json").write_text(json.dumps(promised))
    monkeypatch.setattr(contract, "OPENAPI", tmp_path / "openapi.json")
    assert contract.openapi_problems() == ["/api/v1/dance: the path is gone"]


def test_the_proto_keeps_the_promise_and_its_rules() -> None:
    assert contract.proto_problems(buf_or_skip()) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  string content = 2;\n", "", 'field "2" with name "content"'),
        ("  string content = 2;", "  string content = 12;", 'field "2" with name "content"'),
        ("  string content = 2;", "  bytes content = 2;", "changed type"),
        ("  string content = 2;", "  string text = 2;", "changed name"),
        ("  string content = 2;", "  repeated string content = 2;", "changed cardinality"),
        ("  rpc KickUser(KickUserRequest) returns (KickUserResponse);", "", 'RPC "KickUser"'),
        ("package discord_action;", "package actions;", "package"),
    ],
)
def test_what_breaks_callers_of_grpc_is_noticed(folder: Path, old: str, new: str, told: str) -> None:
    program = buf_or_skip()
    change(folder, old, new)
    found = contract.buf(program, "breaking", "--against", contract.PROTO, folder=folder)
    assert any(told in line for line in found), found


def test_a_new_field_breaks_nobody(folder: Path) -> None:
    program = buf_or_skip()
    change(folder, "  string content = 2;", "  string content = 2;\n  // Read aloud.\n  bool tts = 11;")
    assert contract.proto_problems(program, folder) == []


def test_a_field_without_a_comment_is_noticed(folder: Path) -> None:
    program = buf_or_skip()
    change(folder, "  string content = 2;", "  string content = 2;\n  bool tts = 11;")
    assert any('"tts" should have a non-empty comment' in line for line in contract.proto_problems(program, folder))
