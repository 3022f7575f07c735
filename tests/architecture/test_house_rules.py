"""What a linter does not check: how long things are, which words they use, what stands only here."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import ROOT

LONGEST_FUNCTION_LINES = 45
LONGEST_MODULE_LINES = 300

CODE = ("services", "sandbox", "configuration", "tools")
FILES = ("app.py", "config.py", "test_api.py")
WRITTEN = (".md", ".py", ".proto", ".sh", ".toml", ".yml", ".yaml", ".in", ".html", ".js", ".css")
UNWRITTEN = {".venv", ".git", "data", "logs", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", "vendor"}

UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK|WI" + r"P)\b")
FOREIGN = re.compile(r"/tm" + r"p/scratch|/wor" + r"k/(?:main|shared)")
VAGUE_NAMES = re.compile(r"(?:^|_)(?:manager|helpers?|utils?|common|misc)(?:_|$)")


def modules() -> Iterator[Path]:
    for folder in CODE:
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if "static" not in path.parts)
    yield from (ROOT / name for name in FILES if (ROOT / name).exists())


def texts() -> Iterator[Path]:
    for path in sorted(ROOT.rglob("*")):
        inside = path.relative_to(ROOT)
        if path.suffix in WRITTEN and not UNWRITTEN & set(inside.parts) and "_pb2" not in path.name:
            yield path


@pytest.mark.parametrize("path", list(modules()), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_and_its_functions_can_be_read_at_one_go(path: Path) -> None:
    source = path.read_text()
    assert source.count("\n") <= LONGEST_MODULE_LINES
    functions = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION_LINES} == {}


@pytest.mark.parametrize("path", list(modules()), ids=lambda path: str(path.relative_to(ROOT)))
def test_names_say_what_a_thing_is(path: Path) -> None:
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = [node.name.lower() for node in ast.walk(tree) if isinstance(node, kinds)]
    assert [name for name in [path.stem, *names] if VAGUE_NAMES.search(name)] == []


def test_nothing_is_left_unfinished_and_nothing_points_elsewhere() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in texts()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if UNFINISHED.search(line) or FOREIGN.search(line)
    ]
    assert found == []


def test_only_the_reader_of_the_settings_looks_at_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in modules()
        if re.search(r"\bos\.(?:environ|getenv)\b|\bfrom os import .*(?:environ|getenv)", path.read_text())
    }
    assert readers <= {"config.py", "tools/run.py", "test_api.py"}


def test_the_settings_import_nothing_of_the_service() -> None:
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse((ROOT / "config.py").read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert not {name for name in imported if name.split(".")[0] in {"services", "sandbox", "proto", "app"}}
