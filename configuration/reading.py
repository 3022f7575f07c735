"""Reads every section and gathers what is wrong, so that an operator mends a configuration in one go."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from configuration.section import Section
from configuration.sources import Problem, VariableSource, read_variables
from configuration.table import Variable, table_of


class ConfigurationError(Exception):
    """The configuration cannot be used; `problems` holds every reason."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Reading:
    """The sections, as read from `environ` over `env_file`.

    Raises ConfigurationError with every problem there is, in the order of the sections.
    """

    def __init__(self, sections: Sequence[type[Section]], env_file: Path | None, environ: Mapping[str, str]) -> None:
        self._table = table_of(sections)
        secrets = [variable.name for variable in self._table.values() if variable.is_secret]
        self._variables, self._problems = read_variables(env_file, environ, self._table, secrets)
        self._complete_journal_dir()
        self._sections = {section: self._read(section) for section in sections if self._is_wanted(section)}
        if self._problems:
            raise ConfigurationError(list(dict.fromkeys(self._problems)))

    def of[S: Section](self, section: type[S]) -> S:
        """Gives the section of this type."""
        found = self._sections[section]
        assert isinstance(found, section)  # noqa: S101 -- tells the type checker what the dictionary cannot
        return found

    def optional[S: Section](self, section: type[S]) -> S | None:
        """Gives the section of this type, or None when none of its variables is set."""
        return self.of(section) if section in self._sections else None

    def _complete_journal_dir(self) -> None:
        """Puts the journal beside the log files, on their writable volume, unless it was given a place."""
        if "LOG_DIR" in self._variables:
            self._variables.setdefault("JOURNAL_DIR", str(Path(self._variables["LOG_DIR"]) / "journal"))

    def _is_wanted(self, section: type[Section]) -> bool:
        return section.is_required or any(name in self._variables for name in table_of([section]))

    def _read(self, section: type[Section]) -> Section | None:
        own = {name: self._variables[name] for name in table_of([section]) if name in self._variables}
        try:
            return section(**VariableSource(section, own)())
        except ValidationError as error:
            self._problems += [self._problem(section, details) for details in error.errors()]
            return None

    def _problem(self, section: type[Section], details: ErrorDetails) -> Problem:
        name = _variable_of(section, str(details["loc"][0]))
        if any(problem.variable == f"{name}_FILE" for problem in self._problems):
            return next(problem for problem in self._problems if problem.variable == f"{name}_FILE")
        variable = self._table[name]
        is_default = name not in self._variables and not variable.has_no_default
        unset = f" (not set, it is {variable.default})" if is_default else ""
        return Problem(name, _sentence(section, variable, details) + unset)


def _variable_of(section: type[Section], place: str) -> str:
    """The variable a problem is about: pydantic names it by the variable, but a default by its field."""
    field = section.model_fields.get(place)
    return place if field is None else str(field.validation_alias)


def _sentence(section: type[Section], variable: Variable, details: ErrorDetails) -> str:
    """Says what the value must be. The value itself is quoted only where it cannot be a secret."""
    kind, given = details["type"], details["input"]
    if kind == "missing":
        return _missing(section, variable)
    if kind == "value_error":
        return str(details["ctx"]["error"])
    expected = _expected(variable, kind, details.get("ctx", {}))
    return f"must be {expected}" if variable.is_secret else f"must be {expected}, not {str(given)[:60]!r}"


def _missing(section: type[Section], variable: Variable) -> str:
    if not section.is_required:
        required = [v.name for v in table_of([section]).values() if v.has_no_default]
        return f"is required: {' and '.join(required)} come together"
    if variable.is_secret:
        return f"is required; set it, or name a file that holds it in {variable.name}_FILE"
    return "is required"


def _expected(variable: Variable, kind: str, context: Mapping[str, Any]) -> str:
    if variable.lowest is not None and variable.highest is not None:
        number = "a whole number" if variable.is_whole else "a number"
        if variable.lowest == variable.highest:
            return f"{variable.lowest:g}"
        return f"{number} from {variable.lowest:g} to {variable.highest:.15g}"
    if kind == "literal_error":
        return str(context["expected"]).replace("'", "")
    if kind.startswith("bool"):
        return "true or false"
    return "a value of another form"
