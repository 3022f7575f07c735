"""The command of every file that is made from code: `--write` writes it, `--check` fails when it is not current."""

import argparse
from collections.abc import Callable
from pathlib import Path


def run(module: str, target: Path, text: Callable[[], str]) -> int:
    """Runs `python -m tools.<module>`, which makes `target` hold `text()`; 1 when it is to be current and is not."""
    parser = argparse.ArgumentParser(prog=f"python -m tools.{module}")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--write", action="store_true", help=f"write {target.name}")
    choice.add_argument("--check", action="store_true", help=f"fail when {target.name} is not current")
    if parser.parse_args().write:
        target.write_text(text())
        print(f"{target.name} written")
        return 0
    is_current = target.is_file() and target.read_text() == text()
    print(f"{target.name} is current" if is_current else f"{target.name} is not current: {parser.prog} --write")
    return 0 if is_current else 1
