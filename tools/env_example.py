"""Writes `.env.example` from the settings: `python -m tools.env_example --write`, or `--check` that it is current."""

import itertools
import textwrap

from config import ROOT, Variable, variables
from tools import generated

TARGET = ROOT / ".env.example"
HEAD = """\
# The settings of Discord Action Module. Copy this file to .env and fill in what is required.
#
# Made from the settings in configuration/ by: python -m tools.env_example --write
#
# A line that is commented out shows the default. An empty value counts as absent. Variables of the process win over
# this file. Every secret can also be given as NAME_FILE: the path of a file that holds the value.
"""


def text() -> str:
    """Gives the whole file."""
    groups = itertools.groupby(variables(), key=lambda variable: variable.section)
    return HEAD + "".join(_group(title, list(group)) for title, group in groups)


def _group(title: str, group: list[Variable]) -> str:
    return f"\n# ── {title} {'─' * (100 - len(title))}\n" + "".join(_entry(variable) for variable in group)


def _entry(variable: Variable) -> str:
    notes = [variable.meaning, _bounds(variable), _default(variable)]
    comment = textwrap.fill(" ".join(note for note in notes if note), 110, initial_indent="# ", subsequent_indent="# ")
    return f"\n{comment}\n{_assignment(variable)}\n"


def _assignment(variable: Variable) -> str:
    if variable.is_required:
        return f"{variable.name}="
    return f"# {variable.name}={'' if _is_in_words(variable) else variable.default or ''}"


def _default(variable: Variable) -> str:
    if variable.is_required:
        return "Required."
    return f"Default: {variable.default}." if _is_in_words(variable) else ""


def _is_in_words(variable: Variable) -> bool:
    return " " in (variable.default or "")


def _bounds(variable: Variable) -> str:
    if variable.lowest is None or variable.highest is None or variable.lowest == variable.highest:
        return ""
    return f"From {variable.lowest:g} to {variable.highest:.15g}."


if __name__ == "__main__":
    raise SystemExit(generated.run("env_example", TARGET, text))
