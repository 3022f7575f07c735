"""What the image is, looked at from outside and from within."""

import json
import subprocess
from typing import Any

import pytest

from config import RELEASE
from tests.container.engine import Engine
from tests.container.workshop import BASE, MODULE, POISON, SANDBOX
from tests.prove.evidence import keep

LARGEST_BYTES = 120_000_000
"""What the image may add to its base, unpacked."""

BUILD_TOOLS = ("gcc", "g++", "cc", "clang", "make", "ld", "cargo", "protoc", "uv")
BUILD_PACKAGES = ("pip", "setuptools", "wheel", "grpc_tools", "pytest", "mypy", "ruff", "sandbox", "tests")


@pytest.fixture(params=[MODULE, SANDBOX], ids=["module", "sandbox"])
def image(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def inside(engine: Engine, image: str, program: str) -> Any:
    """What a few lines of Python in a fresh container print, read as JSON."""
    options = ("--rm", "--no-healthcheck", "--network", "none", "--cap-drop", "ALL", "--entrypoint", "python")
    return json.loads(engine("run", *options, image, "-c", program))


def test_it_says_what_it_is_and_how_it_is_run(engine: Engine) -> None:
    image = engine.inspect("image", MODULE)
    config = image["Config"]
    assert config["User"] == "1000:1000"
    assert config["Entrypoint"] == ["python", "app.py"]
    assert config["Cmd"] == ["serve"]
    assert config["StopSignal"] in {"SIGTERM", "15"}
    assert config["ExposedPorts"].keys() == {"50051/tcp", "8070/tcp"}
    assert config["Volumes"].keys() == {"/var/log/waddlebotlog"}
    assert config["Labels"]["org.opencontainers.image.version"] == RELEASE
    assert "LOG_DIR=/var/log/waddlebotlog" in config["Env"]
    assert (config.get("Healthcheck") or image["Healthcheck"])["Test"][0] == "CMD"


def test_it_adds_little_to_its_base(engine: Engine) -> None:
    base, whole = (engine.inspect("image", image)["Size"] for image in (BASE, MODULE))
    megabytes = round((whole - base) / 1e6, 1)
    keep("image, unpacked, beside its base", f"at most {LARGEST_BYTES / 1e6:.0f} MB", added_MB=megabytes)
    assert whole - base <= LARGEST_BYTES


def test_no_layer_holds_a_secret_of_the_builder(engine: Engine, image: str) -> None:
    """The repository it was built from was full of files with this text, and pip's settings held it as well."""
    command = [engine.program, "image", "save", image]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=engine.variables) as saving:
        assert saving.stdout is not None
        size, found, end = 0, False, b""
        while chunk := saving.stdout.read(1 << 20):
            found |= POISON.encode() in end + chunk
            size, end = size + len(chunk), chunk[-len(POISON) :]
    assert saving.returncode == 0
    assert size > 100_000_000  # layers as they are: a compressed one would hide the text
    assert not found
    assert POISON not in engine("history", "--no-trunc", image)


def test_there_is_nothing_to_build_with(engine: Engine) -> None:
    program = f"""
import importlib.util, json, shutil
print(json.dumps([
    [name for name in {BUILD_TOOLS} if shutil.which(name)],
    [name for name in {BUILD_PACKAGES} if importlib.util.find_spec(name)],
]))"""
    assert inside(engine, MODULE, program) == [[], []]


def test_the_program_is_there_and_nothing_beside_it(engine: Engine) -> None:
    found = inside(engine, MODULE, "import json, os; print(json.dumps(sorted(os.listdir('/app'))))")
    wanted = ["app.py", "config.py", "configuration", "healthcheck.py", "proto", "services"]
    assert [name for name in found if name != "__pycache__"] == wanted


def test_whatever_is_imported_has_its_bytecode(engine: Engine) -> None:
    program = """
import importlib.util, json, os, sys
import app, services.lifecycle
specs = [module.__spec__ for module in sys.modules.values() if module.__spec__]
files = [str(spec.origin) for spec in specs if spec.has_location]
print(json.dumps([file for file in files
    if file.endswith('.py') and not os.path.exists(importlib.util.cache_from_source(file))]))"""
    assert inside(engine, MODULE, program) == []


def test_who_runs_it_could_write_where_everybody_can_and_where_the_journal_is(engine: Engine, image: str) -> None:
    program = """
import json, os
print(json.dumps([path for path, _, _ in os.walk('/') if os.access(path, os.W_OK)
    and not path.startswith(('/proc', '/sys', '/dev'))]))"""
    writable = set(inside(engine, image, program)) - {"/tmp", "/var/tmp", "/run/lock"}
    assert writable == ({"/var/log/waddlebotlog"} if image == MODULE else set())
