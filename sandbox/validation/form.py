"""Reading one JSON object field by field, collecting every fault in it.

A refused form answers 50035 with a tree: keys are field names and list indexes, a leaf is `_errors: [{code,
message}]` (https://discord.com/developers/docs/reference#error-messages). null counts as absent. An unknown
field is ignored by Discord; it is noted as a problem because it is nearly always a misspelling.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Self
from urllib.parse import urlsplit

from sandbox.errors import JsonCode, refusal

MAX_URL_LENGTH = 2048
MAX_SNOWFLAKE = 2**63 - 1
REQUIRED = ("BASE_TYPE_REQUIRED", "This field is required")


class Violations:
    """The tree of errors of one body."""

    def __init__(self) -> None:
        self.tree: dict[str, Any] = {}

    def add(self, path: tuple[str, ...], code: str, message: str) -> None:
        node = self.tree
        for step in path:
            node = node.setdefault(step, {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def raise_if_any(self) -> None:
        """Raises 50035 when anything was added."""
        if self.tree:
            raise refusal(JsonCode.INVALID_FORM, self.tree)


class Form:
    """One object of the body and its place in the tree. Readers return None for absent or refused values."""

    def __init__(
        self,
        fields: Mapping[str, Any],
        problems: list[str],
        violations: Violations | None = None,
        path: tuple[str, ...] = (),
    ) -> None:
        self.fields = fields
        self.problems = problems
        self.violations = Violations() if violations is None else violations
        self.path = path

    def has(self, name: str) -> bool:
        """Present, even if null."""
        return name in self.fields

    def refuse(self, name: str, code: str, message: str) -> None:
        self.violations.add((*self.path, name), code, message)

    def note_unknown(self, known: Collection[str]) -> None:
        """Records the fields Discord does not know here."""
        for name in self.fields:
            if name not in known:
                self.problems.append(f"unknown field {'.'.join((*self.path, name))!r} is ignored by Discord")

    def note_unchecked(self, *names: str) -> None:
        """Records fields that Discord checks and the sandbox does not."""
        for name in names:
            if self.fields.get(name):
                self.problems.append(f"field {name!r} is not checked by the sandbox")

    def require(self, name: str) -> bool:
        if self.fields.get(name) is None:
            self.refuse(name, *REQUIRED)
            return False
        return True

    def text(self, name: str, maximum: int, *, minimum: int = 0) -> str | None:
        """Text of at most `maximum` code points after trimming; with a minimum, empty text is refused too."""
        value = self.fields.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.refuse(name, "BASE_TYPE_STRING", f"Could not interpret {_shown(value)} as string.")
            return None
        trimmed = value.strip()
        if minimum and not trimmed:
            self.refuse(name, *REQUIRED)
        elif len(trimmed) > maximum and minimum:
            self.refuse(name, "BASE_TYPE_BAD_LENGTH", f"Must be between {minimum} and {maximum} in length.")
        elif len(trimmed) > maximum:
            self.refuse(name, "BASE_TYPE_MAX_LENGTH", f"Must be {maximum} or fewer in length.")
        return trimmed

    def integer(self, name: str, minimum: int, maximum: int) -> int | None:
        value = self.fields.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(name, "NUMBER_TYPE_COERCE", f"Value {_shown(value)} is not int.")
        elif value < minimum:
            self.refuse(name, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {minimum}.")
        elif value > maximum:
            self.refuse(name, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {maximum}.")
        else:
            return value
        return None

    def boolean(self, name: str) -> bool | None:
        value = self.fields.get(name)
        if value is None or isinstance(value, bool):
            return value
        self.refuse(name, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
        return None

    def snowflake(self, name: str) -> str | None:
        value = self.fields.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            self.problems.append(f"snowflake {name!r} sent as a number")
        if not is_snowflake(value):
            self.refuse(name, "NUMBER_TYPE_COERCE", f"Value {_shown(value)} is not snowflake.")
            return None
        return str(value)

    def snowflakes(self, name: str, maximum: int) -> list[str] | None:
        """A list of distinct snowflakes."""
        values = self.items(name, maximum)
        if values is None:
            return None
        entries = Form(
            {str(index): value for index, value in enumerate(values)},
            self.problems,
            self.violations,
            (*self.path, name),
        )
        found = [entries.snowflake(index) for index in entries.fields]
        entries.refuse_repeats(found)
        return [snowflake for snowflake in found if snowflake is not None]

    def refuse_repeats(self, values: list[str | None]) -> None:
        """Discord's sets refuse a value given twice."""
        for index, value in enumerate(values):
            if value is not None and value in values[:index]:
                self.refuse(str(index), "SET_TYPE_ALREADY_CONTAINS_VALUE", "The Set already contains this value.")

    def url(self, name: str, schemes: Collection[str] = ("http", "https")) -> str | None:
        value = self.text(name, MAX_URL_LENGTH)
        if not value:
            return None
        try:
            parts = urlsplit(value)
        except ValueError:
            parts = None
        if parts is None or not parts.scheme or not parts.netloc or any(map(str.isspace, value)):
            self.refuse(name, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
        elif parts.scheme not in schemes:
            offered = ", ".join(f"'{scheme}'" for scheme in schemes)
            self.refuse(
                name,
                "URL_TYPE_INVALID_SCHEME",
                f'Scheme "{parts.scheme}" is not supported. Scheme must be one of ({offered}).',
            )
        return value

    def timestamp(self, name: str, *, needs_zone: bool = False) -> datetime | None:
        value = self.fields.get(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            moment = None
        if moment is None or (needs_zone and moment.tzinfo is None):
            self.refuse(name, "DATE_TIME_TYPE_PARSE", f"Could not parse {value}. Should be ISO8601.")
            return None
        return moment

    def items(self, name: str, maximum: int) -> list[Any] | None:
        value = self.fields.get(name)
        if value is None:
            return None
        if not isinstance(value, list):
            self.refuse(name, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return None
        if len(value) > maximum:
            self.refuse(name, "BASE_TYPE_MAX_LENGTH", f"Must be {maximum} or fewer in length.")
        return value

    def forms(self, name: str, maximum: int) -> list[Self]:
        """A list of objects, each as a form of its own."""
        entries = self.items(name, maximum) or []
        found = [self._child(entry, (name, str(index))) for index, entry in enumerate(entries)]
        return [form for form in found if form is not None]

    def form(self, name: str) -> Self | None:
        """An object as a form of its own."""
        value = self.fields.get(name)
        return None if value is None else self._child(value, (name,))

    def _child(self, value: Any, steps: tuple[str, ...]) -> Self | None:
        path = (*self.path, *steps)
        if not isinstance(value, dict):
            self.violations.add(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
            return None
        return type(self)(value, self.problems, self.violations, path)


def is_snowflake(value: Any) -> bool:
    """Decimal digits without sign or leading zero, within 63 bits."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return False
    text = str(value)
    if not (text.isascii() and text.isdigit()) or (len(text) > 1 and text[0] == "0"):
        return False
    return len(text) <= len(str(MAX_SNOWFLAKE)) and int(text) <= MAX_SNOWFLAKE


def _shown(value: Any) -> str:
    return f'"{str(value)[:100]}"'
