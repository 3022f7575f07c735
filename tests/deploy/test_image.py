"""The Dockerfile: what is copied is what is needed, and what was promised of the image stands in it.

What the image really is, once built, is proven in tests/container.
"""

import ast
import sys
from pathlib import Path

from config import RELEASE, ROOT
from tests.deploy.files import DOCKERIGNORE, instructions


def stage(name: str, instruction: str) -> list[list[str]]:
    return [words for where, which, words in instructions() if (where, which) == (name, instruction)]


def imported_by(path: Path) -> set[str]:
    """The first part of every name a module imports, at whatever depth of the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def ours(name: str) -> list[Path]:
    """The modules behind a name, where it is a package or a module of the repository."""
    if (ROOT / f"{name}.py").exists():
        return [ROOT / f"{name}.py"]
    return sorted((ROOT / name).rglob("*.py")) if (ROOT / name / "__init__.py").exists() else []


def needed_from(start: str) -> set[str]:
    """What of the repository a program imports, by its own name and through what it imports."""
    seen: set[str] = set()
    waiting = {start}
    while waiting:
        name = waiting.pop()
        seen.add(name)
        imported = {each for path in ours(name) for each in imported_by(path)}
        waiting |= {each for each in imported - seen - set(sys.stdlib_module_names) if ours(each)}
    return seen


def copied() -> set[str]:
    """What the packages stage copies of the repository, by the name it is imported by."""
    sources = [source for words in stage("packages", "COPY") for source in words[:-1]]
    return {source.rstrip("/").removesuffix(".py") for source in sources}


def test_the_image_has_every_package_that_the_program_imports() -> None:
    assert needed_from("app") - copied() == set()
    assert {"app", "config", "configuration", "proto", "services"} <= needed_from("app")


def test_the_module_gets_no_sandbox_and_nothing_that_nobody_needs() -> None:
    assert "sandbox" not in needed_from("app")
    assert copied() == needed_from("app") | {"sandbox", "requirements.txt", "deploy/healthcheck"}
    assert stage("module", "COPY")[0] == ["--from=packages", "/app", "/app"]


def test_nothing_reaches_a_builder_but_what_is_copied() -> None:
    lines = [line for line in DOCKERIGNORE.read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    allowed = {line[1:].rstrip("/").removesuffix(".py") for line in lines if line.startswith("!")}
    assert allowed == copied()
    assert {"**/.env*", "**/__pycache__/"} <= set(lines)


def test_packages_are_wheels_of_the_lock() -> None:
    (install,) = [words for words in stage("packages", "RUN") if "--require-hashes" in words]
    assert install[install.index("-r") + 1] == "requirements.txt"
    assert install[install.index("--only-binary") + 1] == ":all:"


def test_no_setting_of_the_builder_is_kept() -> None:
    arguments = [words[0].partition("=")[0] for _, which, words in instructions() if which == "ARG"]
    assert arguments == ["REVISION"]
    text = " ".join(word for _, _, words in instructions() for word in words)
    assert [
        word for word in ("index-url", "PIP_", "trusted-host", "://") if word in text.replace("http://127", "")
    ] == []


def test_both_images_run_as_an_ordinary_user_and_stop_at_sigterm() -> None:
    assert stage("runtime", "USER") == [["1000:1000"]]
    assert stage("module", "USER") == stage("sandbox", "USER") == []
    assert stage("runtime", "STOPSIGNAL") == [["SIGTERM"]]


def test_the_program_is_started_without_a_shell() -> None:
    for name in ("module", "sandbox"):
        (words,) = stage(name, "ENTRYPOINT")
        assert words[0].startswith("[")


def test_the_image_says_what_it_is() -> None:
    (words,) = stage("module", "LABEL")
    labels = dict(word.split("=", 1) for word in words)
    prefix = "org.opencontainers.image."
    assert labels[f"{prefix}version"] == RELEASE
    expected = {"title", "description", "version", "revision", "vendor", "licenses", "base.name"}
    assert {name.removeprefix(prefix) for name in labels} == expected


def test_it_listens_where_it_says_and_writes_in_one_place() -> None:
    assert stage("module", "EXPOSE") == [["50051", "8070"]]
    assert stage("module", "VOLUME") == [["[/var/log/waddlebotlog]"]]
    assert stage("module", "ENV") == [["LOG_DIR=/var/log/waddlebotlog"]]
