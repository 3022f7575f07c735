"""The one reader of the environment: process variables over `.env`, and secrets from files.

A variable that is empty counts as absent, so that `NAME=` in a compose file means the default. Every secret
can also be given as NAME_FILE, the path of a file that holds it: so orchestrators hand out secrets.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from configuration.section import Section
from configuration.values import from_root

LONGEST_SECRET_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing an operator has to mend: the variable's name, and what is wrong with it."""

    variable: str
    detail: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.detail}"


class VariableSource(EnvSettingsSource):
    """Gives a section the variables that were read, instead of the process's own."""

    def __init__(self, section: type[Section], variables: Mapping[str, str]) -> None:
        self._variables = variables
        super().__init__(section)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {**self._variables}


def read_variables(
    env_file: Path | None, environ: Mapping[str, str], names: Iterable[str], secrets: Iterable[str]
) -> tuple[dict[str, str], list[Problem]]:
    """Collects the values of `names`, wherever they stand, and what is wrong with where they stand.

    `secrets` are those of the names that may come from a file.
    """
    in_file, problems = _read_env_file(env_file)
    given = in_file | {name: value for name, value in environ.items() if value}
    variables = {name: given[name] for name in names if name in given}
    for name in secrets:
        problem = _take_secret_file(name, given, variables)
        problems += [problem] if problem else []
    return variables, problems


def _read_env_file(env_file: Path | None) -> tuple[dict[str, str], list[Problem]]:
    try:
        source = DotEnvSettingsSource(Section, env_file=env_file)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        return {}, [Problem(str(env_file), f"cannot be read: {reason}")]
    return {name: value for name, value in source.env_vars.items() if value}, []


def _take_secret_file(name: str, given: Mapping[str, str], variables: dict[str, str]) -> Problem | None:
    """Puts the content of the file that NAME_FILE names, without surrounding blanks, in the place of NAME."""
    variable = f"{name}_FILE"
    path = given.get(variable)
    if path is None:
        return None
    if name in variables:
        return Problem(variable, f"is set beside {name}; keep one of the two")
    try:
        variables[name] = _content(path)
    except ValueError as error:
        return Problem(variable, str(error))
    return None


def _content(path: str) -> str:
    """Reads a secret's file. Raises ValueError with what is wrong with it."""
    try:
        with from_root(Path(path)).open("rb") as file:
            text = file.read(LONGEST_SECRET_BYTES).decode().strip()
    except OSError as error:
        raise ValueError(f"names a file that cannot be read: {path} ({error.strerror})") from error
    except UnicodeDecodeError:
        raise ValueError(f"names a file that cannot be read: {path} (it is not UTF-8)") from None
    if not text:
        raise ValueError(f"names an empty file: {path}")
    return text
