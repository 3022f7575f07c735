"""The files an operator deploys with, read as what they are."""

import shlex
from collections.abc import Iterator
from typing import Any

import yaml

from config import ROOT

type Document = dict[str, Any]

MANIFEST = ROOT / "k8s-deployment.yaml"
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"
DOCKERIGNORE = ROOT / ".dockerignore"
SANDBOX_ENV = ROOT / "deploy" / "sandbox.env"


def manifest() -> list[Document]:
    """Every object of the manifest, in its order."""
    return list(yaml.safe_load_all(MANIFEST.read_text()))


def objects(kind: str) -> dict[str, Document]:
    """The manifest's objects of one kind, by name."""
    return {each["metadata"]["name"]: each for each in manifest() if each["kind"] == kind}


def pods() -> dict[str, Document]:
    """The pod of each Deployment: its `spec`."""
    return {name: each["spec"]["template"]["spec"] for name, each in objects("Deployment").items()}


def compose() -> Document:
    """The compose file; what is anchored stands in its place, what is interpolated as it is written."""
    read: Document = yaml.safe_load(COMPOSE.read_text())
    return read


def env_file(text: str) -> dict[str, str]:
    """The variables of an env file."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def instructions() -> Iterator[tuple[str, str, list[str]]]:
    """What the Dockerfile says: the stage, the instruction, and its words."""
    stage = ""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if words := shlex.split(line):
            stage = words[3] if words[0] == "FROM" else stage
            yield stage, words[0], words[1:]
