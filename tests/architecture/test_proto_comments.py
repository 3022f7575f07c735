"""The comments of the proto are the documentation of gRPC: each rpc tells what its action says of itself."""

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from config import ROOT
from services.actions import CATALOGUE, Action

SERVICE, METHOD = 6, 2
"""Field numbers in FileDescriptorProto and ServiceDescriptorProto: the path of a comment is made of them."""


@pytest.fixture(scope="module")
def comments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What stands above each rpc, on one line."""
    path = tmp_path_factory.mktemp("proto") / "set.binpb"
    file = described(path)
    found = {tuple(each.path): each.leading_comments for each in file.source_code_info.location}
    return {
        method.name: " ".join(found[SERVICE, 0, METHOD, number].split())
        for number, method in enumerate(file.service[0].method)
    }


def described(path: Path) -> FileDescriptorProto:
    options = ["--include_source_info", f"--descriptor_set_out={path}", "-I", ".", "proto/discord_action.proto"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *options], cwd=ROOT, check=True, timeout=60)
    return FileDescriptorSet.FromString(path.read_bytes()).file[0]


@pytest.mark.parametrize("action_type", CATALOGUE, ids=lambda action_type: str(action_type.rpc()))
def test_an_rpc_tells_what_its_action_does_and_needs(action_type: type[Action], comments: dict[str, str]) -> None:
    told = " ".join((action_type.__doc__ or "").split())
    needs = f"Scope `{action_type.scope.value}`. The bot needs: {action_type.permission}."
    assert comments[action_type.rpc()] == f"{told} {needs}"
