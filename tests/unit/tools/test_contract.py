"""The promise to callers is kept, and what breaks it is noticed."""

import json
import shutil
import sys
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


@pytest.mark.parametrize(("arguments", "status"), [((), 0), (("--require-buf",), 1)])
def test_without_buf_the_check_says_so_aloud_and_fails_where_it_is_required(
    arguments: tuple[str, ...], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(contract, "buf_program", lambda: None)
    monkeypatch.setattr(sys, "argv", ["contract", "--check", *arguments])
    assert contract.main() == status
    assert "NOT CHECKED: the proto" in capsys.readouterr().out


def test_what_is_there_is_accepted_with_one_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = buf_or_skip()
    for name in ("OPENAPI", "PROTO"):
        monkeypatch.setattr(contract, name, tmp_path / getattr(contract, name).name)
    monkeypatch.setattr(sys, "argv", ["contract", "--accept"])
    assert contract.main() == 0
    assert contract.openapi_problems() == contract.proto_problems(program) == []
