"""What a request says beside its action, by one set of rules for both protocols.

A protocol gathers what was said in its own way and spells the names in its own way; what is allowed and what it means
is decided here. Three rules need their reasons:

- What must be said once and is said twice is refused. Of two idempotency keys neither may be chosen: the request would
  be carried out under a key that its caller takes for another request's.
- Anything else that is said twice is read as RFC 9110 section 5.3 reads it: joined by commas.
- A wait longer than MAX_WAIT is shortened to it. Many gRPC clients set an enormous deadline, or none, without being
  asked, and have to work; so what holds for a deadline holds for a wait.
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from config import DeadlineSettings
from services.actions import Action, parse
from services.errors import InvalidArgument, Violation
from services.ports import Request

IDEMPOTENCY_KEY: Final = re.compile(r"[\x20-\x7e]{1,255}")
BULK: Final = "bulk"
PRIORITIES: Final = frozenset({"normal", BULK})


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a protocol spells what may be said."""

    protocol: Literal["grpc", "rest"]
    idempotency_key: str
    priority: str


class Said(NamedTuple):
    """What was said, each as often as it was. `wait_seconds` is None where the caller left it open."""

    keys: Sequence[str] = ()
    priorities: Sequence[str] = ()
    wait_seconds: float | None = None


class Conditions(NamedTuple):
    """How a request is to be carried out, and what is wrong with how it says so.

    Where there are violations, `request` holds what would be without the bad ones; it must not be carried out.
    """

    request: Request
    violations: tuple[Violation, ...] = ()

    def check(self) -> None:
        """Raises InvalidArgument naming all that is wrong."""
        if self.violations:
            raise InvalidArgument(self.violations)

    def parse[A: Action](self, action_type: type[A], fields: dict[str, Any], more: Iterable[Violation] = ()) -> A:
        """The action. Raises InvalidArgument for the violations here, for `more` and for every bad field together."""
        violations = [*self.violations, *more]
        try:
            action = parse(action_type, fields)
        except InvalidArgument as exc:
            raise InvalidArgument([*violations, *exc.violations]) from None
        if violations:
            raise InvalidArgument(violations)
        return action


def read_conditions(
    said: Said, spelling: Spelling, request_id: str, deadlines: DeadlineSettings, more: Iterable[Violation] = ()
) -> Conditions:
    """The conditions of a request that arrives now. `more` is what the protocol found wrong by itself."""
    violations = (*_bad(said, spelling), *more) if said.keys or said.priorities else tuple(more)
    request = Request(
        protocol=spelling.protocol,
        request_id=request_id,
        deadline=time.monotonic() + patience_seconds(said.wait_seconds, deadlines),
        idempotency_key=said.keys[0] if said.keys else None,
        is_bulk=BULK in said.priorities,
    )
    return Conditions(request, violations)


def patience_seconds(wait_seconds: float | None, deadlines: DeadlineSettings) -> float:
    """How long an action may take whose caller will wait for `wait_seconds`."""
    return deadlines.default_seconds if wait_seconds is None else min(wait_seconds, deadlines.longest_seconds)


def joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Values by name; those of a name that stands twice, joined."""
    values: dict[str, str] = {}
    for name, value in pairs:
        values[name] = f"{values[name]}, {value}" if name in values else value
    return values


def _bad(said: Said, spelling: Spelling) -> Iterator[Violation]:
    yield from _bad_keys(said.keys, spelling)
    yield from _bad_priorities(said.priorities, spelling)


def _bad_keys(keys: Sequence[str], spelling: Spelling) -> Iterator[Violation]:
    if len(keys) > 1:
        yield Violation((spelling.idempotency_key,), "must be given once")
    elif keys and not IDEMPOTENCY_KEY.fullmatch(keys[0]):
        yield Violation((spelling.idempotency_key,), "must be 1 to 255 printable ASCII characters")


def _bad_priorities(priorities: Sequence[str], spelling: Spelling) -> Iterator[Violation]:
    if len(priorities) > 1:
        yield Violation((spelling.priority,), "must be given once")
    elif priorities and priorities[0] not in PRIORITIES:
        yield Violation((spelling.priority,), "must be normal or bulk")
