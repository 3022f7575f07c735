"""From the query string of the audit log to what is asked, or to every bad parameter at once."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from services.errors import InvalidArgument, Violation
from services.ports import ActionFilter
from services.record_filter import FILTERS, contradictions, filter_of

DEFAULT_LIMIT: Final = 50
LARGEST_LIMIT: Final = 200
LONGEST_CURSOR: Final = 512
MOST_PARAMETERS: Final = 64

type Readers = Mapping[str, Callable[[str], Any]]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of the audit log is asked for."""

    wanted: ActionFilter
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None


def _limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= LARGEST_LIMIT:
        raise ValueError(f"must be 1 to {LARGEST_LIMIT}")
    return int(text)


def _cursor(text: str) -> str:
    if not 0 < len(text) <= LONGEST_CURSOR:
        raise ValueError("must be the next_cursor of an answer")
    return text


PAGE: Final[Readers] = {**FILTERS, "limit": _limit, "cursor": _cursor}


def read_page_request(query_string: bytes) -> PageRequest:
    """The page a query string asks for. Raises InvalidArgument naming every bad parameter."""
    values = _read(query_string, PAGE)
    return PageRequest(filter_of(values), values.get("limit", DEFAULT_LIMIT), values.get("cursor"))


def read_export_request(query_string: bytes) -> ActionFilter:
    """The rows a query string asks for, all of them. Raises InvalidArgument naming every bad parameter."""
    return filter_of(_read(query_string, FILTERS))


def _read(query_string: bytes, readers: Readers) -> dict[str, Any]:
    pairs = _pairs(query_string)
    violations = list(_misplaced(pairs, readers))
    values: dict[str, Any] = {}
    for name, text in pairs:
        if name in readers and name not in values:
            try:
                values[name] = readers[name](text)
            except ValueError as exc:
                violations.append(Violation((name,), str(exc)))
    violations += contradictions(values)
    if violations:
        raise InvalidArgument(violations)
    return values


def _misplaced(pairs: list[tuple[str, str]], readers: Readers) -> Iterator[Violation]:
    for name, count in Counter(name for name, _ in pairs).items():
        if name not in readers:
            yield Violation((name,), "is not a parameter of this request")
        elif count > 1:
            yield Violation((name,), "must be given once")


def _pairs(query_string: bytes) -> list[tuple[str, str]]:
    try:
        text = query_string.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PARAMETERS, errors="strict")
    except ValueError:
        raise InvalidArgument(detail="The query string cannot be read.") from None
